// What the pages are shown of: the built binary as a process, backends of our own that die and return, and clients that
// ask. Everything listens where the system lets it, and nothing is waited for but conditions.

import { spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const HOST = "127.0.0.1";
export const nap = (millis = 50) => new Promise((go) => setTimeout(go, millis));

/** Asks until `holds` gives something true; the test's own deadline ends it if it never does. */
export async function until(holds) {
  for (;;) {
    const found = await holds();
    if (found) return found;
    await nap();
  }
}

/** A backend that answers, and can be killed. */
export class Backend {
  constructor() {
    this.port = 0;
    this.sockets = new Set();
    this.status = 200;
  }

  /** What the balancer calls it. */
  get name() {
    return `${HOST}:${this.port}`;
  }

  async start() {
    this.server = http.createServer((_, answer) => {
      answer.statusCode = this.status;
      answer.end("hello");
    });
    this.server.on("connection", (socket) => {
      this.sockets.add(socket);
      socket.on("close", () => this.sockets.delete(socket));
    });
    await until(async () => {
      this.server.listen(this.port, HOST);
      return Promise.race([once(this.server, "listening").then(() => true), once(this.server, "error").then(() => false)]);
    });
    this.port = this.server.address().port;
    return this;
  }

  async kill() {
    const closed = once(this.server, "close");
    this.server.close();
    this.sockets.forEach((socket) => socket.resetAndDestroy());
    await closed;
  }
}

/** The binary with these arguments, once it listens. */
export class Balancer {
  static async start(args, environment = {}) {
    const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("EVENKEEL_")));
    const balancer = new Balancer();
    balancer.child = spawn(process.env.EVENKEEL, args, { stdio: ["ignore", "ignore", "pipe"], env: { ...own, ...environment } });
    balancer.lines = "";
    balancer.child.stderr.on("data", (bytes) => (balancer.lines += bytes));
    balancer.ended = once(balancer.child, "exit").then(() => (balancer.over = true));
    await until(() => balancer.over || (balancer.port(false) && balancer.port(true)));
    if (balancer.over) throw new Error(`the balancer ended: ${balancer.lines}`);
    return balancer;
  }

  /** The port of its admin listener, or of the other. */
  port(admin) {
    const lines = this.lines.split("\n").slice(0, -1).filter((line) => line.includes("listening on"));
    const line = lines.find((one) => one.includes("(admin") === admin);
    return Number(line?.match(/127\.0\.0\.1:(\d+)/)?.[1] ?? 0);
  }

  get pages() {
    return `http://${HOST}:${this.port(true)}`;
  }

  async state(token) {
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    return (await fetch(`${this.pages}/api/state`, { headers })).json();
  }

  async backend(name) {
    return (await this.state()).pools[0].backends.find((one) => one.name === name);
  }

  /** What the demo says of itself. */
  async demo() {
    return (await fetch(`${this.pages}/api/demo`)).json();
  }

  /** Does something in the demo. */
  async act(wish) {
    const answer = await fetch(`${this.pages}/api/demo`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(wish) });
    if (!answer.ok) throw new Error(await answer.text());
  }

  async stop() {
    this.child.kill("SIGKILL");
    await this.ended;
  }
}

/** A balancer before these backends, by this configuration besides. */
export async function before(backends, { top = "", admin = `${HOST}:0`, pool = "" } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "evenkeel-pages-"));
  const file = join(folder, "evenkeel.toml");
  const list = backends.map((backend) => `"${backend.name}"`);
  writeFileSync(file, `admin = "${admin}"\n${top}\n[listener.web]\nbind = "${HOST}:0"\npool = "app"\n[pool.app]\nbackends = [${list.join(", ")}]\n`
    + `health = { kind = "http", path = "/", interval = "100ms", timeout = "1s", rise = 1, fall = 2 }\n${pool}\n`);
  try {
    return await Balancer.start(["-c", file]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The demo, on four ports that were free a moment ago. */
export async function demo() {
  for (;;) {
    const base = await freePorts(4);
    try {
      return await demoAt(base);
    } catch (error) {
      if (!error.message.includes("cannot listen")) throw error; // somebody was quicker
    }
  }
}

/** The demo on these four ports. */
export async function demoAt(base) {
  return Object.assign(await Balancer.start(["demo", "--port-base", String(base)]), { base });
}

async function freePorts(count) {
  for (;;) {
    const base = 20000 + Math.floor(Math.random() * 10000);
    const free = await Promise.all(Array.from({ length: count }, (_, at) => isFree(base + at)));
    if (free.every(Boolean)) return base;
  }
}

async function isFree(port) {
  const server = net.createServer().listen(port, HOST);
  const free = await Promise.race([once(server, "listening").then(() => true), once(server, "error").then(() => false)]);
  if (free) await once(server.close(), "close");
  return free;
}

/** Clients that ask all the time, until they are stopped. */
export function load(balancer) {
  let on = true;
  const agent = new http.Agent({ keepAlive: true, maxSockets: 2 });
  const one = () => new Promise((done) => {
    const request = http.get({ host: HOST, port: balancer.port(false), path: "/", agent }, (answer) => answer.resume().on("end", done));
    request.on("error", done);
  });
  const asking = (async () => {
    while (on) await Promise.all([one(), one(), nap(10)]);
  })();
  return async () => {
    on = false;
    await asking;
    agent.destroy();
  };
}
