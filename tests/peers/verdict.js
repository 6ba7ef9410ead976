// What verdict.py is, for the programs that are JavaScript: the same lines, the same codes.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const url = require("node:url");

const say = (line) => process.stdout.write(JSON.stringify(line) + "\n");

class Verdicts {
  constructor(program, seconds, only) {
    Object.assign(this, { program, only, cases: 0, failed: [] });
    this.late = setTimeout(() => {
      say({ case: "ends in time", ok: false, saw: `still at work after ${seconds} s` });
      this.failed.push("ends in time");
      this.finish(3);
    }, seconds * 1000);
  }

  async run(name, attempt) {
    if (this.only && !this.only.some((word) => name.includes(word))) return;
    this.cases += 1;
    try {
      const saw = await attempt();
      say({ case: name, ok: true, saw: saw === undefined ? "" : String(saw) });
    } catch (fault) {
      this.cases -= 1;
      this.fail(name, fault);
    }
  }

  /** A case that holds, with more to say about it. */
  note(name, more) {
    this.cases += 1;
    say({ case: name, ok: true, saw: "", ...more });
  }

  fail(name, fault) {
    this.cases += 1;
    this.failed.push(name);
    say({ case: name, ok: false, saw: String(fault && fault.stack ? fault.stack : fault).slice(0, 600) });
  }

  finish(code) {
    clearTimeout(this.late);
    const ok = this.cases > 0 && this.failed.length === 0;
    const line = JSON.stringify({ program: this.program, cases: this.cases, failed: this.failed });
    process.stdout.write(line + "\n", () => process.exit(code ?? (ok ? 0 : 1)));
  }
}

/** `--name value` of the command line, the rest in `_`. */
function options(given) {
  const found = { _: [] };
  for (let at = 0; at < given.length; at += 1) {
    if (given[at].startsWith("--")) found[given[at].slice(2)] = given[(at += 1)];
    else found._.push(given[at]);
  }
  if (found.only) found.only = found.only.split(",");
  return found;
}

/** A promise that does not wait for ever. */
function within(seconds, what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not come in ${seconds} s`)), seconds * 1000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** A package that has no form for `require`: `import` does not look into NODE_PATH, where ours are. */
function esm(name) {
  const folder = path.join(process.env.NODE_PATH, name);
  const said = JSON.parse(fs.readFileSync(path.join(folder, "package.json"), "utf8"));
  let entry = said.exports["."] ?? said.exports;
  while (typeof entry !== "string") entry = entry.node ?? entry.import ?? entry.default;
  return import(url.pathToFileURL(path.join(folder, entry)).href);
}

module.exports = { Verdicts, module: esm, options, within };
