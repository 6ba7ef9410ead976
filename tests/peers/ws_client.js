#!/usr/bin/env node
// A WebSocket client made with npm `ws`: talks to websocket_server.py through an address and says what held.
//
//   NODE_PATH=target/node/node_modules node ws_client.js HOST:PORT [--only WORD,...] [--prefix /path]
"use strict";

const assert = require("node:assert/strict");
const { randomBytes } = require("node:crypto");
const { once } = require("node:events");
const WebSocket = require("ws");
const { Verdicts, options, within } = require("./verdict.js");

const PATIENCE = 15;
const given = options(process.argv.slice(2));
const verdicts = new Verdicts("ws_client", 60, given.only);

/** An open connection with what it heard so far. */
class Link {
  static async to(path, settings = {}, protocols = []) {
    const link = new Link(path, settings, protocols);
    await within(PATIENCE, "the opening", once(link.socket, "open"));
    return link;
  }

  constructor(path, settings, protocols) {
    const url = `ws://${given._[0]}${given.prefix ?? ""}${path}`;
    this.socket = new WebSocket(url, protocols, { perMessageDeflate: false, maxPayload: 1 << 26, ...settings });
    this.heard = [];
    this.waiting = [];
    // Listens from the first moment: a server may speak in the same breath as its 101.
    this.socket.on("message", (data, binary) => {
      const message = binary ? data : data.toString();
      const next = this.waiting.shift();
      if (next) next(message);
      else this.heard.push(message);
    });
    this.closed = new Promise((resolve) => {
      this.socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() }));
    });
    this.socket.on("error", () => {});
  }

  hear() {
    const next = this.heard.length ? Promise.resolve(this.heard.shift()) : new Promise((r) => this.waiting.push(r));
    return within(PATIENCE, "a message", next);
  }

  async echoes(message) {
    this.socket.send(message);
    const got = await this.hear();
    const same = typeof message === "string" ? got === message : Buffer.compare(got, message) === 0;
    assert(same, `a message of ${message.length} came back different`);
  }

  end() {
    return within(PATIENCE, "the close", this.closed);
  }

  async close(code, reason) {
    this.socket.close(code, reason);
    return this.end();
  }
}

const CASES = {
  async "messages: text and binary"() {
    const link = await Link.to("/echo");
    for (const message of ["hello", "", "gr\u00fc\u00dfe \u20ac \u{1f6aa}", randomBytes(256), Buffer.alloc(0)]) {
      await link.echoes(message);
    }
    await link.close(1000);
  },

  async "messages: every length"() {
    const link = await Link.to("/echo");
    for (const length of [125, 126, 127, 65535, 65536, 65537, 1 << 20, 8 << 20]) await link.echoes(randomBytes(length));
    await link.close(1000);
  },

  async "messages: in fragments"() {
    const link = await Link.to("/echo");
    const parts = ["frag", "men", "", "ted \u20ac"];
    parts.forEach((part, at) => link.socket.send(part, { binary: false, fin: at === parts.length - 1 }));
    assert.equal(await link.hear(), parts.join(""));
    await link.close(1000);
  },

  async "messages: 1000, not waiting"() {
    const link = await Link.to("/echo");
    for (let turn = 0; turn < 1000; turn += 1) link.socket.send(`message ${turn}`);
    for (let turn = 0; turn < 1000; turn += 1) assert.equal(await link.hear(), `message ${turn}`);
    await link.close(1000);
  },

  async "messages: compressed"() {
    const link = await Link.to("/echo", { perMessageDeflate: { threshold: 0 } });
    assert.match(link.socket.extensions, /permessage-deflate/);
    for (const message of ["hello", "hello", "", "again and again ".repeat(20000), randomBytes(100000)]) {
      await link.echoes(message);
    }
    await link.close(1000);
  },

  async "control: pings"() {
    const link = await Link.to("/echo");
    for (const payload of [Buffer.alloc(0), Buffer.from("x"), randomBytes(125)]) {
      const pong = once(link.socket, "pong");
      link.socket.ping(payload);
      const [got] = await within(PATIENCE, "a pong", pong);
      assert.equal(Buffer.compare(got, payload), 0);
    }
    await link.close(1000);
  },

  async "control: a ping of the server"() {
    const link = await Link.to("/ping");
    assert.equal(await link.hear(), "pong seen");
    await link.close(1000);
  },

  async "end: closed by the client"() {
    for (const [code, reason] of [[1000, ""], [1001, "leaving"], [3000, "x".repeat(123)], [4999, "gr\u00fc\u00dfe"]]) {
      const link = await Link.to("/echo");
      await link.echoes("before");
      assert.deepEqual(await link.close(code, reason), { code, reason });
    }
  },

  async "end: closed by the server"() {
    for (const [code, reason] of [[1000, ""], [1001, "restart"], [1011, "oh"], [4002, "bye"]]) {
      const link = await Link.to(`/close?code=${code}&reason=${reason}`);
      link.socket.send("now");
      assert.deepEqual(await link.end(), { code, reason });
    }
  },

  async "end: torn by the server"() {
    const link = await Link.to("/drop");
    link.socket.send("now");
    assert.equal((await link.end()).code, 1006);
  },

  async "opening: the server speaks at once"() {
    for (let turn = 0; turn < 10; turn += 1) {
      const link = await Link.to("/at-once");
      assert.equal(await link.hear(), "welcome");
      await link.close(1000);
    }
  },

  async "opening: subprotocols"() {
    for (const [offered, chosen] of [[["chat.v1", "chat.v2"], "chat.v2"], [["chat.v1"], "chat.v1"]]) {
      const link = await Link.to("/echo", {}, offered);
      assert.equal(link.socket.protocol, chosen);
      await link.echoes("hello");
      await link.close(1000);
    }
  },

  async "opening: the request arrives"() {
    const link = await Link.to("/request?a=b&c=%20d", { headers: { "X-Custom": "kept" }, origin: "http://app.example" });
    const seen = JSON.parse(await link.hear());
    const fields = Object.fromEntries(seen.headers.map(([name, value]) => [name.toLowerCase(), value]));
    assert.equal(seen.path, "/request?a=b&c=%20d");
    assert.equal(fields["x-custom"], "kept");
    assert.equal(fields.origin, "http://app.example");
    await link.close(1000);
  },

  async "opening: refused by the server"() {
    const link = new Link("/refuse", {}, []);
    const [, answer] = await within(PATIENCE, "an answer", once(link.socket, "unexpected-response"));
    let body = "";
    for await (const chunk of answer) body += chunk;
    assert.deepEqual([answer.statusCode, body], [403, "not you\n"]);
  },

  async "load: 100 connections"() {
    const one = async (number) => {
      const link = await Link.to("/echo");
      for (let turn = 0; turn < 5; turn += 1) await link.echoes(`${number} ${turn}`);
      await link.close(1000);
    };
    await Promise.all(Array.from({ length: 100 }, (_, number) => one(number)));
  },

  async "flow: 16 MiB both ways"() {
    const link = await Link.to("/echo");
    const chunk = randomBytes(256 * 1024);
    for (let turn = 0; turn < 64; turn += 1) link.socket.send(chunk);
    for (let turn = 0; turn < 64; turn += 1) assert.equal(Buffer.compare(await link.hear(), chunk), 0);
    await link.close(1000);
  },
};

(async () => {
  for (const [name, attempt] of Object.entries(CASES)) await verdicts.run(name, attempt);
  verdicts.finish();
})();
