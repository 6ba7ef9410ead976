#!/usr/bin/env python3
"""A gRPC server made with grpcio, for grpc_client.py: every kind of call, every way one can end.

  grpc_server.py [--port 0] [--while-stdin]

Messages are plain bytes and the handlers generic, so that no generated code is needed. The first line it prints is
`{"port": N}`. What it saw of a call that went away is asked by the call's id (metadata `x-call`), with the method `Seen`.
"""

import argparse
import hashlib
import json
import threading
import time
from concurrent import futures

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

import verdict

SERVICE = "portcullis.test.Peer"
LARGE = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
# How long a handler waits at most for something the client does: a broken test, never a rule.
PATIENCE = 20


class Seen:
    """What became of the calls that carried an id."""

    def __init__(self):
        self.changed = threading.Condition()
        self.calls = {}

    def put(self, call, **facts):
        with self.changed:
            self.calls.setdefault(call, {}).update(facts)
            self.changed.notify_all()

    def wait(self, call, fact):
        with self.changed:
            self.changed.wait_for(lambda: fact in self.calls.get(call, {}), PATIENCE)
            return dict(self.calls.get(call, {}))


class Peer(grpc.GenericRpcHandler):
    def __init__(self, seen, health_of):
        self.seen = seen
        self.health_of = health_of

    def service(self, call):
        service, _, method = call.method.strip("/").partition("/")
        kind, handler = METHODS.get(method, (None, None)) if service == SERVICE else (None, None)
        # None is answered with UNIMPLEMENTED.
        return kind and kind(lambda message, context: handler(self, message, context))


def metadata(context):
    return [(key, value) for key, value in context.invocation_metadata()]


def call_id(context):
    return dict(metadata(context)).get("x-call", "")


def watched(peer, context):
    """Write down that the call began and that it went away before its end."""
    call = call_id(context)
    if call:
        peer.seen.put(call, began=True, left=context.time_remaining())
        context.add_callback(lambda: peer.seen.put(call, ended=True))
    return call


def unary(peer, message, context):
    """The message back; each `x-echo-*` comes back as metadata of the answer, before and behind it."""
    watched(peer, context)
    echoed = tuple(pair for pair in metadata(context) if pair[0].startswith("x-echo"))
    context.send_initial_metadata(echoed)
    context.set_trailing_metadata(echoed)
    return message


def plain(_peer, message, _context):
    return message


def told(_peer, _message, context):
    """What arrived beside the message."""
    seen = [[key, value if isinstance(value, str) else value.hex()] for key, value in metadata(context)]
    left = context.time_remaining()
    return json.dumps({"metadata": seen, "peer": context.peer(), "left": left}).encode()


def collect(peer, messages, context):
    watched(peer, context)
    digest, count, length = hashlib.sha256(), 0, 0
    for message in messages:
        digest.update(message)
        count += 1
        length += len(message)
    return json.dumps({"count": count, "bytes": length, "digest": digest.hexdigest()}).encode()


def emit(peer, message, context):
    """As many messages of a size as asked; how many the transport took so far is written down."""
    call = watched(peer, context)
    asked = json.loads(message)
    for number in range(asked["count"]):
        if call:
            peer.seen.put(call, sent=number)
        yield number.to_bytes(4, "big") + b"x" * (asked.get("size", 4) - 4)
    for ending in asked.get("abort", []):
        context.abort(grpc.StatusCode[ending], "ended in the middle")


def chat(peer, messages, context):
    watched(peer, context)
    yield from messages


def hang_up(_peer, messages, context):
    """Answers the first message and ends, whatever else the client wanted to say."""
    context.set_trailing_metadata((("x-reason", "enough"),))
    yield next(messages)


def sleep(peer, message, context):
    """Longer than anybody waits; ends when the caller is gone."""
    call = watched(peer, context)
    until = time.monotonic() + PATIENCE
    while context.is_active() and time.monotonic() < until:
        time.sleep(0.01)
    peer.seen.put(call, cancelled=not context.is_active())
    return message


def sleep_stream(peer, messages, context):
    """One message at once, then the same."""
    yield b"begun"
    yield sleep(peer, b"", context)


def abort(_peer, message, context):
    asked = json.loads(message)
    context.set_trailing_metadata(tuple((key, value) for key, value in asked.get("trailing", [])))
    context.abort(grpc.StatusCode[asked["status"]], asked.get("details", ""))


def with_trailers(_peer, message, context):
    """An answer with something behind it."""
    context.set_trailing_metadata((("x-trailing", "yes"), ("x-trailing-bin", bytes(range(256)))))
    return message


def seen(peer, message, _context):
    asked = json.loads(message)
    facts = peer.seen.wait(asked["call"], asked["fact"])
    return json.dumps(facts).encode()


def set_health(peer, message, _context):
    asked = json.loads(message)
    status = health_pb2.HealthCheckResponse.ServingStatus.Value(asked["status"])
    peer.health_of.set(asked["service"], status)
    return b""


METHODS = {
    "Unary": (grpc.unary_unary_rpc_method_handler, unary),
    "Plain": (grpc.unary_unary_rpc_method_handler, plain),
    "Told": (grpc.unary_unary_rpc_method_handler, told),
    "Collect": (grpc.stream_unary_rpc_method_handler, collect),
    "Emit": (grpc.unary_stream_rpc_method_handler, emit),
    "Chat": (grpc.stream_stream_rpc_method_handler, chat),
    "HangUp": (grpc.stream_stream_rpc_method_handler, hang_up),
    "Sleep": (grpc.unary_unary_rpc_method_handler, sleep),
    "SleepStream": (grpc.stream_stream_rpc_method_handler, sleep_stream),
    "Abort": (grpc.unary_unary_rpc_method_handler, abort),
    "WithTrailers": (grpc.unary_unary_rpc_method_handler, with_trailers),
    "Seen": (grpc.unary_unary_rpc_method_handler, seen),
    "SetHealth": (grpc.unary_unary_rpc_method_handler, set_health),
}


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--while-stdin", action="store_true", help="end when standard input does")
    options = options.parse_args()

    server = grpc.server(futures.ThreadPoolExecutor(max_workers=64), options=LARGE)
    health_of = health.HealthServicer(
        experimental_non_blocking=True, experimental_thread_pool=futures.ThreadPoolExecutor(max_workers=8)
    )
    health_pb2_grpc.add_HealthServicer_to_server(health_of, server)
    for name in ("", SERVICE):
        health_of.set(name, health_pb2.HealthCheckResponse.SERVING)
    server.add_generic_rpc_handlers((Peer(Seen(), health_of),))
    port = server.add_insecure_port(f"127.0.0.1:{options.port}")
    server.start()
    verdict.announce(port)
    if options.while_stdin:
        verdict.end_with_stdin()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
