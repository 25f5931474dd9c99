// The recent requests and their decision receipts. While somebody looks at one, the list stands still.

import { $, NONE, count, h, keyed, mark, millis, say, seconds } from "/assets/common.js";

/** Receipts tell tenths of a millisecond. */
const tenths = (number) => (number !== null && number < 9.95 ? `${number.toFixed(1)} ms` : millis(number));

const table = $("requests");
const open = new Set();
let within = false;
let shown = [];

table.addEventListener("pointerenter", () => (within = true));
table.addEventListener("pointerleave", () => (within = false));

const holds = () => open.size > 0 || within || table.contains(document.activeElement);

/** Shows the newest requests; `now`: when they were told. */
export function drawRequests(receipts, now) {
  for (const one of receipts) one.began = now - one.seconds_ago;
  const fresh = receipts.filter((one) => !shown.some((other) => other.id === one.id)).length;
  const held = shown.length > 0 && holds();
  if (!held) shown = receipts;
  say($("held"), !held ? "" : fresh === 0 ? "Held while you look." : `Held while you look: ${fresh === receipts.length ? `${count(fresh)} or more` : count(fresh)} newer.`);
  if (shown.length === 0) return empty();
  keyed(table, shown, (one) => one.id, make, (group, one) => fill(group, held ? latest(receipts, one) : one, now));
}

/** What is known of it now, if it is still told of. */
const latest = (receipts, one) => receipts.find((other) => other.id === one.id) ?? one;

function empty() {
  keyed(table, [{ id: "none" }], (one) => one.id, () => h("tbody", {}, h("tr", {}, h("td", { colspan: 9, class: "none" }, "No request yet."))), () => {});
}

function make(one) {
  const cells = ["", "", "", "num", "num", "num", "", "num"].map((kind) => h("td", { class: kind || null }));
  const button = h("button", { type: "button", class: "opener", "aria-expanded": "false", onclick: () => turn(group) }, h("span", { class: "id" }, one.id.slice(0, 8)));
  const group = h("tbody", {}, h("tr", {}, h("th", { scope: "row" }, button), cells));
  return Object.assign(group, { told: cells, button, more: null });
}

function fill(group, one, now) {
  Object.assign(group, { one, now });
  const status = one.status ?? null;
  const texts = [
    one.method ?? NONE, one.pool, one.servedBy ?? "nobody", count(one.tries.length + one.tries_not_kept),
    status === null ? NONE : String(status), tenths(one.milliseconds.over), (one.reason ?? "under way").replaceAll("_", " "), seconds(now - one.began),
  ];
  texts.forEach((text, at) => say(group.told[at], text));
  mark(group, "data-bad", status >= 500 || (one.reason && one.reason !== "finished") ? "" : null);
  mark(group.button, "aria-label", `Receipt of ${one.method ?? "request"} ${one.id.slice(0, 8)}, status ${status ?? "none"}`);
  if (group.more) say(group.words, one.words.join("\n").replace(/, [\d.]+ s ago(?=:)/, "")); // how long ago is said beside, and goes on
}

function turn(group) {
  const { id } = group.one;
  if (group.more) {
    group.more.remove();
    group.more = null;
    open.delete(id);
  } else {
    open.add(id);
    group.words = h("pre", { tabindex: 0, role: "region", "aria-label": `Receipt ${id.slice(0, 8)}` });
    group.more = h("tr", { class: "receipt" }, h("td", { colspan: 9 }, h("div", {}, timeline(group.one), group.words)));
    group.append(group.more);
    fill(group, group.one, group.now);
  }
  group.button.setAttribute("aria-expanded", String(open.has(id)));
}

const STEPS = [["chosen", "chosen"], ["connected", "connected"], ["answered", "answered"], ["over", "over"]];

/** The steps of a request and when each was reached, as a line of text between marks. */
function timeline({ milliseconds }) {
  const steps = STEPS.filter(([key]) => milliseconds[key] !== null);
  return h("ol", { class: "timeline" }, h("li", {}, h("b", {}, "head read"), " 0.0 ms"), steps.map(([key, words]) => h("li", {}, h("b", {}, words), ` ${tenths(milliseconds[key])}`)));
}
