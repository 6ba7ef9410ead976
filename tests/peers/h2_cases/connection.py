"""The preface, frames as such, and the states of a stream (RFC 9113 3.4, 4, 5)."""

from h2_cases.case import Cases
from h2_expect import LESS, NotHere, connection, either, fine, stream
from h2_link import (
    COMPRESSION_ERROR,
    CONTINUATION,
    END_HEADERS,
    END_STREAM,
    FRAME_SIZE_ERROR,
    HEADERS,
    MAX_CONCURRENT_STREAMS,
    MAX_FRAME_SIZE,
    NO_ERROR,
    PREFACE,
    PRIORITY,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    STREAM_CLOSED,
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
UNKNOWN = 0xF7

# 3.4: the preface.
dead = connection(PROTOCOL_ERROR)
add(
    "3.4", "a preface that is none", dead, lambda _, __: b"INVALID CONNECTION PREFACE\r\n\r\n", begin=False, fence=False
)
add("3.4", "a preface with a wrong last byte", dead, lambda _, __: PREFACE[:-1] + b"x", begin=False, fence=False)
add("3.4", "a ping instead of the first SETTINGS", dead, lambda _, __: PREFACE + ping(), begin=False, fence=False)
add("3.4", "a request instead of the first SETTINGS", dead, lambda a, _: PREFACE + a.get(1), begin=False, fence=False)
add(
    "3.4",
    "an acknowledgement instead of the first SETTINGS",
    connection(PROTOCOL_ERROR, ignoring=LESS),
    lambda _, __: PREFACE + settings(flags=1),
    begin=False,
)


@add("3.4", "the preface byte by byte", fine(), begin=False)
def _(asks, link):
    for byte in PREFACE + settings():
        link.send(bytes([byte]))
    return asks.get(1)


@add("3.4", "a request that does not wait for the server's SETTINGS", fine(), begin=False)
def _(asks, _link):
    return PREFACE + settings() + asks.get(1)


@add("3.4", "the server's first frame is SETTINGS", fine(), begin=False)
def _(asks, link):
    link.send(PREFACE + settings())
    link.read(lambda: link.theirs is not None or link.closed)
    if link.theirs is None or link.events:
        raise AssertionError(f"it began with {link.saw()}")
    return asks.get(1)


# 4.1: what is not known is left alone.
add("4.1", "a frame of an unknown type", fine(), lambda a, _: frame(UNKNOWN, 0, 0, b"x" * 8) + a.get(1))
add("4.1", "an unknown frame on a stream that is idle", fine(), lambda a, _: frame(UNKNOWN, 0, 7, b"x") + a.get(1))
add("4.1", "an empty unknown frame with every flag", fine(), lambda a, _: frame(UNKNOWN, 255, 0) + a.get(1))
add("4.1", "unknown flags of a ping", fine(), lambda a, _: ping(flags=0x16 & ~1) + a.get(1))
add(
    "4.1",
    "unknown flags of HEADERS",
    fine(),
    lambda a, _: a.headers(1, a.fields(), flags=END_HEADERS | 0xD2 & ~8 & ~32),
)
add(
    "4.1", "the reserved bit of a stream's number", fine(), lambda a, _: frame(UNKNOWN, 0, 1 << 31) + a.get(1 | 1 << 31)
)
add(
    "5.5",
    "an unknown frame inside a field block",
    dead,
    lambda a, _: (
        frame(HEADERS, END_STREAM, 1, block(a.fields())) + frame(UNKNOWN) + frame(CONTINUATION, END_HEADERS, 1)
    ),
    fence=False,
)

# 4.2: sizes.
add(
    "4.2",
    "DATA of 16384, which anybody takes",
    fine(),
    lambda a, _: a.post(1) + data(1, b"x" * 16_384, end=True),
)
add(
    "4.2",
    "DATA of one more than the server takes",
    stream(FRAME_SIZE_ERROR),
    lambda a, t: a.post(1) + data(1, b"x" * (most(t) + 1), end=True),
)
add(
    "4.2",
    "HEADERS of one more than the server takes",
    connection(FRAME_SIZE_ERROR),
    lambda a, t: frame(HEADERS, END_STREAM | END_HEADERS, 1, block([*a.fields(), ("x", "y" * most(t))])),
    fence=False,
)
add(
    "4.2",
    "SETTINGS of more than the server takes",
    connection(FRAME_SIZE_ERROR),
    lambda _, t: settings(*[(0xF0F0, 0)] * (most(t) // 6 + 1)),
)
add(
    "4.2",
    "an unknown frame of more than the server takes",
    connection(FRAME_SIZE_ERROR),
    lambda _, t: frame(UNKNOWN, 0, 0, b"x" * (most(t) + 1)),
)
add(
    "4.2",
    "HEADERS and CONTINUATION with empty pieces",
    # Nothing forbids them, and nothing is lost where they are taken for the beginning of a flood.
    either(fine(), connection(also=(FRAME_SIZE_ERROR, PROTOCOL_ERROR))),
    lambda a, _: (
        frame(HEADERS, END_STREAM, 1)
        + frame(CONTINUATION, 0, 1)
        + frame(CONTINUATION, END_HEADERS, 1, block(a.fields()))
    ),
)

# 4.3: a field block that does not decode. The rest is in compression.py.
add(
    "4.3", "a block that ends in the middle", connection(COMPRESSION_ERROR), lambda a, _: broken(block(a.fields())[:-3])
)
add(
    "4.3",
    "a block that does not decode",
    connection(COMPRESSION_ERROR),
    lambda _, __: broken(b"\x00\x05\x00\x00\x00\x00"),
)
add(
    "4.3",
    "trailers that do not decode",
    connection(COMPRESSION_ERROR),
    lambda a, _: a.post(1) + data(1, b"x") + broken(b"\x7f\xff\xff\xff\xff\xff\xff"),
)

# 5.1: idle.
add("5.1 idle", "DATA", connection(PROTOCOL_ERROR, also=(STREAM_CLOSED,)), lambda _, __: data(1, b"x", end=True))
add("5.1 idle", "RST_STREAM", dead, lambda _, __: reset(1))
add("5.1 idle", "WINDOW_UPDATE", dead, lambda _, __: window_update(1, 100))
add("5.1 idle", "CONTINUATION", dead, lambda a, _: frame(CONTINUATION, END_HEADERS, 1, block(a.fields())), fence=False)
add("5.1 idle", "PRIORITY is nothing", fine(), lambda a, _: frame(PRIORITY, 0, 1, bytes(5)) + a.get(1))
add("5.1 idle", "RST_STREAM of a stream of the server", dead, lambda _, __: reset(2))
add("5.1 idle", "WINDOW_UPDATE of a stream of the server", dead, lambda _, __: window_update(2, 1))

# 5.1: half-closed (remote): the client said END_STREAM while the answer is still to come. What the server knows of the end
# of the answer depends on time, so that what is said about closed streams is right as well.
shut = stream(STREAM_CLOSED, also=(PROTOCOL_ERROR,))
add("5.1 half-closed", "DATA", shut, lambda a, _: a.post(1, end=True) + data(1, b"x", end=True))
add("5.1 half-closed", "HEADERS", shut, lambda a, _: a.get(1) + a.trailers(1))
add(
    "5.1 half-closed",
    "CONTINUATION",
    connection(PROTOCOL_ERROR, also=(STREAM_CLOSED,)),
    lambda a, _: a.get(1) + frame(CONTINUATION, END_HEADERS, 1, block([("x", "y")])),
    fence=False,
)
add("5.1 half-closed", "WINDOW_UPDATE is fine", fine(), lambda a, _: a.get(1) + window_update(1, 100))
add("5.1 half-closed", "PRIORITY is fine", fine(), lambda a, _: a.get(1) + frame(PRIORITY, 0, 1, bytes(5)))

# 5.1: closed, after the answer. What comes late may also be thrown away.
late = either(connection(STREAM_CLOSED), stream(STREAM_CLOSED, ignoring=LESS))
reused = either(connection(STREAM_CLOSED, PROTOCOL_ERROR), stream(STREAM_CLOSED, ignoring=LESS))


def answered(asks, link):
    link.send(asks.get(1))
    if not link.answered(1):
        raise AssertionError("the first request was not answered")
    link.events.append("then")


def after_answer(title, expect, sent, **options):
    def act(asks, link):
        answered(asks, link)
        return sent(asks)

    add("5.1 closed", title, expect, act, **options)


after_answer("DATA", late, lambda _: data(1, b"x", end=True))
after_answer("HEADERS", reused, lambda a: a.get(1))
after_answer("trailers", reused, lambda a: a.trailers(1))
after_answer(
    "CONTINUATION",
    connection(PROTOCOL_ERROR, also=(STREAM_CLOSED,)),
    lambda a: frame(CONTINUATION, END_HEADERS, 1, block([("x", "y")])),
    fence=False,
)
after_answer("PRIORITY is fine", fine(), lambda a: frame(PRIORITY, 0, 1, bytes(5)) + a.get(3), streams=(1, 3))
after_answer("WINDOW_UPDATE is fine", fine(), lambda a: window_update(1, 100) + a.get(3), streams=(1, 3))
after_answer("RST_STREAM is fine", fine(), lambda a: reset(1) + a.get(3), streams=(1, 3))

# 5.1: closed by our own RST_STREAM.
gone = either(connection(STREAM_CLOSED), stream(STREAM_CLOSED, ignoring=LESS))
add("5.1 reset", "DATA", gone, lambda a, _: a.post(1) + reset(1) + data(1, b"x", end=True))
add(
    "5.1 reset",
    "CONTINUATION",
    connection(PROTOCOL_ERROR, also=(STREAM_CLOSED,)),
    lambda a, _: a.post(1) + reset(1) + frame(CONTINUATION, END_HEADERS, 1, block([("x", "y")])),
    fence=False,
)
add("5.1 reset", "HEADERS", reused, lambda a, _: a.post(1) + reset(1) + a.trailers(1))
add("5.1 reset", "the next request is fine", fine(), lambda a, _: a.get(1) + reset(1) + a.get(3), streams=(3,))

# 5.1.1: numbers.
add("5.1.1", "a request on an even number", dead, lambda a, _: a.get(2), streams=(2,))
add(
    "5.1.1",
    "a request on a number below the last",
    connection(PROTOCOL_ERROR, also=(STREAM_CLOSED,)),
    lambda a, _: a.get(5) + a.get(3),
    streams=(3,),
)
add("5.1.1", "numbers left out", fine(), lambda a, _: a.get(1) + a.get(9) + a.get(101), streams=(1, 9, 101))
add("5.1.1", "the highest number", fine(), lambda a, _: a.get((1 << 31) - 1), streams=((1 << 31) - 1,))

# 5.1.2: how many at once.


@add("5.1.2", "one stream more than the server takes at once", stream(PROTOCOL_ERROR, REFUSED_STREAM))
def _(asks, link):
    return b"".join(asks.post(number) for number in range(1, 2 * allowed(link) + 3, 2)), 2 * allowed(link) + 1


@add("5.1.2", "as many streams as the server takes at once", fine())
def _(asks, link):
    streams = tuple(range(1, 2 * min(allowed(link), 100) + 1, 2))
    return b"".join(asks.get(number) for number in streams), *streams


@add("5.1.2", "one more once another is over", fine())
def _(asks, link):
    last = 2 * allowed(link) - 1
    link.send(b"".join(asks.post(number) for number in range(1, last + 1, 2)))
    link.send(data(1, b"x", end=True))
    link.answered(1)
    return asks.get(last + 2), last + 2


# 5.3.2 and 5.4: what is left of priorities, and errors as such.
add(
    "5.3.2",
    "a stream that depends on itself",
    either(fine(), stream(PROTOCOL_ERROR)),
    lambda a, _: frame(HEADERS, END_STREAM | END_HEADERS | 32, 1, b"\x00\x00\x00\x01\x10" + block(a.fields())),
)
add(
    "5.4.1",
    "GOAWAY of the client, without error, leaves its requests alone",
    fine(ending=True),
    lambda a, _: a.get(1) + goaway(NO_ERROR),
)
add("5.4.1", "GOAWAY with an unknown code", fine(ending=True), lambda a, _: a.get(1) + goaway(0xFACE))
add(
    "5.4.2",
    "RST_STREAM with an unknown code",
    fine(),
    lambda a, _: a.post(1) + reset(1, 0xFACE) + a.get(3),
    streams=(3,),
)
add(
    "5.4.2",
    "an error of one stream leaves the others alone",
    either(fine(), dead),
    lambda a, _: a.post(1) + window_update(1, 0) + a.get(3),
    streams=(3,),
)


def most(link):
    """The largest frame the server takes."""
    size = link.theirs.get(MAX_FRAME_SIZE, 16_384)
    if size >= (1 << 24) - 1:
        raise NotHere("the server takes frames of every size")
    return size


def allowed(link):
    streams = link.theirs.get(MAX_CONCURRENT_STREAMS)
    if streams is None or streams > 1000:
        raise NotHere(f"the server takes {streams or 'any number of'} streams at once")
    return streams


def broken(payload, stream=1):
    return frame(HEADERS, END_STREAM | END_HEADERS, stream, payload)


def goaway(code):
    return frame(7, 0, 0, bytes(4) + code.to_bytes(4, "big"))
