// Faults on buttons and keys, in the demo only: each act, and what clients noticed of it.

import { $, addKeys, announce, count, h, keyed, mark, millis, plural, say, span, tell } from "/assets/common.js";

const FAULTS = [
  ["k", "kill", "Kill", "closes its port and resets every connection"],
  ["h", "hang", "Hang", "keeps its connections and answers nothing"],
  ["s", "slow", "Slow", "answers a second later"],
  ["b", "break", "Break", "answers 500 to everything"],
  ["r", "restart", "Restart", "back to normal"],
];
const CLIENTS = [
  ["l", "load", "Load", "a gentle load, some 50 requests a second; again: none"],
  ["u", "burst", "Burst", "500 requests on 50 connections at once"],
  ["c", "slow-client", "Slow client", "sends its request byte by byte and reads slowly"],
  ["g", "garbage", "Garbage", "heads that are no HTTP, of several kinds"],
];

const box = $("demo");
let chosen = null;
let parts = null;
let newest = null;

export function drawDemo(demo) {
  box.hidden = demo === null;
  if (demo === null) return;
  if (!parts) build(demo);
  keyed(parts.backends, demo.backends, (one) => one.name, makeBackend, (item, one) => {
    say(item.manner, one.manner);
    mark(item, "data-manner", one.manner);
    say(item.answered, `${count(one.answered)} answered`);
  });
  mark(parts.buttons.get("load"), "aria-pressed", demo.load);
  drawLog(demo.log, demo.now);
}

function build(demo) {
  parts = { buttons: new Map(), wrong: h("p", { class: "wrong", role: "alert" }), backends: h("div", { class: "choose" }), log: h("ol", { class: "log", tabindex: 0, "aria-labelledby": "demo-outcome" }) };
  chosen = demo.backends[0]?.name ?? null;
  parts.whom = h("span", {}, chosen);
  const button = ([key, act, title, words]) => {
    const made = h("button", { type: "button", title: words, "data-act": act, "aria-keyshortcuts": key, onclick: () => go(act) }, h("kbd", { "aria-hidden": "true" }, key), title);
    parts.buttons.set(act, made);
    return made;
  };
  box.append(
    h("div", { class: "heading" }, h("h2", { id: "demo-title" }, "Break it, and see who notices"), h("p", { class: "note" }, "In the demo only. Every button has its key.")),
    h("div", { class: "stage" },
      h("div", { class: "controls" },
        h("fieldset", {}, h("legend", {}, "Choose a backend"), parts.backends),
        h("fieldset", {}, h("legend", {}, "Do this to ", parts.whom), h("div", { class: "acts" }, FAULTS.map(button))),
        h("fieldset", {}, h("legend", {}, "Or come as a client"), h("div", { class: "acts" }, CLIENTS.map(button))),
        parts.wrong),
      h("div", { class: "outcome" }, h("h3", { id: "demo-outcome" }, "What did clients notice?"), parts.log)));
  addKeys([
    ...demo.backends.slice(0, 9).map(({ name }, at) => [String(at + 1), `chooses ${name}`, () => {
      choose(name);
      announce(`Chosen: ${name}.`);
    }]),
    ...[...FAULTS, ...CLIENTS].map(([key, act, title, words]) => [key, `${title.toLowerCase()}: ${words}`, () => go(act)]),
  ]);
}

function makeBackend(one) {
  const number = parts.backends.childElementCount + 1;
  const id = `demo-${one.name}`;
  const input = h("input", { type: "radio", name: "demo-backend", id, value: one.name, onchange: () => choose(one.name) });
  input.checked = one.name === chosen;
  const [manner, answered] = [h("b"), h("span", { class: "note" })];
  const label = h("label", { for: id }, h("kbd", { "aria-hidden": "true" }, String(number)), h("span", { class: "name" }, one.name), " ", manner, " ", answered);
  return Object.assign(h("div", {}, input, label), { input, manner, answered });
}

function choose(name) {
  chosen = name;
  say(parts.whom, name);
  for (const { input } of parts.backends.children) input.checked = input.value === name;
}

async function go(act) {
  say(parts.wrong, "");
  const ofBackend = FAULTS.some(([, name]) => name === act);
  try {
    drawDemo(await tell("/api/demo", ofBackend ? { do: act, backend: chosen } : { do: act }));
  } catch (error) {
    say(parts.wrong, error.message);
  }
}

function drawLog(log, now) {
  const rows = log.map((one) => ({ ...one, key: `${one.at} ${one.what}` }));
  if (rows.length === 0) rows.push({ key: "none", what: "Nothing was done yet.", why: "Switch the load on with l, then kill a backend with k.", at: null });
  keyed(parts.log, rows, (one) => one.key, () => {
    const pieces = { at: h("span", { class: "when" }), what: h("b"), clients: h("p", { class: "clients" }), why: h("p", { class: "why" }) };
    return Object.assign(h("li", {}, h("p", {}, pieces.what, " ", pieces.at), pieces.clients, pieces.why), { pieces });
  }, ({ pieces }, one) => {
    say(pieces.what, sentence(one.what));
    say(pieces.at, one.at === null ? "" : `${span(now - one.at)} ago`);
    const words = one.clients ? clients(one.clients) : "";
    say(pieces.clients, words);
    pieces.clients.hidden = !words;
    mark(pieces.clients, "data-is", { "✓": "good", "✗": "bad" }[words[0]] ?? null);
    say(pieces.why, one.why ? sentence(one.why) : "");
  });
  if (newest !== null && rows[0].key !== newest && rows[0].at !== null) announce(`Done: ${rows[0].what}.`);
  newest = rows[0].key;
}

const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}`;

function clients({ asked, ok, failed, refused = 0, slowest_ms: slowest }) {
  if (asked === 0) return "No client has asked since.";
  const underWay = asked - ok - failed - refused;
  const took = slowest > 0 ? ` The slowest answer took ${millis(slowest)}.` : "";
  const rightly = refused > 0 ? ` ${count(refused)} that had to be refused ${refused === 1 ? "was" : "were"}.` : "";
  if (failed > 0) return `✗ ${count(failed)} of ${plural(asked, "request")} failed, ${count(ok)} were answered.${rightly}${took}`;
  if (ok === 0) return underWay > 0 ? `${plural(underWay, "request")} under way.${rightly}` : `✓ Nothing.${rightly}`;
  if (underWay > 0) return `✓ Nothing so far: ${plural(ok, "request")} answered, ${count(underWay)} under way.${rightly}${took}`;
  return `✓ Nothing: ${ok === 1 ? "1 request, answered" : `${count(ok)} requests, all answered`}.${rightly}${took}`;
}
