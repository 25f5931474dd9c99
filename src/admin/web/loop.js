// The loop seen from inside: every update of /api/events?of=loop becomes a strip of turns, a grid of slots, the timers ahead
// and the bill of system calls; a chosen slot is asked for by /api/loop/N. The words are explained in words.js.

import { $, NONE, announce, ask, bytes, count, drawFrame, h, keyed, lately, micros, millis, percent, plural, rate, say, watch, whenThemeTurns } from "/assets/common.js";
import { Frames, grown } from "/assets/measure.js";
import { CALLS, GLOSSARY, OWNERS, PHASES } from "/assets/words.js";
import { drawStrip } from "/assets/strip.js";
import { Slab } from "/assets/slab.js";
import { drawDetail } from "/assets/detail.js";

const OVER = 10; // seconds that calls and turns are looked back
const KEPT = 240; // turns in the strip

drawFrame("loop", [["Esc", "lets go of the chosen slot", null]]);
const frames = new Frames(OVER + 1);
const slab = new Slab($("grid"), choose);
let turns = [];
let chosen = null;
let asked = 0; // when the chosen slot was asked for
let history = []; // of the turns of the last seconds: [when, turns, waited, worked, longest, events, hungry]

drawGlossary();
$("foot").append(h("p", {}, "Nothing of this is computed while nobody looks: a page that is hidden asks for nothing."),
  h("p", {}, h("a", { href: "/" }, "Dashboard"), " · ", h("a", { href: "/api/state" }, "State as JSON")));
whenThemeTurns(() => drawStrip($("strip"), turns));
new ResizeObserver(() => drawStrip($("strip"), turns)).observe($("strip"));
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && chosen !== null && !document.querySelector("dialog[open]")) choose(null);
});

watch("loop", (frame) => {
  const last = frames.last;
  if (last && frame.now < last.now) [turns, history, asked] = [[], [], 0]; // another process
  frames.push(frame);
  const fresh = frame.turns.filter(([number]) => number > (turns.at(-1)?.[0] ?? -1)); // each frame tells the last ones
  turns = [...turns, ...fresh].slice(-KEPT);
  remember(frame.now, fresh);
  drawFigures(frame);
  drawTurns();
  slab.draw(frame);
  drawSlots(frame);
  drawTimers(frame);
  drawCalls(frame);
  if (chosen !== null && frame.now - asked > 0.9) refresh();
});

// ---- figures ----

function drawFigures(frame) {
  const then = frames.before(OVER);
  const took = frame.now - then.now;
  const per = (now, before) => (took >= 0.4 ? grown(now, before) / took : null);
  const requests = grown(frame.requests, then.requests);
  const calls = took >= 0.4 && requests > 0 ? grown(frame.calls.total, then.calls.total) / requests : null;
  const rows = [
    ["Turns", rate(per(frame.turns_total, then.turns_total)), "/s"],
    ["Requests", rate(per(frame.requests, then.requests)), "/s"],
    ["Calls per request", calls === null ? NONE : calls.toFixed(2), ""],
    ["Slots in use", count(frame.slots_total), `of ${count(frame.slots_size)}`],
    ["Connections", count(frame.sessions), ""],
    ["Buffers lent", count(frame.buffers.lent), `each ${bytes(frame.buffers.size)}`],
    ["Turns in vain", count(frame.turns_in_vain), `of ${count(frame.turns_total)}`],
  ];
  keyed($("figures"), rows, ([title]) => title, ([title]) => h("div", {}, h("dt", {}, title), h("dd", {}, h("b"), " ", h("span"))), (element, [, value, unit]) => {
    say(element.lastElementChild.firstElementChild, value);
    say(element.lastElementChild.lastElementChild, value === NONE ? "" : unit);
  });
}

// ---- turns ----

function remember(now, fresh) {
  const of = (at) => fresh.reduce((all, turn) => all + turn[at], 0);
  const hungry = fresh.filter((turn) => turn[5] > 0).length;
  history.push([now, fresh.length, of(1), of(2), Math.max(0, ...fresh.map((turn) => turn[2])), of(3), hungry]);
  history = history.filter(([when]) => when > now - OVER);
}

function drawTurns() {
  drawStrip($("strip"), turns);
  const all = (at) => history.reduce((sum, one) => sum + one[at], 0);
  const [number, waited, worked, events, hungry] = [1, 2, 3, 5, 6].map(all);
  if (number === 0) return say($("turns-words"), `No turn within the last ${OVER} seconds.`);
  const longest = Math.max(...history.map((one) => one[4]));
  say($("turns-words"), `Over the last ${plural(number, "turn")} that were told, the loop worked ${percent(worked / Math.max(1, worked + waited))} of the time and slept the rest. `
    + `A turn took ${micros(Math.round(worked / number))} of work, the longest ${micros(longest)}; ${(events / number).toFixed(1)} events woke it each time. `
    + (hungry === 0 ? "Nobody was left hungry." : `In ${plural(hungry, "turn")} somebody was left hungry.`));
}

// ---- slots ----

function drawSlots(frame) {
  const shown = frame.slots.length < frame.slots_total ? `, the first ${count(frame.slots.length)} are shown` : "";
  say($("slots-words"), `${plural(frame.slots_total, "slot")} owned of ${count(frame.slots_size)}, those of these pages among them${shown}`);
  const owned = frame.owners.map((owner, at) => [owner, frame.slots.filter((slot) => slot[1] === at).length]);
  keyed($("owners"), owned, ([owner]) => owner,
    ([owner]) => h("li", {}, h("i", { "data-owner": owner, "aria-hidden": "true" }, OWNERS[owner]?.letter ?? ""), h("span", {}, `${owner}: ${OWNERS[owner]?.short ?? ""}`), h("b")),
    (item, [, number]) => say(item.lastElementChild, count(number)));
  keyed($("letters"), frame.phases, (phase) => phase,
    (phase) => h("li", {}, h("b", {}, PHASES[phase]?.letter ?? phase[0]), h("a", { href: `#word-${phase}` }, phase), h("b")),
    (item, phase) => say(item.lastElementChild, count(waiting(frame, phase))));
}

/** How many clients are in a phase, those that look at us among them as long as every slot is told. */
function waiting(frame, phase) {
  if (frame.slots.length < frame.slots_total) return frame.phase_counts[phase] ?? 0;
  const [client, number] = [frame.owners.indexOf("client"), frame.phases.indexOf(phase)];
  return frame.slots.filter((slot) => slot[1] === client && slot[2] === number).length;
}

function choose(slot) {
  chosen = slot;
  slab.select(slot);
  say($("detail-title"), slot === null ? "No slot chosen" : `Slot ${slot}`);
  if (slot !== null) return refresh(true);
  drawDetail(undefined, 0);
}

/** Whether the last update says that nobody owns a slot: no need to ask for it then. */
function isFree(slot) {
  const { slots = [], slots_total: total } = frames.last ?? {};
  return slots.length === total && !slots.some(([number]) => number === slot);
}

/** Has the chosen slot told anew. Only with an update: while the line is lost or nobody looks, nothing is asked for. */
async function refresh(first = false) {
  const slot = chosen;
  if (isFree(slot)) return drawDetail(null, 0);
  asked = frames.last?.now ?? 0;
  try {
    const answer = await ask(`/api/loop/${slot}`);
    const it = answer.ok ? await answer.json() : null;
    if (slot !== chosen || (!it && answer.status !== 404)) return;
    drawDetail(it, frames.last?.now ?? 0);
    if (first) announce(`Slot ${slot}: ${it ? [it.owner, it.phase].filter(Boolean).join(", ") : "free"}.`);
    if (first && $("detail-title").getBoundingClientRect().bottom > innerHeight) $("detail").scrollIntoView({ block: "nearest" }); // as on a phone
  } catch { /* the bar says that the line is lost */ }
}

// ---- timers ----

function drawTimers(frame) {
  say($("timers-words"), frame.timers_total === 0 ? "Nothing is due: the loop may sleep until a socket wakes it."
    : `${plural(frame.timers_total, "deadline")} ahead. The loop sleeps no longer than until the first.`);
  const rows = frame.timers.map((timer, at) => ({ timer, at }));
  keyed($("timer-rows"), rows, ({ at }) => at, () => h("tr", {}, h("td"), h("td"), h("td"), h("td", { class: "num" }), h("td", {}, h("span", { class: "ahead" }, h("i")))), (row, { timer: [slot, owner, phase, due] }) => {
    const [where, whose, what, when, ahead] = row.children;
    ahead.firstElementChild.firstElementChild.style.width = `${Math.min(100, Math.max(1, 20 * Math.log10(Math.max(1, due))))}%`; // a fifth: ten times later
    say(when, millis(Math.max(0, due)));
    say(where, slot < 0 ? NONE : String(slot));
    say(whose, frame.owners[owner] ?? "the house");
    say(what, phase < 0 ? NONE : frame.phases[phase]);
  });
}

// ---- calls ----

function drawCalls(frame) {
  const then = frames.before(OVER);
  const took = frame.now - then.now;
  const requests = grown(frame.requests, then.requests);
  const rows = Object.keys(CALLS).filter((name) => name in frame.calls).map((name) => [name, took >= 0.4 ? grown(frame.calls[name], then.calls[name]) : 0]);
  say($("calls-words"), requests > 0 && took >= 0.4 ? `Over ${lately(took)}, in which ${plural(requests, "request")} ended. This page's own calls are among them.`
    : `No request ended within ${lately(took)}: what is left is probes, and this page.`);
  const seen = rows.filter(([name, grew]) => grew > 0 || CALLS[name].always);
  keyed($("call-rows"), seen, ([name]) => name,
    ([name]) => h("tr", {}, h("th", { scope: "row" }, h("code", {}, name.replaceAll("_", " "))), h("td", { class: "num" }), h("td", { class: "num" }), h("td", {}, CALLS[name].words)),
    (row, [, grew]) => {
      say(row.children[1], requests > 0 && took >= 0.4 ? (grew / requests).toFixed(2) : NONE);
      say(row.children[2], took >= 0.4 ? rate(grew / took) : NONE);
    });
}

// ---- words ----

function drawGlossary() {
  const phases = Object.entries(PHASES).map(([name, { letter, words }]) => [name, `Phase ${letter}. ${words}`]);
  $("glossary").append(...[...GLOSSARY, ...phases].map(([word, words]) => h("div", { id: `word-${word.replaceAll(" ", "-")}` }, h("dt", {}, word), h("dd", {}, words))));
}
