#!/usr/bin/env python3
"""Portcullis beside haproxy and nginx, on this machine, in interleaved rounds of one run.

  run.py [--binary target/release/portcullis] [--rounds 5] [--seconds 4] [--only FIGURE,...] [--peers-only] [--out FILE.md]

The proxy has one worker and cpu 0 to itself; load generator and upstream share cpu 1. Absolute figures move with
whatever else the machine does: the bars are ratios inside one run, round by round, judged by their median. What each
figure means, and why it is measured so, is in benches/README.md. Everything listens on 127.0.0.1, on ports that were
free, under a folder of its own that is removed again. Only processes started here are ended, by their id.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "instructions"))

import authentication  # noqa: E402, the line above is what makes these importable
import count  # noqa: E402
from figures import Figure, ratios, table  # noqa: E402
from generators import full_load, full_load_h2c, steady_rate  # noqa: E402
from peers import Bed  # noqa: E402
from process import Process, answers, raise_descriptor_limit  # noqa: E402

PROXY_CPU, LOAD_CPU = "0", "1"
CONNECTIONS = 64
STARTS = 20
# The default limit of connections leaves room for this many; the wait is for the gateway to put them to rest.
IDLE, IDLE_WAIT, IDLE_SAMPLES = 9000, 12, 2
INSTRUCTION_CONNECTIONS = 16
# h2load lets every connection send its share each 10 ms: many connections are one burst, and the median then tells how
# long the burst is instead of what the proxy adds.
RATE, RATE_CONNECTIONS = 10_000, 10


class Run:
    """The bed, the options, and what has been measured so far."""

    def __init__(self, bed, options):
        self.bed, self.options = bed, options
        self.figures, self.details, self.failed = [], [], False
        self._shared = {}

    def commands(self):
        peers = {"nginx": self.bed.nginx(), "haproxy": self.bed.haproxy()}
        if self.options.peers_only:
            return peers
        return {"portcullis": self.bed.portcullis(), **peers}

    def under_load(self, title, path, running, load=full_load, paths=None, warm=1):
        """CPU microseconds per request of each proxy, one sample a round, the order turning from round to round. `paths`
        has those who are asked for something else than `path`; nothing counts before each has answered `warm` requests."""
        path_of = lambda name: (paths or {}).get(name, path)
        for name, (_, port) in running.items():
            answered = 0
            while answered < warm:
                answered += load(self.bed.folder, port, path_of(name), CONNECTIONS, 1, LOAD_CPU)["requests"]
        samples = {name: [] for name in running}
        rates, used = {name: [] for name in running}, {name: [] for name in running}
        names = list(running)
        for turn in range(self.options.rounds):
            at = turn % len(names)
            for name in names[at:] + names[:at]:
                process, port = running[name]
                before = process.cpu_us()
                result = load(self.bed.folder, port, path_of(name), CONNECTIONS, self.options.seconds, LOAD_CPU)
                spent = process.cpu_us() - before
                samples[name].append(spent / result["requests"])
                rates[name].append(result["requests"] / result["duration"] * 1e6)
                used[name].append(spent / result["duration"])
        rows = [
            [name, f"{statistics.median(values):.1f}", f"{min(values):.1f} .. {max(values):.1f}",
             f"{statistics.median(rates[name]):,.0f}", f"{statistics.median(used[name]):.2f}"]
            for name, values in samples.items()
        ]
        head = [title, "CPU us/request", "spread", "requests/s", "cores used by the proxy"]
        self.details.append(table(head, rows))
        return samples

    def started(self, commands, http1=True, **stdout):
        return {
            name: (self.bed.start(command, PROXY_CPU, stdout=stdout.get(name), http1=http1), command[1])
            for name, command in commands.items()
        }

    def shared(self, kind):
        """What several measures use and one has to make: `kind(folder)`, once."""
        if kind not in self._shared:
            self._shared[kind] = kind(self.bed.folder)
        return self._shared[kind]

    def plain(self):
        commands = self.commands()
        if "portcullis" in commands:
            commands["portcullis_log"] = self.bed.portcullis(access=True)
        with open(f"{self.bed.folder}/access.log", "wb") as log:
            running = self.started(commands, portcullis_log=log)
            try:
                samples = self.under_load("plain proxying", "/plain/get", running)
            finally:
                stop(running)
        if "portcullis" not in samples:
            return
        ours = samples["portcullis"]
        self.add("plain CPU v nginx", 1.15, ratios(ours, samples["nginx"]))
        self.add("plain CPU v haproxy", 1.10, ratios(ours, samples["haproxy"]))
        self.add("access log on over off", 1.08, ratios(samples["portcullis_log"], ours))
        lines = sum(1 for _ in open(f"{self.bed.folder}/access.log", "rb"))
        self.details.append(f"access log: {lines:,} lines written while it was on")

    def body(self):
        running = self.started(self.commands())
        try:
            samples = self.under_load("1 MB bodies", "/1m", running)
        finally:
            stop(running)
        if "portcullis" in samples:
            self.add("1 MB body CPU v haproxy", 0.60, ratios(samples["portcullis"], samples["haproxy"]))

    def unix(self):
        """The same work through a unix socket and through TCP."""
        if self.options.peers_only:
            return
        running = self.started({"portcullis": self.bed.portcullis(), "portcullis, unix socket": self.bed.portcullis(unix=True)})
        try:
            samples = self.under_load("upstream by TCP or unix socket", "/plain/get", running)
        finally:
            stop(running)
        self.add("unix-socket upstream v TCP upstream", 1.00, ratios(samples["portcullis, unix socket"], samples["portcullis"]))

    def h2c(self):
        """HTTP/2 in the clear from clients, HTTP/1.1 to the upstream."""
        commands = {} if self.options.peers_only else {"portcullis": self.bed.portcullis(h2c=True)}
        commands |= {"nginx": self.bed.nginx(h2c=True), "haproxy": self.bed.haproxy(h2c=True)}
        # Their ports answer no HTTP/1, so whether they are there is seen by connecting.
        running = {
            name: (self.bed.start(command, PROXY_CPU, http1=False), command[1]) for name, command in commands.items()
        }
        try:
            samples = self.under_load("HTTP/2 in the clear", "/plain/get", running, full_load_h2c)
        finally:
            stop(running)
        if "portcullis" in samples:
            self.add("h2c CPU v haproxy", 1.30, ratios(samples["portcullis"], samples["haproxy"]))
            self.add("h2c CPU v nginx", 1.15, ratios(samples["portcullis"], samples["nginx"]))

    def latency(self):
        running = self.started(self.commands())
        ports = {"direct": self.bed.upstream_port, **{name: port for name, (_, port) in running.items()}}
        medians = {name: [] for name in ports}
        names = list(ports)
        try:
            for turn in range(self.options.rounds):
                at = turn % len(names)
                for name in names[at:] + names[:at]:
                    medians[name].append(steady_rate(
                        self.bed.folder, ports[name], "/plain/get", RATE, RATE_CONNECTIONS, self.options.seconds, LOAD_CPU
                    ))
        finally:
            stop(running)
        added = {
            name: [through - direct for through, direct in zip(values, medians["direct"])]
            for name, values in medians.items() if name != "direct"
        }
        rows = [["direct", f"{statistics.median(medians['direct']):.0f}", "-", "-"]] + [
            [name, f"{statistics.median(medians[name]):.0f}", f"{statistics.median(values):.0f}",
             f"{min(values):.0f} .. {max(values):.0f}"]
            for name, values in added.items()
        ]
        self.details.append(table([f"{RATE:,} requests/s", "p50 us", "added us", "spread"], rows))
        if "portcullis" in added:
            self.add("added p50 at 10,000/s v nginx", 1.10, ratios(added["portcullis"], added["nginx"]))

    def memory(self):
        """A fresh process with a worker for each core, as it is shipped; nothing asked of it yet."""
        if self.options.peers_only:
            return
        samples = []
        for _ in range(3):
            process = self.bed.start(self.bed.portcullis(workers="auto"), None)
            time.sleep(1)  # what the start allocates and gives back is over by then
            samples.append(process.rss_mb())
            process.stop()
        self.add("RSS of the idle process", 20, samples, unit=" MB", digits=1)

    def idle(self):
        """Resident memory that idle keep-alive connections add to a fresh process, per ten thousand of them."""
        commands = {} if self.options.peers_only else {"portcullis": self.bed.portcullis(workers="auto")}
        commands |= {"nginx": self.bed.nginx(), "haproxy": self.bed.haproxy()}
        rows = []
        for shape in ("spread", "burst"):
            for name, command in commands.items():
                samples = [self.idle_memory(command, shape) for _ in range(IDLE_SAMPLES if name == "portcullis" else 1)]
                rows.append([name, shape, f"{statistics.median(samples):.1f}"])
                if name == "portcullis":
                    self.add(f"RSS per 10,000 idle, {shape}", 60, samples, unit=" MB", digits=1)
        self.details.append(table([f"{IDLE:,} idle connections", "shape", "MB per 10,000"], rows))

    def idle_memory(self, command, shape):
        process = self.bed.start(command, None)
        holder = None
        try:
            before = process.rss_mb()
            argv = [sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "idle.py")]
            holder = subprocess.Popen(
                argv + [str(command[1]), str(IDLE), shape], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            if holder.stdout.readline() != "ready\n":
                raise RuntimeError("the idle connections could not all be had")
            time.sleep(IDLE_WAIT)
            return (process.rss_mb() - before) * 10_000 / IDLE
        finally:
            if holder:
                holder.communicate()
            process.stop()

    def start(self):
        commands = self.commands()
        samples = {name: [] for name in commands}
        for _ in range(STARTS):
            for name, command in commands.items():
                samples[name].append(self.exec_to_answer(command))
        rows = [
            [name, f"{statistics.median(values):.1f}", f"{min(values):.1f} .. {max(values):.1f}"]
            for name, values in samples.items()
        ]
        self.details.append(table(["start to first accepted connection", "ms", "spread"], rows))
        if "portcullis" in samples:
            self.add("start v haproxy", 1.0, ratios(samples["portcullis"], samples["haproxy"]))

    def exec_to_answer(self, command):
        """Milliseconds to the first accepted connection, tried each millisecond. It counts once its request is answered:
        a port can be open for a moment before anybody is there to serve it."""
        argv, port = command
        before = time.perf_counter()
        process = Process(argv, None, f"{self.bed.folder}/start.log")
        while not answers(port):
            if time.perf_counter() - before > 20:
                raise RuntimeError(f"{argv[0]} never answered:\n{process.last_words()}")
            time.sleep(0.001)
        taken = (time.perf_counter() - before) * 1000
        process.stop()
        return taken

    def instructions(self):
        if self.options.peers_only:
            return
        # With requests beside each other, as under load, where one wake-up finds several of them.
        figures, _ = count.per_request(
            count.gateway(self.options.binary), "public", INSTRUCTION_CONNECTIONS, (1000, 3000, 5000, 7000)
        )
        self.add("user instructions per request", 33_000, figures, digits=0)

    def add(self, *figure, **named):
        self.figures.append(Figure(*figure, **named))


MEASURES = {
    "plain": Run.plain, "body": Run.body, "unix": Run.unix, "h2c": Run.h2c, "latency": Run.latency, "memory": Run.memory, "idle": Run.idle,
    "start": Run.start,
    "instructions": Run.instructions,
    **authentication.MEASURES,
}


def stop(running):
    for process, _ in running.values():
        process.stop()


def machine():
    with open("/proc/cpuinfo") as lines:
        models = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    versions = []
    for argv in (["nginx", "-v"], ["haproxy", "-v"]):
        spoken = subprocess.run(argv, capture_output=True, text=True)
        versions.append((spoken.stdout + spoken.stderr).splitlines()[0].replace("nginx version: ", ""))
    return f"{len(models)} cores ({models[0] if models else 'unknown'}); {'; '.join(versions)}"


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--binary", default="target/release/portcullis")
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=int, default=4)
    options.add_argument("--only", default=",".join(MEASURES), help=f"some of {','.join(MEASURES)}")
    options.add_argument("--peers-only", action="store_true", help="haproxy and nginx alone: is the bed sound?")
    options.add_argument("--out", help="append the tables to this file")
    options = options.parse_args()
    options.binary = os.path.abspath(options.binary)
    if not options.peers_only and not os.access(options.binary, os.X_OK):
        sys.exit(f"{options.binary} is not there: build it first (cargo build --release)")
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("two cores are needed: one for the proxy, one for load and upstream")
    raise_descriptor_limit()
    with tempfile.TemporaryDirectory(prefix="portcullis-bench-") as folder:
        bed = Bed(folder, options.binary, LOAD_CPU)
        run = Run(bed, options)
        try:
            for name in options.only.split(","):
                print(f"measuring {name} ...", file=sys.stderr, flush=True)
                try:
                    MEASURES[name](run)
                except RuntimeError as fault:
                    run.details.append(f"NOT MEASURED: {name}: {fault}")
                    run.failed = True
        finally:
            bed.upstream.stop()
    head = ["figure", "bar", "measured", "spread (samples)", "holds"]
    text = [f"{machine()}; {options.rounds} rounds of {options.seconds} s, {CONNECTIONS} connections"]
    text += [table(head, [figure.row() for figure in run.figures])] if run.figures else []
    text = "\n\n".join(text + run.details) + "\n"
    print(text)
    if options.out:
        with open(options.out, "a") as file:
            file.write(text + "\n")
    if run.failed or not all(figure.holds for figure in run.figures):
        sys.exit("not every bar holds, or not every figure could be had")


if __name__ == "__main__":
    main()
