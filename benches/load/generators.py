"""Load: `wrk` for as much as goes, `h2load` for a steady rate. Commands in, counts and latencies out."""

import os
import re
import statistics
import subprocess

REPORT = """
done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format("RESULT requests=%d duration=%d bad=%d p50=%d p99=%d\\n", summary.requests, summary.duration,
    errors.status + errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""


# Requests are written out before the first is sent: to send one then costs the same as if all were alike.
ONE = """
wrk.headers["{field}"] = io.lines("{values}")()
"""
IN_TURN = """
local requests, at = {{}}, 0
function init(args)
  for value in io.lines("{values}") do
    wrk.headers["{field}"] = value
    requests[#requests + 1] = wrk.format()
  end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
"""


def full_load(folder, port, path, connections, seconds, cpu, field=None, values=None, distinct=1):
    """As many requests as fit; a request that was not answered with 2xx makes the whole run worthless. `values` is a file
    of what is sent in `field`: its first line with every request, or where several are wanted its lines in turn."""
    script = f"{folder}/report.lua"
    sent = (ONE if distinct == 1 else IN_TURN).format(field=field, values=values) if field else ""
    with open(script, "w") as file:
        file.write(sent + REPORT)
    argv = _pinned(cpu) + ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", script, f"http://127.0.0.1:{port}{path}"]
    output = subprocess.run(argv, capture_output=True, text=True).stdout
    found = re.search(r"RESULT (.*)", output)
    if not found:
        raise RuntimeError(f"wrk reported nothing:\n{output}")
    result = {key: int(float(value)) for key, value in (pair.split("=") for pair in found.group(1).split())}
    if result["bad"] or not result["requests"]:
        raise RuntimeError(f"port {port}{path}: {result['bad']} of {result['requests']} requests failed")
    return result


def full_load_h2c(folder, port, path, connections, seconds, cpu):
    """The same over HTTP/2 in the clear: eight streams at a time on an eighth of the connections."""
    argv = _pinned(cpu) + [
        "h2load", "-t1", f"-c{max(1, connections // 8)}", "-m8", f"-D{seconds}", f"http://127.0.0.1:{port}{path}",
    ]
    output = subprocess.run(argv, capture_output=True, text=True).stdout
    requests = re.search(r"requests: \d+ total, \d+ started, (\d+) done, (\d+) succeeded", output)
    fine = re.search(r"status codes: (\d+) 2xx", output)
    if not requests or not fine:
        raise RuntimeError(f"h2load reported nothing:\n{output}")
    done, fine = int(requests.group(1)), int(fine.group(1))
    # One that is answered while the time is up may be counted as answered and not as done.
    if not done or fine < done:
        raise RuntimeError(f"port {port}{path}: {done - fine} of {done} requests failed")
    return {"requests": done, "duration": seconds * 1e6}


def steady_rate(folder, port, path, rate, connections, seconds, cpu):
    """The median latency in microseconds at `rate` requests per second."""
    log = f"{folder}/latencies.tsv"
    if os.path.exists(log):
        os.unlink(log)
    argv = _pinned(cpu) + [
        "h2load", "--h1", "-t1", f"-c{connections}", f"--rps={rate / connections:g}", f"-D{seconds}",
        f"--log-file={log}", f"http://127.0.0.1:{port}{path}",
    ]
    subprocess.run(argv, capture_output=True)
    with open(log) as lines:
        rows = [line.split("\t") for line in lines]
    bad = sum(1 for row in rows if row[1] != "200")
    if bad or len(rows) < rate * seconds * 0.9:
        raise RuntimeError(
            f"port {port}: {len(rows):,} of {rate * seconds:,} answers in {seconds} s, {bad} bad; is the machine busy?"
        )
    return statistics.median(int(row[2]) for row in rows)


def _pinned(cpu):
    return ["taskset", "-c", cpu] if cpu is not None else []
