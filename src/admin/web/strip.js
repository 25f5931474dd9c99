// The strip of turns on its canvas: work above the line, sleep below, both on a logarithmic scale; events as dots, hungry
// turns as triangles on top.

import { colour, micros } from "/assets/common.js";

const TOP = 26; // room for dots and triangles
const LEFT = 58;
const DECADES = [1, 6]; // from 10 µs to 1 s
const COLUMNS = 240;

const share = (us) => Math.max(0, Math.min(1, (Math.log10(Math.max(us, 1)) - DECADES[0]) / (DECADES[1] - DECADES[0])));

export function drawStrip(canvas, turns) {
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (width === 0) return;
  const scale = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * scale)) canvas.width = Math.round(width * scale);
  if (canvas.height !== Math.round(height * scale)) canvas.height = Math.round(height * scale);
  const pen = canvas.getContext("2d");
  pen.setTransform(scale, 0, 0, scale, 0, 0);
  pen.clearRect(0, 0, width, height);
  const half = (height - TOP - 6) / 2;
  const axis = TOP + half;
  lines(pen, width, axis, half);
  columns(pen, turns, width, axis, half);
}

/** A line for each power of ten, named at the left. */
function lines(pen, width, axis, half) {
  pen.font = "11px Inter, system-ui, sans-serif";
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  for (let decade = DECADES[0] + 1; decade < DECADES[1]; decade++) {
    const away = share(10 ** decade) * half;
    pen.fillStyle = colour("grid");
    pen.fillRect(LEFT, Math.round(axis - away), width - LEFT, 1);
    pen.fillRect(LEFT, Math.round(axis + away), width - LEFT, 1);
    pen.fillStyle = colour("ink-3");
    const name = micros(10 ** decade).replace(".0 ms", " ms").replace(".00 s", " s");
    pen.fillText(name, LEFT - 8, axis - away);
    pen.fillText(name, LEFT - 8, axis + away);
  }
  pen.fillStyle = colour("ink-3");
  pen.fillRect(LEFT, Math.round(axis), width - LEFT, 1);
  pen.fillStyle = colour("ink-2");
  pen.fillText("work ↑", LEFT - 8, TOP - 1);
  pen.fillText("sleep ↓", LEFT - 8, axis + half);
}

function columns(pen, turns, width, axis, half) {
  const shown = turns.slice(-Math.min(COLUMNS, Math.floor((width - LEFT) / 3)));
  const step = Math.min(12, (width - LEFT) / Math.max(60, Math.min(COLUMNS, Math.floor((width - LEFT) / 3))));
  const broad = Math.max(1.5, step - 1);
  const [work, wait, ink, hungry] = ["line-3", "line-1", "ink-2", "down"].map(colour);
  shown.forEach(([, waited, worked, events, , left], at) => {
    const x = width - (shown.length - at) * step;
    pen.fillStyle = work;
    const up = Math.max(1, share(worked) * half);
    pen.fillRect(x, axis - up, broad, up);
    pen.globalAlpha = 0.45;
    pen.fillStyle = wait;
    pen.fillRect(x, axis + 1, broad, Math.max(waited > 0 ? 1 : 0, share(waited) * half));
    pen.globalAlpha = 1;
    if (events > 0) dot(pen, x + broad / 2, ink, Math.min(3, 0.8 + Math.log2(events) * 0.45), broad);
    if (left > 0) triangle(pen, x + broad / 2, hungry);
  });
}

function dot(pen, x, ink, radius, broad) {
  pen.fillStyle = ink;
  pen.beginPath();
  pen.arc(x, TOP - 6, Math.min(radius, Math.max(0.9, broad / 2)), 0, 7);
  pen.fill();
}

function triangle(pen, x, ink) {
  pen.fillStyle = ink;
  pen.beginPath();
  pen.moveTo(x, 3);
  pen.lineTo(x + 4, 11);
  pen.lineTo(x - 4, 11);
  pen.fill();
}
