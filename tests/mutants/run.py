#!/usr/bin/env python3
"""Breaks the checks of the gateway one by one and expects a test to notice each time.

A proof that cannot fail proves nothing. Each entry of the lists beside this file takes one check out of the sources, by an exact replacement in a
scratch copy, builds, and runs the tests that should notice. Green before and red after is what is wanted; a replacement
that no longer fits or no longer compiles is a failure too, so that this list keeps up with the sources.

    make mutants                          all of them (ten minutes)
    python3 tests/mutants/run.py framing      those whose name contains a word
    python3 tests/mutants/run.py --list

It changes nothing outside `target/mutants`.
"""

import shutil
import subprocess
import sys
import time
from pathlib import Path

import answers
import connections
import http2
import identity
import requests

ROOT = Path(__file__).resolve().parent.parent.parent
SCRATCH = ROOT / "target" / "mutants"
TREE = SCRATCH / "tree"

MUTANTS = requests.MUTANTS + answers.MUTANTS + connections.MUTANTS + http2.MUTANTS + identity.MUTANTS


def copy_tree():
    """The working tree as it is, without what git ignores."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True,
    ).stdout.decode()
    shutil.rmtree(TREE, ignore_errors=True)
    for name in filter(None, listed.split("\0")):
        source = ROOT / name
        if source.is_file():
            (TREE / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, TREE / name)


def cargo(*arguments):
    return subprocess.run(
        ["cargo", *arguments, "--target-dir", str(SCRATCH / "target")],
        cwd=TREE, capture_output=True, text=True,
    )


def build():
    """None, or why it does not compile."""
    # A mutant leaves things unused; that is not what is asked.
    done = cargo("test", "--locked", "--no-run", "--test", "it")
    return None if done.returncode == 0 else done.stderr[-2000:]


def run(tests):
    """The names of the tests that failed."""
    filter_ = " or ".join(f"test(={name})" for name in tests)
    done = cargo("nextest", "run", "--locked", "--test", "it", "--no-fail-fast", "-E", filter_)
    if done.returncode == 0:
        return []
    if done.returncode != 100:
        sys.exit(f"the tests could not be run:\n{done.stderr[-2000:]}")
    failed = {line.split()[-1] for line in done.stderr.splitlines() if " FAIL " in line or " SIGABRT " in line}
    return sorted(failed)


def judge(entry):
    """What became of the mutant, and whether that is right."""
    path = TREE / entry.file
    whole = path.read_text()
    if whole.count(entry.old) != 1:
        return f"fits {whole.count(entry.old)} times: bring the list up to date", False
    path.write_text(whole.replace(entry.old, entry.new))
    try:
        broken = build()
        if broken:
            return f"does not compile:\n{broken}", False
        failed = run(entry.tests)
        if failed:
            return f"noticed by {len(failed)} of {len(entry.tests)}", True
        return "SURVIVED", False
    finally:
        path.write_text(whole)


def main():
    words = [word for word in sys.argv[1:] if not word.startswith("-")]
    chosen = [entry for entry in MUTANTS if all(word in entry.name for word in words)]
    if "--list" in sys.argv:
        for entry in chosen:
            print(f"{entry.name:55} {entry.file}")
        return
    copy_tree()
    print("before: ", end="", flush=True)
    broken = build()
    if broken:
        sys.exit(f"the tree does not compile:\n{broken}")
    failed = run(sorted({test for entry in chosen for test in entry.tests}))
    if failed:
        sys.exit("these tests fail already:\n  " + "\n  ".join(failed))
    print("green")
    wrong = 0
    for entry in chosen:
        began = time.monotonic()
        verdict, right = judge(entry)
        wrong += not right
        print(f"{'ok ' if right else 'BAD'} {entry.name:55} {verdict}  ({time.monotonic() - began:.0f} s)", flush=True)
    print(f"{len(chosen) - wrong} of {len(chosen)} noticed")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
