// Requests signed by the libraries of npm: HTTP message signatures by two of them, and the webhooks of three makers.
//
//     signatures.js FOLDER --now SECONDS --host NAME
//
// with the keys that keys.py left in FOLDER. The lines are those of signatures.py.
"use strict";

const crypto = require("node:crypto");
const fs = require("node:fs");
const path = require("node:path");
const { createSigner, httpbis } = require("http-message-signatures");
const messageSig = require("http-message-sig");
const { Webhook } = require("standardwebhooks");
const Stripe = require("stripe");
const { Verdicts, module: esm, options } = require("./verdict.js");

const ALGORITHMS = {
  "hmac-sha256": "secret.txt",
  ed25519: "ed25519.key",
  "ecdsa-p256-sha256": "p256.key",
  "rsa-pss-sha512": "rsa.key",
  "rsa-v1_5-sha256": "rsa.key",
};
const BODY = '{"item": "ü", "count": 7}';
const GOOD = [200, ""];
const OUT = [401, "signature.invalid"];
const OLD = [401, "signature.expired"];

const given = options(process.argv.slice(2));
const [folder] = given._;
const now = Number(given.now);
const verdicts = new Verdicts("signatures", 120);

const read = (name) => fs.readFileSync(path.join(folder, name), "utf8");
const secret = read("secret.txt");
const other = [...secret].reverse().join("");
const keyOf = (alg, whose = "") => {
  if (alg === "hmac-sha256") return whose ? other : secret;
  return read(ALGORITHMS[alg].replace(".key", `${whose}.key`));
};

function say(name, [status, code], scheme, fields, body, signed, method = "POST") {
  const target = `/${scheme}/in?x=1&y=%20`;
  verdicts.note(name, { status, code, method, target, fields: Object.entries(fields), body, signed });
}

function message(body) {
  const headers = { Date: new Date(now * 1000).toUTCString(), "Content-Type": "application/json" };
  if (body) {
    const digest = crypto.createHash("sha256").update(body).digest("base64");
    headers["Content-Digest"] = `sha-256=:${digest}:`;
  }
  return { method: body ? "POST" : "GET", url: `http://${given.host}/rfc9421/in?x=1&y=%20`, headers };
}

const covered = (body, more) => [...more, "date", "content-type", ...(body ? ["content-digest"] : [])];
const signedParts = (body) => ["method", "path", "query", "host", "date", "field", ...(body ? ["body"] : [])];

async function signatures(alg) {
  const sign = async (body, key, age, fields) => {
    const made = await httpbis.signMessage({
      key: createSigner(keyOf(alg, key), alg, alg),
      name: "npm",
      fields,
      params: ["created", "keyid", "alg", "nonce"],
      paramValues: { created: new Date((now - age) * 1000), nonce: crypto.randomUUID() },
    }, message(body));
    return made.headers;
  };
  const parts = ["@method", "@authority", "@path", "@query"];
  const name = `http-message-signatures ${alg}`;
  // It signs with the longest salt there is; RFC 9421 section 3.3.1 has one of 64 bytes and no other.
  const good = alg === "rsa-pss-sha512" ? OUT : GOOD;
  for (const [what, body, first] of [
    ["with a body", BODY, parts],
    ["without a body", "", parts],
    ["over the whole URI", BODY, ["@method", "@target-uri"]],
  ]) {
    const fields = await sign(body, "", 0, covered(body, first));
    say(`${name} ${what}`, good, "rfc9421", fields, body, signedParts(body), body ? "POST" : "GET");
  }
  for (const [what, answer, key, age, fields] of [
    ["of another key", OUT, "-other", 0, covered(BODY, parts)],
    ["too old", OLD, "", 301, covered(BODY, parts)],
    ["without the digest", OUT, "", 0, parts],
  ]) say(`${name} ${what}`, answer, "rfc9421", await sign(BODY, key, age, fields), BODY, []);
}

/** The other library takes whoever signs from outside. */
async function sigs(alg) {
  const how = {
    "hmac-sha256": (data) => crypto.createHmac("sha256", secret).update(data).digest(),
    ed25519: (data) => crypto.sign(null, data, keyOf(alg)),
    "ecdsa-p256-sha256": (data) => crypto.sign("sha256", data, { key: keyOf(alg), dsaEncoding: "ieee-p1363" }),
    "rsa-pss-sha512": (data) => crypto.sign("sha512", data, {
      key: keyOf(alg), padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 64,
    }),
    "rsa-v1_5-sha256": (data) => crypto.sign("sha256", data, keyOf(alg)),
  }[alg];
  const { method, url, headers } = message(BODY);
  const fields = await messageSig.createSignature(new Request(url, { method, headers, body: BODY }), {
    label: "sig1",
    components: covered(BODY, ["@method", "@authority", "@path", "@query"]),
    parameters: { created: now, expires: now + 60, keyid: alg, alg },
    signer: { algorithm: alg, sign: async (data) => new Uint8Array(how(data)) },
  });
  const all = { ...headers };
  for (const [own, value] of messageSig.appendSignature(new Headers(), fields)) all[own] = value;
  say(`http-message-sig ${alg}`, GOOD, "rfc9421", all, BODY, signedParts(BODY));
}

function stripe() {
  const maker = new Stripe("sk_test_nobody");
  for (const [what, answer, key, age] of [["good", GOOD, secret, 0], ["too old", OLD, secret, 301], ["of another secret", OUT, other, 0]]) {
    const header = maker.webhooks.generateTestHeaderString({ payload: BODY, secret: key, timestamp: now - age });
    say(`stripe ${what}`, answer, "stripe", { "Stripe-Signature": header }, BODY, ["body", "Stripe-Signature"]);
  }
}

function standard() {
  for (const [what, answer, key, age] of [["good", GOOD, secret, 0], ["too old", OLD, secret, 301], ["of another secret", OUT, other, 0]]) {
    const webhook = new Webhook(`whsec_${Buffer.from(key).toString("base64")}`);
    const signature = webhook.sign("msg_node", new Date((now - age) * 1000), BODY);
    const fields = { "webhook-id": "msg_node", "webhook-timestamp": String(now - age), "webhook-signature": signature };
    say(`standardwebhooks of npm ${what}`, answer, "standard-webhooks", fields, BODY, ["body", "webhook-id", "webhook-timestamp"]);
  }
}

async function github() {
  const octokit = await esm("@octokit/webhooks-methods");
  for (const [what, answer, key] of [["good", GOOD, secret], ["of another secret", OUT, other]]) {
    const fields = { "X-Hub-Signature-256": await octokit.sign(key, BODY) };
    say(`@octokit/webhooks-methods ${what}`, answer, "github", fields, BODY, ["body"]);
  }
}

async function main() {
  for (const alg of Object.keys(ALGORITHMS)) {
    await signatures(alg);
    await sigs(alg);
  }
  stripe();
  standard();
  await github();
  verdicts.finish();
}

main().catch((fault) => {
  verdicts.fail("signs", fault);
  verdicts.finish();
});
