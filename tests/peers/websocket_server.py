#!/usr/bin/env python3
"""A WebSocket server made with PyPI websockets, for every client here.

  websocket_server.py [--port 0] [--no-deflate] [--while-stdin]

The first line it prints is `{"port": N}`. What a connection does is said by its path:

  /echo            every message back (any other path does the same)
  /at-once         sends a message before it reads one, then echoes
  /request         tells path and headers of the opening request as JSON
  /close?code=4002&reason=R    closes after the first message
  /drop            ends the TCP connection without a closing handshake after the first message
  /ping            pings with a payload and tells that the pong came
  /flood?count=N&size=N        sends without reading
  /sink            reads, says at the end (message "end") how much that was
  /deaf            reads nothing until the client is gone
  /refuse          no WebSocket: 403 and a body
"""

import argparse
import asyncio
import http
import json
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import serve
from websockets.exceptions import ConnectionClosed

import verdict

MOST = 64 * 1024 * 1024
# In the order in which the server likes them.
SUBPROTOCOLS = ["chat.v2", "chat.v1"]


async def echo(connection, _asked):
    async for message in connection:
        await connection.send(message)


async def at_once(connection, asked):
    await connection.send("welcome")
    await echo(connection, asked)


async def request(connection, _asked):
    opening = connection.request
    headers = [[name, value] for name, value in opening.headers.raw_items()]
    await connection.send(json.dumps({"path": opening.path, "headers": headers}))
    await connection.wait_closed()


async def close(connection, asked):
    await connection.recv()
    await connection.close(int(asked["code"][0]), asked.get("reason", [""])[0])


async def drop(connection, _asked):
    await connection.recv()
    connection.transport.abort()


async def ping(connection, _asked):
    await (await connection.ping(b"are you there"))
    await connection.send("pong seen")
    await connection.wait_closed()


async def flood(connection, asked):
    count, size = int(asked["count"][0]), int(asked["size"][0])
    for number in range(count):
        await connection.send(number.to_bytes(4, "big") + b"x" * (size - 4))
    await connection.send(json.dumps({"sent": count}))
    await connection.wait_closed()


async def sink(connection, _asked):
    count = length = 0
    async for message in connection:
        if message == "end":
            break
        count += 1
        length += len(message)
    await connection.send(json.dumps({"count": count, "bytes": length}))
    await connection.wait_closed()


async def deaf(connection, _asked):
    connection.transport.pause_reading()
    await asyncio.sleep(3)
    connection.transport.resume_reading()
    await echo(connection, _asked)


PATHS = {
    "/at-once": at_once,
    "/request": request,
    "/close": close,
    "/drop": drop,
    "/ping": ping,
    "/flood": flood,
    "/sink": sink,
    "/deaf": deaf,
}


async def attend(connection):
    target = urlsplit(connection.request.path)
    try:
        await PATHS.get(target.path, echo)(connection, parse_qs(target.query))
    except ConnectionClosed:
        return


def opening(connection, request):
    if urlsplit(request.path).path == "/refuse":
        return connection.respond(http.HTTPStatus.FORBIDDEN, "not you\n")
    return None


async def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--port", type=int, default=0)
    options.add_argument("--no-deflate", action="store_true")
    options.add_argument("--while-stdin", action="store_true", help="end when standard input does")
    options = options.parse_args()

    server = await serve(
        attend,
        "127.0.0.1",
        options.port,
        process_request=opening,
        subprotocols=SUBPROTOCOLS,
        select_subprotocol=liked,
        compression=None if options.no_deflate else "deflate",
        max_size=MOST,
        # A test that wants a ping sends one.
        ping_interval=None,
    )
    verdict.announce(server.sockets[0].getsockname()[1])
    if options.while_stdin:
        verdict.end_with_stdin()
    await server.serve_forever()


def liked(_connection, offered):
    return next((name for name in SUBPROTOCOLS if name in offered), None)


if __name__ == "__main__":
    asyncio.run(main())
