#!/usr/bin/env python3
"""A WebSocket conformance client: each case of websocket_cases.py against an echo server, and a verdict for each.

  websocket_conformance.py HOST:PORT [--beside HOST:PORT] [--only WORD,...] [--path /echo] [--host NAME] [--list]

The verdict of a case is `ok`, `less strict` (allowed, but the peer says less than it could) or `wrong`. With `--beside`
the case is put to both addresses and holds only if both give the same verdict: what stands between a client and a server
must not change what the server is.
"""

import argparse
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import verdict
from websocket_cases import TABLE
from websocket_link import KEY, PATIENCE, Link, accept_of, close, listened, opening

SECONDS = 120
AT_ONCE = 6
OK, LESS, WRONG = "ok", "less strict", "wrong"


@dataclass
class Judged:
    verdict: str
    saw: str
    # What a client could tell apart, beyond the verdict.
    code: int | None = None


def asked(case, address, path, host):
    with Link(address) as link:
        changes = dict(case.changes)
        if case.offer:
            changes["Sec_WebSocket_Extensions"] = case.offer
        link.send(opening(path, host, **changes))
        status, fields = link.answer()
        if case.kind == "opened":
            return of_opening(case, status, fields)
        if status != 101:
            return Judged(WRONG, f"the opening was answered with {status}")
        if case.offer and b"permessage-deflate" not in fields.get(b"sec-websocket-extensions", b""):
            return Judged(WRONG, "permessage-deflate was not agreed to")
        # Sent by another thread: a server that answers while it reads must not wait for us, nor we for it.
        sending = threading.Thread(target=link.send, args=(case.sent, case.piece), daemon=True)
        sending.start()
        return KINDS[case.kind](case, link, sending)


def of_opening(case, status, fields):
    if status not in case.statuses:
        return Judged(WRONG, f"answered with {status}", status)
    if status == 101 and fields.get(b"sec-websocket-accept") != accept_of(KEY):
        return Judged(WRONG, "the key was not answered", status)
    # Which refusal it is may differ between one that reads the request first and one that only passes it on.
    return Judged(OK, f"answered with {status}", 101 if status == 101 else 0)


def inflater():
    state = zlib.decompressobj(wbits=-15)
    return lambda payload: state.decompress(payload + b"\x00\x00\xff\xff")


def of_echo(case, link, sending):
    def complete(seen):
        return len(seen.messages) >= len(case.messages) and len(seen.pongs) >= len(case.pongs)

    first = listened(link, time.monotonic() + PATIENCE, inflater(), complete)
    sending.join(PATIENCE)
    if (tuple(first.messages), tuple(first.pongs)) != (case.messages, case.pongs) or first.wrong:
        return Judged(WRONG, repr(first), first.close)
    link.send(close(1000))
    last = listened(link, time.monotonic() + PATIENCE)
    if last.messages or last.pongs or last.close != 1000 or last.end != "end":
        return Judged(WRONG, f"{first!r}, then {last!r}", last.close)
    return Judged(OK, repr(first), last.close)


def of_failure(case, link, _sending):
    seen = listened(link, time.monotonic() + PATIENCE)
    # What came before the fault may have been answered already, or not.
    beyond = tuple(seen.messages) != case.messages[: len(seen.messages)]
    if beyond or seen.end != "end" or seen.wrong:
        return Judged(WRONG, repr(seen), seen.close)
    if seen.close is None:
        return Judged(LESS, repr(seen))
    return Judged(OK if seen.close in case.codes else WRONG, repr(seen), seen.close)


def of_close(case, link, _sending):
    seen = listened(link, time.monotonic() + PATIENCE)
    wrong = seen.pongs or tuple(seen.messages) != case.messages[: len(seen.messages)] or seen.wrong
    if wrong or seen.end != "end" or seen.close not in case.codes:
        return Judged(WRONG, repr(seen), seen.close)
    return Judged(OK, repr(seen), seen.close)


KINDS = {"echoed": of_echo, "failed": of_failure, "closed": of_close}


def attempted(case, address, path, host):
    try:
        return asked(case, address, path, host)
    except OSError as fault:
        return Judged(WRONG, f"{type(fault).__name__}: {fault}")


def put(verdicts, case, options, address, beside):
    judged = attempted(case, address, options.path, options.host or options.address)
    facts = {"verdict": judged.verdict}
    ok = judged.verdict != WRONG
    saw = judged.saw
    if beside:
        other = attempted(case, beside, options.path, options.host or options.beside)
        facts["beside"] = other.verdict
        # A drop without a code is a race between the code and the end; the rest is the server's word.
        same = (judged.verdict, judged.code) == (other.verdict, other.code)
        ok = ok and same
        saw = judged.saw if same else f"{judged.saw} BUT BESIDE {other.saw}"
    verdicts.note(case.name, ok, saw, **facts)
    return judged.verdict


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("address")
    options.add_argument("--beside", help="another way to the same server")
    options.add_argument("--only", type=lambda text: text.split(","), help="cases that contain one of these words")
    options.add_argument("--path", default="/echo")
    options.add_argument("--host", help="the name to ask for")
    options.add_argument("--list", action="store_true", help="name the cases and do nothing")
    options = options.parse_args()

    if options.list:
        print(*(case.name for case in TABLE), sep="\n")
        return
    verdicts = verdict.Verdicts("websocket_conformance", SECONDS, options.only)
    address = verdict.address(options.address)
    beside = verdict.address(options.beside) if options.beside else None
    with ThreadPoolExecutor(AT_ONCE) as pool:
        cases = [case for case in TABLE if verdicts.wanted(case.name)]
        found = list(pool.map(lambda case: put(verdicts, case, options, address, beside), cases))
    verdicts.finish(verdicts={kind: found.count(kind) for kind in (OK, LESS, WRONG)})


if __name__ == "__main__":
    main()
