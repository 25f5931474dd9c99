// One slot from near, as /api/loop/N tells it. What is there already is only filled in anew: who reads it or stands on one of
// its links is not thrown off each second.

import { $, bytes, count, h, keyed, millis, plural, say, seconds, span } from "/assets/common.js";
import { OWNERS, PHASES } from "/assets/words.js";

const LATEST = 8; // phases
const NOT_CHOSEN = "Choose a slot to see whose it is, which phases it has passed, what it has lent and when its time is up.";
const FREE = "Nobody owns it now: it is free, and the next socket takes it. Slots are used again at once, so the table stays small.";

const box = $("detail-body");
const parts = { note: h("p", { class: "note" }), story: h("p", { class: "story" }), facts: h("dl", { class: "facts" }), passed: h("h3", {}, "Phases passed"), steps: h("ol", { class: "steps" }) };
box.replaceChildren(...Object.values(parts));
drawDetail(undefined, 0);

/** Shows a slot: as it was told at `now`, null for one that nobody owns, undefined for none. */
export function drawDetail(it, now) {
  say(parts.note, it === undefined ? NOT_CHOSEN : it === null ? FREE : "");
  parts.note.hidden = Boolean(it);
  const phases = it?.phases ?? [];
  parts.story.hidden = parts.facts.hidden = !it;
  parts.passed.hidden = parts.steps.hidden = phases.length === 0;
  say(parts.story, OWNERS[it?.owner]?.long ?? "");
  keyed(parts.facts, it ? facts(it) : [], ([name]) => name, ([name]) => h("div", {}, h("dt", {}, name), h("dd")), (row, [, value]) => say(row.lastElementChild, value));
  const steps = phases.map(([name, at], index) => ({ name, at, until: phases[index + 1]?.[1], key: `${name} ${at} ${it.session}` }));
  keyed(parts.steps, steps.slice(-LATEST), (step) => step.key, ({ name }) => h("li", {}, PHASES[name] ? h("a", { href: `#word-${name}` }, name) : name, " ", h("span")),
    (item, { at, until }) => say(item.lastElementChild, lasted(at, until, now)));
}

function facts(it) {
  const session = it.session !== null;
  return [
    ["Owner", `${it.owner}${session ? ` of session ${it.session}` : ""}`],
    ["Client", it.peer], ["Backend", it.backend], ["Under way", it.story || null],
    ["Waits", PHASES[it.phase]?.words.replace(/^It waits /, "")],
    ["Deadline", it.deadline_in_ms === null ? "none" : `in ${millis(it.deadline_in_ms)}`],
    ["Buffers lent", session ? count(it.buffers) : null],
    ["Bytes", session && it.story ? `${bytes(it.bytes_up)} to the backend, ${bytes(it.bytes_down)} to the client` : null],
    ["It has cost", it.calls ? plural(it.calls, "system call") : null],
    ["Tries", it.tries > 1 ? count(it.tries) : null],
  ].filter(([, value]) => value !== null && value !== undefined);
}

/** How long a phase lasted, or lasts. */
function lasted(from, to, now) {
  if (to === undefined) return `since ${span(Math.max(0, now - from))}`;
  return to - from < 1 ? millis((to - from) * 1000) : seconds(to - from);
}
