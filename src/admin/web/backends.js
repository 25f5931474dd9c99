// The table of one pool's backends, and what an operator tells them: each wish is asked back in a dialog first.

import { NONE, confirm, count, h, keyed, mark, percent, rate, say, seconds, span, svg, tell } from "/assets/common.js";
import { quantileWords, sum } from "/assets/measure.js";

const COLUMNS = [
  ["Backend"], ["State"], ["Weight", "num"], ["Share", "share"], ["In flight", "num"], ["Requests", "num"],
  ["Errors", "num"], ["p50", "num"], ["p99", "num"], ["Last probe"], ["Actions"],
];

// A shape for each state, so that colour is not the only sign.
const SHAPES = {
  up: { tag: "circle", cx: 6, cy: 6, r: 5 },
  unproven: { tag: "circle", cx: 6, cy: 6, r: 4.2, class: "hollow" },
  down: { tag: "path", d: "M1 1.500h10L6 11z" },
  ejected: { tag: "path", d: "M6 .5 11.500 6 6 11.500 .5 6z" },
  draining: { tag: "path", d: "M6 1a5 5 0 0 0 0 10zM6 1a5 5 0 0 1 0 10", class: "half" },
  disabled: { tag: "path", d: "M1.500 4.500h9v3h-9z" },
};

function sign(state) {
  const { tag, ...shape } = SHAPES[state] ?? SHAPES.unproven;
  return svg("svg", { viewBox: "0 0 12 12", width: 12, height: 12, "aria-hidden": "true", class: "sign" }, svg(tag, shape));
}

/** Fills `box` with the backends of `pool`; `recent`: what they did of late. */
export function drawBackends(box, pool, recent, bounds) {
  if (!box.body) {
    box.body = h("tbody", { role: "rowgroup" });
    const head = COLUMNS.map(([title, kind]) => h("th", { scope: "col", role: "columnheader", class: kind }, title));
    // What is laid out as cards on a narrow screen stays a table to who has it read to them.
    box.append(h("table", { role: "table", "aria-label": pool.gone ? "Removed backends" : `Backends of ${pool.name}` },
      h("thead", { role: "rowgroup" }, h("tr", { role: "row" }, head)), box.body));
  }
  const served = sum((recent?.backends ?? []).map((one) => one.served));
  // Among those that are removed, two may have the same name.
  const all = pool.backends.map((backend, at) => Object.assign(backend, { key: pool.gone ? `${at} ${backend.name}` : backend.name }));
  keyed(box.body, all, (backend) => backend.key, (backend) => makeRow(pool, backend), (row, backend) => {
    fill(row, backend, recent?.backends.find((one) => one.name === backend.name), served, bounds);
  });
}

function makeRow(pool, backend) {
  const cell = (at, ...inside) => h("td", { role: "cell", class: COLUMNS[at][1], "data-of": COLUMNS[at][0] }, inside);
  const address = backend.address === backend.title ? null : h("span", { class: "address" }, backend.address);
  const parts = {
    sign: h("span", { class: "at" }), state: h("b"), since: h("span", { class: "since" }), cause: h("span", { class: "cause" }),
    share: h("span"),
    probe: h("span", { class: "probe" }), ago: h("span", { class: "ago" }), actions: h("div", { class: "actions" }),
  };
  const row = h("tr", { role: "row" },
    h("th", { scope: "row", role: "rowheader" }, h("span", { class: "name" }, backend.title), " ", address),
    cell(1, h("div", { class: "state" }, parts.sign, parts.state, " ", parts.since, " ", parts.cause)),
    cell(2), cell(3, svgBar(parts), parts.share), cell(4), cell(5), cell(6), cell(7), cell(8),
    cell(9, parts.probe, " ", parts.ago), cell(10, pool.gone ? null : parts.actions));
  return Object.assign(row, { parts, pool: pool.name });
}

/** The share as a bar, the ideal as a line across it. */
function svgBar(parts) {
  parts.bar = svg("rect", { x: 0, y: 2, height: 4, width: 0, class: "actual" });
  parts.tick = svg("rect", { x: 0, y: 0, height: 8, width: 1, class: "ideal" });
  return svg("svg", { viewBox: "0 0 64 8", width: 64, height: 8, class: "share-bar", "aria-hidden": "true" },
    svg("rect", { x: 0, y: 2, height: 4, width: 64, class: "all" }), parts.bar, parts.tick);
}

function fill(row, backend, recent, served, bounds) {
  const { parts } = row;
  const cells = row.children;
  if (row.dataset.state !== backend.state) {
    row.dataset.state = backend.state;
    parts.sign.replaceChildren(sign(backend.state));
    say(parts.state, backend.state);
    drawActions(row, backend);
  }
  row.backend = backend;
  say(parts.since, `for ${span(backend.for_seconds)}`);
  const apart = backend.health !== backend.state && backend.health !== "unproven" ? `; by its probes it is ${backend.health}` : "";
  const cause = backend.cause === backend.last_probe ? "" : backend.cause ?? ""; // it stands beside
  say(parts.cause, `${cause}${apart}`.replace(/^; /, ""));
  say(cells[2], count(backend.weight));
  share(parts, backend, recent, served);
  say(cells[4], backend.max_inflight === null ? count(backend.in_flight) : `${count(backend.in_flight)} of ${count(backend.max_inflight)}`);
  say(cells[5], recent ? perSecond(recent.requests) : NONE);
  say(cells[6], recent ? perSecond(recent.errors) : NONE);
  mark(cells[6], "data-bad", recent?.errors > 0 ? "" : null);
  say(cells[7], recent ? quantileWords(bounds, recent.latency, 0.5) : NONE);
  say(cells[8], recent ? quantileWords(bounds, recent.latency, 0.99) : NONE);
  say(parts.probe, backend.last_probe || "none yet");
  say(parts.ago, backend.probe ? `${seconds(backend.probe.seconds_ago)} ago` : "");
}

const perSecond = (number) => (number === null ? NONE : `${rate(number)}/s`);

function share(parts, backend, recent, served) {
  const part = recent && served >= 10 ? recent.served / served : null;
  const ideal = backend.ideal_share ?? 0;
  mark(parts.bar, "width", (part ?? 0) * 64);
  mark(parts.tick, "x", Math.min(63, ideal * 64));
  say(parts.share, `${percent(part)} of ${percent(ideal)}`);
}

// ---- actions ----

const DEEDS = {
  drain: {
    title: "Drain", danger: false,
    words: (backend) => [`${backend.title} gets no new requests. ${underWay(backend)} Its probes go on.`],
  },
  disable: {
    title: "Disable", danger: true,
    words: (backend) => [`${backend.title} gets no new requests and is not probed any more. ${underWay(backend)}`],
  },
  enable: {
    title: "Enable", danger: false,
    words: (backend) => [`${backend.title} gets requests again, as soon as its probes let it.`],
  },
};

const underWay = ({ in_flight: n }) => (n === 0 ? "It has none under way." : `The ${n === 1 ? "one" : count(n)} under way ${n === 1 ? "is" : "are"} finished.`);

function drawActions(row, backend) {
  const held = backend.state === "draining" || backend.state === "disabled";
  const names = held ? ["enable", backend.state === "draining" ? "disable" : "drain", "weight"] : ["drain", "disable", "weight"];
  const focused = row.parts.actions.contains(document.activeElement);
  row.parts.actions.replaceChildren(...names.map((name) => h("button", {
    type: "button", "data-do": name, "aria-label": `${name === "weight" ? "Weight of" : DEEDS[name].title} ${backend.title} in pool ${row.pool}`,
    onclick: () => (name === "weight" ? weigh(row) : order(row, name)),
  }, name === "weight" ? "Weight" : DEEDS[name].title)));
  if (focused) row.parts.actions.firstElementChild.focus();
}

const path = ({ pool, backend }) => `/api/backends/${encodeURIComponent(pool)}/${encodeURIComponent(backend.name)}`;

function order(row, name) {
  const deed = DEEDS[name];
  confirm({
    title: `${deed.title} ${row.backend.title}?`,
    words: [...deed.words(row.backend), ...lastOne(row, name)],
    yes: `${deed.title} it`, danger: deed.danger,
    act: () => tell(path(row), { action: name }),
  });
}

/** A word more where nobody would be left. */
function lastOne(row, name) {
  if (name === "enable") return [];
  const others = [...row.parentElement.children].filter((other) => other !== row && ["up", "unproven"].includes(other.dataset.state));
  return others.length ? [] : [`No other backend of pool ${row.pool} serves: its requests will be answered with 503.`];
}

function weigh(row) {
  const field = h("input", { id: "weight", name: "weight", type: "number", min: 0, max: 256, step: 1, required: true, value: row.backend.weight });
  confirm({
    title: `Weight of ${row.backend.title}`,
    words: [`Twice the weight is twice the requests. 0 means no new ones. It is ${count(row.backend.weight)} now.`],
    fields: [h("label", { for: "weight" }, "Weight, from 0 to 256"), field],
    yes: "Set it",
    act: ({ weight }) => tell(path(row), { weight: Number(weight) }),
  });
}
