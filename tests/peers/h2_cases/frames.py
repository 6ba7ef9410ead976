"""Each frame and what may be wrong with it (RFC 9113 6.1 to 6.8 and 6.10)."""

from h2_cases.case import Cases
from h2_cases.connection import most
from h2_expect import connection, either, fine, stream
from h2_link import (
    ACK,
    CONTINUATION,
    ENABLE_PUSH,
    END_HEADERS,
    END_STREAM,
    FLOW_CONTROL_ERROR,
    FRAME_SIZE_ERROR,
    GOAWAY,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    MAX_FRAME_SIZE,
    PADDED,
    PING,
    PRIORITISED,
    PRIORITY,
    PROTOCOL_ERROR,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    block,
    data,
    frame,
    ping,
    reset,
    settings,
    window_update,
)

CASES = Cases()
add = CASES.add
dead = connection(PROTOCOL_ERROR)
# Too short to hold what its flags announce: 4.2 says size, the frame's own section says protocol.
short = connection(FRAME_SIZE_ERROR, PROTOCOL_ERROR)
size = connection(FRAME_SIZE_ERROR)
WHOLE = END_STREAM | END_HEADERS

# 6.1 DATA.
add("6.1", "DATA on stream 0", dead, lambda _, __: data(0, b"x"))
add("6.1", "DATA with padding", fine(), lambda a, _: a.post(1) + data(1, b"\x03x\0\0\0", end=True, flags=PADDED))
add("6.1", "DATA of padding only", fine(), lambda a, _: a.post(1) + data(1, b"\x03\0\0\0", end=True, flags=PADDED))
add("6.1", "padding as long as the payload", dead, lambda a, _: a.post(1) + data(1, b"\x02x", end=True, flags=PADDED))
add(
    "6.1", "padding longer than the payload", dead, lambda a, _: a.post(1) + data(1, b"\xffxxx", end=True, flags=PADDED)
)
add("6.1", "padding without its length", short, lambda a, _: a.post(1) + data(1, b"", end=True, flags=PADDED))
add("6.1", "empty DATA, then the end", fine(), lambda a, _: a.post(1) + data(1) + data(1, b"x") + data(1, end=True))

# 6.2 HEADERS.
add("6.2", "HEADERS on stream 0", dead, lambda a, _: a.get(0))
add(
    "6.2",
    "HEADERS with padding",
    fine(),
    lambda a, _: frame(HEADERS, WHOLE | PADDED, 1, b"\x04" + block(a.fields()) + bytes(4)),
)
add(
    "6.2",
    "padding longer than the payload",
    dead,
    lambda a, _: frame(HEADERS, WHOLE | PADDED, 1, b"\xff" + block(a.fields())),
)
add("6.2", "padding without its length", short, lambda _, __: frame(HEADERS, WHOLE | PADDED, 1))
add(
    "6.2",
    "HEADERS with a priority",
    fine(),
    lambda a, _: frame(HEADERS, WHOLE | PRIORITISED, 1, b"\0\0\0\0\x0f" + block(a.fields())),
)
add("6.2", "a priority that is cut off", short, lambda _, __: frame(HEADERS, WHOLE | PRIORITISED, 1, b"\0\0"))
add(
    "6.2",
    "priority and padding",
    fine(),
    lambda a, _: frame(HEADERS, WHOLE | PRIORITISED | PADDED, 1, b"\x02\0\0\0\0\x0f" + block(a.fields()) + bytes(2)),
)

# 6.3 PRIORITY.
add("6.3", "PRIORITY on stream 0", dead, lambda _, __: frame(PRIORITY, 0, 0, bytes(5)))
for length in (4, 6, 0):
    add(
        "6.3",
        f"PRIORITY of {length}",
        either(stream(FRAME_SIZE_ERROR), connection(FRAME_SIZE_ERROR)),
        lambda a, _, length=length: a.post(1) + frame(PRIORITY, 0, 1, bytes(length)),
    )

# 6.4 RST_STREAM.
add("6.4", "RST_STREAM on stream 0", dead, lambda _, __: reset(0))
for length in (3, 5, 0):
    add(
        "6.4",
        f"RST_STREAM of {length}",
        size,
        lambda a, _, length=length: a.post(1) + frame(RST_STREAM, 0, 1, bytes(length)),
    )
add("6.4", "RST_STREAM twice is fine", fine(), lambda a, _: a.post(1) + reset(1) + reset(1) + a.get(3), streams=(3,))

# 6.5 SETTINGS.
add("6.5", "an acknowledgement with a payload", size, lambda _, __: frame(SETTINGS, ACK, 0, bytes(6)))
add("6.5", "SETTINGS on a stream", dead, lambda a, _: a.post(1) + settings(stream=1))
add("6.5", "SETTINGS of 3", size, lambda _, __: frame(SETTINGS, 0, 0, bytes(3)))
add("6.5", "SETTINGS of 7", size, lambda _, __: frame(SETTINGS, 0, 0, bytes(7)))
for title, pair, code in (
    ("ENABLE_PUSH of 2", (ENABLE_PUSH, 2), PROTOCOL_ERROR),
    ("INITIAL_WINDOW_SIZE of 2^31", (INITIAL_WINDOW_SIZE, 1 << 31), FLOW_CONTROL_ERROR),
    ("INITIAL_WINDOW_SIZE of 2^32-1", (INITIAL_WINDOW_SIZE, (1 << 32) - 1), FLOW_CONTROL_ERROR),
    ("MAX_FRAME_SIZE of 2^14-1", (MAX_FRAME_SIZE, (1 << 14) - 1), PROTOCOL_ERROR),
    ("MAX_FRAME_SIZE of 2^24", (MAX_FRAME_SIZE, 1 << 24), PROTOCOL_ERROR),
    ("MAX_FRAME_SIZE of 0", (MAX_FRAME_SIZE, 0), PROTOCOL_ERROR),
):
    add("6.5.2", title, connection(code), lambda _, __, pair=pair: settings(pair))
add(
    "6.5.2",
    "a wrong value in the first SETTINGS",
    dead,
    lambda a, _: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + settings((ENABLE_PUSH, 2)),
    begin=False,
)
add("6.5.2", "an unknown setting", fine(), lambda a, _: settings((0xFAFA, 1)) + a.get(1))
add(
    "6.5.2",
    "the largest values",
    fine(),
    lambda a, _: settings((MAX_FRAME_SIZE, (1 << 24) - 1), (INITIAL_WINDOW_SIZE, (1 << 31) - 1)) + a.get(1),
)
add("6.5.2", "no push, no streams of the server", fine(), lambda a, _: settings((ENABLE_PUSH, 0), (3, 0)) + a.get(1))


@add("6.5.3", "SETTINGS are acknowledged", fine())
def _(asks, link):
    before = link.acks
    link.send(settings((INITIAL_WINDOW_SIZE, 70_000)) + settings() + settings((ENABLE_PUSH, 0)))
    if not link.read(lambda: link.acks >= before + 3):
        raise AssertionError(f"{link.acks - before} of 3 were acknowledged")
    return asks.get(1)


# 6.6 PUSH_PROMISE.
add(
    "6.6",
    "PUSH_PROMISE of a client",
    dead,
    lambda a, _: a.post(1) + frame(PUSH_PROMISE, END_HEADERS, 1, b"\0\0\0\x02" + block(a.fields())),
)
add(
    "6.6",
    "PUSH_PROMISE on stream 0",
    dead,
    lambda a, _: frame(PUSH_PROMISE, END_HEADERS, 0, b"\0\0\0\x02" + block(a.fields())),
)

# 6.7 PING.


@add("6.7", "a ping comes back with what it carried", fine())
def _(asks, link):
    link.send(ping(b"\x00\xffthings"))
    if not link.read(lambda: b"\x00\xffthings" in link.pings):
        raise AssertionError("it did not")
    return asks.get(1)


@add("6.7", "the answer to a ping is not answered", fine())
def _(asks, link):
    link.send(ping(b"an-echo!", flags=ACK) + ping(b"a-quest!"))
    if not link.read(lambda: b"a-quest!" in link.pings) or b"an-echo!" in link.pings:
        raise AssertionError("it was")
    return asks.get(1)


add("6.7", "PING on a stream", dead, lambda a, _: a.post(1) + ping(stream=1))
for length in (0, 7, 9):
    add("6.7", f"PING of {length}", size, lambda _, __, length=length: frame(PING, 0, 0, bytes(length)))

# 6.8 GOAWAY.
add("6.8", "GOAWAY on a stream", dead, lambda a, _: a.post(1) + frame(GOAWAY, 0, 1, bytes(8)))
add("6.8", "GOAWAY of 7", size, lambda _, __: frame(GOAWAY, 0, 0, bytes(7)))
add("6.8", "GOAWAY with words", fine(ending=True), lambda a, _: a.get(1) + frame(GOAWAY, 0, 0, bytes(8) + b"good bye"))

# 6.9: lengths and increments; what windows do is in flow.py.
add("6.9", "WINDOW_UPDATE of nothing for the connection", dead, lambda _, __: window_update(0, 0))
add(
    "6.9", "WINDOW_UPDATE of nothing for a stream", stream(PROTOCOL_ERROR), lambda a, _: a.post(1) + window_update(1, 0)
)
for length in (3, 5, 0):
    add("6.9", f"WINDOW_UPDATE of {length}", size, lambda _, __, length=length: frame(8, 0, 0, bytes(length)))
    add(
        "6.9",
        f"WINDOW_UPDATE of {length} on a stream",
        size,
        lambda a, _, length=length: a.post(1) + frame(8, 0, 1, bytes(length)),
    )
add("6.9", "the reserved bit of an increment", fine(), lambda a, _: window_update(0, 1 | 1 << 31) + a.get(1))

# 6.10 CONTINUATION.


def pieces(asks, *lengths):
    """The request in HEADERS and CONTINUATION frames of these lengths, and one for the rest."""
    rest, out, kind = block(asks.fields()), b"", HEADERS
    for length in lengths:
        out += frame(kind, END_STREAM if kind == HEADERS else 0, 1, rest[:length])
        rest, kind = rest[length:], CONTINUATION
    return out + frame(CONTINUATION, END_HEADERS, 1, rest)


def begun(asks):
    """HEADERS that promise a CONTINUATION."""
    return frame(HEADERS, END_STREAM, 1, block(asks.fields()))


add("6.10", "a request in two frames", fine(), lambda a, _: pieces(a, 3))
add("6.10", "a request in five frames", fine(), lambda a, _: pieces(a, 3, 1, 1, 10))
add(
    "6.10",
    "flags of CONTINUATION that mean nothing",
    fine(),
    lambda a, _: begun(a) + frame(CONTINUATION, END_HEADERS | 1 | 8, 1),
)
add(
    "6.10",
    "trailers in two frames",
    fine(),
    lambda a, _: (
        a.post(1)
        + data(1, b"x")
        + frame(HEADERS, END_STREAM, 1, block([("x", "y")]))
        + frame(CONTINUATION, END_HEADERS, 1)
    ),
)
for title, sent in {
    "the same HEADERS again": lambda a: a.get(1),
    "HEADERS of another stream": lambda a: a.get(3),
    "DATA": lambda _: data(1, b"x"),
    "PRIORITY": lambda _: frame(PRIORITY, 0, 1, bytes(5)),
    "RST_STREAM": lambda _: reset(1),
    "SETTINGS": lambda _: settings(),
    "an acknowledgement of SETTINGS": lambda _: settings(flags=ACK),
    "PING": lambda _: ping(),
    "GOAWAY": lambda _: frame(GOAWAY, 0, 0, bytes(8)),
    "WINDOW_UPDATE": lambda _: window_update(0, 1),
    "CONTINUATION of another stream": lambda _: frame(CONTINUATION, END_HEADERS, 3),
    "CONTINUATION on stream 0": lambda _: frame(CONTINUATION, END_HEADERS, 0),
}.items():
    add("6.10", f"{title} where CONTINUATION must come", dead, lambda a, _, sent=sent: begun(a) + sent(a), fence=False)
add(
    "6.10",
    "CONTINUATION after the last",
    dead,
    lambda a, _: begun(a) + frame(CONTINUATION, END_HEADERS, 1) * 2,
    fence=False,
)
add(
    "6.10",
    "CONTINUATION after whole HEADERS",
    dead,
    lambda a, _: a.post(1) + frame(CONTINUATION, END_HEADERS, 1, block([("x", "y")])),
    fence=False,
)
add(
    "6.10",
    "CONTINUATION after DATA",
    dead,
    lambda a, _: a.post(1) + data(1, b"x") + frame(CONTINUATION, END_HEADERS, 1, block([("x", "y")])),
    fence=False,
)
add(
    "6.10",
    "CONTINUATION on stream 0, after nothing",
    dead,
    lambda _, __: frame(CONTINUATION, END_HEADERS, 0, block([("x", "y")])),
    fence=False,
)
add(
    "6.10",
    "CONTINUATION larger than the server takes",
    size,
    lambda a, t: begun(a) + frame(CONTINUATION, END_HEADERS, 1, block([("x", "y" * most(t))])),
    fence=False,
)
