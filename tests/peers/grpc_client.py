#!/usr/bin/env python3
"""A gRPC client made with grpcio: calls grpc_server.py through an address and says what held.

  grpc_client.py HOST:PORT [--only WORD,...] [--authority NAME] [--refused METHOD=STATUS ...]

With `--refused` nothing else is asked: each method must be refused with that status, as a gRPC answer and not as an HTTP
status that the library has to guess from.
"""

import argparse
import json
import queue
import threading
import time
import uuid

import grpc

import grpc_streams
import verdict
from grpc_calls import PATIENCE, Calls, dumped, new_call
from verdict import holds, same

SECONDS = 60
STATUSES = [status for status in grpc.StatusCode if status is not grpc.StatusCode.OK]


def echoes(calls):
    for message in (b"hello", b"", bytes(range(256)), b"x" * 70_000):
        same(calls.unary("Unary", message), message)


def metadata_both_ways(calls):
    sent = [
        ("x-echo-plain", "one"),
        ("x-echo-more", "a"),
        ("x-echo-more", "b"),
        ("x-echo-punctuation", 'a, b; c="d" %41 ~'),
        ("x-echo-spaced", "two  words"),
        ("x-echo-bin", bytes(range(256))),
        ("x-echo-empty-bin", b""),
    ]
    _, call = calls.stub("Unary").with_call(b"x", metadata=sent, timeout=PATIENCE)
    for place, got in (("before", call.initial_metadata()), ("behind", call.trailing_metadata())):
        got = sorted((key, value) for key, value in got if key.startswith("x-echo"))
        same(got, sorted(sent), f"the metadata {place} the message")


def much_metadata(calls):
    sent = [(f"x-echo-{number}", "v" * 100) for number in range(40)]
    _, call = calls.stub("Unary").with_call(b"x", metadata=sent, timeout=PATIENCE)
    got = [pair for pair in call.trailing_metadata() if pair[0].startswith("x-echo")]
    same(sorted(map(tuple, got)), sorted(sent))


def protocol_fields_arrive(calls):
    seen = json.loads(calls.unary("Told", b""))
    fields = {key for key, _ in seen["metadata"]}
    holds("user-agent" in fields, f"no user-agent among {sorted(fields)}")
    holds(seen["left"] is not None and 0 < seen["left"] <= PATIENCE + 1, f"the server was given {seen['left']} s")
    return sorted(fields)


def compressed(calls):
    message = b"again and again " * 10_000
    got = calls.stub("Plain")(message, timeout=PATIENCE, compression=grpc.Compression.Gzip)
    same(got, message)


def status_and_details(calls):
    details = "no such thing: 100 % \u00fc\u20ac \U0001f6aa"
    fault = calls.fails("Abort", dumped(status="NOT_FOUND", details=details, trailing=[["x-why", "gone"]]))
    same(fault.code(), grpc.StatusCode.NOT_FOUND)
    same(fault.details(), details)
    same(dict(fault.trailing_metadata()).get("x-why"), "gone")


def every_status(calls):
    for status in STATUSES:
        same(calls.fails("Abort", dumped(status=status.name, details=status.name)).code(), status)
    return f"{len(STATUSES)} of them"


def trailing_metadata_of_success(calls):
    answer, call = calls.stub("WithTrailers").with_call(b"x", timeout=PATIENCE)
    same(answer, b"x")
    trailing = dict(call.trailing_metadata())
    same(trailing.get("x-trailing"), "yes")
    same(trailing.get("x-trailing-bin"), bytes(range(256)))
    same(call.code(), grpc.StatusCode.OK)


def unknown_method(calls):
    same(calls.fails("NoSuchMethod", b"").code(), grpc.StatusCode.UNIMPLEMENTED)


def deadline(calls):
    call, began = new_call(), time.monotonic()
    fault = calls.fails("Sleep", b"", timeout=0.4, metadata=[("x-call", call)])
    took = time.monotonic() - began
    same(fault.code(), grpc.StatusCode.DEADLINE_EXCEEDED)
    holds(0.3 < took < 3, f"it took {took:.2f} s")
    facts = calls.seen(call, "cancelled")
    same(facts.get("cancelled"), True, "whether the server saw the end")
    holds(facts["left"] is not None and facts["left"] <= 0.5, f"the server was given {facts['left']} s")


def cancellation(calls):
    call = new_call()
    future = calls.stub("Sleep").future(b"", timeout=PATIENCE, metadata=[("x-call", call)])
    calls.seen(call, "began")
    future.cancel()
    same(calls.seen(call, "cancelled").get("cancelled"), True, "whether the server saw the end")
    return future.code().name


def cancelled_stream(calls):
    call = new_call()
    stream = calls.stub("SleepStream")(iter(()), timeout=PATIENCE, metadata=[("x-call", call)])
    same(next(stream), b"begun")
    stream.cancel()
    same(calls.seen(call, "cancelled").get("cancelled"), True, "whether the server saw the end")


def large(calls):
    message = bytes(range(256)) * (4 * 1024 * 4)
    same(len(message), 4 * 1024 * 1024)
    same(calls.unary("Plain", message), message)


def parallel(calls):
    """200 at once on one channel: more than most peers let be open together, so some must wait their turn."""
    count = 200
    stub = calls.stub("Unary")
    pending = [
        stub.future(f"call {number}".encode() * 50, timeout=PATIENCE, metadata=[("x-echo-number", str(number))])
        for number in range(count)
    ]
    for number, future in enumerate(pending):
        same(future.result(), f"call {number}".encode() * 50)
        same(dict(future.trailing_metadata()).get("x-echo-number"), str(number))


def one_after_another(calls):
    for number in range(300):
        message = str(number).encode()
        same(calls.unary("Plain", message), message)


def many_channels(calls):
    for _ in range(20):
        with calls.another() as other:
            same(other.unary("Plain", b"x"), b"x")


def healthy(calls):
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    stub = health_pb2_grpc.HealthStub(calls.channel)
    serving = health_pb2.HealthCheckResponse.SERVING
    for service in ("", "portcullis.test.Peer"):
        got = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=PATIENCE)
        same(got.status, serving, f"the health of {service!r}")
    try:
        stub.Check(health_pb2.HealthCheckRequest(service="nobody"), timeout=PATIENCE)
    except grpc.RpcError as fault:
        same(fault.code(), grpc.StatusCode.NOT_FOUND)
    else:
        raise AssertionError("a service nobody knows is healthy")


def watched_health(calls):
    from grpc_health.v1 import health_pb2, health_pb2_grpc

    stub = health_pb2_grpc.HealthStub(calls.channel)
    service = f"watched-{uuid.uuid4()}"
    calls.unary("SetHealth", dumped(service=service, status="SERVING"))
    watch = stub.Watch(health_pb2.HealthCheckRequest(service=service), timeout=PATIENCE)
    told = queue.Queue()
    threading.Thread(target=lambda: [told.put(one.status) for one in silent(watch)], daemon=True).start()
    same(told.get(timeout=PATIENCE), health_pb2.HealthCheckResponse.SERVING)
    calls.unary("SetHealth", dumped(service=service, status="NOT_SERVING"))
    same(told.get(timeout=PATIENCE), health_pb2.HealthCheckResponse.NOT_SERVING)
    watch.cancel()


def silent(stream):
    """What a stream brings until it is cancelled."""
    try:
        yield from stream
    except grpc.RpcError:
        return


def refused(calls, method, status):
    """The method is a whole path, or one of our service."""
    fault = calls.fails(method, b"x")
    same(fault.code().name, status, f"the status ({fault.details()!r})")
    # The library guesses a status from an HTTP one; such an answer was none of gRPC.
    holds("http2 header" not in (fault.details() or "").lower(), f"no gRPC answer: {fault.details()!r}")
    stream = calls.stub(method, "unary_stream")(b"x", timeout=PATIENCE)
    try:
        first = next(stream, None)
        raise AssertionError(f"a stream was let through: {first!r}")
    except grpc.RpcError as of_stream:
        same(of_stream.code().name, status, "the status of a stream")
    return fault.details()


CASES = {
    "unary: messages come back": echoes,
    "unary: metadata both ways": metadata_both_ways,
    "unary: much metadata": much_metadata,
    "unary: user agent and deadline arrive": protocol_fields_arrive,
    "unary: compressed": compressed,
    "unary: 4 MiB both ways": large,
    "status: with details and trailing metadata": status_and_details,
    "status: each one": every_status,
    "status: trailing metadata of a success": trailing_metadata_of_success,
    "status: a method that does not exist": unknown_method,
    "end: a deadline that passes": deadline,
    "end: a call that is cancelled": cancellation,
    "end: a stream that is cancelled": cancelled_stream,
    **grpc_streams.CASES,
    "load: 200 calls at once on one channel": parallel,
    "load: 300 calls one after another": one_after_another,
    "load: 20 channels": many_channels,
    "health: checked": healthy,
    "health: watched": watched_health,
}


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("address")
    options.add_argument("--only", type=lambda text: text.split(","), help="cases that contain one of these words")
    options.add_argument("--authority", help="the name to ask for")
    options.add_argument("--refused", nargs="+", metavar="METHOD=STATUS", default=[])
    options = options.parse_args()

    verdicts = verdict.Verdicts("grpc_client", SECONDS, options.only)
    calls = Calls(options.address, options.authority)
    if options.refused:
        for wanted in options.refused:
            method, _, status = wanted.rpartition("=")
            verdicts.run(f"refused: {wanted}", refused, calls, method, status)
    else:
        for name, case in CASES.items():
            verdicts.run(name, case, calls)
    verdicts.finish()


if __name__ == "__main__":
    main()
