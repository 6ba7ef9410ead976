"""WebSocket frames as bytes, right and wrong ones, and a connection that writes down what comes back (RFC 6455 5)."""

import base64
import hashlib
import socket
import struct
import time
import zlib

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
# How long the peer may take for one thing, and how long silence is waited for.
PATIENCE = 8


def frame(opcode, payload=b"", fin=True, rsv=0, masked=True, length_bytes=None):
    """`length_bytes` chooses a longer way of writing the length than needed."""
    length = len(payload)
    shortest = 0 if length < 126 else 2 if length < 65536 else 8
    size = shortest if length_bytes is None else length_bytes
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    mark = 0x80 if masked else 0
    head = bytes([first, mark | (length if size == 0 else 126 if size == 2 else 127)])
    head += length.to_bytes(size, "big") if size else b""
    if not masked:
        return head + payload
    mask = b"\x37\xfa\x21\x3d"
    key = mask * (length // 4 + 1)
    masked_payload = (int.from_bytes(payload, "big") ^ int.from_bytes(key[:length], "big")).to_bytes(length, "big")
    return head + mask + masked_payload


def text(payload, **options):
    return frame(TEXT, payload if isinstance(payload, bytes) else payload.encode(), **options)


def binary(payload, **options):
    return frame(BINARY, payload, **options)


def more(payload, fin=False, **options):
    return frame(CONTINUATION, payload, fin=fin, **options)


def ping(payload=b"", **options):
    return frame(PING, payload, **options)


def close(code=None, reason=b"", **options):
    return frame(CLOSE, b"" if code is None else struct.pack("!H", code) + reason, **options)


def deflated(payload, state=None):
    """A message as permessage-deflate has it on the wire (RFC 7692 7.2.1)."""
    state = state or zlib.compressobj(wbits=-15)
    return (state.compress(payload) + state.flush(zlib.Z_SYNC_FLUSH))[:-4]


def opening(path, host, **changes):
    """The lines of an opening request; a change of None leaves a field out, a list repeats it."""
    fields = {
        "Host": host,
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": KEY.decode(),
        "Sec-WebSocket-Version": "13",
    }
    method, version = changes.pop("method", "GET"), changes.pop("version", "HTTP/1.1")
    fields.update({name.replace("_", "-"): value for name, value in changes.items()})
    lines = [f"{method} {path} {version}"]
    for name, value in fields.items():
        lines += [f"{name}: {one}" for one in (value if isinstance(value, list) else [value]) if one is not None]
    return "\r\n".join([*lines, "", ""]).encode()


class Link:
    def __init__(self, address):
        self.socket = socket.create_connection(address, PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""
        self.head = b""
        self.ended = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data, piece=None):
        """All at once or in pieces. A peer that has gone on purpose is seen in what it sent before."""
        try:
            for at in range(0, len(data), piece or len(data) or 1):
                self.socket.sendall(data[at : at + (piece or len(data))])
        except OSError:
            return

    def fill(self, until):
        """Read once; false when nothing came in time or nothing will come."""
        if self.ended:
            return False
        self.socket.settimeout(max(0.01, until - time.monotonic()))
        try:
            chunk = self.socket.recv(1 << 18)
        except TimeoutError:
            return False
        except OSError:
            chunk = b""
        if not chunk:
            self.ended = "end"
        self.buffer += chunk
        return bool(chunk)

    def answer(self):
        """The status of the opening and whether the key was answered; None when there is no answer."""
        until = time.monotonic() + PATIENCE
        while b"\r\n\r\n" not in self.buffer:
            if not self.fill(until):
                return None, {}
        self.head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        lines = self.head.split(b"\r\n")
        pairs = [line.partition(b":") for line in lines[1:]]
        fields = {name.strip().lower(): value.strip() for name, _, value in pairs}
        return int(lines[0].split()[1]), fields

    def frame(self, until):
        """The next frame: first byte's upper half, opcode, payload."""
        while True:
            if found := self._parsed():
                return found
            if not self.fill(until):
                return None

    def _parsed(self):
        have = self.buffer
        if len(have) < 2:
            return None
        length, at = have[1] & 127, 2
        if length >= 126:
            size = 2 if length == 126 else 8
            if len(have) < at + size:
                return None
            length, at = int.from_bytes(have[at : at + size], "big"), at + size
        if len(have) < at + length:
            return None
        self.buffer = have[at + length :]
        return have[0] >> 4, have[0] & 15, have[at : at + length], bool(have[1] & 128)


def accept_of(key):
    return base64.b64encode(hashlib.sha1(key + GUID).digest())


class Seen:
    """What came back, apart from the pace at which it came."""

    def __init__(self):
        self.messages = []
        self.pongs = []
        self.close = None
        self.end = None
        self.wrong = []

    def __repr__(self):
        said = [short(message) for message in self.messages]
        pongs = [short(payload) for payload in self.pongs]
        return f"messages {said} pongs {pongs} close {self.close} {self.end} {self.wrong or ''}".strip()


def short(payload):
    if len(payload) <= 16:
        return payload.decode("latin-1")
    return f"{len(payload)}:{hashlib.sha256(payload).hexdigest()[:8]}"


def listened(link, until, inflate=None, enough=lambda _seen: False):
    """Everything until the peer ends, says close, or is silent."""
    seen, parts, compressed = Seen(), b"", False
    while (got := link.frame(until)) is not None:
        upper, opcode, payload, masked = got
        if masked:
            seen.wrong.append("a server that masks")
        if opcode == CLOSE:
            seen.close = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else 0
            break
        if opcode == PONG:
            seen.pongs.append(payload)
        elif opcode in (TEXT, BINARY, CONTINUATION):
            if opcode != CONTINUATION:
                parts, compressed = b"", bool(upper & 4)
            parts += payload
            if upper & 8:
                seen.messages.append(inflate(parts) if compressed and inflate else parts)
        if enough(seen):
            return seen
    if seen.close is not None:
        # The server closes TCP first (RFC 6455 7.1.1).
        link.send(close(seen.close or None))
        while link.fill(until):
            pass
    seen.end = link.ended or "open"
    return seen
