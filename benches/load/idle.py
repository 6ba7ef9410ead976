#!/usr/bin/env python3
"""Holds idle keep-alive connections open, in a process of its own; run.py measures the gateway meanwhile.

  idle.py PORT COUNT spread|burst

`spread`: each connection asks once, one after the other. `burst`: all are connected first, then all ask at once, so that the
gateway has a request under way on each before any of them rests. Prints `ready` when every answer is there, and holds until
its input ends."""

import resource
import selectors
import socket
import sys

REQUEST = b"GET /plain/get HTTP/1.1\r\nHost: localhost\r\n\r\n"


def connect(port):
    return socket.create_connection(("127.0.0.1", port), 10)


def answered(connection):
    """Read one whole answer."""
    answer = b""
    while True:
        head, found, body = answer.partition(b"\r\n\r\n")
        if found:
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            if len(body) >= int(length.split(b":")[1]):
                break
        piece = connection.recv(4096)
        if not piece:
            raise SystemExit(f"a connection was closed after {answer!r}")
        answer += piece
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise SystemExit(f"answered {answer!r}")


def spread(port, count):
    held = []
    for _ in range(count):
        connection = connect(port)
        connection.sendall(REQUEST)
        answered(connection)
        held.append(connection)
    return held


def burst(port, count):
    held = [connect(port) for _ in range(count)]
    waiting = selectors.DefaultSelector()
    for connection in held:
        connection.sendall(REQUEST)
        waiting.register(connection, selectors.EVENT_READ)
    left = count
    while left:
        for ready, _ in waiting.select(20):
            waiting.unregister(ready.fileobj)
            answered(ready.fileobj)
            left -= 1
    return held


def main():
    port, count, shape = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    held = {"spread": spread, "burst": burst}[shape](port, count)
    print("ready", flush=True)
    sys.stdin.read()
    for connection in held:
        connection.close()


main()
