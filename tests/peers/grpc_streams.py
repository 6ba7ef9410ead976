"""The cases of grpc_client.py in which one side says more than one thing."""

import hashlib
import json
import queue
import time

import grpc

from grpc_calls import PATIENCE, dumped, new_call
from verdict import holds, same

# A stream nobody reads: what may be under way between both ends, all buffers together, and what is sent in all.
STREAM_CHUNK, STREAM_CHUNKS = 256 * 1024, 256
MOST_UNDER_WAY = 24 * 1024 * 1024


def client_streams(calls):
    messages = [bytes([number % 256]) * (number * 37) for number in range(200)]
    digest = hashlib.sha256(b"".join(messages)).hexdigest()
    got = json.loads(calls.stub("Collect")(iter(messages), timeout=PATIENCE))
    same((got["count"], got["digest"]), (200, digest))


def client_streams_nothing(calls):
    got = json.loads(calls.stub("Collect")(iter(()), timeout=PATIENCE))
    same((got["count"], got["bytes"]), (0, 0))


def client_streams_much(calls):
    messages = [bytes([number]) * (4 << 20) for number in range(4)]
    got = json.loads(calls.stub("Collect")(iter(messages), timeout=PATIENCE))
    digest = hashlib.sha256(b"".join(messages)).hexdigest()
    same((got["count"], got["bytes"], got["digest"]), (4, 16 << 20, digest))


def server_streams(calls):
    got = list(calls.stub("Emit")(dumped(count=1000, size=100), timeout=PATIENCE))
    same(len(got), 1000)
    same([int.from_bytes(message[:4], "big") for message in got], list(range(1000)), "the order")


def server_streams_nothing(calls):
    same(list(calls.stub("Emit")(dumped(count=0), timeout=PATIENCE)), [])


def server_ends_in_the_middle(calls):
    stream = calls.stub("Emit")(dumped(count=3, abort=["RESOURCE_EXHAUSTED"]), timeout=PATIENCE)
    got = []
    try:
        got.extend(stream)
    except grpc.RpcError as fault:
        same(len(got), 3)
        same((fault.code(), fault.details()), (grpc.StatusCode.RESOURCE_EXHAUSTED, "ended in the middle"))
        return
    raise AssertionError(f"{len(got)} messages and no fault")


class Mouth:
    """A stream of messages that the case sends one by one."""

    def __init__(self):
        self.queue = queue.Queue()

    def say(self, message):
        self.queue.put(message)

    def end(self):
        self.queue.put(None)

    def __iter__(self):
        return iter(self.queue.get, None)


def turn_by_turn(calls):
    """Each message is answered before the next is sent: nobody between may hold one back."""
    mouth = Mouth()
    ears = calls.stub("Chat")(iter(mouth), timeout=PATIENCE)
    for number in range(100):
        message = f"turn {number}".encode()
        mouth.say(message)
        same(next(ears), message)
    mouth.end()
    same(list(ears), [])
    same(ears.code(), grpc.StatusCode.OK)


def both_at_once(calls):
    messages = [bytes([number % 256]) * 10_000 for number in range(300)]
    got = list(calls.stub("Chat")(iter(messages), timeout=PATIENCE))
    same(len(got), 300)
    holds(got == messages, "a message came back different or at another place")


def server_ends_first(calls):
    """The status arrives although the client never ends its side."""
    mouth = Mouth()
    ears = calls.stub("HangUp")(iter(mouth), timeout=PATIENCE)
    mouth.say(b"first")
    same(next(ears), b"first")
    same(list(ears), [])
    same(ears.code(), grpc.StatusCode.OK)
    same(dict(ears.trailing_metadata()).get("x-reason"), "enough")
    mouth.end()


def slow_reader(calls):
    """A reader who stops stops the writer; the others on the same connection do not notice."""
    call = new_call()
    with calls.another(("grpc.http2.bdp_probe", 0)) as own:
        stream = own.stub("Emit")(
            dumped(count=STREAM_CHUNKS, size=STREAM_CHUNK), timeout=PATIENCE * 2, metadata=[("x-call", call)]
        )
        first = next(stream)
        same(int.from_bytes(first[:4], "big"), 0)
        sent = settled(calls, call)
        holds(
            sent * STREAM_CHUNK < MOST_UNDER_WAY,
            f"{sent * STREAM_CHUNK >> 20} MiB were taken from the server while nobody read",
        )
        for number in range(20):
            message = str(number).encode()
            same(own.unary("Plain", message, timeout=5), message, "another call meanwhile")
        rest = [int.from_bytes(message[:4], "big") for message in stream]
        same(rest, list(range(1, STREAM_CHUNKS)), "the rest")
    return f"{sent * STREAM_CHUNK >> 10} KiB under way"


def slow_readers(calls):
    """Several readers who stopped do not take each other's or anybody's place on the way to the server."""
    with calls.another(("grpc.http2.bdp_probe", 0)) as own:
        asked = dumped(count=64, size=STREAM_CHUNK)
        streams = [own.stub("Emit")(asked, timeout=PATIENCE * 2) for _ in range(20)]
        for stream in streams:
            next(stream)
        for number in range(5):
            message = str(number).encode()
            same(own.unary("Plain", message, timeout=5), message, "another call meanwhile")
            same(calls.unary("Plain", message, timeout=5), message, "a call of another channel meanwhile")
        for stream in streams:
            stream.cancel()


def settled(calls, call):
    """How many messages the server got rid of, once that no longer changes."""
    before = -1
    for _ in range(30):
        time.sleep(0.25)
        sent = calls.seen(call, "sent")["sent"]
        if sent == before:
            return sent
        before = sent
    return before


CASES = {
    "client streaming: 200 messages": client_streams,
    "client streaming: none": client_streams_nothing,
    "client streaming: 16 MiB": client_streams_much,
    "server streaming: 1000 messages": server_streams,
    "server streaming: none": server_streams_nothing,
    "server streaming: a status after some": server_ends_in_the_middle,
    "both streaming: turn by turn": turn_by_turn,
    "both streaming: both at once": both_at_once,
    "both streaming: the server ends first": server_ends_first,
    "flow: a reader who stops": slow_reader,
    "flow: twenty readers who stop": slow_readers,
}
