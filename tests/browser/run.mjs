// Has a real browser look at the pages: node run.mjs, with EVENKEEL the binary and CHROMIUM the browser. SHOTS names a folder
// for pictures of each page; the arguments, if there are any, choose scenarios by a part of their name.

import { strict as assert } from "node:assert";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { Backend, before, demo, load, until } from "./house.mjs";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const scenarios = [];
const scenario = (name, play) => scenarios.push({ name, play });

/** Two backends, a balancer, and somebody who asks. */
async function house(stage, options) {
  const backends = await Promise.all([new Backend().start(), new Backend().start()]);
  const balancer = await before(backends, options);
  stage.later(() => Promise.all(backends.map((backend) => backend.kill().catch(() => {}))));
  stage.later(() => balancer.stop());
  stage.later(load(balancer));
  const [one, two] = backends.map((backend) => backend.name);
  return { backends, balancer, one, two };
}

const live = (page) => page.locator(".link[data-is=live]").waitFor();
const row = (page, name) => page.locator(".backends tbody tr", { hasText: name });
const stateOf = (page, name, state) => page.locator(`.backends tbody tr[data-state=${state}]`, { hasText: name }).waitFor();
const text = (page, selector) => page.locator(selector).innerText();

/** No finding of axe is serious, or worse. */
async function approve(page, where) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run({ resultTypes: ["violations"] }));
  const bad = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const told = bad.map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join("\n  ")}`);
  assert.equal(told.length, 0, `${where}: ${told.join("\n")}`);
}

scenario("both pages come whole, say nothing to the console and ask nobody else", async (stage) => {
  const { balancer } = await house(stage);
  const page = await stage.page();
  for (const path of ["/", "/loop"]) {
    await page.goto(balancer.pages + path);
    await live(page);
    await page.getByRole("heading", { level: 1 }).waitFor();
  }
  assert.deepEqual([...stage.hosts], [new URL(balancer.pages).host]);
});

scenario("the numbers of the dashboard are live", async (stage) => {
  const { balancer, one } = await house(stage);
  const page = await stage.page();
  await page.goto(balancer.pages);
  const figure = (title) => page.locator("#figures > div", { hasText: title }).locator("b");
  await until(async () => Number(await figure("Requests").innerText()) > 0);
  await until(async () => /\d/.test(await figure("p50").innerText()));
  const finished = async () => Number((await text(page, "#books")).match(/([\d,]+) finished/)[1].replaceAll(",", ""));
  const then = await finished();
  await until(async () => (await finished()) > then);
  await page.locator("#headline", { hasText: "Both backends serve." }).waitFor();
  await row(page, one).locator("[data-of=Share]", { hasText: "of 50.0 %" }).waitFor();
  await row(page, one).locator("[data-of='Last probe']", { hasText: "passed in" }).waitFor();
  await page.locator("#traffic[aria-label*='requests/s']").waitFor();
  const drawn = (id) => page.evaluate((name) => {
    const canvas = document.querySelector(`#${name} canvas`);
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return data.some((byte) => byte !== 0);
  }, id);
  assert.ok(await drawn("traffic") && await drawn("latency"));
});

scenario("a backend dies and returns while one watches", async (stage) => {
  const { backends, balancer, one } = await house(stage);
  const page = await stage.page();
  await page.goto(balancer.pages);
  await stateOf(page, one, "up");
  await backends[0].kill();
  await stateOf(page, one, "down");
  assert.match(await row(page, one).locator(".state").innerText(), /down for \d+ s/);
  assert.equal(await text(page, "#headline"), `1 of 2 backends serves: ${one} is down.`);
  await page.locator("[aria-live=polite]", { hasText: `${one} is down` }).waitFor({ state: "attached" });
  await page.locator(".measured", { hasText: `Measured: ${one} was down` }).waitFor();
  await backends[0].start();
  await stateOf(page, one, "up");
  await page.locator("#headline", { hasText: "Both backends serve." }).waitFor();
  await page.locator("[aria-live=polite]", { hasText: `${one} is up` }).waitFor({ state: "attached" });
});

scenario("errors are counted and shown", async (stage) => {
  const { backends, balancer, two } = await house(stage);
  const page = await stage.page();
  await page.goto(balancer.pages);
  await stateOf(page, two, "up");
  backends.forEach((backend) => (backend.status = 500));
  await page.locator("#figures > [data-bad]", { hasText: "Errors" }).waitFor();
});

scenario("every action asks back and then changes the server", async (stage) => {
  const { balancer, one } = await house(stage);
  const page = await stage.page();
  await page.goto(balancer.pages);
  await stateOf(page, one, "up");
  const act = async (name, yes) => {
    await row(page, one).getByRole("button", { name }).click();
    await page.locator("dialog[open]").getByRole("button", { name: yes }).click();
    await page.locator("dialog").waitFor({ state: "detached" });
  };
  await act(`Drain ${one}`, "Cancel");
  assert.equal((await balancer.backend(one)).state, "up");
  await act(`Drain ${one}`, "Drain it");
  assert.equal((await balancer.backend(one)).state, "draining");
  await stateOf(page, one, "draining");
  await act(`Enable ${one}`, "Enable it");
  await stateOf(page, one, "up");
  await act(`Disable ${one}`, "Disable it");
  assert.equal((await balancer.backend(one)).state, "disabled");
  await stateOf(page, one, "disabled");
  await act(`Enable ${one}`, "Enable it");
  assert.notEqual((await balancer.backend(one)).state, "disabled");
  await row(page, one).getByRole("button", { name: `Weight of ${one}` }).click();
  await page.getByLabel("Weight, from 0 to 256").fill("3");
  await page.keyboard.press("Enter");
  await page.locator("dialog").waitFor({ state: "detached" });
  assert.equal((await balancer.backend(one)).weight, 3);
  await row(page, one).locator("[data-of=Share]", { hasText: "of 75.0 %" }).waitFor();
});

scenario("what the server refuses is said in the dialog", async (stage) => {
  const { balancer, two } = await house(stage);
  const page = await stage.page();
  await page.goto(balancer.pages);
  await row(page, two).getByRole("button", { name: `Weight of ${two}` }).click();
  const field = page.getByLabel("Weight, from 0 to 256");
  await field.evaluate((input) => input.removeAttribute("max"));
  await field.fill("257");
  stage.expects(/400/);
  await page.getByRole("button", { name: "Set it" }).click();
  await page.locator("dialog[open] .wrong", { hasText: "from 0 to 256" }).waitFor();
  assert.equal((await balancer.backend(two)).weight, 1);
});

scenario("all of the dashboard is done by keyboard", async (stage) => {
  const { balancer, one } = await house(stage);
  const page = await stage.page();
  await page.goto(balancer.pages);
  await stateOf(page, one, "up");
  const press = (key) => page.keyboard.press(key);
  const focused = () => page.evaluate(() => document.activeElement.getAttribute("aria-label") ?? document.activeElement.textContent);
  const tabTo = (words) => until(async () => {
    await press("Tab");
    return (await focused()).startsWith(words);
  });
  await press("Tab");
  assert.equal(await focused(), "Skip to the content");
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  assert.notEqual(outline, "none", "the focus is seen");
  await press("Enter");
  await tabTo(`Drain ${one}`);
  await press("Enter");
  await page.locator("dialog[open]").waitFor();
  await press("Escape");
  await page.locator("dialog").waitFor({ state: "detached" });
  assert.ok((await focused()).startsWith(`Drain ${one}`), "focus returns to where it was");
  await press("Enter");
  await page.locator("dialog[open]").waitFor();
  await press("Enter");
  await stateOf(page, one, "draining");
  assert.ok((await focused()).startsWith(`Enable ${one}`), "what took the button's place has the focus");
  await press("?");
  await page.locator("dialog[open]", { hasText: "Keys" }).waitFor();
  await press("Escape");
  await page.locator("dialog").waitFor({ state: "detached" });
  await press("t");
  await page.locator("html[data-theme=dark]").waitFor();
  await tabTo("Receipt of");
  await press("Enter");
  await page.locator(".receipt pre", { hasText: "policy" }).waitFor();
  await press("x");
  await page.getByRole("heading", { name: "One thread, one loop" }).waitFor();
  await page.locator("html[data-theme=dark]").waitFor();
});

scenario("single keys can be switched off", async (stage) => {
  const { balancer } = await house(stage);
  const page = await stage.page();
  await page.goto(balancer.pages);
  await live(page);
  await page.keyboard.press("?");
  await page.getByLabel("Single keys do this").uncheck();
  await page.keyboard.press("Escape");
  await page.locator("dialog").waitFor({ state: "detached" });
  await page.keyboard.press("t");
  await page.keyboard.press("?");
  await page.locator("dialog[open]").waitFor();
  assert.equal(await page.locator("html[data-theme]").count(), 0);
});

scenario("the list of requests stands still while one reads a receipt", async (stage) => {
  const { balancer } = await house(stage);
  const page = await stage.page();
  await page.goto(balancer.pages);
  const first = page.locator("#requests .opener").first();
  await first.waitFor();
  await first.focus();
  await page.locator("#held", { hasText: "newer" }).waitFor();
  await page.keyboard.press("Enter");
  await page.locator(".receipt pre", { hasText: "try 1: " }).waitFor();
  const id = await first.innerText();
  await page.locator("#held", { hasText: "20 or more newer" }).waitFor();
  await page.locator("#requests tbody:first-of-type .receipt").waitFor(); // below its own row
  assert.equal(await first.innerText(), id);
  await page.keyboard.press("Enter");
  await page.locator(".brand").focus();
  await until(async () => (await first.innerText()) !== id);
});

scenario("a token is asked for, refused and taken", async (stage) => {
  const token = "correct horse battery".replaceAll(" ", "-");
  const { balancer, one } = await house(stage, { top: `admin_token = "${token}"` });
  const page = await stage.page();
  stage.expects(/401/);
  for (const path of ["/", "/loop"]) {
    await page.goto(balancer.pages + path);
    if (path === "/") {
      await page.getByLabel("Token", { exact: true }).fill("this-is-another-token");
      await page.getByRole("button", { name: "Go on" }).click();
      await page.locator("dialog .wrong", { hasText: "That is not the token." }).waitFor();
      await page.getByLabel("Token", { exact: true }).fill(token);
      await page.keyboard.press("Enter");
    }
    await live(page);
  }
  await page.goto(balancer.pages);
  await stateOf(page, one, "up");
  await row(page, one).getByRole("button", { name: `Drain ${one}` }).click();
  await page.getByRole("button", { name: "Drain it" }).click();
  await stateOf(page, one, "draining");
});

scenario("a lost connection is said and comes back", async (stage) => {
  const { backends, balancer } = await house(stage);
  const page = await stage.page();
  await page.goto(balancer.pages);
  await live(page);
  stage.expects(/ERR_|Failed to load/);
  const admin = `127.0.0.1:${balancer.port(true)}`;
  await balancer.stop();
  await page.locator(".banner", { hasText: "Connection to the balancer lost" }).waitFor();
  const again = await until(() => before(backends, { admin }).catch(() => null));
  stage.later(() => again.stop());
  await live(page);
  await page.locator(".banner").waitFor({ state: "hidden" });
});

scenario("a page that is hidden asks for nothing", async (stage) => {
  const { balancer } = await house(stage);
  const page = await stage.page();
  const seen = (hidden) => page.evaluate((is) => {
    Object.defineProperty(document, "hidden", { value: is, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, hidden);
  for (const path of ["/", "/loop"]) {
    await page.goto(balancer.pages + path);
    await live(page);
    const gone = page.waitForEvent("requestfailed", (request) => request.url().includes("/api/events"));
    await seen(true);
    await gone;
    await page.locator(".link", { hasText: "paused" }).waitFor();
    await seen(false);
    await live(page);
  }
});

scenario("the loop is shown, and a slot from near", async (stage) => {
  const { balancer } = await house(stage);
  const page = await stage.page();
  await page.goto(`${balancer.pages}/loop`);
  await live(page);
  await until(async () => /the loop worked [\d.]+ % of the time/.test(await text(page, "#turns-words")));
  for (const owner of ["listener", "client", "upstream", "pooled"]) {
    await page.locator("#owners li", { hasText: owner }).first().waitFor();
  }
  await page.locator("#grid button[data-owner=client]").first().waitFor();
  await page.locator("#grid button[data-owner=listener]").first().waitFor();
  await until(async () => Number(await page.locator("#call-rows tr", { hasText: "takes bytes from a socket" }).locator("td").first().innerText()) > 1);
  await page.locator("#timer-rows tr").first().waitFor();
  const mine = page.locator("#grid button[aria-label$='client, watching']").first(); // we ourselves
  await mine.click();
  const number = await mine.getAttribute("data-slot");
  await page.locator("#detail-title", { hasText: `Slot ${number}` }).waitFor();
  await page.locator("#detail .facts", { hasText: "127.0.0.1:" }).waitFor();
  await page.locator("#detail .steps", { hasText: "watching" }).waitFor();
  await page.keyboard.press("Escape");
  await page.locator("#detail-title", { hasText: "No slot chosen" }).waitFor();
});

scenario("the slots are walked by arrows", async (stage) => {
  const { balancer } = await house(stage);
  const page = await stage.page();
  await page.goto(`${balancer.pages}/loop`);
  await page.locator("#grid button").nth(3).waitFor();
  assert.equal(await page.locator("#grid button[tabindex='0']").count(), 1, "one stop for the tab key");
  const at = () => page.evaluate(() => document.activeElement.dataset.slot);
  await page.locator("#grid button[tabindex='0']").focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  assert.equal(await at(), "2");
  await page.keyboard.press("ArrowLeft");
  assert.equal(await at(), "1");
  await page.keyboard.press("Home");
  assert.equal(await at(), "0");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await page.locator("#detail-title", { hasText: "Slot 1" }).waitFor();
  await page.locator("#detail .facts", { hasText: "Owner" }).waitFor();
});

scenario("every word of the loop is explained", async (stage) => {
  const { balancer } = await house(stage);
  const page = await stage.page();
  await page.goto(`${balancer.pages}/loop`);
  await page.locator("#letters li").first().waitFor();
  const missing = await page.evaluate(() => {
    const links = [...document.querySelectorAll("a[href^='#']")].filter((link) => !document.querySelector(link.getAttribute("href")));
    const phases = [...document.querySelectorAll("#letters li")].map((item) => item.firstElementChild.textContent);
    return { links: links.map((link) => link.getAttribute("href")), twice: phases.length - new Set(phases).size };
  });
  assert.deepEqual(missing, { links: [], twice: 0 });
  for (const word of ["slot", "owner", "phase", "turn", "wait", "hungry list", "deadline", "buffer", "splice", "edge-triggered readiness"]) {
    assert.equal(await page.locator("#glossary dt", { hasText: new RegExp(`^${word}$`) }).count(), 1, word);
  }
});

scenario("quantiles are told as far as they are known", async (stage) => {
  const { balancer } = await house(stage);
  const page = await stage.page();
  await page.goto(balancer.pages);
  const found = await page.evaluate(async () => {
    const { Frames, bucketsGrown, grown, quantile } = await import("/assets/measure.js");
    const bounds = [1, 2, 4];
    const frames = new Frames(12);
    for (let now = 0; now < 30; now++) frames.push({ now, version: "1" });
    const before = frames.before(10).now;
    frames.push({ now: 1, version: "1" });
    return {
      none: quantile(bounds, [0, 0, 0, 0], 0.5),
      few: quantile(bounds, [0, 3, 0, 0], 0.5),
      half: quantile(bounds, [0, 100, 0, 0], 0.5),
      last: quantile(bounds, [98, 0, 2, 0], 0.99),
      above: quantile(bounds, [0, 0, 0, 5], 0.99),
      grown: [grown(5, 3), grown(2, 3), grown(4, undefined)],
      buckets: bucketsGrown([3, 4], [1, 4]),
      before, restarted: frames.all.length,
    };
  });
  assert.deepEqual(found, {
    none: null,
    few: { value: 2, above: false, sure: false },
    half: { value: 1.5, above: false, sure: true },
    last: { value: 3, above: false, sure: true },
    above: { value: 4, above: true, sure: false },
    grown: [2, 2, 4], buckets: [2, 0], before: 19, restarted: 1,
  });
});

scenario("outside the demo there are no faults", async (stage) => {
  const { balancer, one } = await house(stage);
  const page = await stage.page();
  await page.goto(balancer.pages);
  await stateOf(page, one, "up");
  assert.ok(await page.locator("#demo").isHidden());
  await page.keyboard.press("?");
  assert.equal(await page.locator("dialog[open] dt", { hasText: /^k$/ }).count(), 0);
});

for (const scheme of ["light", "dark"]) {
  scenario(`no serious finding of axe, ${scheme}`, async (stage) => {
    const { backends, balancer, one, two } = await house(stage);
    const page = await stage.page({ colorScheme: scheme });
    const check = (where) => approve(page, where);
    await page.goto(balancer.pages);
    await stateOf(page, one, "up");
    await page.locator("#requests .opener").first().click();
    await backends[1].kill();
    await stateOf(page, two, "down");
    await check("dashboard");
    await row(page, one).getByRole("button", { name: `Weight of ${one}` }).click();
    await check("a dialog");
    await page.keyboard.press("Escape");
    await page.keyboard.press("?");
    await check("the keys");
    await page.goto(`${balancer.pages}/loop`);
    await page.locator("#grid button[data-owner=client]").first().click();
    await page.locator("#detail .facts").waitFor();
    await page.locator("#call-rows tr").first().waitFor();
    await check("loop");
  });
}

scenario("a phone's width is enough", async (stage) => {
  const { balancer } = await house(stage);
  const page = await stage.page({ viewport: { width: 360, height: 740 } });
  for (const path of ["/", "/loop"]) {
    await page.goto(balancer.pages + path);
    await live(page);
    await page.locator(path === "/" ? ".backends tr[data-state=up]" : "#grid button[data-owner=client]").first().waitFor();
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(wide <= 360, `${path} is ${wide} wide`);
  }
});

scenario("who wants no motion sees none", async (stage) => {
  const { balancer } = await house(stage);
  const motion = async (reducedMotion) => {
    const page = await stage.page({ reducedMotion });
    await page.goto(balancer.pages);
    await live(page);
    return page.locator(".link i").evaluate((sign) => getComputedStyle(sign).animationName);
  };
  assert.equal(await motion("reduce"), "none");
  assert.equal(await motion("no-preference"), "breathe");
});

scenario("in the demo a fault is a key, and what clients noticed is told", async (stage) => {
  const balancer = await demo();
  stage.later(() => balancer.stop());
  const page = await stage.page();
  await page.goto(balancer.pages);
  await page.locator("#demo .choose label").nth(1).waitFor();
  const [victim] = (await balancer.state()).pools[0].backends;
  await page.keyboard.press("l");
  await page.locator("[data-act=load][aria-pressed=true]").waitFor();
  await until(async () => Number(await page.locator("#figures > div", { hasText: "Requests" }).locator("b").innerText()) > 0);
  await page.keyboard.press("1");
  await page.keyboard.press("k");
  await page.locator("#demo [data-manner=killed]").waitFor();
  await stateOf(page, victim.address, "down");
  await page.locator("#headline", { hasText: /backend-1 is down/ }).waitFor();
  await page.locator("#demo .log li").first().locator(".clients", { hasText: "Nothing" }).waitFor();
  await page.locator("#demo .log li").first().locator(".why", { hasText: /\w/ }).waitFor();
  await page.keyboard.press("r");
  await stateOf(page, victim.address, "up");
  await page.keyboard.press("2");
  for (const [act, manner] of [["Hang", "hanging"], ["Slow", "slow"], ["Break", "broken"], ["Restart", "normal"]]) {
    await page.locator("#demo").getByRole("button", { name: act, exact: true }).click();
    await page.locator("#demo .choose > div").nth(1).and(page.locator(`[data-manner=${manner}]`)).waitFor();
  }
  for (const [key, words] of [["u", "burst"], ["c", "slow"], ["g", "garbage"]]) {
    await page.keyboard.press(key);
    await page.locator("#demo .log li").first().filter({ hasText: new RegExp(words, "i") }).waitFor();
  }
  await page.keyboard.press("l");
  await page.locator("[data-act=load][aria-pressed=false]").waitFor();
  for (const colorScheme of ["light", "dark"]) {
    const phone = await stage.page({ colorScheme, viewport: { width: 360, height: 740 } });
    await phone.goto(balancer.pages);
    await phone.locator("#demo .log .clients").first().waitFor();
    assert.equal(await phone.evaluate(() => document.documentElement.scrollWidth), 360);
    await approve(phone, "the demo");
  }
});

const folder = process.env.SHOTS;
if (folder) scenario("pictures", async (stage) => {
  const { backends, balancer, two } = await house(stage);
  await backends[1].kill();
  for (const colorScheme of ["light", "dark"]) {
    for (const [width, height, size] of [[1280, 800, "wide"], [360, 740, "phone"]]) {
      const page = await stage.page({ colorScheme, viewport: { width, height } });
      for (const [path, name] of [["/", "dashboard"], ["/loop", "loop"]]) {
        await page.goto(balancer.pages + path);
        await live(page);
        if (name === "loop") await page.locator("#grid button[data-owner=client]").first().click();
        else await stateOf(page, two, "down");
        await until(async () => (await page.locator("#figures b").first().innerText()) !== "—");
        await page.evaluate(() => scrollTo(0, 0));
        await page.screenshot({ path: join(folder, `${name}-${colorScheme}-${size}.png`), fullPage: true });
      }
    }
  }
});

// ---- one after the other, each with pages, processes and complaints of its own ----

/** Nothing takes a tenth of it: it turns what never comes into a failure with a name. */
const PATIENCE = 120_000;

class Stage {
  constructor(browser) {
    Object.assign(this, { browser, hosts: new Set(), complaints: [], expected: [], endings: [] });
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
    context.setDefaultTimeout(PATIENCE);
    this.endings.push(() => context.close());
    context.on("request", (request) => this.hosts.add(new URL(request.url()).host));
    const page = await context.newPage();
    page.on("console", (line) => ["error", "warning"].includes(line.type()) && this.complaints.push(line.text()));
    page.on("pageerror", (error) => this.complaints.push(error.stack));
    return page;
  }

  async over() {
    for (const end of this.endings.reverse()) await end();
    return this.complaints.filter((words) => !this.expected.some((one) => one.test(words)));
  }
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM, headless: true,
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});
let failed = 0;
const wanted = process.argv.slice(2);
for (const { name, play } of scenarios.filter((one) => wanted.length === 0 || wanted.some((part) => one.name.includes(part)))) {
  const stage = new Stage(browser);
  const late = new Promise((_, fail) => setTimeout(() => fail(new Error("it never came to an end")), PATIENCE).unref());
  const failure = await Promise.race([play(stage), late]).then(() => null, (error) => error);
  const complaints = await stage.over();
  const wrong = failure?.stack ?? (complaints.length ? `the console has heard:\n${complaints.join("\n")}` : null);
  console.log(wrong === null ? `ok    ${name}` : `FAIL  ${name}\n${wrong}`);
  if (wrong !== null) failed++;
}
await browser.close();
console.log(failed === 0 ? "all of it holds" : `${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
