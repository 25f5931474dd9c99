// `evenkeel demo` and nothing else: each fault by mouse and by key, and that the page says what it did to clients in the words
// that the balancer has for it.

import { strict as assert } from "node:assert";
import { until } from "./house.mjs";
import { house, live, row, scenario, stateOf, text, theDemo } from "./stage.mjs";

/** What can be done to a backend: button, key, its manner then, what the log calls it, and how clients fare. */
const FAULTS = [
  ["Kill", "k", "killed", "Killed", /^✓ Nothing/],
  ["Hang", "h", "hanging", "Hung", /^✓ Nothing.* took [\d.]+ s\.$/], // until it is known, they wait for it
  ["Slow", "s", "slow", "Slowed", /^✓ Nothing.* took [\d.]+ s\.$/],
  ["Break", "b", "broken", "Broke", /^✓ Nothing/],
];

const MEANS = {
  mouse: (page) => async ([title]) => page.locator("#demo").getByRole("button", { name: new RegExp(`^${title}( on)?$`) }).click(),
  key: (page) => async ([, key]) => page.keyboard.press(key),
};

const newest = (page, part) => page.locator(`#demo .log li:first-child ${part}`);
const figure = (page, title) => page.locator("#figures > div", { hasText: title }).locator("b").innerText();
const sentence = (words) => words.charAt(0).toUpperCase() + words.slice(1);

/** The newest entry of the log is of this act, and its words are those of the balancer. */
async function told(page, balancer, what, clients) {
  await newest(page, "b").filter({ hasText: what }).waitFor();
  await newest(page, ".clients").filter({ hasText: clients }).waitFor();
  await until(async () => {
    const [act] = (await balancer.demo()).log;
    return act.why && (await newest(page, ".why").innerText()) === sentence(act.why);
  });
}

/** Hears what is announced from now on. */
async function listen(page) {
  await page.evaluate(() => {
    window.heard = [];
    const voice = document.querySelector("[role=status]");
    new MutationObserver(() => window.heard.push(voice.textContent)).observe(voice, { childList: true, characterData: true, subtree: true });
  });
  return () => page.evaluate(() => window.heard);
}

for (const [means, name] of [["mouse", "backend-2"], ["key", "backend-1"]]) {
  scenario(`each fault of the demo is done by ${means}, and what clients noticed is told`, async (stage) => {
    const { balancer, page } = await theDemo(stage);
    const act = MEANS[means](page);
    const { address } = (await balancer.demo()).backends.find((one) => one.name === name);
    const heard = await listen(page);
    await act(["Load", "l"]);
    await page.locator("[data-act=load][aria-pressed=true]").waitFor();
    await told(page, balancer, "Started the gentle load", /^✓ Nothing/);
    await until(async () => Number(await figure(page, "Requests")) > 0);
    if (means === "mouse") await page.locator("#demo").getByRole("radio", { name }).check();
    else await page.keyboard.press(name.at(-1));
    await page.locator("#demo legend", { hasText: `Do this to ${name}` }).waitFor();
    for (const [title, key, manner, what, clients] of FAULTS) {
      await act([title, key]);
      await page.locator(`#demo .choose [data-manner=${manner}]`, { hasText: name }).waitFor();
      if (title !== "Slow") await row(page, address).and(page.locator(":is([data-state=down], [data-state=ejected])")).waitFor();
      await told(page, balancer, `${what} ${name}`, clients);
      await act(["Restart", "r"]);
      await page.locator("#demo .choose [data-manner=normal]", { hasText: name }).waitFor();
      await stateOf(page, address, "up");
      await told(page, balancer, `Restarted ${name}`, /^✓ Nothing/);
      await page.locator("#headline", { hasText: "Both backends serve." }).waitFor();
    }
    await act(["Load", "l"]);
    await page.locator("[data-act=load][aria-pressed=false]").waitFor();
    await told(page, balancer, "Stopped the gentle load", /^✓ Nothing|^No client/);
    const voice = await heard();
    for (const [, , , what] of FAULTS) assert.equal(voice.filter((words) => words.startsWith(`Done: ${what.toLowerCase()} ${name}`)).length, 1, `${what}: ${voice}`);
    assert.ok(voice.every((words) => /^(Done: |Chosen: |backend-\d is )/.test(words)), `nothing else is announced: ${voice}`);
  });

  scenario(`each client of the demo comes by ${means}, and what became of it is told`, async (stage) => {
    const { balancer, page } = await theDemo(stage);
    const act = MEANS[means](page);
    await page.locator("#demo .log li", { hasText: "Nothing was done yet." }).waitFor();
    await act(["Burst", "u"]);
    await told(page, balancer, "Sent a burst of 500 requests on 50 connections", /^✓ Nothing: 500 requests, all answered\./);
    await act(["Slow client", "c"]);
    await told(page, balancer, "Sent a slow client", /^✓ Nothing: 1 request, answered\.$/);
    await act(["Garbage", "g"]);
    await told(page, balancer, "Sent garbage", /^✓ Nothing\. 8 that had to be refused were\.$/);
    await newest(page, ".why").filter({ hasText: "8 requests were turned down before a backend heard of them" }).waitFor();
    assert.equal(await page.locator("#demo .log li").count(), 3);
  });
}

scenario("where nobody is left, the demo does not say that nobody noticed", async (stage) => {
  const { balancer, page } = await theDemo(stage);
  await page.keyboard.press("l");
  for (const key of ["1", "2"]) {
    await page.keyboard.press(key);
    await page.keyboard.press("k");
    await page.locator(`#demo .choose > div:nth-child(${key})[data-manner=killed]`).waitFor();
  }
  await told(page, balancer, "Killed backend-2", /^✗ [\d,]+ of [\d,]+ requests? failed, [\d,]+ were answered\./);
  const colours = await page.locator("#demo .log .clients").evaluateAll((all) => Object.fromEntries(all.map((it) => [it.textContent[0], getComputedStyle(it).color])));
  assert.equal(colours["✗"], await page.locator("#demo [data-manner=killed] b").first().evaluate((it) => getComputedStyle(it).color));
  await page.locator("#requests tbody[data-bad]", { hasText: "no backend" }).filter({ hasText: "nobody" }).first().waitFor();
  await page.locator("#headline", { hasText: "0 of 2 backends serve: backend-1 is down, backend-2 is down." }).waitFor();
  await page.locator("#figures > [data-bad]", { hasText: "Errors" }).waitFor();
  assert.equal(await page.title(), "2 out · evenkeel");
  stage.expects(/400/);
  await page.keyboard.press("s");
  await page.locator("#demo .wrong", { hasText: "backend-2 is killed: restart it first" }).waitFor();
});

scenario("orders of an operator change what the demo's backends get", async (stage) => {
  const { balancer, page } = await theDemo(stage);
  const [one, two] = (await balancer.demo()).backends.map((backend) => backend.address);
  const share = (address, words) => row(page, address).locator("[data-of=Share]", { hasText: words }).waitFor();
  const order = async (name, yes, fill = async () => {}) => {
    await row(page, one).getByRole("button", { name: `${name} backend-1` }).click();
    await fill();
    await page.locator("dialog[open]").getByRole("button", { name: yes, exact: true }).click();
    await page.locator("dialog").waitFor({ state: "detached" });
  };
  await page.keyboard.press("l");
  await share(one, /^(49|50|51)\.\d % of 50\.0 %$/);
  await order("Drain", "Cancel");
  await stateOf(page, one, "up");
  await order("Drain", "Drain it");
  await stateOf(page, one, "draining");
  await row(page, one).locator(".cause", { hasText: "an operator drains it" }).waitFor();
  await share(one, /^0 % of 0 %$/);
  await share(two, /^100 % of 100 %$/);
  await order("Enable", "Enable it");
  await stateOf(page, one, "up");
  await order("Weight of", "Set it", () => page.getByLabel("Weight, from 0 to 256").fill("3"));
  await share(one, /^7[456]\.\d % of 75\.0 %$/);
  await newest(page, ".clients").filter({ hasText: /^✓ Nothing/ }).waitFor();
});

scenario("the loop is watched as the demo's clients ask and a backend hangs", async (stage) => {
  const { balancer, page } = await theDemo(stage);
  await page.keyboard.press("l");
  await page.locator("[data-act=load][aria-pressed=true]").waitFor();
  await page.keyboard.press("x");
  await live(page);
  stage.expects(/404/); // of a slot whose socket was closed meanwhile
  await until(async () => Number(await figure(page, "Requests")) > 0);
  await until(async () => Number(await figure(page, "Calls per request")) > 0);
  await until(async () => /worked [\d.]+ % of the time/.test(await text(page, "#turns-words")));

  // One that has asked already since somebody watches.
  const idle = () => page.locator("#grid button[aria-label$='client, idle']").evaluateAll((cells) => cells.map((cell) => cell.dataset.slot));
  const asks = async (slot) => {
    const seen = await (await fetch(`${balancer.pages}/api/loop/${slot}`)).json().catch(() => null);
    return seen?.phases?.some(([phase]) => phase === "awaiting");
  };
  const busy = await until(async () => {
    for (const slot of await idle()) if (await asks(slot)) return slot;
    return null;
  });
  await page.locator(`#grid button[data-slot='${busy}']`).click();
  await page.locator("#detail-title", { hasText: new RegExp(`^Slot ${busy}$`) }).waitFor();
  await page.locator("#detail .facts div", { hasText: "Client" }).filter({ hasText: /127\.0\.0\.1:\d+/ }).waitFor();
  await page.locator("#detail .facts div", { hasText: "Deadline" }).filter({ hasText: /in [\d.]+ m?s/ }).waitFor();
  for (const phase of ["idle", "awaiting"]) await page.locator("#detail .steps li", { hasText: phase }).first().waitFor();
  const lasted = await page.locator("#detail .steps li span").allInnerTexts();
  assert.ok(lasted.every((words) => /^(since \d+ s|[\d.]+ m?s)$/.test(words)), lasted.join(", "));

  // What is told of it is filled in, not drawn anew: whoever reads it is not thrown off.
  await page.locator("#detail .facts div").first().evaluate((it) => (it.dataset.kept = "yes"));
  const steps = () => page.locator("#detail .steps").innerText();
  const then = await steps();
  await until(async () => (await steps()) !== then);
  assert.equal(await page.locator("#detail .facts [data-kept]").count(), 1);
  await page.locator("#detail .steps a").first().click();
  await page.locator("#glossary div:target dt").waitFor();

  // With both hanging, somebody always waits for an answer, and an upstream for the one who asked.
  for (const backend of ["backend-1", "backend-2"]) await balancer.act({ do: "hang", backend });
  await page.locator("#grid button[aria-label$='client, awaiting']").first().waitFor();
  const upstream = page.locator("#grid button[data-owner=upstream]").first();
  await upstream.waitFor();
  await until(async () => {
    if (await upstream.count()) await upstream.evaluate((cell) => cell.click());
    const told = await text(page, "#detail");
    return /upstream of session/.test(told) && /Bytes\s+[1-9]\d* B to the backend/.test(told) && /awaiting/.test(told);
  });
  await until(async () => /[1-9]/.test(await page.locator("#letters li", { hasText: "awaiting" }).locator("b").last().innerText()));
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
