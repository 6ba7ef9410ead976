"""The table of websocket_conformance.py: what is sent, and what RFC 6455 and RFC 7692 say must come back from an echo server.

An id begins with the section it comes from. Four kinds:

  echoed   these messages and pongs come back, then a closing handshake works
  failed   the server fails the connection with one of these codes; dropping it without a code is less strict
  closed   our close frame is answered with one of these codes
  opened   the opening request is answered with one of these statuses
"""

import zlib
from dataclasses import dataclass, field

from websocket_link import CLOSE, PONG, binary, close, deflated, frame, more, ping, text

PROTOCOL, DATA, TOO_BIG = 1002, 1007, 1009
# permessage-deflate as a client offers it that can live with whatever the server likes.
DEFLATE = "permessage-deflate; client_max_window_bits"


@dataclass(frozen=True)
class Case:
    name: str
    kind: str
    sent: bytes = b""
    messages: tuple = ()
    pongs: tuple = ()
    codes: tuple = ()
    statuses: tuple = ()
    piece: int | None = None
    offer: str | None = None
    changes: dict = field(default_factory=dict)


def echoed(name, sent, *messages, **more_of):
    return Case(name, "echoed", sent, tuple(m.encode() if isinstance(m, str) else m for m in messages), **more_of)


def failed(name, sent, *codes, **more_of):
    return Case(name, "failed", sent, codes=codes or (PROTOCOL,), **more_of)


def closed(name, sent, *codes, **more_of):
    return Case(name, "closed", sent, codes=codes, **more_of)


def opened(name, statuses, **changes):
    return Case(name, "opened", statuses=statuses, changes=changes)


def sized():
    for length in (0, 1, 125, 126, 127, 128, 65_535, 65_536, 65_537, 262_144, 1 << 20):
        body = b"*" * length
        yield echoed(f"5.2 text of {length}", text(body), body)
        yield echoed(f"5.2 binary of {length}", binary(body), body)
    for length, piece in ((125, 1), (126, 1), (1000, 1), (65_536, 997), (1 << 20, 1021), (1 << 20, 65_536)):
        body = b"*" * length
        yield echoed(f"5.2 text of {length} in pieces of {piece}", text(body), body, piece=piece)
        yield echoed(f"5.2 binary of {length} in pieces of {piece}", binary(body), body, piece=piece)
    yield echoed("5.2 4 MiB", binary(b"*" * (4 << 20)), b"*" * (4 << 20))
    for count in (10, 100, 1000):
        messages = [f"message {number}" for number in range(count)]
        yield echoed(f"5.2 {count} messages in one write", b"".join(map(text, messages)), *messages)


def reserved():
    for rsv in range(1, 8):
        yield failed(f"5.2 reserved bits {rsv:03b} on text", text("x", rsv=rsv))
        yield failed(f"5.2 reserved bits {rsv:03b} on a ping", ping(b"x", rsv=rsv))
    yield failed("5.2 reserved bits on binary", binary(b"x", rsv=4))
    yield failed("5.2 reserved bits on a continuation", text("x", fin=False) + more(b"y", fin=True, rsv=4))
    yield failed("5.2 reserved bits on close", close(1000, rsv=1))
    yield failed("5.2 reserved bits, in pieces", text("hello", rsv=2), piece=1)
    for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
        yield failed(f"5.2 opcode {opcode}", frame(opcode))
        yield failed(f"5.2 opcode {opcode} with a payload", frame(opcode, b"x"))
        yield failed(
            f"5.2 opcode {opcode} after a message", text("before") + frame(opcode, b"x"), messages=(b"before",)
        )
    yield failed(
        "5.2 a length with its highest bit set", bytes([0x82, 0xFF]) + b"\xff" * 8 + b"mask", PROTOCOL, TOO_BIG
    )
    yield failed("5.1 a frame without mask", text("hello", masked=False))
    yield failed("5.1 a ping without mask", ping(b"x", masked=False))
    yield failed("5.1 close without mask", close(1000, masked=False))


def control():
    for payload in (b"", b"x", b"\x00\xff\xfe\xfd\xfc\xfb", bytes(range(125))):
        yield echoed(f"5.5.2 a ping of {len(payload)}", ping(payload), pongs=(payload,))
    yield echoed("5.5.2 a ping in pieces", ping(b"in pieces"), pongs=(b"in pieces",), piece=1)
    ten = tuple(f"ping {number}".encode() for number in range(10))
    yield echoed("5.5.2 ten pings in one write", b"".join(map(ping, ten)), pongs=ten)
    yield echoed("5.5.2 ten pings in pieces", b"".join(map(ping, ten)), pongs=ten, piece=1)
    yield echoed("5.5.3 a pong nobody asked for", frame(PONG) + text("after"), "after")
    yield echoed("5.5.3 a pong with a payload, then a ping", frame(PONG, b"x") + ping(b"y"), pongs=(b"y",))
    for length in (126, 127, 65_536):
        yield failed(f"5.5 a ping of {length}", ping(b"x" * length))
    yield failed("5.5 close of 126", close(1000, b"x" * 124))
    yield failed("5.5 a pong of 126", frame(PONG, b"x" * 126))
    yield failed("5.5 a ping in fragments", ping(b"x", fin=False) + more(b"y", fin=True))
    yield failed("5.5 a pong in fragments", frame(PONG, b"x", fin=False) + more(b"y", fin=True))
    yield failed("5.5 close in fragments", close(1000, fin=False))


def fragmented():
    first, last = text("one ", fin=False), more(b"two", fin=True)
    for piece in (None, 1):
        how = ", in pieces" if piece else ""
        yield echoed(f"5.4 two fragments{how}", first + last, "one two", piece=piece)
        yield echoed(
            f"5.4 a ping between fragments{how}", first + ping(b"x") + last, "one two", pongs=(b"x",), piece=piece
        )
        many = b"".join(more(f"{number} ".encode()) + ping(str(number).encode()) for number in range(5))
        numbers = tuple(str(number).encode() for number in range(5))
        yield echoed(
            f"5.4 pings between fragments{how}", first + many + last, "one 0 1 2 3 4 two", pongs=numbers, piece=piece
        )
    yield echoed("5.4 empty fragments", text("", fin=False) + more(b"") + more(b"", fin=True), "")
    yield echoed("5.4 an empty first fragment", text("", fin=False) + more(b"x", fin=True), "x")
    yield echoed(
        "5.4 a thousand fragments",
        text("a", fin=False) + more(b"b") * 998 + more(b"c", fin=True),
        "a" + "b" * 998 + "c",
    )
    yield echoed("5.4 binary fragments", binary(b"\xff", fin=False) + more(b"\xfe", fin=True), b"\xff\xfe")
    large = b"*" * 65_536
    yield echoed("5.4 large fragments", binary(large, fin=False) + more(large) * 6 + more(large, fin=True), large * 8)
    yield failed("5.4 a last continuation of nothing", more(b"x", fin=True))
    yield failed("5.4 a continuation of nothing", more(b"x"))
    yield failed("5.4 a continuation of nothing, then text", more(b"x") + text("y"))
    yield failed("5.4 a continuation after a whole message", text("whole") + more(b"x", fin=True), messages=(b"whole",))
    yield failed("5.4 text inside fragmented text", first + text("x"))
    yield failed("5.4 text inside fragmented text, in pieces", first + text("x"), piece=1)
    yield failed("5.4 binary inside fragmented text", first + binary(b"x"))
    yield failed("5.4 a fragment of another message inside", first + text("x", fin=False) + last)


VALID = {
    "two bytes": b"\xce\xba\xc3\xb6",
    "three bytes": b"\xe1\xbd\xb9\xe2\x82\xac",
    "four bytes": b"\xf0\x90\x80\x80\xf0\x9f\x9a\xaa",
    "the first of each length": b"\x00\xc2\x80\xe0\xa0\x80\xf0\x90\x80\x80",
    "the last of each length": b"\x7f\xdf\xbf\xef\xbf\xbf\xf4\x8f\xbf\xbf",
    "around the surrogates": b"\xed\x9f\xbf\xee\x80\x80",
    "the replacement character": b"\xef\xbf\xbd",
    "not characters": b"\xef\xbf\xbe\xf0\x9f\xbf\xbf\xf3\xbf\xbf\xbe",
    "NUL and controls": b"\x00\x01\x1f\x7f",
}
INVALID = {
    "a lone continuation": b"\x80",
    "a lone continuation, the last one": b"\xbf",
    "continuations only": bytes(range(0x80, 0xC0)),
    "a lead byte alone": b"\xc3",
    "a lead byte and a space": b"\xc3 ",
    "three bytes, one missing": b"\xe2\x82",
    "four bytes, one missing": b"\xf0\x9f\x9a",
    "a missing byte before text": b"\xe2\x82x",
    "overlong slash in two": b"\xc0\xaf",
    "overlong slash in three": b"\xe0\x80\xaf",
    "overlong slash in four": b"\xf0\x80\x80\xaf",
    "overlong NUL": b"\xc0\x80",
    "overlong last of two": b"\xe0\x9f\xbf",
    "overlong last of three": b"\xf0\x8f\xbf\xbf",
    "first surrogate": b"\xed\xa0\x80",
    "last surrogate": b"\xed\xbf\xbf",
    "a pair of surrogates": b"\xed\xa0\xbd\xed\xba\xaa",
    "past the last character": b"\xf4\x90\x80\x80",
    "five bytes": b"\xf8\x88\x80\x80\x80",
    "six bytes": b"\xfc\x84\x80\x80\x80\x80",
    "0xfe": b"\xfe",
    "0xff": b"\xff",
}


def characters():
    for name, body in VALID.items():
        yield echoed(f"8.1 valid: {name}", text(body), body)
        split = [body[at : at + 1] for at in range(len(body))]
        fragments = text(split[0], fin=False) + b"".join(map(more, split[1:])) + more(b"", fin=True)
        yield echoed(f"8.1 valid, a fragment each byte: {name}", fragments, body)
    for name, body in INVALID.items():
        yield failed(f"8.1 invalid: {name}", text(b"before" + body + b"after" if len(body) > 1 else body), DATA)
        yield echoed(f"8.1 in binary anything goes: {name}", binary(body), body)
    split = text(b"\xce\xba\xe2\x82", fin=False) + more(b"\xacx", fin=True)
    yield echoed("8.1 a character over two fragments", split, b"\xce\xba\xe2\x82\xacx")
    broken = text(b"before", fin=False) + more(b"\xed\xa0\x80")
    yield failed("8.1 invalid in a fragment, the rest never comes", broken + more(b"after", fin=True), DATA)
    yield failed("8.1 unfinished at the end of the message", text(b"x", fin=False) + more(b"\xe2\x82", fin=True), DATA)


def closing():
    yield closed("5.5.1 close without code", close(), 0, 1000, 1005)
    for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999):
        yield closed(f"7.4 close with {code}", close(code), code, 1000)
    for code in (0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535):
        yield failed(f"7.4 close with {code}, which nobody may send", close(code))
    yield failed("5.5.1 close with one byte", frame(CLOSE, b"\x03"))
    yield closed("5.5.1 close with a reason", close(1000, b"done"), 1000)
    yield closed("5.5.1 close with the longest reason", close(1000, b"x" * 123), 1000)
    yield closed("5.5.1 close with a reason of other characters", close(1000, "grüße".encode()), 1000)
    yield failed("5.5.1 close with a reason that is not UTF-8", close(1000, b"\xff\xfe"), DATA, PROTOCOL)
    yield closed("5.5.1 nothing counts after close", close(1000) + text("late"), 1000)
    yield closed("5.5.1 no pong after close", close(1000) + ping(b"late"), 1000)
    yield closed("5.5.1 close twice", close(1000) + close(1000), 1000)
    yield closed("5.5.1 a message, then close", text("before") + close(1000), 1000, messages=(b"before",))
    # A control frame may stand there (5.4); that the message stays without its end may be called a fault.
    yield closed("5.5.1 close inside a message", text("half", fin=False) + close(1000), 1000, PROTOCOL)
    yield closed("5.5.1 close in pieces", close(1001, b"slowly"), 1001, 1000, piece=1)


def compressed():
    def one(name, sent, *messages, **more_of):
        return echoed(f"RFC 7692 {name}", sent, *messages, offer=DEFLATE, **more_of)

    for body in (b"", b"hello", b"again and again " * 1000, bytes(range(256)) * 512):
        yield one(f"7.2 a compressed message of {len(body)}", binary(deflated(body), rsv=4), body)
        yield one(f"7.2 the same not compressed, of {len(body)}", binary(body), body)
    yield one("7.2 in pieces", text(deflated(b"hello hello"), rsv=4), "hello hello", piece=1)
    whole = deflated(b"in fragments " * 10)
    split = text(whole[:3], rsv=4, fin=False) + more(whole[3:7]) + ping(b"x") + more(whole[7:], fin=True)
    yield one("7.2.1 in fragments", split, b"in fragments " * 10, pongs=(b"x",))
    state = zlib.compressobj(wbits=-15)
    both = [text(deflated(b"the same words", state), rsv=4) for _ in range(3)]
    yield one("7.2.3.2 with what was said before", b"".join(both), *["the same words"] * 3)
    stored = b"\x00\x05\x00\xfa\xffhello\x00"
    yield one("7.2.3.3 a block that is not compressed", text(stored, rsv=4), "hello")
    final = zlib.compressobj(wbits=-15)
    ended = final.compress(b"hello") + final.flush(zlib.Z_FINISH) + b"\x00"
    yield one("7.2.3.4 a last block", text(ended, rsv=4), "hello")
    two = zlib.compressobj(wbits=-15)
    blocks = two.compress(b"hel") + two.flush(zlib.Z_SYNC_FLUSH) + deflated(b"lo", two)
    yield one("7.2.3.5 two blocks", text(blocks, rsv=4), "hello")
    for name, sent, codes in (
        ("6 the bit on a continuation", text(b"x", fin=False) + more(b"y", fin=True, rsv=4), (PROTOCOL,)),
        ("6 the bit on a ping", ping(b"x", rsv=4), (PROTOCOL,)),
        ("6 another bit", text(b"x", rsv=2), (PROTOCOL,)),
        ("7.2.2 no deflate data", text(b"\xff\xff\xff\xff", rsv=4), (PROTOCOL, DATA, 1006, 1011)),
        ("7.2.2 compressed, but no UTF-8", text(deflated(b"\xff\xfe"), rsv=4), (DATA,)),
    ):
        yield failed(f"RFC 7692 {name}", sent, *codes, offer=DEFLATE)


REFUSED = (400, 403, 404, 405, 426, 500, 501, 505)


def openings():
    yield opened("4.2.1 as it should be", (101,))
    yield opened("4.2.1 any case of letters", (101,), Upgrade="WebSocket", Connection="upgrade")
    yield opened("4.2.1 more than one word in Connection", (101,), Connection="keep-alive, Upgrade")
    yield opened("4.2.1 two Connection fields", (101,), Connection=["keep-alive", "Upgrade"])
    yield opened("4.2.1 with an origin and cookies", (101,), Origin="http://app.example", Cookie="a=b")
    yield opened("4.2.1 an extension nobody knows", (101,), Sec_WebSocket_Extensions="x-none; a=b")
    yield opened("4.2.1 a subprotocol nobody knows", (101,), Sec_WebSocket_Protocol="x-none")
    yield opened("4.2.1 an unknown field", (101,), X_Unknown="x")
    yield opened("4.2.1 without key", REFUSED, Sec_WebSocket_Key=None)
    yield opened("4.2.1 an empty key", REFUSED, Sec_WebSocket_Key="")
    yield opened("4.2.1 a key of 15 bytes", REFUSED, Sec_WebSocket_Key="dGhlIHNhbXBsZSBub25j")
    yield opened("4.2.1 a key that is not base64", REFUSED, Sec_WebSocket_Key="************************")
    yield opened("4.2.1 two keys", REFUSED, Sec_WebSocket_Key=["dGhlIHNhbXBsZSBub25jZQ=="] * 2)
    yield opened("4.2.1 without version", REFUSED, Sec_WebSocket_Version=None)
    yield opened("4.4 version 8", REFUSED, Sec_WebSocket_Version="8")
    yield opened("4.4 version 14", REFUSED, Sec_WebSocket_Version="14")
    yield opened("4.4 a version that is no number", REFUSED, Sec_WebSocket_Version="thirteen")
    yield opened("4.2.1 without Upgrade", REFUSED, Upgrade=None)
    yield opened("4.2.1 Upgrade to something else", REFUSED, Upgrade="x-other")
    yield opened("4.2.1 without Connection", REFUSED, Connection=None)
    yield opened("4.2.1 Connection without the word", REFUSED, Connection="keep-alive")
    yield opened("4.2.1 POST", REFUSED, method="POST", Content_Length="0")
    yield opened("4.2.1 HTTP/1.0", REFUSED, version="HTTP/1.0")


TABLE = [*openings(), *sized(), *reserved(), *control(), *fragmented(), *characters(), *closing(), *compressed()]
