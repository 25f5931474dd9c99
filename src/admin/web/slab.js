// The slab as a grid of buttons: one stop for the tab key, arrows inside (the grid pattern of ARIA). Only cells that have
// changed are touched.

import { h, mark } from "/assets/common.js";
import { OWNERS, PHASES } from "/assets/words.js";

const CELL = 34; // with its gap
const MOST = 2048;

export class Slab {
  constructor(grid, onChoose) {
    this.grid = grid;
    this.onChoose = onChoose;
    this.cells = [];
    this.width = 0;
    this.stop = 0; // the cell that the tab key comes to
    this.chosen = null;
    this.frame = null;
    grid.addEventListener("click", (event) => this.take(event.target.closest("button")));
    grid.addEventListener("keydown", (event) => this.move(event));
    grid.addEventListener("focusin", (event) => event.target.matches("button") && this.rest(Number(event.target.dataset.slot)));
    new ResizeObserver(() => this.frame && this.draw(this.frame)).observe(grid);
  }

  draw(frame) {
    this.frame = frame;
    const size = Math.min(frame.slots_size, MOST);
    const room = Math.floor((this.grid.clientWidth - 52) / CELL);
    const width = Math.max(4, room >= 8 ? room - (room % 4) : room);
    if (size !== this.cells.length || width !== this.width) this.lay(size, width);
    const owned = new Map(frame.slots.map((slot) => [slot[0], slot]));
    this.cells.forEach((cell, number) => this.fill(cell, number, owned.get(number), frame));
  }

  lay(size, width) {
    const focused = this.grid.contains(document.activeElement);
    this.width = width;
    while (this.cells.length > size) this.cells.pop();
    while (this.cells.length < size) this.cells.push(h("button", { type: "button", tabindex: -1, "data-slot": this.cells.length }));
    const rows = [];
    for (let from = 0; from < size; from += width) {
      const boxes = this.cells.slice(from, from + width).map((cell) => h("div", { role: "gridcell" }, cell));
      rows.push(h("div", { role: "row" }, h("div", { role: "rowheader" }, String(from)), boxes));
    }
    this.grid.replaceChildren(...rows);
    mark(this.grid, "aria-rowcount", rows.length);
    this.rest(Math.min(this.stop, Math.max(0, size - 1)));
    if (focused) this.cells[this.stop]?.focus();
  }

  fill(cell, number, slot, frame) {
    const owner = slot ? frame.owners[slot[1]] : "free";
    const phase = slot && slot[2] >= 0 ? frame.phases[slot[2]] : null;
    const key = `${owner} ${phase}`;
    if (cell.key === key) return;
    cell.key = key;
    mark(cell, "data-owner", owner);
    mark(cell, "data-sign", phase ? (PHASES[phase]?.letter ?? phase[0]) : (OWNERS[owner]?.letter ?? "")); // drawn by style.css: it is in the label as a word
    const words = `${number}, ${owner}${phase ? `, ${phase}` : ""}`;
    mark(cell, "aria-label", `Slot ${words}`);
    mark(cell, "title", words);
  }

  take(cell) {
    if (!cell) return;
    this.rest(Number(cell.dataset.slot));
    this.onChoose(this.stop);
  }

  select(slot) {
    for (const cell of this.cells) mark(cell.parentElement, "aria-selected", Number(cell.dataset.slot) === slot ? "true" : null);
    this.chosen = slot;
  }

  /** The tab key comes here from now on. */
  rest(slot) {
    mark(this.cells[this.stop] ?? this.grid, "tabindex", this.cells[this.stop] ? -1 : null);
    this.stop = slot;
    if (this.cells[slot]) mark(this.cells[slot], "tabindex", 0);
  }

  move(event) {
    if (event.altKey || event.metaKey) return;
    const last = this.cells.length - 1;
    const row = this.stop - (this.stop % this.width);
    const to = {
      ArrowRight: this.stop + 1, ArrowLeft: this.stop - 1, ArrowDown: this.stop + this.width, ArrowUp: this.stop - this.width,
      Home: event.ctrlKey ? 0 : row, End: event.ctrlKey ? last : Math.min(last, row + this.width - 1),
      PageDown: Math.min(last, this.stop + 5 * this.width), PageUp: Math.max(0, this.stop - 5 * this.width),
    }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    if (to >= 0 && to <= last) this.cells[to].focus();
  }
}
