// What both pages share: elements, the stream of updates, the token, the theme, dialogs and keys; and numbers as text, from
// numbers.js. No page is drawn here: see dashboard.js and loop.js.

export * from "/assets/numbers.js";

export const $ = (id) => document.getElementById(id);

/** An element: `h("td", {class: "num"}, "5")`. `on…` are listeners; what is null or false is left out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** An SVG element. */
export function svg(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Says `text`, and touches nothing if it is said already: screen readers and selections stay where they are. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Sets an attribute likewise; null takes it away. */
export function mark(element, name, value) {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/**
 * Makes the children of `parent` those of `items`, in order: `make(item)` builds one, `update(element, item)` fills it in.
 * Elements are kept by `key(item)` and moved only where they have to be, so that focus is not lost.
 */
export function keyed(parent, items, key, make, update) {
  const known = (parent.known ??= new Map());
  const wanted = new Set(items.map(key));
  for (const [name, element] of known) {
    if (wanted.has(name)) continue;
    element.remove();
    known.delete(name);
  }
  const ours = new Set(known.values());
  let at = parent.firstElementChild;
  while (at && !ours.has(at)) at = at.nextElementSibling; // such as the head of a table
  for (const item of items) {
    let element = known.get(key(item));
    if (!element) known.set(key(item), (element = make(item)));
    if (element === at) at = at.nextElementSibling;
    else parent.insertBefore(element, at);
    update(element, item);
  }
}

// ---- what is kept in the browser; a browser may refuse to ----

function kept(storage, key) {
  try { return storage().getItem(key); } catch { return null; }
}

function keep(storage, key, value) {
  try {
    if (value === null) storage().removeItem(key);
    else storage().setItem(key, value);
  } catch { /* then for this page only */ }
}

const forever = () => localStorage;
const thisTab = () => sessionStorage;

// ---- asking the balancer ----

let token = kept(thisTab, "token");

/** A request to the API, with the token if one is known. */
export function ask(path, options = {}) {
  const headers = { ...options.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  return fetch(path, { ...options, headers, cache: "no-store" });
}

/** Tells the API something; what it answers as text if it refuses is thrown as an error. */
export async function tell(path, wish) {
  const answer = await ask(path, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(wish),
  });
  if (answer.ok) return answer.json();
  if (answer.status === 401) void wantToken(true);
  throw new Error((await answer.text()).trim() || `it answered ${answer.status}`);
}

const LONGEST_PAUSE = 10;
const SILENCE = 6000; // updates come once a second; so long without one, and the connection is lost, whatever TCP says

/**
 * Hands every update of `/api/events?of=…` to `onFrame` as long as the page is seen. What becomes of the connection is
 * shown in the bar. `EventSource` would do the same but for the token, which it cannot send.
 */
export function watch(of, onFrame) {
  let pause = 1;
  let current = null;
  let retry = null;

  async function run() {
    stop();
    const mine = (current = new AbortController());
    showLink("wait", "connecting");
    const late = setTimeout(() => mine.abort(new Error("it does not answer")), SILENCE);
    try {
      const answer = await ask(`/api/events?of=${of}`, { signal: mine.signal });
      clearTimeout(late);
      if (mine !== current) return;
      if (answer.status === 401) return await unknown(mine);
      if (!answer.ok) throw new Error(`it answered ${answer.status}`);
      await read(answer.body.getReader(), mine);
      throw new Error("it closed the connection");
    } catch (error) {
      clearTimeout(late);
      if (mine !== current) return; // hidden meanwhile, or begun anew
      mine.abort();
      lost(error);
    }
  }

  async function read(reader, mine) {
    const decoder = new TextDecoder();
    let text = "";
    let timer = null;
    const awake = () => {
      clearTimeout(timer);
      timer = setTimeout(() => mine.abort(new Error("it fell silent")), SILENCE);
    };
    try {
      for (;;) {
        awake();
        const { value, done } = await reader.read();
        if (done || mine !== current) return;
        const parts = (text + decoder.decode(value, { stream: true })).split("\n\n");
        text = parts.pop();
        const all = parts.map(data).filter((one) => one !== undefined);
        if (all.length === 0) continue;
        for (const one of all) {
          try { onFrame(JSON.parse(one)); } catch (error) { reportError(error); } // a fault of the page is none of the line
        }
        pause = 1;
        fresh = new Date();
        showLink("live", "live");
      }
    } finally {
      clearTimeout(timer);
    }
  }

  /** Asks for the token; who does not want to tell it now is left a way to. */
  async function unknown(mine) {
    showLink("lost", "token wanted");
    const told = await wantToken(token !== null);
    if (mine !== current) return;
    if (told) run();
    else showLink("lost", "token wanted", { words: "Nothing can be shown without the token.", again: ["Give the token", run] });
  }

  const data = (part) => part.split("\n").find((line) => line.startsWith("data:"))?.slice(5);

  function lost(error) {
    let left = pause;
    pause = Math.min(LONGEST_PAUSE, pause * 1.6);
    const tick = () => {
      if (left <= 0) return run();
      showLink("lost", "connection lost", { words: `Connection to the balancer lost (${error.message}). ${howOld()}`, wait: `Trying again in ${Math.ceil(left)}\u00a0s.`, again: ["Try now", run] });
      left -= 1;
      retry = setTimeout(tick, Math.min(1, left + 1) * 1000);
    };
    tick();
  }

  function stop() {
    clearTimeout(retry);
    const mine = current;
    current = null;
    mine?.abort();
  }

  document.addEventListener("visibilitychange", () => {
    stop();
    if (document.hidden) showLink("wait", "paused");
    else run();
  });
  window.addEventListener("pagehide", stop);
  window.addEventListener("pageshow", (event) => event.persisted && run());
  if (!document.hidden) run();
}

// ---- the bar, the state of the connection, what is announced ----

const bar = { link: null, words: null, banner: null, alert: null, wait: null, again: null, voice: null };
let fresh = null; // when the last update came

const howOld = () => (fresh ? `What is shown is as it was at ${fresh.toLocaleTimeString("en-GB")}.` : "Nothing has come yet.");

export function drawFrame(page, keys) {
  const link = (name, path, words) => h("a", { href: path, "aria-current": name === page ? "page" : null }, words);
  bar.words = h("span", {}, "connecting");
  bar.link = h("p", { class: "link", "data-is": "wait" }, h("i", { "aria-hidden": "true" }), bar.words);
  bar.alert = h("span", { role: "alert" });
  bar.wait = h("span"); // counts down, which nobody wants to be read
  bar.again = h("button", { type: "button" });
  bar.banner = h("p", { class: "banner", hidden: true }, bar.alert, " ", bar.wait, " ", bar.again);
  bar.voice = h("p", { class: "unseen", role: "status", "aria-live": "polite" });
  const theme = h("button", { class: "quiet", type: "button", onclick: turnTheme, id: "theme" }, "");
  const help = h("button", { class: "quiet", type: "button", onclick: () => showKeys(), "aria-label": "Keyboard shortcuts" }, "?");
  $("bar").append(
    h("a", { class: "brand", href: "/", "aria-label": "evenkeel, to the dashboard" }, emblem(), h("span", {}, "evenkeel")),
    h("nav", { "aria-label": "Pages" }, link("dashboard", "/", "Dashboard"), link("loop", "/loop", "Loop")),
    bar.link, theme, help, bar.banner,
  );
  $("bar").after(bar.voice);
  nameTheme();
  listen(page, keys);
}

function emblem() {
  const path = svg("path", { d: "M3 9h18M5 9a7 7 0 0 0 14 0M12 16v5" });
  return svg("svg", { viewBox: "0 0 24 24", width: 22, height: 22, class: "emblem", "aria-hidden": "true" }, path);
}

/** What was shown before is old until the line is live; while one tries again, the banner stays as it is. */
function showLink(is, words, banner = null) {
  bar.link.dataset.is = is;
  say(bar.words, words);
  document.body.classList.toggle("stale", is !== "live" && fresh !== null);
  if (is === "wait") return;
  bar.banner.hidden = !banner;
  say(bar.alert, banner?.words ?? "");
  say(bar.wait, banner?.wait ?? "");
  bar.again.hidden = !banner?.again;
  [bar.again.textContent, bar.again.onclick] = banner?.again ?? ["", null];
}

/** Has a screen reader say it, once it is done with what it says. For changes of state only. */
export const announce = (text) => say(bar.voice, text);

// ---- the theme ----

const systemIsDark = matchMedia("(prefers-color-scheme: dark)");
export const isDark = () => (document.documentElement.dataset.theme ?? (systemIsDark.matches ? "dark" : "light")) === "dark";
const onTheme = [];
export const whenThemeTurns = (act) => onTheme.push(act);

function turnTheme() {
  const next = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = next;
  keep(forever, "theme", next);
  themeTurned();
}

function nameTheme() {
  const [now, next] = isDark() ? ["Dark", "light"] : ["Light", "dark"];
  say($("theme"), now);
  mark($("theme"), "aria-label", `${now} theme, switch to ${next}`);
}

function themeTurned() {
  nameTheme();
  onTheme.forEach((act) => act());
}

systemIsDark.addEventListener("change", themeTurned);

/** A colour of style.css. */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

// ---- dialogs ----

let dialogs = 0;

/**
 * Asks in a dialog. `act` gets the form's values and may throw: what it says is shown, and the dialog stays. Resolves to
 * whether it was done.
 */
export function confirm({ title, words = [], fields = [], yes, act, danger = false }) {
  return new Promise((done) => {
    const id = `dialog-${(dialogs += 1)}`; // one may open above another, to ask for the token
    const wrong = h("p", { class: "wrong", role: "alert" });
    const go = h("button", { class: danger ? "danger" : "primary", type: "submit" }, yes);
    const form = h("form", {},
      h("h2", { id }, title), words.map((line) => h("p", {}, line)), fields, wrong,
      h("div", { class: "choices" }, h("button", { type: "button", onclick: () => dialog.close() }, "Cancel"), go));
    const dialog = h("dialog", { "aria-labelledby": id }, form);
    let said = false;
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      go.disabled = true;
      say(wrong, "");
      try {
        await act(Object.fromEntries(new FormData(form)));
        said = true;
        dialog.close();
      } catch (error) {
        say(wrong, error.message);
        go.disabled = false;
      }
    });
    const before = document.activeElement;
    dialog.addEventListener("close", () => {
      dialog.remove();
      before?.focus?.();
      done(said);
    });
    document.body.append(dialog);
    dialog.showModal();
    (form.querySelector("input") ?? go).focus();
  });
}

let asking = null;

/** Asks for the token, once at a time. */
function wantToken(refused) {
  const field = h("input", { id: "token", name: "token", type: "password", required: true, autocomplete: "off", spellcheck: "false" });
  asking ??= confirm({
    title: "This balancer wants a token",
    words: [
      refused ? "The token that was given is not the one." : "It is what admin.token or admin.token_file in its configuration says.",
      "It is kept in this tab until the tab is closed.",
    ],
    fields: [h("label", { for: "token" }, "Token"), field],
    yes: "Go on",
    act: async ({ token: said }) => {
      const answer = await fetch("/api/backends", { headers: { Authorization: `Bearer ${said.trim()}` }, cache: "no-store" });
      if (answer.status === 401) throw new Error("That is not the token.");
      token = said.trim();
      keep(thisTab, "token", token);
    },
  }).finally(() => (asking = null));
  return asking;
}

// ---- keys ----

let single = kept(forever, "keys") !== "off";
let listed = [];

function listen(page, keys) {
  listed = [
    ["?", "shows these keys", () => showKeys()],
    ["t", "turns light into dark and back", turnTheme],
    ["d", "goes to the dashboard", () => page !== "dashboard" && location.assign("/")],
    ["x", "goes to the loop, as by X-ray", () => page !== "loop" && location.assign("/loop")],
    ...keys,
  ];
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || document.querySelector("dialog[open]")) return;
    if (event.target.closest?.("input:not([type=radio]):not([type=checkbox]), textarea, select")) return;
    if (!single && event.key !== "?") return;
    const found = listed.find(([key, , act]) => act && key === event.key);
    if (!found) return;
    event.preventDefault();
    found[2]();
  });
}

/** More keys, from now on. */
export function addKeys(keys) {
  listed.push(...keys);
}

function showKeys() {
  const rows = listed.map(([key, words]) => h("div", {}, h("dt", {}, h("kbd", {}, key)), h("dd", {}, words)));
  const box = h("input", { type: "checkbox", id: "single", name: "single", onchange: (event) => {
    single = event.target.checked;
    keep(forever, "keys", single ? null : "off");
  } });
  box.checked = single;
  const close = h("button", { class: "primary", type: "button", onclick: () => dialog.close() }, "Close");
  const dialog = h("dialog", { "aria-labelledby": "keys-title" },
    h("h2", { id: "keys-title" }, "Keys"),
    h("dl", { class: "keys", tabindex: 0 }, rows),
    h("p", { class: "check" }, box, h("label", { for: "single" }, "Single keys do this; off, only ? does")),
    h("div", { class: "choices" }, close));
  const before = document.activeElement;
  dialog.addEventListener("close", () => {
    dialog.remove();
    before?.focus?.();
  });
  document.body.append(dialog);
  dialog.showModal();
  close.focus();
}
