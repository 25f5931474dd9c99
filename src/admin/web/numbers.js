// Numbers as text, each kind in one way on all pages.

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
export const NONE = "—";
export const count = (number) => (number === null || number === undefined ? NONE : whole.format(number));
export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;

/** So many a second. */
export function rate(number) {
  if (number === null || !Number.isFinite(number)) return NONE;
  return number === 0 ? "0" : number < 9.95 ? number.toFixed(1) : whole.format(number);
}

/** Milliseconds. */
export function millis(number) {
  if (number === null || number === undefined || !Number.isFinite(number)) return NONE;
  if (number >= 9995) return `${(number / 1000).toFixed(number < 99500 ? 1 : 0)} s`;
  if (number >= 999.5) return `${(number / 1000).toFixed(2)} s`;
  return `${number < 0.995 ? number.toFixed(2) : number < 9.95 ? number.toFixed(1) : number.toFixed(0)} ms`;
}

export const micros = (number) => (number < 1000 ? `${count(number)} µs` : millis(number / 1000));

/** A span of seconds: its two largest units. */
export function span(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds)) return NONE;
  const s = Math.max(0, Math.floor(seconds));
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor((s % 3600) / 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor((s % 86400) / 3600)} h`;
}

/** A short span, where tenths matter. */
export const seconds = (number) => (number === null || number === undefined ? NONE
  : number < 99.95 ? `${number.toFixed(1)} s` : span(number));

/** So many seconds back from now. */
export const lately = (number) => (number < 1.5 ? "the last second" : `the last ${Math.round(number)} seconds`);

export function percent(part) {
  if (part === null || !Number.isFinite(part)) return NONE;
  const value = part * 100;
  return `${value === 0 || value >= 99.95 ? value.toFixed(0) : value.toFixed(1)} %`;
}

export function bytes(number) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (number >= 1024 && unit < units.length - 1) [number, unit] = [number / 1024, unit + 1];
  return `${unit === 0 || number >= 100 ? whole.format(number) : number.toFixed(1)} ${units[unit]}`;
}
