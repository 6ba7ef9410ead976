"""Processes under measurement: start them pinned, read what they use, end them by their own id and no other."""

import os
import resource
import signal
import socket
import subprocess
import time

TICKS = os.sysconf("SC_CLK_TCK")


class Process:
    """One started command and everything it starts itself."""

    def __init__(self, argv, cpu, log, stdout=None, env=None):
        pinned = ["taskset", "-c", cpu] if cpu is not None else []
        self.name = os.path.basename(argv[0])
        self.log = log
        with open(log, "ab") as sink:
            self.running = subprocess.Popen(
                pinned + argv,
                stdin=subprocess.DEVNULL,
                stdout=stdout or sink,
                stderr=sink,
                env={**os.environ, **(env or {})},
                start_new_session=True,
            )

    @property
    def pid(self):
        return self.running.pid

    def tree(self):
        """This process and its descendants."""
        children = {}
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    parent = int(_stat(int(entry))[1])
                except (OSError, IndexError):
                    continue
                children.setdefault(parent, []).append(int(entry))
        found, waiting = [], [self.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            waiting += children.get(pid, [])
        return found

    def cpu_us(self):
        """CPU microseconds used so far, user and kernel, all threads; exact where the kernel keeps schedstat."""
        total = 0.0
        for pid in self.tree():
            try:
                for thread in os.listdir(f"/proc/{pid}/task"):
                    with open(f"/proc/{pid}/task/{thread}/schedstat") as fields:
                        total += int(fields.read().split()[0]) / 1000
            except FileNotFoundError:
                try:
                    fields = _stat(pid)
                    total += (int(fields[11]) + int(fields[12])) * 1e6 / TICKS
                except OSError:
                    continue
            except (OSError, IndexError):
                continue
        return total

    def rss_mb(self):
        """Resident megabytes of the whole tree."""
        total = 0
        for pid in self.tree():
            try:
                with open(f"/proc/{pid}/status") as lines:
                    total += sum(int(line.split()[1]) for line in lines if line.startswith("VmRSS:"))
            except OSError:
                continue
        return total / 1024

    def wait_for(self, port, limit=20.0, http1=True):
        """Until a request is answered: an open port alone may belong to a start that is not over. Where no HTTP/1 is
        spoken, the open port has to do."""
        until = time.monotonic() + limit
        while time.monotonic() < until:
            if self.running.poll() is not None:
                break
            if answers(port) if http1 else accepts(port):
                return self
            time.sleep(0.005)
        raise RuntimeError(f"{self.name} did not start; its log ends:\n{self.last_words()}")

    def last_words(self):
        with open(self.log, errors="replace") as lines:
            return "".join(lines.readlines()[-15:])

    def stop(self, how=signal.SIGTERM, patience=5.0):
        if self.running.poll() is not None:
            return
        pids = self.tree()
        self.running.send_signal(how)
        try:
            self.running.wait(patience)
        except subprocess.TimeoutExpired:
            for pid in pids:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    continue
            self.running.wait()


def _stat(pid):
    """The fields of /proc/PID/stat behind the command's name, which may hold spaces."""
    with open(f"/proc/{pid}/stat") as text:
        return text.read().rsplit(")", 1)[1].split()


def answers(port):
    """Whether a connection is accepted and a request on it answered."""
    try:
        with socket.create_connection(("127.0.0.1", port), 0.2) as connection:
            connection.settimeout(5)
            connection.sendall(b"GET /plain/get HTTP/1.1\r\nHost: localhost\r\n\r\n")
            return connection.recv(4096).startswith(b"HTTP/1.1 200 ")
    except OSError:
        return False


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
        return True
    except OSError:
        return False


def free_port():
    """A port nobody serves now. Another process may take it before we do; then the start fails and says so."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def raise_descriptor_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
