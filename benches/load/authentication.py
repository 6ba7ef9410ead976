"""What it costs to know who is asking: the proxies with the same gate, in the rounds of one run, and beside them our own
public route, to which clients send the same credentials."""

import http.client
from functools import partial

from credentials import API_KEYS, DISTINCT, Credentials
from figures import ratios
from generators import full_load
from guards import Guards

# A request that has to be known may cost this much of one that is not asked who it is.
OVER_PUBLIC = 1.20
PUBLIC = "portcullis, public"


class Scenario:
    """Who asks with what, how many of them in turn, whether verdicts are remembered, and the bars against the peers. A
    peer without a bar stands in the table alone."""

    def __init__(self, kind, peers, distinct=1, remembers=True, over_public=OVER_PUBLIC):
        self.kind, self.peers, self.distinct, self.remembers = kind, peers, distinct, remembers
        self.over_public = over_public


CACHED = {"nginx": 1.15, "envoy": 0.50}
SCENARIOS = {
    "jwt-hs256": Scenario("HS256", {"haproxy": None, **CACHED}),
    "jwt-rs256": Scenario("RS256", {"haproxy": 0.42, **CACHED}),
    "jwt-es256": Scenario("ES256", {"haproxy": 0.25, **CACHED}),
    # haproxy 2.6 and luaossl do not know it.
    "jwt-eddsa": Scenario("EdDSA", {"envoy": 0.50}),
    "jwt-rs256-many": Scenario("RS256", {"haproxy": 0.42, **CACHED}, distinct=DISTINCT),
    "jwt-rs256-fresh": Scenario(
        "RS256", {"haproxy": 0.90, "nginx": None, "envoy": None}, distinct=DISTINCT, remembers=False, over_public=None
    ),
    "apikey-10k": Scenario("key", {"haproxy": 1.05, "nginx": None, "envoy": None, "pingap": 0.60}, distinct=API_KEYS),
}


def measure(name, run):
    """One scenario: the table, and a figure for every bar."""
    scenario = SCENARIOS[name]
    credentials = run.shared(Credentials)
    field, file = credentials.fields(scenario.kind, scenario.distinct)
    guards = Guards(run.bed, credentials)
    peers = dict(scenario.peers) if run.options.peers_only else {"portcullis": None, **scenario.peers}
    running, absent = {}, {}
    try:
        for peer in peers:
            try:
                command = getattr(guards, peer)(scenario.kind, scenario.remembers)
            except RuntimeError as fault:
                absent[peer] = str(fault)
                continue
            # Whoever is not known is refused, so an open port has to do.
            running |= run.started({peer: command}, http1=False)
        for peer, (_, port) in running.items():
            _is_gate(peer, port, field, file)
        if "portcullis" in running:
            running[PUBLIC] = running["portcullis"]
        load = partial(full_load, field=field, values=file, distinct=scenario.distinct)
        samples = run.under_load(name, "/gate/get", running, load, paths={PUBLIC: "/plain/get"}, warm=2 * scenario.distinct)
    finally:
        for process, _ in running.values():
            process.stop()
    run.details += [f"NOT MEASURED: {name} beside {peer}: {why}" for peer, why in absent.items()]
    if "portcullis" not in samples:
        return
    ours = samples["portcullis"]
    for peer, bar in scenario.peers.items():
        if bar is not None and peer in samples:
            run.add(f"{name} CPU v {peer}", bar, ratios(ours, samples[peer]))
    if scenario.over_public:
        run.add(f"{name} CPU over our own public", scenario.over_public, ratios(ours, samples[PUBLIC]))


def _is_gate(peer, port, field, file):
    """Two proxies do equal work only if both let the right ones in and nobody else."""
    with open(file) as lines:
        good = lines.readline().rstrip("\n")
    bad = good[:-8] + ("AAAAAAAA" if not good.endswith("AAAAAAAA") else "BBBBBBBB")
    for value, wanted in ((None, 401), (bad, 401), (good, 200)):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/gate/get", headers={field: value} if value else {})
        status = connection.getresponse().status
        connection.close()
        if status != wanted:
            kind = {None: "no credential", bad: "a bad credential", good: "a good credential"}[value]
            raise RuntimeError(f"{peer} answers {status} to {kind}, not {wanted}")


MEASURES = {name: partial(measure, name) for name in SCENARIOS}
