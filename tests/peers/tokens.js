// Tokens made by the libraries of npm, good ones and bad ones, and what a verifier should say to each.
//
//     tokens.js FOLDER --now SECONDS --issuer TEXT --audience TEXT
//
// with the keys that keys.py left in FOLDER; keys-jose.json, a JWK set by jose, is left beside them.
"use strict";

const crypto = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const jsonwebtoken = require("jsonwebtoken");
const { Verdicts, module: esm, options } = require("./verdict.js");

const PUBLIC = {
  RS256: "rsa", RS384: "rsa", RS512: "rsa", PS256: "rsa", PS384: "rsa", PS512: "rsa",
  ES256: "p256", ES384: "p384", EdDSA: "ed25519",
};
const SHARED = ["HS256", "HS384", "HS512"];
const SIGNATURE = [401, "token.signature"];

const given = options(process.argv.slice(2));
const [folder] = given._;
const now = Number(given.now);
const claims = { iss: given.issuer, aud: given.audience, sub: "alice", iat: now, exp: now + 3600 };
const verdicts = new Verdicts("tokens", 120);

const read = (name) => fs.readFileSync(path.join(folder, name), "utf8");
const say = (name, at, [status, code], token) => verdicts.note(name, { at, status, code, token });
const places = (alg) => (SHARED.includes(alg) ? [`/secret/${alg}`] : [`/pem/${alg}`, "/set", "/url"]);

function secretOf(alg, whose = "") {
  if (!SHARED.includes(alg)) return read(`${PUBLIC[alg]}${whose}.key`);
  const secret = read("secret.txt");
  return whose ? [...secret].reverse().join("") : secret;
}

/** The signature with one bit of this byte another one. */
function flipped(token, place) {
  const parts = token.split(".");
  const made = Buffer.from(parts[2], "base64url");
  made[place < 0 ? made.length + place : place] ^= 1;
  return [parts[0], parts[1], made.toString("base64url")].join(".");
}

async function library(name, encode, algorithms) {
  for (const alg of algorithms) {
    const make = (changed, whose) => encode(alg, { ...claims, ...changed }, secretOf(alg, whose));
    const good = await make({});
    for (const [what, answer, token] of [
      ["good", [200, ""], good],
      ["expired", [401, "token.expired"], await make({ exp: now - 31 })],
      ["early", [401, "token.not_yet_valid"], await make({ nbf: now + 31 })],
      ["for others", [401, "token.audience"], await make({ aud: "api://others" })],
      ["of another issuer", [401, "token.issuer"], await make({ iss: "https://evil.example" })],
      ["of another key", SIGNATURE, await make({}, "-other")],
      ["first bit of the signature", SIGNATURE, flipped(good, 0)],
      ["last bit of the signature", SIGNATURE, flipped(good, -1)],
    ]) say(`${name} ${alg} ${what}`, places(alg), answer, token);
    const kind = PUBLIC[alg];
    const others = [...Object.keys(PUBLIC), ...SHARED].filter((other) => other !== alg && PUBLIC[other] === kind);
    const at = others.map((other) => places(other)[0]);
    if (at.length > 0) say(`${name} ${alg} where another is taken`, at, SIGNATURE, good);
  }
}

async function main() {
  const jose = await esm("jose");
  const set = await Promise.all(Object.entries(PUBLIC).map(async ([alg, kind]) => {
    const key = crypto.createPublicKey(read(`${kind}.pem`));
    return { ...(await jose.exportJWK(key)), kid: alg, alg };
  }));
  fs.writeFileSync(path.join(folder, "keys-jose.json"), JSON.stringify({ keys: set }));

  await library("jose", async (alg, payload, key) => {
    const imported = SHARED.includes(alg) ? new TextEncoder().encode(key) : await jose.importPKCS8(key, alg);
    return new jose.SignJWT(payload).setProtectedHeader({ alg, kid: alg, typ: "JWT" }).sign(imported);
  }, [...Object.keys(PUBLIC), ...SHARED]);
  const without = Object.keys(PUBLIC).filter((alg) => alg !== "EdDSA");
  await library("jsonwebtoken", (algorithm, payload, key) =>
    jsonwebtoken.sign(payload, key, { algorithm, keyid: algorithm }), [...without, ...SHARED]);

  const everywhere = [...Object.keys(PUBLIC), ...SHARED].map((alg) => places(alg)[0]).concat("/set", "/url");
  say("jose none", everywhere, [401, "token.malformed"], new jose.UnsecuredJWT(claims).encode());
  say("jsonwebtoken none", everywhere, [401, "token.malformed"], jsonwebtoken.sign(claims, null, { algorithm: "none" }));
  // jose and jsonwebtoken refuse a PEM as a secret; its bytes are only bytes.
  for (const [alg, kind] of Object.entries(PUBLIC)) {
    const pem = new TextEncoder().encode(read(`${kind}.pem`));
    const token = await new jose.SignJWT(claims).setProtectedHeader({ alg: "HS256", kid: alg }).sign(pem);
    say(`jose HS256 with the PEM for ${alg}`, places(alg), SIGNATURE, token);
  }
  // Keys that come with the token.
  const mine = await jose.generateKeyPair("ES256", { extractable: true });
  const jwk = await jose.exportJWK(mine.publicKey);
  for (const [what, header] of [
    ["jwk", { jwk }],
    ["jwk and a known kid", { jwk: { ...jwk, kid: "ES256" }, kid: "ES256" }],
    ["jku", { jku: "http://127.0.0.1:9/keys", kid: "mine" }],
  ]) {
    const token = await new jose.SignJWT(claims).setProtectedHeader({ alg: "ES256", ...header }).sign(mine.privateKey);
    say(`jose with its own ${what}`, ["/set", "/url", "/pem/ES256"], SIGNATURE, token);
  }
  // What it encrypts nobody opens here.
  const shared = crypto.createSecretKey(Buffer.from(read("secret.txt").slice(0, 32)));
  const jwe = await new jose.EncryptJWT(claims).setProtectedHeader({ alg: "dir", enc: "A256GCM" }).encrypt(shared);
  say("jose JWE", everywhere, [401, "token.malformed"], jwe);
  verdicts.finish();
}

main().catch((fault) => {
  verdicts.fail("signs", fault);
  verdicts.finish();
});
