"""What every program here says and how it ends: one JSON line a case, one for the whole, and a code.

    {"case": "unary echo", "ok": true, "saw": "..."}
    {"program": "grpc_client", "cases": 31, "failed": []}

The code is 0 only when every case held and there was one. A program that takes longer than it may says so and ends: what
waits for it never waits for ever.
"""

import json
import os
import sys
import threading
import time
import traceback


def say(line):
    print(json.dumps(line, ensure_ascii=False), flush=True)


class Verdicts:
    def __init__(self, program, seconds, only=None):
        self.program = program
        self.only = only
        self.began = time.monotonic()
        self.cases = 0
        self.failed = []
        self.lock = threading.Lock()
        late = threading.Timer(seconds, self._late, [seconds])
        late.daemon = True
        late.start()

    def note(self, case, ok, saw="", **more):
        with self.lock:
            self.cases += 1
            if not ok:
                self.failed.append(case)
            say({"case": case, "ok": bool(ok), "saw": str(saw)[:600], **more})

    def wanted(self, case):
        return not self.only or any(part in case for part in self.only)

    def run(self, case, function, *arguments):
        """The case holds when the function returns; what it returns is worth noting."""
        if not self.wanted(case):
            return
        began = time.monotonic()
        try:
            saw = function(*arguments)
        except Exception as fault:  # whatever it is, it is the verdict about this case and the others are still asked
            where = traceback.extract_tb(fault.__traceback__)[-1]
            self.note(case, False, f"{type(fault).__name__}: {fault} (line {where.lineno}: {where.line})")
            return
        self.note(case, True, "" if saw is None else saw, seconds=round(time.monotonic() - began, 3))

    def finish(self, **more):
        with self.lock:
            seconds = round(time.monotonic() - self.began, 1)
            say({"program": self.program, "cases": self.cases, "failed": self.failed, "seconds": seconds, **more})
            ok = self.cases > 0 and not self.failed
        # Not sys.exit: threads of a library that still wait for a peer must not keep the verdict back.
        sys.stdout.flush()
        os._exit(0 if ok else 1)

    def _late(self, seconds):
        say({"case": "ends in time", "ok": False, "saw": f"still at work after {seconds} s"})
        say({"program": self.program, "cases": self.cases, "failed": [*self.failed, "ends in time"]})
        sys.stdout.flush()
        os._exit(3)


def same(seen, wanted, what=""):
    if seen != wanted:
        raise AssertionError(f"{what or 'it'} is {short(seen)}, not {short(wanted)}")


def holds(truth, what):
    if not truth:
        raise AssertionError(what)


def short(value):
    text = repr(value)
    return text if len(text) < 200 else f"{text[:120]}... ({len(text)} characters)"


def announce(port):
    """The first line of every server here: where it listens."""
    say({"port": port})


def end_with_stdin():
    """Whoever holds the other end of our standard input started us; when it is gone, so are we."""

    def watch():
        while sys.stdin.buffer.read(1):
            pass
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()


def address(text):
    """`HOST:PORT` as a pair."""
    host, _, port = text.rpartition(":")
    return host.strip("[]") or "127.0.0.1", int(port)
