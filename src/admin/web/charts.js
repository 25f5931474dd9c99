// The two charts of the last five minutes, drawn by uPlot (a global of its own script). They begin when the page does.

import { $, colour, isDark, millis, rate, say, whenThemeTurns } from "/assets/common.js";

/* global uPlot */

const MINUTES = 5;
const HEIGHT = 168;
const AXIS = { size: 54, gap: 6, font: "11px Inter, system-ui, sans-serif", ticks: { show: false } };

/** One chart: lines over the last minutes, and beside its title what they say at the cursor, or now. */
class Chart {
  constructor(id, lines, { words, scale = {}, values }) {
    this.lines = lines;
    this.words = words;
    this.box = $(id);
    this.legend = $(`${id}-words`);
    this.data = [[], ...lines.map(() => [])];
    this.plot = new uPlot(this.options(scale, values), this.data, this.box);
    this.at = null;
    new ResizeObserver(() => this.plot.setSize({ width: this.box.clientWidth, height: HEIGHT })).observe(this.box);
    whenThemeTurns(() => this.plot.redraw(true, true));
    this.entries = lines.map(({ name, title, dash }) => {
      const sign = document.createElement("i");
      sign.className = `line ${name}${dash ? " dashed" : ""}`;
      const value = document.createElement("b");
      const entry = document.createElement("span");
      entry.append(sign, `${title} `, value);
      this.legend.append(entry);
      return value;
    });
    this.when = document.createElement("span");
    this.when.className = "when";
    this.legend.append(this.when);
    this.box.setAttribute("role", "img");
  }

  options(scale, values) {
    const ink = () => colour("ink-3");
    const grid = { stroke: () => colour("grid"), width: 1 };
    const line = ({ name, dash, fill }) => ({
      stroke: () => colour(name), width: 1.6, dash, points: { show: false }, spanGaps: false,
      fill: fill ? () => `${colour(name)}${isDark() ? "26" : "1f"}` : undefined,
    });
    return {
      width: this.box.clientWidth, height: HEIGHT, padding: [8, 14, 0, 0],
      legend: { show: false }, cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
      scales: {
        x: { time: false, range: () => [this.now - this.length, this.now] },
        y: { range: (_, __, to) => [0, Math.max(scale.least ?? 1, (to ?? 0) * 1.1)], ...scale.y },
      },
      axes: [
        { ...AXIS, size: 24, stroke: ink, grid: { show: false }, splits: () => this.marks(), values: (_, at) => at.map((s) => this.ago(s)) },
        { ...AXIS, stroke: ink, grid, values: (_, all) => all.map(values), space: 34 },
      ],
      series: [{}, ...this.lines.map(line)],
      hooks: { setCursor: [(plot) => this.read(plot.cursor.idx ?? null)] },
    };
  }

  get now() {
    return this.data[0].at(-1) ?? 0;
  }

  /** How many seconds are shown: whole minutes, as many as there is something of. */
  get length() {
    const seen = this.now - (this.data[0][0] ?? this.now);
    return 60 * Math.min(MINUTES, Math.max(1, Math.ceil((seen - 1) / 60)));
  }

  marks() {
    const step = this.length / (this.length > 240 ? 5 : 4);
    const count = Math.round(this.length / step);
    return Array.from({ length: count + 1 }, (_, at) => this.now - step * (count - at));
  }

  ago(at) {
    const back = Math.round(this.now - at);
    return back === 0 ? "now" : back % 60 === 0 ? `−${back / 60} min` : `−${back} s`;
  }

  /** One point more. Where the page was not looking for a while, the line is broken. */
  add(now, values) {
    const [times] = this.data;
    if (times.length && now < this.now) this.data.forEach((column) => (column.length = 0)); // another process
    if (times.length && now - this.now > 3.5) this.put(this.now + 0.5, values.map(() => null));
    this.put(now, values);
    while (times.length && times[0] < now - MINUTES * 60 - 2) this.data.forEach((column) => column.shift());
    this.plot.setData(this.data);
    if (this.at === null) this.read(null);
    else this.read(this.plot.cursor.idx ?? null);
  }

  put(now, values) {
    [now, ...values].forEach((value, column) => this.data[column].push(value));
  }

  /** Says what the lines are at a point; null: the last one. */
  read(at) {
    this.at = at;
    const point = at ?? this.data[0].length - 1;
    const told = this.entries.map((entry, line) => {
      const text = this.words(this.data[line + 1][point] ?? null);
      say(entry, text);
      return `${this.lines[line].title} ${text}`;
    });
    say(this.when, at === null ? "now" : `${Math.round(this.now - this.data[0][at])} s ago`);
    this.box.setAttribute("aria-label", `The last ${MINUTES} minutes as lines; now: ${told.join(", ")}`);
  }
}

/** Requests and errors a second. */
export const traffic = () => new Chart("traffic", [
  { name: "line-1", title: "requests/s", fill: true },
  { name: "line-2", title: "errors/s", dash: [5, 3] },
], { words: rate, values: rate, scale: { least: 4 } });

/** Half of the requests are answered within p50, 99 of 100 within p99. */
export const latency = () => new Chart("latency", [
  { name: "line-3", title: "p99", dash: [5, 3] },
  { name: "line-1", title: "p50", fill: true },
], { words: millis, values: (value) => (value === 0 ? "0" : millis(value)), scale: { least: 0.5 } });
