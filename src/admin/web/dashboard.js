// The dashboard: every update of /api/events?of=state becomes figures, charts, tables and bars. What is said of the last
// seconds comes from the difference of two updates (measure.js); faults of the demo are in demo.js.

import { $, announce, bytes, count, drawFrame, h, keyed, lately, mark, millis, NONE, percent, plural, rate, say, seconds, span, watch } from "/assets/common.js";
import { Frames, bucketsGrown, byName, endedOf, errorsOf, grown, quantile, quantileWords, sum } from "/assets/measure.js";
import { drawBackends } from "/assets/backends.js";
import { drawRequests } from "/assets/requests.js";
import { drawDemo } from "/assets/demo.js";
import * as charts from "/assets/charts.js";

const OVER = 10; // seconds that rates and quantiles look back

drawFrame("dashboard", []);
const frames = new Frames(OVER + 2);
const traffic = charts.traffic();
const latency = charts.latency();
let known = new Map(); // the state of each backend, as it was told last

watch("state", (frame) => {
  if (frames.last && frames.last.version !== frame.version) return location.reload(); // its pages may be others too
  entitle(frame);
  frames.push(frame);
  const recent = during(OVER);
  drawLead(frame, recent);
  drawCharts(frame);
  drawPools(frame, recent);
  drawPhases(frame);
  drawBooks(frame);
  drawReasons(frame);
  drawRequests(frame.receipts ?? [], frame.now);
  drawDemo(frame.demo ?? null);
  drawFoot(frame);
  tellChanges(frame);
});

/** What each backend is called here: by its name; in the demo as its stage calls it, though it is known by its address. */
function entitle(frame) {
  const called = new Map((frame.demo?.backends ?? []).map(({ address, name }) => [address, name]));
  const all = [...frame.pools.flatMap((pool) => pool.backends), ...(frame.departing ?? [])];
  const titles = new Map(all.map((backend) => [backend.name, (backend.title = called.get(backend.address) ?? backend.name)]));
  for (const one of frame.receipts ?? []) {
    const last = one.reason && one.milliseconds.answered === null ? null : one.tries.at(-1)?.backend; // over without an answer: nobody
    one.servedBy = titles.get(last) ?? last;
  }
}

/** What has happened within the last so many seconds. */
function during(length) {
  const [now, then] = [frames.last, frames.before(length)];
  const took = now.now - then.now;
  const old = byName(then.pools);
  const fresh = took >= 0.5; // two that come together say nothing of a second
  const per = (value, before) => (fresh ? grown(value, before) / took : null);
  const pools = now.pools.map((pool) => {
    const before = old.get(pool.name);
    const oldBackends = byName(before?.backends);
    const backends = pool.backends.map((backend) => {
      const was = oldBackends.get(backend.name);
      return {
        name: backend.name,
        served: fresh ? grown(backend.requests, was?.requests) : 0,
        requests: per(backend.requests, was?.requests),
        errors: per(backend.errors ?? 0, was?.errors),
        latency: bucketsGrown(backend.latency ?? [], fresh ? was?.latency : backend.latency),
      };
    });
    return {
      name: pool.name,
      ended: per(endedOf(pool), before && endedOf(before)),
      errors: per(errorsOf(pool), before && errorsOf(before)),
      failed: fresh ? grown(errorsOf(pool), before && errorsOf(before)) : 0,
      latency: bucketsGrown(pool.latency ?? [], fresh ? before?.latency : pool.latency),
      backends,
    };
  });
  return { took, fresh, pools, now, then, retries: per(now.counters.retries, then.counters.retries) };
}

function total(recent, key) {
  return recent.fresh ? sum(recent.pools.map((pool) => pool[key])) : null;
}

function allLatency(recent) {
  const bounds = recent.now.latency_bounds_ms;
  const counts = Array(bounds.length + 1).fill(0);
  for (const pool of recent.pools) pool.latency.forEach((value, at) => (counts[at] += value));
  return counts;
}

// ---- the head of the page ----

const works = (backend) => backend.state === "up" || backend.state === "unproven";

function drawLead(frame, recent) {
  const all = frame.pools.flatMap((pool) => pool.backends);
  const serving = all.filter(works);
  const out = all.filter((backend) => !works(backend));
  sayWhole($("headline"), headline(frame, all, serving, out));
  const errors = total(recent, "errors");
  const asked = total(recent, "ended");
  say($("subline"), subline(asked, errors, lately(recent.took)));
  document.title = out.length ? `${out.length} out · evenkeel` : "evenkeel";
  const bounds = frame.latency_bounds_ms;
  const counts = allLatency(recent);
  figures([
    ["Requests", rate(asked), "/s"],
    ["Errors", rate(errors), "/s", errors > 0],
    ["p50", quantileWords(bounds, counts, 0.5), ""],
    ["p99", quantileWords(bounds, counts, 0.99), ""],
    ["In flight", count(sum(all.map((backend) => backend.in_flight))), ""],
    ["Queued", count(sum(frame.pools.map((pool) => pool.queued))), ""],
    ["Retries", rate(recent.retries), "/s"],
    ["Connections", count(frame.open_connections), ""],
  ]);
}

/** Says it with names like backend-1 in one piece. */
function sayWhole(element, text) {
  if (element.textContent === text) return;
  element.replaceChildren(...text.split(/(\S*-\S*)/).map((part) => (part.includes("-") && part.length < 24 ? h("span", { class: "whole" }, part) : part)));
}

function headline(frame, all, serving, out) {
  if (frame.draining) return "Leaving: what is under way is finished, nothing new is taken.";
  if (all.length === 0) return "There is no backend.";
  if (out.length === 0) return all.length === 1 ? "The one backend serves." : all.length === 2 ? "Both backends serve." : `All ${all.length} backends serve.`;
  const names = out.slice(0, 3).map((backend) => `${backend.title} is ${backend.state}`);
  const more = out.length > 3 ? ` and ${out.length - 3} more` : "";
  return `${serving.length} of ${all.length} backends ${serving.length === 1 ? "serves" : "serve"}: ${names.join(", ")}${more}.`;
}

function subline(asked, errors, lately) {
  if (asked === null) return "Rates come with the second update.";
  if (asked === 0) return `No request within ${lately}.`;
  const failing = errors === 0 ? "none of them with an error" : `${percent(errors / asked)} of them with an error`;
  return `${rate(asked)} requests a second over ${lately}, ${failing}.`;
}

function figures(all) {
  keyed($("figures"), all, ([title]) => title,
    ([title]) => h("div", {}, h("dt", {}, title), h("dd", {}, h("b"), " ", h("span"))),
    (element, [, value, unit, bad]) => {
      const [number, sign] = element.lastElementChild.children;
      const [figure, own] = value.match(/^(.*\d)\s+(\D+)$/)?.slice(1) ?? [value, ""];
      say(number, figure);
      say(sign, own || (value === NONE ? "" : unit));
      mark(element, "data-bad", bad ? "" : null);
    });
}

function drawCharts(frame) {
  const last = during(1);
  if (!last.fresh) return;
  traffic.add(frame.now, [total(last, "ended"), total(last, "errors")]);
  const counts = allLatency(during(5));
  const value = (q) => quantile(frame.latency_bounds_ms, counts, q)?.value ?? null;
  latency.add(frame.now, [value(0.99), value(0.5)]);
}

// ---- pools ----

function drawPools(frame, recent) {
  const departing = frame.departing?.length ? [{ name: "departing", gone: true, backends: frame.departing }] : [];
  keyed($("pools"), [...frame.pools, ...departing], (pool) => `${pool.gone ? "-" : "+"}${pool.name}`, makePool, (section, pool) => {
    const now = recent.pools.find((one) => one.name === pool.name && !pool.gone);
    say(section.words, poolWords(frame, pool));
    drawBackends(section.table, pool, now, frame.latency_bounds_ms);
    if (pool.budget) drawBudget(section.budget, pool);
    section.budget.hidden = !pool.budget;
  });
}

function makePool(pool) {
  const id = `pool-${pool.name}`;
  const title = pool.gone ? "Removed, finishing what they have" : pool.name;
  const words = h("p", { class: "note" });
  const table = h("div", { class: "backends" });
  const budget = h("details", { class: "budget" });
  const kind = pool.gone ? null : h("span", { class: "kind" }, "pool ");
  const section = h("section", { class: "pool", "aria-labelledby": id },
    h("div", { class: "heading" }, h("h2", { id }, kind, title), words), table, budget);
  return Object.assign(section, { words, table, budget });
}

function poolWords(frame, pool) {
  if (pool.gone) return "";
  const parts = [];
  if (pool.queued) parts.push(`${plural(pool.queued, "request")} waiting for room`);
  const { tokens, denied } = pool.retry_budget;
  parts.push(`retry budget ${plural(Math.floor(tokens), "request")}`);
  if (denied) parts.push(`${count(denied)} denied so far`);
  return parts.join(" · ");
}

const KINDS = [
  ["refused", "refuses connections"],
  ["silent", "falls silent"],
  ["failing", "answers with errors"],
];

function drawBudget(box, pool) {
  if (!box.body) {
    box.open = true;
    box.body = h("tbody");
    box.measured = h("ul", { class: "measured" });
    const head = ["If a backend …", "probes exclude it within", "or requests in a row do", "one request is delayed by", "one request fails after"];
    box.append(
      h("summary", {}, "If one fails: how long it can hurt, computed and measured"),
      h("div", { class: "scroll", role: "region", "aria-label": `Failure-time budget of ${pool.name}`, tabindex: 0 },
        h("table", { class: "plain" },
          h("thead", {}, h("tr", {}, head.map((words, at) => h("th", { scope: "col", class: at ? "num" : null }, words)))), box.body)),
      box.measured);
  }
  keyed(box.body, KINDS, ([kind]) => kind, ([, words]) => h("tr", {}, h("th", { scope: "row" }, `… ${words}`), [1, 2, 3, 4].map(() => h("td", { class: "num" }))),
    (row, [kind]) => {
      const hurt = pool.budget[kind];
      const cells = row.querySelectorAll("td");
      say(cells[0], hurt.excluded_within_seconds === null ? "never" : seconds(hurt.excluded_within_seconds));
      say(cells[1], hurt.excluded_after_requests === null ? "never" : count(hurt.excluded_after_requests));
      say(cells[2], hurt.delays_by_seconds === 0 ? "nothing" : seconds(hurt.delays_by_seconds));
      say(cells[3], hurt.fails_after_seconds === null ? "does not" : hurt.fails_after_seconds === 0 ? "at once" : seconds(hurt.fails_after_seconds));
    });
  const most = Math.max(...KINDS.map(([kind]) => pool.budget[kind].excluded_within_seconds ?? 0));
  const lines = pool.backends.flatMap((backend) => measuredOf(backend, most));
  keyed(box.measured, lines.length ? lines : [["none", "Measured: no backend has gone down yet."]], ([key]) => key, () => h("li"), (item, [, words]) => say(item, words));
}

function measuredOf(backend, most) {
  const { down_in_seconds: down, ejected_in_seconds: ejected } = backend.measured;
  const lines = [];
  if (down !== null) {
    const held = most === 0 ? "" : down <= most ? `, within the ${seconds(most)} computed` : `, longer than the ${seconds(most)} computed`;
    lines.push([`${backend.name} down`, `Measured: ${backend.title} was down ${fine(down)} after the first failure${held}.`]);
  }
  if (ejected !== null) lines.push([`${backend.name} ejected`, `Measured: ${backend.title} was ejected ${fine(ejected)} after the first failed request.`]);
  return lines;
}

const fine = (number) => (number < 1 ? millis(number * 1000) : seconds(number));

// ---- the rest ----

/** Bars: a name, a number, a length. */
function bars(list, rows, empty) {
  const most = Math.max(1, ...rows.map(([, value]) => value));
  keyed(list, rows.length ? rows : [[empty, null]], ([name]) => name,
    ([name]) => h("li", {}, h("span", {}, name), h("span", { class: "length" }, h("i")), h("b", {})),
    (item, [, value]) => {
      const [, length, number] = item.children;
      length.hidden = value === null;
      length.firstElementChild.style.width = `${((value ?? 0) / most) * 100}%`;
      say(number, value === null ? "" : count(value));
    });
}

function drawPhases(frame) {
  const rows = Object.entries(frame.phases ?? {}).filter(([, value]) => value > 0);
  if (frame.idle_upstreams) rows.push(["upstreams kept for reuse", frame.idle_upstreams]);
  bars($("phases"), rows, "no connection");
}

function drawReasons(frame) {
  const rows = Object.entries(frame.counters.reasons ?? {}).map(([name, value]) => [name.replaceAll("_", " "), value]);
  bars($("reasons"), rows.sort((one, other) => other[1] - one[1]).slice(0, 12), "nothing has ended yet");
}

function drawBooks(frame) {
  const c = frame.counters;
  const alive = c.admitted - c.finished - c.failed;
  const rows = [
    ["Connections", `${count(c.accepted)} accepted = ${count(c.closed)} closed + ${count(frame.open_connections)} open`],
    ["Requests", `${count(c.admitted)} admitted = ${count(c.finished)} finished + ${count(c.failed)} failed + ${count(alive)} alive`],
    ["Besides", `${count(c.refused)} refused, ${count(c.answered)} answered by ourselves, ${count(c.retries)} retried`],
    ["Upstreams", `${count(c.connects)} opened, ${count(c.reused)} times reused`],
    ["Bytes", `${bytes(c.bytes_up)} up, ${bytes(c.bytes_down)} down, ${bytes(c.bytes_spliced)} of them uncopied`],
    ["Laws broken", c.violations === 0 && c.stuck === 0 ? "none" : `${count(c.violations)} violations, ${count(c.stuck)} stuck sessions: please report this`],
  ];
  keyed($("books"), rows, ([name]) => name, ([name]) => h("div", {}, h("dt", {}, name), h("dd", {})), (row, [, words]) => say(row.lastElementChild, words));
}

function drawFoot(frame) {
  const foot = $("foot");
  if (!foot.words) {
    foot.words = h("p");
    foot.doors = h("p");
    foot.append(foot.words, foot.doors, h("p", {}, h("a", { href: "/api/state" }, "State as JSON"), " · ", h("a", { href: "/metrics" }, "Metrics"), " · ",
      "Charts by ", h("a", { href: "/assets/uPlot.LICENSE.txt" }, "uPlot"), ", MIT licence"));
  }
  say(foot.words, `evenkeel ${frame.version}, running for ${span(frame.uptime_seconds)}`);
  say(foot.doors, frame.listeners.map((one) => `${one.address} → ${one.leads_to}`).join(" · "));
}

/** Changes of state are said to who cannot see them; the first update is none. */
function tellChanges(frame) {
  const first = known.size === 0;
  const told = [];
  const states = new Map(); // anew each time: backends come and go
  for (const pool of frame.pools) {
    for (const backend of pool.backends) {
      const name = `${pool.name}/${backend.name}`;
      if (!first && known.get(name) !== backend.state) told.push(`${backend.title} is ${backend.state}${backend.cause ? `: ${backend.cause}` : ""}.`);
      states.set(name, backend.state);
    }
  }
  known = states;
  if (told.length) announce(told.join(" "));
}
