// From cumulative counts to what is happening now: differences, rates and quantiles. Pure, nothing is drawn here.

import { NONE, millis } from "/assets/numbers.js";

/** The frames of the last seconds. */
export class Frames {
  constructor(keep = 12) {
    this.keep = keep;
    this.all = [];
  }

  push(frame) {
    const last = this.all.at(-1);
    if (last && (frame.now < last.now || frame.version !== last.version)) this.all = []; // another process
    this.all.push(frame);
    while (this.all.length > 2 && frame.now - this.all[1].now >= this.keep) this.all.shift();
  }

  get last() {
    return this.all.at(-1);
  }

  /** The youngest frame that is at least so many seconds older than the last; if there is none, the oldest. */
  before(seconds) {
    const since = this.last.now - seconds + 0.05;
    return this.all.findLast((frame) => frame.now <= since) ?? this.all[0];
  }
}

/** How much a cumulative count has grown; what began anew has grown from nothing. */
export const grown = (now, then) => (then === undefined || then === null || now < then ? now : now - then);

/** The same of each bucket. */
export const bucketsGrown = (now, then) => now.map((value, at) => grown(value, then?.[at]));

export const sum = (numbers) => numbers.reduce((all, one) => all + one, 0);

/**
 * Below which value a share `q` of what the buckets count lies. `sure`: there are enough to interpolate within the bucket; if not,
 * `value` is the bound of its bucket, and no more than that is known.
 */
export function quantile(bounds, counts, q) {
  const total = sum(counts);
  if (total === 0) return null;
  const rank = q * total;
  let below = 0;
  let at = 0;
  while (at < counts.length - 1 && below + counts[at] < rank) below += counts[at++];
  if (at >= bounds.length) return { value: bounds.at(-1), above: true, sure: false };
  const [from, to] = [at === 0 ? 0 : bounds[at - 1], bounds[at]];
  const sure = total >= 10 && total * (1 - q) >= 1;
  return { value: sure ? from + (to - from) * ((rank - below) / counts[at]) : to, above: false, sure };
}

/** The same in words: what it is, what it is at most, or more than what. */
export function quantileWords(bounds, counts, q) {
  const found = quantile(bounds, counts, q);
  if (!found) return NONE;
  return `${found.above ? "> " : found.sure ? "" : "≤ "}${millis(found.value)}`;
}

/** By name, what was there before. */
export const byName = (list) => new Map((list ?? []).map((one) => [one.name, one]));

/** Requests that a client got no good answer to. */
export const errorsOf = (pool) => pool.by_class?.["5xx"] ?? 0;

export const endedOf = (pool) => pool.finished + pool.failed;
