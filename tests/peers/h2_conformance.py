#!/usr/bin/env python3
"""An HTTP/2 conformance suite for a server: each case of h2_cases/ on a connection of its own, and a verdict for each.

  h2_conformance.py HOST:PORT [--authority NAME] [--path /] [--large /large] [--only WORD,...] [--strict] [--list]

HTTP/2 is spoken without TLS and with prior knowledge. `--path` must answer GET, HEAD and POST with 200, GET with at least
3 bytes, and read the body of a POST; `--large` must answer GET with more than 100 KiB, and the cases that need it fail
without. The verdicts are explained in h2_expect.py; a case holds unless it is `wrong`, with `--strict` only if it is `ok`.
"""

import argparse
from concurrent.futures import ThreadPoolExecutor

import verdict
from h2_cases import TABLE
from h2_expect import LESS, OK, UNASKED, VAGUE, WRONG, NotHere
from h2_link import Asks, Link

SECONDS = 150
AT_ONCE = 8


def judged(case, address, asks):
    if case.large and not asks.large:
        return WRONG, "needs --large"
    with Link(address, case.ours, case.begin) as link:
        if case.begin and (link.theirs is None or link.closed):
            return WRONG, f"no HTTP/2 spoken: {link.saw()}"
        try:
            sent = case.act(asks, link)
        except AssertionError as fault:
            return WRONG, f"{fault}; saw {link.saw()}"
        sent, *streams = sent if isinstance(sent, tuple) else (sent,)
        streams = tuple(streams) or case.streams
        link.send(sent)
        alive = link.settle(streams, case.fence)
        found, why = case.expect.judge(link, streams, alive)
        saw = link.saw() + (", no answer to a ping" if case.fence and not alive and not link.closed else "")
        return found, f"{why}; saw {saw}" if why else saw


def attempted(case, address, asks):
    try:
        return judged(case, address, asks)
    except NotHere as reason:
        return UNASKED, str(reason)
    except Exception as fault:  # a case that cannot be asked is a verdict too
        return WRONG, f"{type(fault).__name__}: {fault}"


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("address")
    options.add_argument("--authority", help="the name to ask for")
    options.add_argument("--path", default="/")
    options.add_argument("--large")
    options.add_argument("--only", type=lambda text: text.split(","), help="cases that contain one of these words")
    options.add_argument("--strict", action="store_true")
    options.add_argument("--list", action="store_true", help="name the cases and do nothing")
    options = options.parse_args()

    if options.list:
        print(*(case.name for case in TABLE), sep="\n")
        return
    verdicts = verdict.Verdicts("h2_conformance", SECONDS, options.only)
    address = verdict.address(options.address)
    asks = Asks(options.authority or options.address, options.path, options.large)
    good = (OK,) if options.strict else (OK, LESS, VAGUE, UNASKED)

    def put(case):
        found, saw = attempted(case, address, asks)
        verdicts.note(case.name, found in good, saw, section=case.section, verdict=found)
        return found

    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = list(pool.map(put, [case for case in TABLE if verdicts.wanted(case.name)]))
    verdicts.finish(verdicts={kind: found.count(kind) for kind in (OK, LESS, VAGUE, WRONG, UNASKED)})


if __name__ == "__main__":
    main()
