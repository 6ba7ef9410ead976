#!/usr/bin/env python3
"""A WebSocket client made with PyPI websockets: talks to websocket_server.py through an address and says what held.

  websocket_client.py HOST:PORT [--only WORD,...] [--prefix /path] [--host NAME] [--refused PATH=STATUS ...]

With `--refused` nothing else is asked: each opening request must get that HTTP status.
"""

import argparse
import json
import os
import socket
import time
from concurrent.futures import ThreadPoolExecutor

from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidStatus
from websockets.sync.client import connect

import verdict
from verdict import holds, same

SECONDS = 60
# How long a case waits for one thing; only a broken one waits this long.
PATIENCE = 15
MOST = 64 * 1024 * 1024


class Door:
    """Where the server is, however far away."""

    def __init__(self, address, prefix, host):
        self.address, self.prefix, self.host = verdict.address(address), prefix, host or address

    def open(self, path, **options):
        settings = {"max_size": MOST, "open_timeout": PATIENCE, "close_timeout": PATIENCE, "compression": None}
        settings.update(options)
        link = socket.create_connection(self.address, PATIENCE)
        return connect(f"ws://{self.host}{self.prefix}{path}", sock=link, **settings)


def hear(connection):
    return connection.recv(timeout=PATIENCE)


def echoed(connection, message):
    connection.send(message)
    holds(hear(connection) == message, f"a message of {len(message)} came back different")


def text(door):
    with door.open("/echo") as connection:
        for message in ("hello", "", "gr\u00fc\u00dfe \u20ac \U0001f6aa", "x" * 125, "x" * 126):
            echoed(connection, message)


def binary(door):
    with door.open("/echo") as connection:
        for message in (bytes(range(256)), b"", b"\x00" * 127):
            echoed(connection, message)


def lengths(door):
    """Around each change of the length field, and well past every buffer on the way."""
    with door.open("/echo") as connection:
        for length in (125, 126, 127, 65_535, 65_536, 65_537, 1 << 20, 8 << 20):
            echoed(connection, os.urandom(length))


def fragments(door):
    with door.open("/echo") as connection:
        connection.send(["frag", "men", "", "ted \u20ac"])
        same(hear(connection), "fragmented \u20ac")
        connection.send([bytes([number]) * 50_000 for number in range(10)])
        same(len(hear(connection)), 500_000)


def many(door):
    with door.open("/echo") as connection:
        sent = [f"message {number}" for number in range(2000)]
        with ThreadPoolExecutor(1) as other:
            sending = other.submit(lambda: [connection.send(message) for message in sent])
            same([hear(connection) for _ in sent], sent)
            sending.result()


def both_ways_at_once(door):
    """16 MiB each way, neither side waiting for the other."""
    with door.open("/echo") as connection:
        chunk = os.urandom(256 * 1024)
        with ThreadPoolExecutor(1) as other:
            sending = other.submit(lambda: [connection.send(chunk) for _ in range(64)])
            for _ in range(64):
                holds(hear(connection) == chunk, "a message came back different")
            sending.result()


def pings(door):
    with door.open("/echo") as connection:
        for payload in (b"", b"x", os.urandom(125)):
            holds(connection.ping(payload).wait(PATIENCE), f"no pong for {len(payload)} bytes")
        # A ping in the middle of a message.
        connection.send(["one", "two"])
        holds(connection.ping().wait(PATIENCE), "no pong")
        same(hear(connection), "onetwo")


def ping_of_the_server(door):
    with door.open("/ping") as connection:
        same(hear(connection), "pong seen")


def closed_by_the_client(door):
    for code, reason in ((1000, ""), (1001, "leaving"), (3000, "x" * 123), (4999, "gr\u00fc\u00dfe")):
        with door.open("/echo") as connection:
            echoed(connection, "before")
            connection.close(code, reason)
        # The peer answers with the code it got (RFC 6455 5.5.1).
        same((connection.protocol.close_rcvd.code, connection.protocol.close_rcvd.reason), (code, reason))


def closed_by_the_server(door):
    for code, reason in ((1000, ""), (1001, "restart"), (1011, "oh"), (4002, "bye")):
        with door.open(f"/close?code={code}&reason={reason}") as connection:
            connection.send("now")
            kind = ConnectionClosedOK if code in (1000, 1001) else ConnectionClosedError
            try:
                hear(connection)
            except kind as end:
                same((end.rcvd.code, end.rcvd.reason), (code, reason))
            else:
                raise AssertionError("it is open")


def torn_by_the_server(door):
    with door.open("/drop") as connection:
        connection.send("now")
        try:
            hear(connection)
        except ConnectionClosedError as end:
            same(end.rcvd, None, "the close that came")
        else:
            raise AssertionError("it is open")


def torn_by_the_client(door):
    """Leaves a message half sent; the next connections do not notice."""
    for _ in range(20):
        with door.open("/echo") as connection:
            connection.socket.sendall(bytes([0x82, 0xFE, 0x10, 0x00, 1, 2, 3, 4]) + b"x" * 100)
            connection.socket.shutdown(socket.SHUT_RDWR)
    text(door)


def message_at_once(door):
    """The server speaks in the same breath as its 101."""
    for _ in range(20):
        with door.open("/at-once") as connection:
            same(hear(connection), "welcome")
            echoed(connection, "thanks")


def frame_with_the_request(door):
    """The client does not wait for the 101 with its first frame."""
    opening = (
        f"GET {door.prefix}/echo HTTP/1.1\r\nHost: {door.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()
    frame = bytes([0x81, 0x85, 0, 0, 0, 0]) + b"early"
    with socket.create_connection(door.address, PATIENCE) as link:
        link.sendall(opening + frame)
        wanted, seen = bytes([0x81, 5]) + b"early", b""
        while not seen.endswith(wanted):
            chunk = link.recv(4096)
            holds(chunk, f"it ended with {seen[-100:]!r}")
            seen += chunk
        holds(seen.startswith(b"HTTP/1.1 101 "), f"it began with {seen[:50]!r}")
        holds(b"s3pplmbitxaq9kygzzhzrbk+xoo=" in seen.lower(), "the key was not answered (RFC 6455 1.3)")


def subprotocol(door):
    for offered, chosen in (
        (["chat.v1", "chat.v2"], "chat.v2"),
        (["chat.v1"], "chat.v1"),
        (["other"], None),
        (None, None),
    ):
        with door.open("/echo", subprotocols=offered) as connection:
            same(connection.subprotocol, chosen)
            echoed(connection, "hello")


def deflate(door):
    with door.open("/echo", compression="deflate") as connection:
        names = [extension.name for extension in connection.protocol.extensions]
        same(names, ["permessage-deflate"], "the extensions")
        for message in ("hello", "hello", "", "again and again " * 20_000, os.urandom(100_000)):
            echoed(connection, message)
        connection.send(["compressed ", "in ", "pieces"])
        same(hear(connection), "compressed in pieces")


def opening_request(door):
    headers = {"X-Custom": "kept", "Origin": "http://app.example"}
    with door.open("/request?a=b&c=%20d", additional_headers=headers) as connection:
        seen = json.loads(hear(connection))
        fields = {name.lower(): value for name, value in seen["headers"]}
        holds(seen["path"].endswith("/request?a=b&c=%20d"), f"the path is {seen['path']}")
        same((fields.get("x-custom"), fields.get("origin")), ("kept", "http://app.example"))
        same((fields.get("upgrade", "").lower(), fields.get("sec-websocket-version")), ("websocket", "13"))
    return sorted(fields)


def refused_by_the_server(door):
    try:
        with door.open("/refuse"):
            raise AssertionError("it was let in")
    except InvalidStatus as fault:
        same((fault.response.status_code, fault.response.body), (403, b"not you\n"))


def much_at_once(door):
    def one(number):
        with door.open("/echo") as connection:
            for turn in range(5):
                echoed(connection, f"{number} {turn}")

    with ThreadPoolExecutor(25) as many_clients:
        for done in [many_clients.submit(one, number) for number in range(100)]:
            done.result(PATIENCE * 2)


def slow_reader(door):
    """A reader who stops stops the writer and loses nothing."""
    with door.open("/flood?count=256&size=65536", max_queue=1) as connection:
        time.sleep(1)
        got = [int.from_bytes(hear(connection)[:4], "big") for _ in range(256)]
        same(got, list(range(256)), "what came")
        same(json.loads(hear(connection)), {"sent": 256})


def slow_server(door):
    """A server who stops stops the writer: what is on the way is bounded by buffers, not by memory."""
    with socket.create_connection(door.address, PATIENCE) as link:
        link.sendall(
            f"GET {door.prefix}/deaf HTTP/1.1\r\nHost: {door.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        holds(link.recv(4096).startswith(b"HTTP/1.1 101 "), "it was refused")
        link.settimeout(0.5)
        # One message of 60 MiB, of which the first part is more than any sum of buffers.
        link.sendall(bytes([0x82, 0xFF]) + (60 << 20).to_bytes(8, "big") + bytes(4))
        taken, chunk = 0, bytes(65536)
        try:
            while taken < 60 << 20:
                taken += link.send(chunk)
        except TimeoutError:
            return f"{taken >> 10} KiB were taken"
    raise AssertionError(f"{taken >> 20} MiB were taken from a client while the server read nothing")


def sink(door):
    with door.open("/sink") as connection:
        for _ in range(64):
            connection.send(bytes(256 * 1024))
        connection.send("end")
        same(json.loads(hear(connection)), {"count": 64, "bytes": 16 << 20})


def refused(door, path, status):
    try:
        with door.open(path):
            raise AssertionError("it was let in")
    except InvalidStatus as fault:
        same(fault.response.status_code, status)
        return (fault.response.body or b"").decode()


CASES = {
    "messages: text": text,
    "messages: binary": binary,
    "messages: every length": lengths,
    "messages: in fragments": fragments,
    "messages: 2000": many,
    "messages: both ways at once": both_ways_at_once,
    "messages: 16 MiB one way": sink,
    "messages: compressed": deflate,
    "control: pings": pings,
    "control: a ping of the server": ping_of_the_server,
    "end: closed by the client": closed_by_the_client,
    "end: closed by the server": closed_by_the_server,
    "end: torn by the server": torn_by_the_server,
    "end: torn by the client": torn_by_the_client,
    "opening: the server speaks at once": message_at_once,
    "opening: a frame with the request": frame_with_the_request,
    "opening: subprotocols": subprotocol,
    "opening: the request arrives": opening_request,
    "opening: refused by the server": refused_by_the_server,
    "load: 100 connections": much_at_once,
    "flow: a reader who stops": slow_reader,
    "flow: a server who stops": slow_server,
}


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("address")
    options.add_argument("--only", type=lambda text: text.split(","), help="cases that contain one of these words")
    options.add_argument("--prefix", default="", help="put before every path")
    options.add_argument("--host", help="the name to ask for")
    options.add_argument("--refused", nargs="+", metavar="PATH=STATUS", default=[])
    options = options.parse_args()

    verdicts = verdict.Verdicts("websocket_client", SECONDS, options.only)
    door = Door(options.address, options.prefix, options.host)
    if options.refused:
        for wanted in options.refused:
            path, _, status = wanted.rpartition("=")
            verdicts.run(f"refused: {wanted}", refused, door, path, int(status))
    else:
        for name, case in CASES.items():
            verdicts.run(name, case, door)
    verdicts.finish()


if __name__ == "__main__":
    main()
