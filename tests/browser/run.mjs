// Has a real browser look at the pages: node run.mjs, with EVENKEEL the binary and CHROMIUM the browser. SHOTS names a folder
// for pictures of each page, PICTURES one for those that the README shows, and nothing else is done then. The arguments, if there
// are any, choose scenarios by a part of their name.

import { play } from "./stage.mjs";

if (process.env.PICTURES) {
  await import("./pictures.mjs");
} else {
  for (const name of ["dashboard", "line", "loop", "demo", "looks"]) await import(`./${name}.mjs`);
}
process.exit((await play(process.argv.slice(2))) ? 0 : 1);
