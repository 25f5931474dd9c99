// How the pages look: to axe, in both themes and whatever is open; on a phone, enlarged, without motion. SHOTS names a folder
// for pictures of them.

import { strict as assert } from "node:assert";
import { join } from "node:path";
import { until } from "./house.mjs";
import { approve, fits, house, live, row, scenario, stateOf, theDemo } from "./stage.mjs";

for (const colorScheme of ["light", "dark"]) {
  scenario(`axe finds nothing, ${colorScheme}`, async (stage) => {
    const { balancer, page } = await theDemo(stage, { colorScheme });
    const [one, two] = (await balancer.demo()).backends.map((backend) => backend.address);
    const check = (where) => approve(page, where);
    await check("the demo, before anything");
    await page.keyboard.press("l");
    await page.locator("#requests .opener").first().click();
    await page.locator("#requests .receipt").waitFor();
    await balancer.act({ do: "kill", backend: "backend-1" });
    await stateOf(page, one, "down");
    await check("the dashboard with a backend down, a receipt open");
    await row(page, two).getByRole("button", { name: "Weight of backend-2" }).click();
    await check("a dialog with a field");
    await page.keyboard.press("Escape");
    await row(page, two).getByRole("button", { name: "Disable backend-2" }).click();
    await check("a dialog that warns");
    await page.keyboard.press("Escape");
    await page.keyboard.press("?");
    await check("the keys");
    await page.keyboard.press("Escape");
    await page.locator("dialog").waitFor({ state: "detached" });
    await balancer.act({ do: "kill", backend: "backend-2" });
    await page.locator("#demo .log .clients[data-is=bad]").first().waitFor();
    await page.locator("#headline", { hasText: "0 of 2 backends serve" }).waitFor();
    stage.expects(/400/);
    await page.keyboard.press("s"); // of who is killed
    await page.locator("#demo .wrong", { hasText: "restart it first" }).waitFor();
    await check("the dashboard in alarm");
    await balancer.act({ do: "restart", backend: "backend-1" });
    await stateOf(page, one, "up");

    await page.goto(`${balancer.pages}/loop`);
    await page.locator("#grid button[data-owner=client]").first().click();
    await page.locator("#detail .facts div").first().waitFor();
    await page.locator("#call-rows tr").first().waitFor();
    await check("the loop with a slot");

    stage.expects(/ERR_|Failed to load|404/);
    await balancer.stop();
    await page.locator(".banner", { hasText: "Connection to the balancer lost" }).waitFor();
    await check("a lost line");
  });

  scenario(`axe finds nothing where a token is wanted, ${colorScheme}`, async (stage) => {
    const { balancer } = await house(stage, { top: 'admin_token = "correct-horse-battery"' });
    const page = await stage.page({ colorScheme });
    stage.expects(/401/);
    await page.goto(balancer.pages);
    await page.locator("dialog[open]").waitFor();
    await approve(page, "the question");
    await page.keyboard.press("Escape");
    await page.locator(".banner").waitFor();
    await approve(page, "no answer to it");
  });
}

scenario("a phone's width is enough, and so is a window's in which all is twice as large", async (stage) => {
  const { balancer, page } = await theDemo(stage);
  await page.keyboard.press("l");
  await balancer.act({ do: "kill", backend: "backend-1" });
  const [{ address }] = (await balancer.demo()).backends;
  for (const path of ["/", "/loop"]) {
    await page.goto(balancer.pages + path);
    if (path === "/") await stateOf(page, address, "down");
    else await page.locator("#grid button[data-owner=client]").first().click();
    for (const width of [320, 344, 360, 390, 480, 640, 768, 1024, 1152, 1280]) { // 640 is 1280 at 200 %
      await page.setViewportSize({ width, height: 740 });
      await fits(page, `${path} at ${width}`);
    }
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

scenario("what has the focus is seen to have it", async (stage) => {
  const { balancer, page } = await theDemo(stage);
  await page.keyboard.press("l");
  await page.locator("#requests .opener").first().waitFor();
  for (const path of ["/", "/loop"]) {
    if (path === "/loop") await page.goto(balancer.pages + path);
    await live(page);
    if (path === "/loop") await page.locator("#grid button").first().waitFor();
    const seen = new Set();
    for (;;) {
      await page.keyboard.press("Tab");
      const it = await page.evaluate(() => {
        const at = document.activeElement;
        if (at === document.body) return null;
        at.dataset.seen ??= String(document.querySelectorAll("[data-seen]").length);
        const style = getComputedStyle(at.matches(".choose input") ? at.nextElementSibling : at);
        return { key: at.dataset.seen, what: at.outerHTML.slice(0, 120), outline: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2 };
      });
      if (!it || seen.has(it.key)) break; // around, or out
      assert.ok(it.outline, `${path}: ${it.what}`);
      seen.add(it.key);
    }
    assert.ok(seen.size > 12, `${path}: ${seen.size} stops`);
  }
});

const folder = process.env.SHOTS;
if (folder) scenario("pictures", async (stage) => {
  const { balancer } = await theDemo(stage);
  const shots = [];
  for (const colorScheme of ["light", "dark"]) {
    for (const [width, height, size] of [[1280, 800, "wide"], [360, 740, "phone"]]) {
      for (const [path, name] of [["/", "dashboard"], ["/loop", "loop"]]) {
        const page = await stage.page({ colorScheme, viewport: { width, height } });
        await page.goto(balancer.pages + path);
        await live(page);
        shots.push({ page, name, file: join(folder, `${name}-${colorScheme}-${size}.png`) });
      }
    }
  }
  stage.expects(/404/);
  await balancer.act({ do: "load" });
  await until(async () => (await balancer.demo()).log[0].clients.ok > 1000);
  await balancer.act({ do: "kill", backend: "backend-1" });
  await until(async () => (await balancer.demo()).log[0].clients.ok > 100);
  for (const { page, name, file } of shots) {
    if (name === "loop") await page.locator("#grid button[data-owner=client]").first().click();
    else await page.locator("#headline", { hasText: "backend-1 is down" }).waitFor();
    await page.evaluate(() => scrollTo(0, 0));
    await page.screenshot({ path: file, fullPage: true });
  }
});
