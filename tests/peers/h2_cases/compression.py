"""Compressed fields (RFC 7541). What does not decode is an error of the connection (RFC 9113 4.3)."""

import hpack
from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH

from h2_cases.case import Cases
from h2_expect import connection, fine
from h2_link import (
    COMPRESSION_ERROR,
    END_HEADERS,
    END_STREAM,
    HEADER_TABLE_SIZE,
    HEADERS,
    block,
    frame,
    literal,
    number,
)

CASES = Cases()
add = CASES.add
dead = connection(COMPRESSION_ERROR)
HUFFMAN = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)


def sent(payload, stream=1):
    return frame(HEADERS, END_STREAM | END_HEADERS, stream, payload)


def beside(asks, more):
    """A request whose block goes on with these bytes."""
    return sent(block(asks.fields()) + more)


def field(value):
    """A literal whose value is given as it stands on the wire."""
    return b"\x00" + literal("x-test") + value


add("7541 2.3.3", "index 0", dead, lambda a, _: beside(a, b"\x80"))
add("7541 2.3.3", "an index past both tables", dead, lambda a, _: beside(a, number(70, 7, 0x80)))
add("7541 2.3.3", "an index far past both tables", dead, lambda a, _: beside(a, number(1 << 20, 7, 0x80)))
add("7541 2.3.3", "a name's index past both tables", dead, lambda a, _: beside(a, number(70, 4) + literal("x")))
add(
    "7541 4.2",
    "a table larger than the server allows",
    dead,
    lambda a, t: sent(number(table(t) + 1, 5, 0x20) + block(a.fields())),
)
add(
    "7541 4.2",
    "a table far larger than that",
    dead,
    lambda a, _: sent(number((1 << 31) - 1, 5, 0x20) + block(a.fields())),
)
add("7541 4.2", "a size of the table at the end", dead, lambda a, _: beside(a, number(0, 5, 0x20)))
add(
    "7541 4.2",
    "a size of the table in the middle",
    dead,
    lambda a, _: sent(block(a.fields()[:2]) + b"\x20" + block(a.fields()[2:])),
)
add(
    "7541 4.2",
    "a size of the table at the beginning",
    fine(),
    lambda a, _: sent(number(100, 5, 0x20) + block(a.fields())),
)
add(
    "7541 4.2",
    "no table, then the old one",
    fine(),
    lambda a, t: sent(b"\x20" + number(min(table(t), 4096), 5, 0x20) + block(a.fields())),
)
add("7541 5.1", "an integer without end", dead, lambda a, _: beside(a, b"\xff" + b"\xff" * 16 + b"\x01"))
add("7541 5.1", "an integer that is cut off", dead, lambda a, _: beside(a, b"\xff\x80"))
add("7541 5.2", "a string longer than the block", dead, lambda a, _: beside(a, field(number(50, 7) + b"short")))
add("7541 5.2", "a string of 2^31", dead, lambda a, _: beside(a, field(number(1 << 31, 7) + b"short")))
add("7541 5.2", "a name that is cut off", dead, lambda a, _: beside(a, b"\x00\x05x"))
add(
    "7541 5.2",
    "Huffman padding of more than 7 bits",
    dead,
    lambda a, _: beside(a, field(coded(HUFFMAN.encode(b"a") + b"\xff"))),
)
add("7541 5.2", "Huffman padding of zeros", dead, lambda a, _: beside(a, field(coded(b"\x18"))))
add("7541 5.2", "Huffman with the end symbol", dead, lambda a, _: beside(a, field(coded(b"\xff\xff\xff\xff"))))
add("7541 5.2", "Huffman", fine(), lambda a, _: beside(a, field(coded(HUFFMAN.encode(b"www.example.com")))))
add(
    "7541 6.2.2",
    "every way to write a literal",
    fine(),
    lambda a, _: beside(
        a, b"".join(first + literal(f"x-{at}") + literal("v") for at, first in enumerate((b"\x00", b"\x10", b"\x40")))
    ),
)
add(
    "7541 6.1",
    "the static table",
    fine(),
    lambda a, _: sent(b"\x82\x84\x86" + b"\x41" + literal(a.authority) + b"\x90"),
)


@add("7541 2.3.2", "the dynamic table, over many requests", fine(), streams=(1, 3, 5, 7, 9))
def _(asks, _link):
    encoder = hpack.Encoder()
    return b"".join(
        sent(encoder.encode(asks.fields() + [("x-again", "the same"), (f"x-{n}", "other")]), n) for n in (1, 3, 5, 7, 9)
    )


@add("7541 2.3.2", "names of the dynamic table", fine(), streams=(1, 3))
def _(asks, _link):
    first = block(asks.fields()) + b"\x40" + literal("x-kept") + literal("one")
    second = block(asks.fields()) + number(62, 6, 0x40) + literal("two") + number(62, 7, 0x80) + number(63, 7, 0x80)
    return sent(first) + sent(second, 3)


@add("7541 4.4", "entries that were pushed out are gone", dead, streams=(1, 3))
def _(asks, link):
    first = block(asks.fields()) + b"\x40" + literal("x-old") + literal("one")
    # Larger than the table: it empties it.
    most = table(link)
    second = block(asks.fields()) + b"\x40" + literal("x-huge") + literal("y" * (most + 1 if most <= 8192 else 0))
    if most > 8192:
        second = b"\x20" + block(asks.fields())
    return sent(first) + sent(second, 3) + sent(block(asks.fields()) + number(62, 7, 0x80), 5), 1, 5


@add("7541 4.2", "our table of nothing is honoured", fine(), ours=((HEADER_TABLE_SIZE, 0),), streams=(1, 3, 5))
def _(asks, link):
    link.decoder.max_allowed_table_size = 0
    link.send(asks.get(1))
    link.answered(1)
    link.send(asks.get(3))
    link.answered(3)
    return asks.get(5)


@add("7541 4.2", "the server's table follows when ours changes", fine(), streams=(1, 3, 5))
def _(asks, link):
    from h2_link import settings

    link.send(asks.get(1))
    link.answered(1)
    before = link.acks
    link.send(settings((HEADER_TABLE_SIZE, 0)))
    link.read(lambda: link.acks > before)
    link.decoder.max_allowed_table_size = 0
    link.send(asks.get(3))
    link.answered(3)
    return asks.get(5)


def table(link):
    return link.theirs.get(HEADER_TABLE_SIZE, 4096)


def coded(bits):
    """A string whose bytes are Huffman codes."""
    return number(len(bits), 7, 0x80) + bits
