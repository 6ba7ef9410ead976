#!/usr/bin/env node
// What an upstream made with npm `jose` makes of the tokens it is sent: fetches the keys and says what held.
//
//   NODE_PATH=target/node/node_modules node identity_client.js KEYS_URL UNIX_SECONDS TOKEN... [--only WORD,...]
//
// UNIX_SECONDS is when the tokens were made; each is for the upstream `up`, about `alice`.
"use strict";

const assert = require("node:assert/strict");
const { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } = require("jose");
const { Verdicts, options } = require("./verdict.js");

const given = options(process.argv.slice(2));
const [url, made, ...tokens] = given._;
const verdicts = new Verdicts("identity_client", 30, given.only);
const keys = createRemoteJWKSet(new URL(url));

/** As an upstream would check it, `later` seconds after it was made. */
async function read(token, later, wanted = {}) {
  const currentDate = new Date((Number(made) + later) * 1000);
  const typ = "portcullis-identity+jwt";
  const { payload } = await jwtVerify(token, keys, { issuer: "portcullis", audience: "up", typ, currentDate, ...wanted });
  return payload;
}

/** The token with another claim in it. */
function forged(token) {
  const [header, payload, signature] = token.split(".");
  const claims = JSON.parse(Buffer.from(payload, "base64url"));
  return [header, Buffer.from(JSON.stringify({ ...claims, sub: "root" })).toString("base64url"), signature].join(".");
}

(async () => {
  for (const token of tokens) {
    const { alg } = decodeProtectedHeader(token);
    await verdicts.run(`${alg}: says who is asking`, async () => {
      const claims = await read(token, 0);
      assert.equal(claims.sub, "alice");
      return JSON.stringify(claims);
    });
    const refused = (what, attempt, code) =>
      verdicts.run(`${alg}: ${what}`, () => assert.rejects(attempt, { code }));
    await refused("has an end", () => read(token, 60), "ERR_JWT_EXPIRED");
    await refused("is for one upstream", () => read(token, 0, { audience: "other" }), "ERR_JWT_CLAIM_VALIDATION_FAILED");
    await refused("is of one type", () => read(token, 0, { typ: "JWT" }), "ERR_JWT_CLAIM_VALIDATION_FAILED");
    await refused("cannot be changed", () => read(forged(token), 0), "ERR_JWS_SIGNATURE_VERIFICATION_FAILED");
  }
  verdicts.finish();
})();
