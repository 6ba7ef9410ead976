#!/usr/bin/env python3
"""User-mode instructions per proxied request, counted by callgrind: a figure that other load on the machine does not move.

  count.py [--binary target/release/portcullis] [--path public|token] [--update] [--profile FILE]

Two paths are counted: a public route, and one for whoever brings a token whose verdict is remembered.
The gateway runs under valgrind three times, for three numbers of requests, one after another on one connection; the
differences divided by the requests leave the start out and give the figure twice. The gate fails when it is more than 5 %
over the committed baseline; --update writes a new one (say why in the commit). --profile writes the functions the
instructions went to.
Needs valgrind and nothing else: upstream and client are below.
"""

import argparse
import base64
import hmac
import json
import os
import re
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
BASELINE = os.path.join(HERE, "baseline.json")
TOLERANCE = 1.05
# Two counts of one build that differ by more than this mean that the count itself is at fault.
AGREEMENT = 0.02
# One request at a time takes the same steps each time: two counts differ by less than 0.1 %. With more, how many events
# one wake-up finds depends on what else the machine does, and the count with it, by 3 %.
ONE_BY_ONE = 1
STEPS = (500, 1500, 2500)

BODY = b'{"id":12345,"status":"ok","items":["alpha","beta","gamma"],"note":"one hundred bytes, always."}'
ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: upstream\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\nConnection: keep-alive\r\n\r\n%s" % (len(BODY), BODY)
)
# As long as what clients of an API send: a bearer token of 700 bytes and a key travel along, even to a public route.
REQUEST = (
    b"GET /%s/get HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUser-Agent: count/1\r\nAccept: */*\r\n"
    b"Authorization: Bearer %s\r\nX-API-KEY: gk_" + b"k" * 40 + b"\r\n\r\n"
)
SECRET = "counted with a secret of thirty-two bytes"
PATHS = ("public", "token")

GATEWAY = """
version: 1
listen: [{{ addr: "127.0.0.1:{port}" }}]
admin: {{ addr: "127.0.0.1:{admin}" }}
workers: 1
drain: {{ delay: 0s, timeout: 1s }}
log: {{ level: warn, access: false }}
auth:
  idp: {{ jwt: {{ issuer: "https://login.example.com", audience: "api://orders", secret: "${{env:COUNT_SECRET}}" }} }}
upstreams:
  up: {{ urls: ["http://127.0.0.1:{upstream}"] }}
routes:
  - {{ path: "/public/**", upstream: up, auth: public }}
  - {{ path: "/token/**", upstream: up, auth: idp }}
"""


class Upstream(threading.Thread):
    """Answers every request head with the same bytes, on connections that stay open."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]

    def run(self):
        ready = selectors.DefaultSelector()
        ready.register(self.listener, selectors.EVENT_READ)
        while True:
            for key, _ in ready.select():
                if key.fileobj is self.listener:
                    connection, _ = self.listener.accept()
                    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    ready.register(connection, selectors.EVENT_READ, bytearray())
                    continue
                received = _receive(key.fileobj)
                if not received:
                    ready.unregister(key.fileobj)
                    key.fileobj.close()
                    continue
                key.data.extend(received)
                while (end := key.data.find(b"\r\n\r\n")) >= 0:
                    del key.data[: end + 4]
                    key.fileobj.sendall(ANSWER)


def token():
    """About 700 bytes, good for a day; how it is signed matters only the first time."""

    def part(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    claims = {
        "iss": "https://login.example.com", "aud": "api://orders", "sub": "0199a6b4-7c1e-7d3a-9a51-3f0d6a1c2b77",
        "exp": int(time.time()) + 86400, "roles": ["viewer", "editor"], "scope": "orders:read orders:write",
        "note": "x" * 250,
    }
    signed = part(b'{"alg":"HS256","typ":"JWT"}') + b"." + part(json.dumps(claims).encode())
    return signed + b"." + part(hmac.digest(SECRET.encode(), signed, "sha256"))


TOKEN = token()


def _receive(connection):
    try:
        return connection.recv(65536)
    except ConnectionError:
        return b""


def drive(port, path, requests, connections):
    """`requests` requests over so many keep-alive connections, each with one in flight; every answer must be the upstream's."""
    ready = selectors.DefaultSelector()
    head = REQUEST % (path.encode(), port, TOKEN)
    sent = answered = 0
    for _ in range(min(connections, requests)):
        connection = socket.create_connection(("127.0.0.1", port), 10)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        ready.register(connection, selectors.EVENT_READ, bytearray())
        connection.sendall(head)
        sent += 1
    while answered < requests:
        arrived = ready.select(30)
        if not arrived:
            raise RuntimeError(f"the gateway stopped answering after {answered} of {requests} requests")
        for key, _ in arrived:
            received = _receive(key.fileobj)
            if not received:
                raise RuntimeError(f"a connection was closed after {answered} answers: {bytes(key.data)!r}")
            key.data.extend(received)
            if not key.data.endswith(BODY):
                continue
            if not key.data.startswith(b"HTTP/1.1 200 "):
                raise RuntimeError(f"not the upstream's answer: {bytes(key.data)!r}")
            key.data.clear()
            answered += 1
            if sent < requests:
                key.fileobj.sendall(head)
                sent += 1
    for key in list(ready.get_map().values()):
        key.fileobj.close()


def instructions(argv, port, path, requests, connections, folder):
    """All user-mode instructions of one run of the command that served so many requests, and the profile it left."""
    profile = os.path.join(folder, f"callgrind.{requests}")
    with open(os.path.join(folder, "gateway.log"), "wb") as log:
        running = subprocess.Popen(
            ["valgrind", "--tool=callgrind", f"--callgrind-out-file={profile}", "--"] + argv,
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            env=os.environ | {"COUNT_SECRET": SECRET},
        )
    try:
        _wait_for(port, running, log.name)
        drive(port, path, requests, connections)
    finally:
        running.send_signal(signal.SIGTERM)
        try:
            running.wait(30)
        except subprocess.TimeoutExpired:
            running.kill()
            running.wait()
    with open(profile) as lines:
        totals = [int(found.group(1)) for line in lines if (found := re.match(r"(?:totals|summary): (\d+)", line))]
    if not totals:
        raise RuntimeError(f"callgrind left no count in {profile}")
    return totals[0], profile


def _wait_for(port, running, log):
    """Until a request is answered: an open port alone may belong to a start that is not over."""
    until = time.monotonic() + 60
    while time.monotonic() < until and running.poll() is None:
        try:
            drive(port, "public", 1, 1)
            return
        except (OSError, RuntimeError):
            time.sleep(0.05)
    with open(log, errors="replace") as lines:
        raise RuntimeError("the gateway did not start:\n" + lines.read()[-2000:])


def per_request(make_command, path=PATHS[0], connections=ONE_BY_ONE, steps=STEPS):
    """The figure, twice, and the folder's last profile. `make_command(folder, upstream_port)` gives (argv, port)."""
    upstream = Upstream()
    upstream.start()
    with tempfile.TemporaryDirectory(prefix="portcullis-instructions-") as folder:
        os.chmod(folder, 0o755)
        argv, port = make_command(folder, upstream.port)
        counts, profile = [], None
        for requests in steps:
            count, profile = instructions(argv, port, path, requests, connections, folder)
            counts.append(count)
        figures = [
            (counts[at + 1] - counts[at]) / (steps[at + 1] - steps[at]) for at in range(len(steps) - 1)
        ]
        with open(profile, "rb") as file:
            return figures, file.read()


def gateway(binary):
    def make(folder, upstream):
        port = _free_port()
        config = os.path.join(folder, "gateway.yaml")
        with open(config, "w") as file:
            file.write(GATEWAY.format(port=port, admin=_free_port(), upstream=upstream).lstrip())
        return [binary, "run", "-c", config], port

    return make


def _free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def steady(make_command, path):
    """The figure once two halves of a run agree; a second try is for a machine that was disturbed."""
    for _ in range(2):
        figures, profile = per_request(make_command, path)
        apart = max(figures) / min(figures) - 1
        if apart <= AGREEMENT:
            return sum(figures) / len(figures), apart, profile
    raise RuntimeError(f"the halves of one run are {apart:.1%} apart: {figures}")


def compiler():
    return subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.strip()


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--binary", default="target/release/portcullis")
    options.add_argument("--path", action="append", choices=PATHS, help="only this one; may be given again")
    options.add_argument("--update", action="store_true", help="write the figure as the new baseline")
    options.add_argument("--profile", metavar="FILE", help="keep the callgrind profile of the last run")
    chosen = options.parse_args()
    if not os.access(chosen.binary, os.X_OK):
        sys.exit(f"{chosen.binary} is not there: build it first (cargo build --release)")
    with open(BASELINE) as file:
        baseline = json.load(file)
    grown = [path for path in chosen.path or PATHS if not count(path, chosen, baseline)]
    if chosen.update:
        baseline["compiler"] = compiler()
        with open(BASELINE, "w") as file:
            json.dump(baseline, file, indent=2)
            file.write("\n")
    elif grown:
        sys.exit(
            f"grew: {', '.join(grown)}. Find out why (--profile), or say in the commit why it must and run with --update"
        )


def count(path, chosen, baseline):
    """Whether the figure of this path is within what the baseline allows; with --update, it is the baseline."""
    found, apart, profile = steady(gateway(os.path.abspath(chosen.binary)), path)
    figure = round(found)
    print(f"instructions per request, {path}: {figure:,} (two halves of the run {apart:.2%} apart)")
    if chosen.profile:
        name = f"{chosen.profile}.{path}"
        with open(name, "wb") as file:
            file.write(profile)
        print(f"profile: callgrind_annotate {name}")
    known = baseline["instructions_per_request"]
    if chosen.update:
        known[path] = figure
        print(f"baseline written: {figure:,}")
        return True
    allowed = int(known[path] * TOLERANCE)
    change = figure / known[path] - 1
    print(f"baseline: {known[path]:,}, change {change:+.1%}, allowed up to {allowed:,}")
    if baseline["compiler"] != compiler():
        print(f"the baseline was counted with {baseline['compiler']}, this is {compiler()}")
    if change < -0.05:
        print("it shrank: keep the gain with --update")
    return figure <= allowed


if __name__ == "__main__":
    main()
