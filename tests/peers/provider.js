#!/usr/bin/env node
// An OpenID provider made with npm `oidc-provider`, with a second port that changes its keys and spoils its answers.
//
//   NODE_PATH=target/node/node_modules node provider.js [--now MILLISECONDS] [--host 127.0.0.1] [--while-stdin]
//
// Its clock stands at `--now`. The client `service` with the secret `secret` gets access tokens by client credentials:
// of the resource `urn:token:ALG` signed ones, without a resource opaque ones, which `gateway` may introspect.
//
// The second port takes POST:
//   /keys/add     sign with new keys and publish them before the older ones
//   /keys/retire  publish the newest alone
//   /mode/WORD    what the metadata, the keys and introspection answer from now on: good, hang, 500, garbage, huge,
//                 redirect, empty, foreign (metadata of another issuer), strange (one key of an unknown kind more)
//   /die, /return stop listening and drop every connection; listen on the same port again
//   /id-token/nonce, /id-token/hash   an ID token as a login gives it out, as text
// and GET /seen: how often each path was asked for.
"use strict";

// Its advice is for operators, and the first line is ours.
console.info = console.warn = console.log = (...words) => console.error(...words);

const { generateKeyPairSync, randomUUID } = require("node:crypto");
const { createServer } = require("node:http");
const { Provider } = require("oidc-provider");
const { options } = require("./verdict.js");

const whileStdin = process.argv.includes("--while-stdin");
const given = options(process.argv.slice(2).filter((word) => word !== "--while-stdin"));
const now = Number(given.now ?? Date.now());
const host = given.host ?? "127.0.0.1";
const AUDIENCE = "api://orders";
/** Longer than a key set may be used that nobody could fetch again. */
const LIFETIME = 3 * 24 * 60 * 60;

/** The time of the test that started this. */
globalThis.Date = class extends Date {
  constructor(...given) {
    super(...(given.length ? given : [now]));
  }

  static now() {
    return now;
  }
};

const KINDS = {
  RS256: ["rsa", { modulusLength: 2048 }],
  PS256: ["rsa", { modulusLength: 2048 }],
  ES256: ["ec", { namedCurve: "P-256" }],
  EdDSA: ["ed25519", {}],
};

/** The two of RSA, each with a name of its own, share their numbers: those take seconds to find on a busy machine. */
function makeKeys() {
  const numbers = {};
  return Object.entries(KINDS).map(([alg, [kind, settings]]) => {
    numbers[kind] ??= generateKeyPairSync(kind, settings).privateKey.export({ format: "jwk" });
    return { ...numbers[kind], alg, use: "sig", kid: `${alg}-${randomUUID()}` };
  });
}

/** Where tokens are that say nothing themselves; changed keys do not touch it. */
class Store {
  static all = new Map();

  constructor(kind) {
    this.key = (id) => `${kind} ${id}`;
  }

  async upsert(id, payload) {
    Store.all.set(this.key(id), payload);
  }

  async find(id) {
    return Store.all.get(this.key(id));
  }

  async destroy(id) {
    Store.all.delete(this.key(id));
  }
}

class Issuer {
  constructor() {
    this.mode = "good";
    this.seen = {};
    this.generations = [makeKeys()];
    this.server = createServer((request, response) => this.answer(request, response));
  }

  async start() {
    await this.listen(0);
    this.port = this.server.address().port;
    this.url = `http://${host}:${this.port}`;
    this.build();
  }

  listen(port) {
    return new Promise((done) => this.server.listen(port, host, done));
  }

  async die() {
    const closed = new Promise((done) => this.server.close(done));
    this.server.closeAllConnections();
    await closed;
  }

  build() {
    this.provider = new Provider(this.url, {
      adapter: Store,
      jwks: { keys: this.generations.flat() },
      clients: [client("service", ["client_credentials"]), client("gateway", [])],
      clientDefaults: { response_types: [] },
      scopes: ["read", "write"],
      ttl: { ClientCredentials: () => LIFETIME, IdToken: () => LIFETIME },
      extraTokenClaims: () => ({ realm: { roles: ["ops", "orders,admin"] } }),
      enabledJWA: { idTokenSigningAlgValues: Object.keys(KINDS) },
      features: {
        devInteractions: { enabled: false },
        clientCredentials: { enabled: true },
        introspection: { enabled: true, allowedPolicy: (_, who) => who.clientId === "gateway" },
        revocation: { enabled: true },
        resourceIndicators: {
          enabled: true,
          defaultResource: () => undefined,
          getResourceServerInfo: (_, resource) => ({
            scope: "read write",
            audience: AUDIENCE,
            accessTokenTTL: LIFETIME,
            accessTokenFormat: "jwt",
            jwt: { sign: { alg: resource.split(":").pop() } },
          }),
        },
      },
    });
    this.callback = this.provider.callback();
  }

  answer(request, response) {
    const { pathname } = new URL(request.url, this.url);
    this.seen[pathname] = (this.seen[pathname] ?? 0) + 1;
    const spoiled = { hang, 500: failing, garbage, huge, redirect, empty, foreign, strange }[this.mode];
    if (!spoiled || pathname === "/token") {
      this.callback(request, response);
    } else {
      spoiled.call(this, pathname, response, () => this.callback(request, response));
    }
  }

  async idToken(kind) {
    const { Client, IdToken } = this.provider;
    const token = new IdToken({ sub: "somebody" }, { client: await Client.find("service") });
    token.scope = "openid";
    if (kind === "nonce") token.set("nonce", "n");
    else token.set("at_hash", "an access token");
    return token.issue({ use: "idtoken" });
  }
}

function client(client_id, grant_types) {
  return { client_id, client_secret: "secret", grant_types, redirect_uris: [], scope: "read write" };
}

function hang() {}

function failing(_, response) {
  response.writeHead(500).end("no");
}

function garbage(_, response) {
  response.writeHead(200, { "Content-Type": "application/json" }).end('{"issuer":');
}

/** For as long as somebody reads. */
function huge(_, response) {
  const block = Buffer.alloc(64 * 1024, " ");
  const write = () => {
    while (!response.destroyed && response.write(block));
  };
  response.writeHead(200, { "Content-Type": "application/json" }).on("drain", write);
  write();
}

/** To what would be good keys. */
function redirect(pathname, response, good) {
  if (pathname.startsWith("/elsewhere")) return good();
  response.writeHead(302, { Location: `${this.url}/elsewhere${pathname}` }).end();
}

function empty(pathname, response, good) {
  if (pathname !== "/jwks") return good();
  json(response, { keys: [] });
}

function foreign(pathname, response, good) {
  if (pathname === "/jwks") return good();
  json(response, { issuer: "https://login.example.net", jwks_uri: `${this.url}/jwks` });
}

/** Beside the good keys: one of a kind that nobody knows yet, a weak one, and one for encryption. */
function strange(pathname, response, good) {
  if (pathname !== "/jwks") return good();
  const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 1024 });
  const weak = { ...publicKey.export({ format: "jwk" }), kid: "weak" };
  const known = this.generations.flat().map(({ d, p, q, dp, dq, qi, ...shown }) => shown);
  json(response, { keys: [{ kty: "LATTICE", kid: "new", x: "AAAA" }, weak, ...known] });
}

function json(response, value) {
  response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(value));
}

async function control(issuer, { method, url }) {
  const [, verb, word] = url.split("/");
  if (method === "GET" && verb === "seen") return JSON.stringify(issuer.seen);
  if (verb === "keys") {
    issuer.generations = word === "add" ? [makeKeys(), ...issuer.generations] : issuer.generations.slice(0, 1);
    issuer.build();
  } else if (verb === "mode") {
    issuer.mode = word;
  } else if (verb === "die") {
    await issuer.die();
  } else if (verb === "return") {
    await issuer.listen(issuer.port);
  } else if (verb === "id-token") {
    return issuer.idToken(word);
  } else {
    throw new Error(`nobody knows ${url}`);
  }
  return "done";
}

async function main() {
  const issuer = new Issuer();
  await issuer.start();
  const controls = createServer((request, response) => {
    control(issuer, request).then(
      (said) => response.end(said),
      (fault) => response.writeHead(500).end(String(fault.stack)),
    );
  });
  await new Promise((done) => controls.listen(0, host, done));
  process.stdout.write(`${JSON.stringify({ port: issuer.port, control: controls.address().port })}\n`);
  if (whileStdin) process.stdin.resume().on("end", () => process.exit(0));
  setTimeout(() => process.exit(0), 300_000).unref();
}

main();
