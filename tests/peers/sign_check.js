// What `portcullis sign` prints, verified by the libraries of npm, which know the time of the machine.
//
//     sign_check.js BINARY FOLDER
//
// with the keys that keys.py left in FOLDER.
"use strict";

const assert = require("node:assert");
const { execFileSync } = require("node:child_process");
const fs = require("node:fs");
const path = require("node:path");
const { createVerifier, httpbis } = require("http-message-signatures");
const { Webhook } = require("standardwebhooks");
const Stripe = require("stripe");
const { Verdicts, module: esm, options } = require("./verdict.js");

const [binary, folder] = options(process.argv.slice(2))._;
const URL = "http://example.test/orders?x=1&y=%20";
const BODY = '{"item": "ü", "count": 7}';
const verdicts = new Verdicts("sign_check", 120);
const file = (name) => path.join(folder, name);
const read = (name) => fs.readFileSync(file(name), "utf8");

function printed(scheme, ...more) {
  const said = execFileSync(binary, ["sign", "--scheme", scheme, ...more, "--headers-only", "POST", URL, "-d", BODY], { encoding: "utf8" });
  return Object.fromEntries(said.trimEnd().split("\n").map((line) => line.split(/: (.*)/s, 2)));
}

async function message(alg, key, pem, ...more) {
  const fields = printed("rfc9421", "--key-id", "acme", ...key, ...more);
  const verify = (changed) => httpbis.verifyMessage({
    keyLookup: async () => ({ id: "acme", algs: [alg], verify: createVerifier(pem, alg) }),
  }, { method: "POST", url: URL, headers: fields, ...changed });
  assert.strictEqual(await verify({}), true);
  for (const changed of [{ method: "PUT" }, { url: `${URL}2` }, { url: URL.replace("orders", "order") }, { url: URL.replace("example", "other") }]) {
    // It throws or says no, by what is wrong.
    assert.notStrictEqual(await verify(changed).catch(() => false), true, JSON.stringify(changed));
  }
}

async function main() {
  const secret = read("secret.txt");
  const shared = ["--secret-file", file("secret.txt")];
  const own = (name) => ["--private-key", file(`${name}.key`)];
  await verdicts.run("http-message-signatures hmac-sha256", () => message("hmac-sha256", shared, secret));
  await verdicts.run("http-message-signatures ed25519", () => message("ed25519", own("ed25519"), read("ed25519.pem")));
  await verdicts.run("http-message-signatures ecdsa-p256-sha256", () =>
    message("ecdsa-p256-sha256", own("p256"), read("p256.pem")));
  for (const alg of ["rsa-pss-sha512", "rsa-v1_5-sha256"]) {
    await verdicts.run(`http-message-signatures ${alg}`, () => message(alg, own("rsa"), read("rsa.pem"), "--alg", alg));
  }
  await verdicts.run("stripe", () => {
    const header = printed("stripe", ...shared)["Stripe-Signature"];
    const { webhooks } = new Stripe("sk_test_nobody");
    assert.strictEqual(webhooks.constructEvent(BODY, header, secret).count, 7);
    assert.throws(() => webhooks.constructEvent(`${BODY} `, header, secret));
  });
  await verdicts.run("standardwebhooks", () => {
    const whsec = `whsec_${Buffer.from(secret).toString("base64")}`;
    fs.writeFileSync(file("whsec.txt"), whsec);
    const fields = printed("standard-webhooks", "--secret-file", file("whsec.txt"));
    assert.strictEqual(new Webhook(whsec).verify(BODY, fields).count, 7);
    assert.throws(() => new Webhook(whsec).verify(`${BODY} `, fields));
  });
  await verdicts.run("@octokit/webhooks-methods", async () => {
    const octokit = await esm("@octokit/webhooks-methods");
    const signature = printed("github", ...shared)["X-Hub-Signature-256"];
    assert.strictEqual(await octokit.verify(secret, BODY, signature), true);
    assert.strictEqual(await octokit.verify(secret, `${BODY} `, signature), false);
  });
  verdicts.finish();
}

main();
