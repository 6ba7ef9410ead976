#!/usr/bin/env node
// A browser's WebSocket: a page that the gateway serves opens one through the gateway, to websocket_server.py.
//
//   NODE_PATH=target/node/node_modules node browser.js http://HOST:PORT [--page /page] [--prefix /ws] [--chromium FILE]
//
// The page is whatever the address answers with at `--page`; only its origin matters.
"use strict";

const assert = require("node:assert/strict");
const { chromium } = require("playwright-core");
const { Verdicts, options } = require("./verdict.js");

const given = options(process.argv.slice(2));
const verdicts = new Verdicts("browser", 60, given.only);
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** In the page: opens a socket, sends what it is told to, and tells everything it heard until it has it all. */
function talk({ path, protocols, says, hears, code, reason }) {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://${location.host}${path}`, protocols);
    const heard = [];
    socket.binaryType = "arraybuffer";
    setTimeout(() => reject(new Error(`only ${JSON.stringify(heard)} was heard`)), 15000);
    socket.onopen = () => {
      for (const message of says) socket.send(Array.isArray(message) ? new Uint8Array(message) : message);
      if (says.length === 0 && hears === 0) socket.close(code, reason);
    };
    socket.onmessage = ({ data }) => {
      heard.push(typeof data === "string" ? data : [...new Uint8Array(data)]);
      if (heard.length === hears && code) socket.close(code, reason);
    };
    socket.onclose = (end) => {
      const { protocol, extensions } = socket;
      resolve({ heard, code: end.code, reason: end.reason, clean: end.wasClean, protocol, extensions });
    };
  });
}

(async () => {
  const browser = await chromium.launch({ executablePath: given.chromium ?? "/usr/bin/chromium", args: FLAGS });
  const page = await browser.newPage();
  await verdicts.run("the page is served", async () => {
    const answer = await page.goto(given._[0] + (given.page ?? "/"));
    assert.equal(answer.status(), 200);
  });
  const ask = (path, what) =>
    page.evaluate(talk, { path: (given.prefix ?? "") + path, protocols: [], says: [], hears: 0, ...what });

  await verdicts.run("text and binary come back", async () => {
    const says = ["hello", "", "gr\u00fc\u00dfe \u20ac \u{1f6aa}", [0, 1, 2, 255], []];
    const seen = await ask("/echo", { says, hears: says.length, code: 1000, reason: "done" });
    assert.deepEqual([seen.heard, seen.code, seen.reason, seen.clean], [says, 1000, "done", true]);
    return seen.extensions;
  });
  await verdicts.run("a long message comes back", async () => {
    const long = "a browser compresses this ".repeat(40000);
    const seen = await ask("/echo", { says: [long], hears: 1, code: 1000 });
    assert(seen.heard[0] === long, "it came back different");
  });
  await verdicts.run("a code and a reason of the page", async () => {
    const seen = await ask("/echo", { says: ["x"], hears: 1, code: 4567, reason: "gr\u00fc\u00dfe" });
    assert.deepEqual([seen.code, seen.reason, seen.clean], [4567, "gr\u00fc\u00dfe", true]);
  });
  await verdicts.run("a code and a reason of the server", async () => {
    const seen = await ask("/close?code=4002&reason=bye", { says: ["x"], hears: 0 });
    assert.deepEqual([seen.code, seen.reason, seen.clean], [4002, "bye", true]);
  });
  await verdicts.run("a connection that is torn", async () => {
    const seen = await ask("/drop", { says: ["x"], hears: 0 });
    assert.deepEqual([seen.code, seen.clean], [1006, false]);
  });
  await verdicts.run("a subprotocol", async () => {
    const seen = await ask("/echo", { protocols: ["chat.v1", "other"], says: ["x"], hears: 1, code: 1000 });
    assert.equal(seen.protocol, "chat.v1");
  });
  await verdicts.run("the server speaks at once", async () => {
    const seen = await ask("/at-once", { says: [], hears: 1, code: 1000 });
    assert.deepEqual(seen.heard, ["welcome"]);
  });
  await verdicts.run("the origin arrives", async () => {
    const seen = await ask("/request", { says: [], hears: 1, code: 1000 });
    const fields = Object.fromEntries(JSON.parse(seen.heard[0]).headers.map(([name, value]) => [name.toLowerCase(), value]));
    assert.equal(fields.origin, new URL(given._[0]).origin);
  });
  await verdicts.run("a refusal of the server", async () => {
    const seen = await ask("/refuse", {});
    assert.deepEqual([seen.code, seen.clean], [1006, false]);
  });
  await browser.close();
  verdicts.finish();
})().catch((fault) => {
  verdicts.failed.push("the browser");
  process.stderr.write(`${fault.stack}\n`);
  verdicts.finish(2);
});
