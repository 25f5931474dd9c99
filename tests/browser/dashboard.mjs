// The dashboard: its numbers, what an operator does by mouse and by keyboard, and that a name is no more than a name.

import { strict as assert } from "node:assert";
import { before, until } from "./house.mjs";
import { fits, house, live, row, scenario, stateOf, text } from "./stage.mjs";

scenario("both pages come whole, say nothing to the console and ask nobody else", async (stage) => {
  const { balancer } = await house(stage);
  const page = await stage.page();
  for (const path of ["/", "/loop"]) {
    await page.goto(balancer.pages + path);
    await live(page);
    await page.getByRole("heading", { level: 1 }).waitFor();
  }
  assert.deepEqual([...stage.hosts], [new URL(balancer.pages).host]);
  assert.deepEqual(stage.complaints, []);
  stage.expects(/TrustedHTML/);
  const taken = () => page.evaluate(() => (document.createElement("p").innerHTML = "<b>"));
  await assert.rejects(taken, /TrustedHTML/, "the browser itself takes no text for markup");
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
  assert.doesNotMatch(await text(page, ".receipt pre"), / ago/, "what stands still does not say how long ago it was");
  assert.equal(await first.innerText(), id);
  await page.keyboard.press("Enter");
  await page.locator(".brand").focus();
  await until(async () => (await first.innerText()) !== id);
});

scenario("a name is text, whatever it says", async (stage) => {
  const name = "unix:/nowhere/<img/src=x/onerror=alert(1)><b>&amp;%2F?.sock";
  const balancer = await before([{ name }]);
  stage.later(() => balancer.stop());
  const page = await stage.page();
  stage.expects(/404/);
  page.on("dialog", (dialog) => dialog.dismiss().then(() => assert.fail("a script of the name's has run")));
  await page.goto(balancer.pages);
  await stateOf(page, name, "down");
  await row(page, name).getByRole("button", { name: `Drain ${name}` }).click();
  await page.locator("dialog[open] h2", { hasText: `Drain ${name}?` }).waitFor();
  await page.getByRole("button", { name: "Drain it" }).click();
  await stateOf(page, name, "draining");
  await page.locator("[role=status]", { hasText: `${name} is draining` }).waitFor({ state: "attached" });
  assert.equal(await page.locator("img, main b:has(> *)").count(), 0);
  for (const width of [320, 1152, 1153, 1280]) { // nor does it push anything aside
    await page.setViewportSize({ width, height: 800 });
    await fits(page, `a long name at ${width}`);
  }
  await page.goto(`${balancer.pages}/loop`);
  await page.locator("#grid button[data-owner=listener]").first().click();
  await page.locator("#detail .facts", { hasText: "Under way" }).waitFor();
  assert.equal(await page.locator("img").count(), 0);
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
