// The loop seen from inside: its slots, turns, timers and words.

import { strict as assert } from "node:assert";
import { until } from "./house.mjs";
import { house, live, scenario, text } from "./stage.mjs";

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
