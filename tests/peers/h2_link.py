"""HTTP/2 frames as bytes, right and wrong ones, and a connection that writes down what comes back (RFC 9113 4).

Requests are encoded by hand, without the dynamic table and without Huffman, so that any field can be anything and two
requests never depend on each other. Answers are decoded by the hpack library.
"""

import socket
import time

import hpack

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED, PRIORITISED = 1, 1, 4, 8, 32
(
    NO_ERROR,
    PROTOCOL_ERROR,
    INTERNAL_ERROR,
    FLOW_CONTROL_ERROR,
    SETTINGS_TIMEOUT,
    STREAM_CLOSED,
    FRAME_SIZE_ERROR,
    REFUSED_STREAM,
    CANCEL,
    COMPRESSION_ERROR,
    CONNECT_ERROR,
    ENHANCE_YOUR_CALM,
) = range(12)
CODES = dict(
    enumerate(
        "NO_ERROR PROTOCOL_ERROR INTERNAL_ERROR FLOW_CONTROL_ERROR SETTINGS_TIMEOUT STREAM_CLOSED FRAME_SIZE_ERROR "
        "REFUSED_STREAM CANCEL COMPRESSION_ERROR CONNECT_ERROR ENHANCE_YOUR_CALM".split()
    )
)
HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE = range(1, 6)
DEFAULT_WINDOW = 65_535
LARGEST_WINDOW = (1 << 31) - 1
# How long the peer may take for one thing.
PATIENCE = 5
# How long an answer is still waited for once the peer has read past what we sent.
GRACE = 0.4


def frame(kind, flags=0, stream=0, payload=b"", length=None):
    """`length` says another length than the payload has."""
    length = len(payload) if length is None else length
    return length.to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def number(value, prefix, first=0):
    """An integer of HPACK (RFC 7541 5.1)."""
    most = (1 << prefix) - 1
    if value < most:
        return bytes([first | value])
    out, value = [first | most], value - most
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    return bytes([*out, value])


def literal(text):
    text = text if isinstance(text, bytes) else text.encode()
    return number(len(text), 7) + text


def block(fields):
    """Literals without indexing (RFC 7541 6.2.2)."""
    return b"".join(b"\x00" + literal(name) + literal(value) for name, value in fields)


def settings(*pairs, flags=0, stream=0):
    payload = b"".join(key.to_bytes(2, "big") + value.to_bytes(4, "big") for key, value in pairs)
    return frame(SETTINGS, flags, stream, payload)


def window_update(stream, by):
    return frame(WINDOW_UPDATE, 0, stream, by.to_bytes(4, "big"))


def reset(stream, code=CANCEL):
    return frame(RST_STREAM, 0, stream, code.to_bytes(4, "big"))


def ping(payload=b"12345678", flags=0, stream=0):
    return frame(PING, flags, stream, payload)


def data(stream, payload=b"", end=False, flags=0):
    return frame(DATA, flags | (END_STREAM if end else 0), stream, payload)


class Asks:
    """Makes requests to one place."""

    def __init__(self, authority, path="/", large=None):
        self.authority, self.path, self.large = authority, path, large

    def fields(self, method="GET", path=None, **changed):
        """The four pseudo-fields; `scheme=None` leaves one out, another value replaces it."""
        pseudo = {"method": method, "scheme": "http", "path": path or self.path, "authority": self.authority}
        pseudo.update(changed)
        return [(f":{name}", value) for name, value in pseudo.items() if value is not None]

    def headers(self, stream, fields, end=True, flags=END_HEADERS):
        return frame(HEADERS, flags | (END_STREAM if end else 0), stream, block(fields))

    def get(self, stream, *more, end=True, **changed):
        return self.headers(stream, [*self.fields(**changed), *more], end)

    def post(self, stream, *more, end=False, **changed):
        return self.headers(stream, [*self.fields("POST", **changed), *more], end)

    def trailers(self, stream, *fields, end=True):
        return self.headers(stream, fields or [("x-trailer", "behind")], end)


class Link:
    """One connection. What came is in `events`, in order; what is known of a stream is asked by its number."""

    def __init__(self, address, ours=(), begin=True):
        self.socket = socket.create_connection(address, PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.decoder = hpack.Decoder(max_header_list_size=1 << 20)
        self.buffer = b""
        self.events = []
        self.status, self.ended, self.codes, self.length = {}, set(), {}, {}
        self.goaway = None
        self.closed = None
        self.pings = set()
        self.acks = 0
        # What the peer opened, by stream; 0 is the connection.
        self.opened = {}
        self.theirs = None
        self.block = b""
        if begin:
            self.send(PREFACE + settings(*ours))
            self.read(lambda: self.theirs is not None and self.acks)
            self.send(settings(flags=ACK))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, *parts):
        """A peer that has gone on purpose is seen in what it sent before."""
        try:
            self.socket.sendall(b"".join(parts))
        except OSError:
            return

    def read(self, enough, patience=PATIENCE):
        """Until it is enough or nothing more comes; whether it was."""
        until = time.monotonic() + patience
        while not enough():
            left = until - time.monotonic()
            if self.closed or left <= 0:
                return False
            self.socket.settimeout(left)
            try:
                chunk = self.socket.recv(1 << 18)
            except TimeoutError:
                return False
            except OSError:
                chunk, self.closed = b"", "reset"
            if not chunk:
                self.closed = self.closed or "closed"
                self.events.append(self.closed)
            self.buffer += chunk
            self._frames()
        return True

    def _frames(self):
        while len(self.buffer) >= 9:
            length = int.from_bytes(self.buffer[:3], "big")
            if len(self.buffer) < 9 + length:
                return
            kind, flags = self.buffer[3], self.buffer[4]
            stream = int.from_bytes(self.buffer[5:9], "big") & LARGEST_WINDOW
            payload, self.buffer = self.buffer[9 : 9 + length], self.buffer[9 + length :]
            self._frame(kind, flags, stream, payload)

    def _frame(self, kind, flags, stream, payload):
        if kind in (DATA, HEADERS) and flags & PADDED:
            payload = payload[1 : len(payload) - payload[0]]
        if kind == HEADERS and flags & PRIORITISED:
            payload = payload[5:]
        if kind in (HEADERS, CONTINUATION):
            self.block += payload
            if kind == HEADERS and flags & END_STREAM:
                self.ended.add(stream)
            if flags & END_HEADERS:
                self._fields(stream)
        elif kind == DATA:
            self.length[stream] = self.length.get(stream, 0) + len(payload)
            self.events.append(f"{len(payload)} bytes on {stream}")
            if flags & END_STREAM:
                self.ended.add(stream)
        elif kind == RST_STREAM:
            self.codes.setdefault(stream, int.from_bytes(payload, "big"))
            self.events.append(f"RST_STREAM {name_of(self.codes[stream])} on {stream}")
        elif kind == SETTINGS and flags & ACK:
            self.acks += 1
        elif kind == SETTINGS:
            pairs = [payload[at : at + 6] for at in range(0, len(payload), 6)]
            first = {} if self.theirs is None else self.theirs
            self.theirs = first | {int.from_bytes(p[:2], "big"): int.from_bytes(p[2:], "big") for p in pairs}
        elif kind == PING and flags & ACK:
            self.pings.add(payload)
        elif kind == WINDOW_UPDATE:
            by = int.from_bytes(payload, "big") & LARGEST_WINDOW
            self.opened[stream] = self.opened.get(stream, 0) + by
        elif kind == GOAWAY:
            code = int.from_bytes(payload[4:8], "big")
            # One that only announces the end may come before the one that says why.
            if self.goaway in (None, NO_ERROR):
                self.goaway = code
            self.events.append(f"GOAWAY {name_of(code)}")

    def _fields(self, stream):
        fields, self.block = self.decoder.decode(self.block), b""
        status = dict(fields).get(":status")
        if status and not status.startswith("1"):
            self.status[stream] = int(status)
        self.events.append(f"status {status} on {stream}" if status else f"trailers on {stream}")

    def over(self, stream):
        return stream in self.ended or stream in self.codes

    def answered(self, *streams):
        """Wait until these streams are over."""
        return self.read(lambda: all(map(self.over, streams)))

    def settle(self, streams, fence=True):
        """Until the peer closed, or read everything we sent and had the time to say something about it."""
        mark = b"at last!"
        if fence:
            self.send(ping(mark))
        done = lambda: self.goaway not in (None, NO_ERROR)  # noqa: E731, it is asked twice
        all_over = lambda: bool(streams) and all(map(self.over, streams))  # noqa: E731
        self.read(lambda: done() or mark in self.pings)
        if not done():
            self.read(lambda: done() or all_over(), PATIENCE if streams else GRACE)
        if done():
            # An error of the connection ends it (5.4.1).
            self.read(lambda: False)
        else:
            self.read(done, GRACE if not all_over() else 0.05)
        return mark in self.pings

    def saw(self):
        return ", ".join(self.events) or "nothing"


def name_of(code):
    return CODES.get(code, hex(code))
