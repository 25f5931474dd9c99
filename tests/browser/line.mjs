// The line to the balancer: the token, a line that is lost and comes back, pages that nobody sees or that stay open for long.

import { strict as assert } from "node:assert";
import { demoAt, until } from "./house.mjs";
import { house, live, row, scenario, stateOf, text, theDemo } from "./stage.mjs";

/** Has the page believe that it is hidden, or seen again. */
const hide = (page, hidden) => page.evaluate((is) => {
  Object.defineProperty(document, "hidden", { value: is, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}, hidden);

scenario("a token is asked for, refused and taken", async (stage) => {
  const token = "correct horse battery".replaceAll(" ", "-");
  const { balancer, one } = await house(stage, { top: `admin_token = "${token}"` });
  const page = await stage.page();
  stage.expects(/401/);
  const open = new Set();
  page.on("response", (answer) => answer.ok() && answer.url().includes("/api/events") && open.add(answer.request()));
  for (const ending of ["requestfinished", "requestfailed"]) page.on(ending, (request) => open.delete(request));

  await page.goto(balancer.pages);
  const field = page.getByLabel("Token", { exact: true });
  await field.waitFor();
  await page.keyboard.press("Escape");
  await page.locator(".banner", { hasText: "Nothing can be shown without the token." }).waitFor();
  await page.getByRole("button", { name: "Give the token" }).click();
  await field.waitFor();
  await hide(page, true);
  await hide(page, false); // asks again, and for no second token
  await field.fill("this-is-another-token");
  await page.getByRole("button", { name: "Go on" }).click();
  await page.locator("dialog .wrong", { hasText: "That is not the token." }).waitFor();
  await field.fill(token);
  await page.keyboard.press("Enter");
  await live(page);
  await page.locator(".banner").waitFor({ state: "hidden" });
  await until(() => open.size === 1);
  await page.goto(`${balancer.pages}/loop`);
  await live(page);
  await page.goto(balancer.pages);
  await stateOf(page, one, "up");
  await row(page, one).getByRole("button", { name: `Drain ${one}` }).click();
  await page.getByRole("button", { name: "Drain it" }).click();
  await stateOf(page, one, "draining");
});

scenario("a balancer that goes and returns leaves what was shown as old, and then begins anew", async (stage) => {
  const { balancer, page } = await theDemo(stage);
  const loop = await stage.page();
  await loop.goto(`${balancer.pages}/loop`);
  await live(loop);
  await page.keyboard.press("u");
  await page.locator("#demo .log .clients", { hasText: "500 requests, all answered" }).waitFor();
  await page.evaluate(() => {
    window.alerts = new Set();
    const alert = document.querySelector(".banner [role=alert]");
    new MutationObserver(() => window.alerts.add(alert.textContent)).observe(alert, { childList: true, characterData: true, subtree: true });
  });
  stage.expects(/ERR_|Failed to load/);
  await balancer.stop();
  for (const one of [page, loop]) {
    await one.locator(".banner", { hasText: /Connection to the balancer lost.*What is shown is as it was at \d\d:\d\d:\d\d\./ }).waitFor();
    await one.locator(".link", { hasText: "connection lost" }).waitFor();
    await one.locator("body.stale").waitFor();
    await one.getByRole("button", { name: "Try now" }).click();
  }
  await page.locator(".banner", { hasText: /Trying again in [2-9]\ss\./ }).waitFor(); // the pauses grow
  const alerts = await page.evaluate(() => [...window.alerts]);
  assert.ok(alerts.length <= 3 && alerts.every((words) => !words.includes("Trying")), `what counts down is not read out: ${alerts}`);

  const again = await until(() => demoAt(balancer.base).catch(() => null));
  stage.later(() => again.stop());
  for (const one of [page, loop]) {
    await live(one);
    await one.locator(".banner").waitFor({ state: "hidden" });
    await one.locator("body:not(.stale)").waitFor();
  }
  await page.locator("#demo .log li", { hasText: "Nothing was done yet." }).waitFor();
  await page.keyboard.press("g");
  await page.locator("#demo .log .clients", { hasText: "8 that had to be refused were" }).waitFor();
  assert.doesNotMatch(await text(page, "main"), /NaN|undefined|-\d+ ago/);
});

scenario("a page that is hidden asks for nothing", async (stage) => {
  const { balancer } = await house(stage);
  const page = await stage.page();
  stage.expects(/404/);
  await page.clock.install();
  let asked = 0;
  page.on("request", () => asked++);
  for (const path of ["/", "/loop"]) {
    await page.goto(balancer.pages + path);
    await live(page);
    if (path === "/loop") await page.locator("#grid button[data-owner=client]").first().click();
    const gone = page.waitForEvent("requestfailed", (request) => request.url().includes("/api/events"));
    await hide(page, true);
    await gone;
    await page.locator(".link", { hasText: "paused" }).waitFor();
    const then = asked;
    await page.clock.runFor("10:00"); // ten minutes, at once
    assert.equal(asked, then, `${path} asks while it is hidden`);
    await hide(page, false);
    await live(page);
  }
});

/** Within the page: one true update, over and over, each a second later and with other requests, turns and backends in it. */
function manyOfThem() {
  const real = window.fetch;
  [window.played, window.standing] = [0, false];
  window.fetch = async (path, options) => {
    const answer = await real(path, options);
    if (!String(path).startsWith("/api/events")) return answer;
    const reader = answer.body.getReader();
    const [decoder, encoder] = [new TextDecoder(), new TextEncoder()];
    let text = "";
    while (!text.includes("\n\n")) text += decoder.decode((await reader.read()).value, { stream: true });
    const [first] = text.split("\n\n");
    const event = first.match(/^event: (.*)$/m)[1];
    const frame = JSON.parse(first.match(/^data: ?(.*)$/m)[1]);
    const backends = structuredClone(frame.pools?.[0].backends);
    const later = (count) => {
      frame.now += 1;
      if (event === "state") {
        frame.uptime_seconds += 1;
        for (const one of frame.receipts) one.id = `${count}${one.id}`.slice(0, 16);
        frame.pools[0].backends = backends.map((one, at) => ({ ...one, name: `10.0.${count % 5000}.${at}:80`, state: count % 2 ? "up" : "down" }));
        frame.demo.now += 1;
        frame.demo.log = Array.from({ length: 20 }, (_, at) => ({ at: frame.demo.now - at, what: `act ${count - at}`, clients: { asked: 1, ok: 1, failed: 0, slowest_ms: 1 }, why: "no" }));
      } else {
        const last = frame.turns.at(-1) ?? [0, 1, 1, 1, 1, 0];
        frame.turns = Array.from({ length: 240 }, (_, at) => [count * 240 + at, ...last.slice(1)]);
        frame.slots_size = count % 2 ? 64 : 128;
      }
      return encoder.encode(`event: ${event}\ndata: ${JSON.stringify(frame)}\n\n`);
    };
    const body = new ReadableStream({
      async pull(control) {
        do await new Promise((go) => setTimeout(go)); while (window.standing);
        control.enqueue(later((window.played += 1)));
      },
    }, { highWaterMark: 0 });
    return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
  };
}

for (const path of ["/", "/loop"]) {
  scenario(`hours of updates leave nothing behind at ${path}`, async (stage) => {
    const { balancer } = await theDemo(stage);
    await balancer.act({ do: "burst" });
    const page = await stage.page();
    stage.expects(/404/);
    await page.addInitScript(manyOfThem);
    await page.goto(balancer.pages + path);
    const devtools = await page.context().newCDPSession(page);
    await devtools.send("Performance.enable");
    const weigh = async (updates) => {
      await page.waitForFunction((many) => window.played > many && (window.standing = true), updates);
      for (let pass = 0; pass < 3; pass++) await devtools.send("HeapProfiler.collectGarbage"); // one finds what another has let go
      const { metrics } = await devtools.send("Performance.getMetrics");
      await page.evaluate(() => (window.standing = false));
      return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
    };
    const then = await weigh(350); // the charts are full after 300
    const now = await weigh(1000);
    const told = `${path}: ${JSON.stringify([then, now].map(({ Nodes, JSEventListeners, JSHeapUsedSize }) => ({ Nodes, JSEventListeners, JSHeapUsedSize })))}`;
    assert.ok(now.Nodes < then.Nodes * 1.2 + 200, told);
    assert.ok(now.JSEventListeners < then.JSEventListeners * 1.2 + 50, told);
    assert.ok(now.JSHeapUsedSize < then.JSHeapUsedSize + 1_500_000, told);
  });
}
