// The two pictures that the README shows, as the demo gives them: PICTURES=scripts/pictures scripts/browser.sh --release

import { join } from "node:path";
import { until } from "./house.mjs";
import { live, scenario, stateOf, theDemo } from "./stage.mjs";

const folder = process.env.PICTURES;
const WIDE = 1280;
const asked = async (balancer) => (await balancer.demo()).log[0].clients.ok;

/** What is between the top of the page and the end of an element, or a little less. */
async function crop(page, last, file) {
  const end = await page.locator(last).evaluate((it) => it.getBoundingClientRect().bottom);
  await page.mouse.move(0, 0);
  await page.screenshot({ path: join(folder, file), clip: { x: 0, y: 0, width: WIDE, height: Math.ceil(end) } });
}

scenario("the dashboard when a backend was killed", async (stage) => {
  const { balancer, page } = await theDemo(stage, { colorScheme: "light", viewport: { width: WIDE, height: 1100 } });
  await page.keyboard.press("l");
  await until(async () => (await asked(balancer)) > 2150); // most of the minute that the charts show
  await page.keyboard.press("k");
  const [{ address }] = (await balancer.demo()).backends;
  await stateOf(page, address, "down");
  await until(async () => (await asked(balancer)) > 540); // more than the ten seconds that numbers look back
  await page.locator("#demo .log li:first-child .clients", { hasText: /Nothing: [\d,]+ requests, all answered/ }).waitFor();
  await crop(page, ".backends", "dashboard.png");
});

scenario("the loop while backends hang", async (stage) => {
  const { balancer, page } = await theDemo(stage, { colorScheme: "dark", viewport: { width: WIDE, height: 1400 } });
  await page.goto(`${balancer.pages}/loop`);
  await live(page);
  await balancer.act({ do: "load" });
  await until(async () => (await asked(balancer)) > 500);
  for (let count = 0; count < 4; count++) await balancer.act({ do: "slow-client" });
  for (const backend of ["backend-1", "backend-2"]) await balancer.act({ do: "hang", backend });
  const waiting = page.locator("#grid button[aria-label$='client, awaiting']");
  await waiting.nth(12).waitFor();
  await page.locator("#grid button[data-owner=upstream]").nth(12).waitFor();
  // One with a past, but a short one.
  const stories = await Promise.all((await waiting.evaluateAll((cells) => cells.map((cell) => cell.dataset.slot))).map(async (slot) => {
    const seen = await (await fetch(`${balancer.pages}/api/loop/${slot}`)).json().catch(() => null);
    return { slot, past: seen?.phases?.length ?? 0 };
  }));
  const [{ slot }] = stories.filter(({ past }) => past > 4).sort((one, other) => one.past - other.past);
  stage.expects(/404/);
  await page.locator(`#grid button[data-slot='${slot}']`).click();
  await page.locator("#detail .facts div").first().waitFor();
  await page.evaluate(() => document.activeElement.blur());
  await page.evaluate(() => scrollTo(0, document.getElementById("turns").offsetTop - 40));
  await crop(page, "#detail", "loop.png");
});
