// The recent requests and their decision receipts. While somebody looks at one, the list stands still.

import { $, NONE, count, h, keyed, mark, millis, say, seconds } from "/assets/common.js";

const body = $("requests");
const open = new Set();
let within = false;
let shown = [];

const table = body.closest("table");
table.addEventListener("pointerenter", () => (within = true));
table.addEventListener("pointerleave", () => (within = false));

const holds = () => open.size > 0 || within || body.contains(document.activeElement);

export function drawRequests(receipts) {
  const fresh = receipts.filter((one) => !shown.some((other) => other.id === one.id)).length;
  const held = shown.length > 0 && holds();
  if (!held) shown = receipts;
  say($("held"), !held ? "" : fresh === 0 ? "Held while you look." : `Held while you look: ${fresh === receipts.length ? `${count(fresh)} or more` : count(fresh)} newer.`);
  if (shown.length === 0) return empty();
  keyed(body, shown, (one) => one.id, make, (group, one) => fill(group, held ? latest(receipts, one) : one));
}

/** What is known of it now, if it is still told of. */
const latest = (receipts, one) => receipts.find((other) => other.id === one.id) ?? one;

function empty() {
  keyed(body, [{ id: "none" }], (one) => one.id, () => h("tr", {}, h("td", { colspan: 9, class: "none" }, "No request yet.")), () => {});
}

function make(one) {
  const cells = ["", "", "", "num", "num", "num", "", "num"].map((kind) => h("td", { class: kind || null }));
  const button = h("button", { type: "button", class: "opener", "aria-expanded": "false", onclick: () => turn(row) }, h("span", { class: "id" }, one.id.slice(0, 8)));
  const row = h("tr", { class: "request" }, h("th", { scope: "row" }, button), cells);
  return Object.assign(row, { told: cells, button, more: null });
}

function fill(row, one) {
  row.one = one;
  const status = one.status ?? null;
  const last = one.tries.at(-1);
  const texts = [
    one.method ?? NONE, one.pool, last ? last.backend : "nobody", count(one.tries.length + one.tries_not_kept),
    status === null ? NONE : String(status), millis(one.milliseconds.over), (one.reason ?? "under way").replaceAll("_", " "), seconds(one.seconds_ago),
  ];
  texts.forEach((text, at) => say(row.told[at], text));
  mark(row, "data-bad", status >= 500 || (one.reason && one.reason !== "finished") ? "" : null);
  mark(row.button, "aria-label", `Receipt of ${one.method ?? "request"} ${one.id.slice(0, 8)}, status ${status ?? "none"}`);
  if (row.more) say(row.more.firstElementChild.lastElementChild.lastElementChild, one.words.join("\n"));
}

function turn(row) {
  const { id } = row.one;
  if (row.more) {
    row.more.remove();
    row.more = null;
    open.delete(id);
  } else {
    open.add(id);
    row.more = h("tr", { class: "receipt" }, h("td", { colspan: 9 }, h("div", {}, timeline(row.one), h("pre", { tabindex: 0, role: "region", "aria-label": `Receipt ${id.slice(0, 8)}` }))));
    row.after(row.more);
    fill(row, row.one);
  }
  row.button.setAttribute("aria-expanded", String(open.has(id)));
}

const STEPS = [["chosen", "chosen"], ["connected", "connected"], ["answered", "answered"], ["over", "over"]];

/** The steps of a request and when each was reached, as a line of text between marks. */
function timeline({ milliseconds }) {
  const steps = STEPS.filter(([key]) => milliseconds[key] !== null);
  return h("ol", { class: "timeline" }, h("li", {}, h("b", {}, "head read"), " 0 ms"), steps.map(([key, words]) => h("li", {}, h("b", {}, words), ` ${millis(milliseconds[key])}`)));
}
