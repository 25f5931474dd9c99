// Where the scenarios are played: each with pages, processes and complaints of its own, one after the other. And what most
// of them want: a balancer before two backends with somebody who asks, and words for what is on the page.

import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { chromium } from "playwright-core";
import { Backend, before, demo, load } from "./house.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const scenarios = [];
export const scenario = (name, play) => scenarios.push({ name, play });

/** Two backends, a balancer, and somebody who asks. */
export async function house(stage, options) {
  const backends = await Promise.all([new Backend().start(), new Backend().start()]);
  const balancer = await before(backends, options);
  stage.later(() => Promise.all(backends.map((backend) => backend.kill().catch(() => {}))));
  stage.later(() => balancer.stop());
  stage.later(load(balancer));
  const [one, two] = backends.map((backend) => backend.name);
  return { backends, balancer, one, two };
}

/** The demo as it comes, and its dashboard. */
export async function theDemo(stage, options) {
  const balancer = await demo();
  stage.later(() => balancer.stop());
  const page = await stage.page(options);
  await page.goto(balancer.pages);
  await page.locator("#demo .choose label").nth(1).waitFor();
  return { balancer, page };
}

export const live = (page) => page.locator(".link[data-is=live]").waitFor();
export const row = (page, name) => page.locator(".backends tbody tr", { hasText: name });
export const stateOf = (page, name, state) => page.locator(`.backends tbody tr[data-state=${state}]`, { hasText: name }).waitFor();
export const text = (page, selector) => page.locator(selector).innerText();

/** Axe finds nothing, be it ever so small. */
export async function approve(page, where) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run({ resultTypes: ["violations"] }));
  const told = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join("\n  ")}`);
  assert.equal(told.length, 0, `${where}: ${told.join("\n")}`);
}

/** The page is no wider than its window. */
export async function fits(page, where) {
  const [wide, room] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(wide <= room, `${where} is ${wide} wide where there is room for ${room}`);
}

/** Nothing takes a tenth of it: it turns what never comes into a failure with a name. What the page never shows has less. */
const PATIENCE = 240_000;
const PATIENCE_OF_PAGES = 90_000;

class Stage {
  constructor(browser) {
    Object.assign(this, { browser, hosts: new Set(), complaints: [], pages: [], expected: [], endings: [] });
  }

  later(end) {
    this.endings.push(end);
  }

  /** A complaint like this is no mistake of the page's. */
  expects(words) {
    this.expected.push(words);
  }

  async page(options = {}) {
    const context = await this.browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    context.setDefaultTimeout(PATIENCE_OF_PAGES);
    this.endings.push(() => context.close());
    context.on("request", (request) => this.hosts.add(new URL(request.url()).host));
    const page = await context.newPage();
    this.pages.push(page);
    page.on("console", (line) => ["error", "warning"].includes(line.type()) && this.complaints.push(line.text()));
    page.on("pageerror", (error) => this.complaints.push(error.stack));
    return page;
  }

  /** What the pages show, for who looks for the reason of a failure. */
  async shown() {
    const shown = (page) => page.locator("body").innerText({ timeout: 5000 }).catch((error) => error.message);
    return (await Promise.all(this.pages.map(async (page) => `---- ${page.url()}\n${await shown(page)}`))).join("\n");
  }

  async over() {
    for (const end of this.endings.reverse()) await end();
    return this.complaints.filter((words) => !this.expected.some((one) => one.test(words)));
  }
}

/** Plays those of the scenarios whose name has one of these parts, or all. Whether all of them hold. */
export async function play(wanted) {
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM, headless: true,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  let failed = 0;
  for (const one of scenarios.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)))) {
    const began = performance.now();
    const wrong = await playOne(one, new Stage(browser));
    console.log(wrong === null ? `ok    ${one.name} (${((performance.now() - began) / 1000).toFixed(1)} s)` : `FAIL  ${one.name}\n${wrong}`);
    if (wrong !== null) failed++;
  }
  await browser.close();
  console.log(failed === 0 ? "all of it holds" : `${failed} failed`);
  return failed === 0;
}

async function playOne({ play }, stage) {
  const late = new Promise((_, fail) => setTimeout(() => fail(new Error("it never came to an end")), PATIENCE).unref());
  const failure = await Promise.race([play(stage), late]).then(() => null, (error) => error);
  const shown = failure && (await stage.shown());
  const complaints = await stage.over();
  if (failure) return `${failure.stack}\n${complaints.join("\n")}\n${shown}`;
  return complaints.length ? `the console has heard:\n${complaints.join("\n")}` : null;
}
