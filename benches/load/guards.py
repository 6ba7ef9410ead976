"""The proxies as gates: who presents no good credential is refused, who does is named to the upstream. One
configuration each for one kind of credential, written as its makers document it."""

import glob
import json
import os
import shutil
import sys

from credentials import AUDIENCE, ISSUER, SECRET
from peers import WORKERS
from process import free_port

HERE = os.path.dirname(os.path.abspath(__file__))

PORTCULLIS = """
version: 1
listen: [{{ addr: "127.0.0.1:{port}" }}]
admin: {{ addr: "127.0.0.1:{admin}" }}
workers: {workers}
connections: {{ max: 9500, per_address: 9500 }}
drain: {{ delay: 0s, timeout: 1s }}
log: {{ level: warn, access: false }}
auth:
  gate: {method}
upstreams:
  up: {{ urls: ["http://127.0.0.1:{upstream}"], max_pending: 10000 }}
routes:
  - {{ path: "/plain/**", upstream: up, auth: public }}
  - {{ path: "/gate/**", upstream: up, auth: gate }}
"""

# It verifies each token: there is nothing to remember a verdict in.
HAPROXY_JWT = """
  http-request set-var(txn.token) http_auth_bearer
  http-request deny deny_status 401 unless {{ var(txn.token) -m found }}
  http-request set-var(txn.alg) var(txn.token),jwt_header_query('$.alg')
  http-request deny deny_status 401 unless {{ var(txn.alg) -m str {algorithm} }}
  http-request deny deny_status 401 unless {{ var(txn.token),jwt_verify(txn.alg,"{key}") -m int 1 }}
  http-request set-var(txn.exp) var(txn.token),jwt_payload_query('$.exp','int')
  http-request set-var(txn.now) date()
  http-request deny deny_status 401 if {{ var(txn.exp),sub(txn.now) -m int lt 0 }}
  http-request deny deny_status 401 unless {{ var(txn.token),jwt_payload_query('$.iss') -m str {issuer} }}
  http-request deny deny_status 401 unless {{ var(txn.token),jwt_payload_query('$.aud') -m str {audience} }}
  http-request set-header X-User %[var(txn.token),jwt_payload_query('$.sub')]
"""

HAPROXY_KEY = """
  http-request set-var(txn.client) hdr(x-api-key),map_str({keys})
  http-request deny deny_status 401 unless {{ var(txn.client) -m found }}
  http-request set-header X-Client %[var(txn.client)]
"""

NGINX_GLOBAL = """
load_module /usr/lib/nginx/modules/ndk_http_module.so;
load_module /usr/lib/nginx/modules/ngx_http_lua_module.so;
"""

NGINX_JWT = """
  lua_package_path "{here}/?.lua;;";
  init_by_lua_block {{ gate = require "remember"; gate.setup("{algorithm}", "{key}", "{issuer}", "{audience}") }}
"""

NGINX_KEY = """
  map_hash_max_size 131072; map_hash_bucket_size 256;
  map $http_x_api_key $client_id {{ default ""; include {keys}; }}
"""

PINGAP = """
[basic]
name = "bench"
threads = {workers}
work_stealing = false
[upstreams.up]
addrs = ["127.0.0.1:{upstream}"]
[plugins.key]
category = "key_auth"
header = "X-API-KEY"
keys = [{keys}]
[locations.all]
upstream = "up"
path = "/"
plugins = ["key"]
[servers.one]
addr = "127.0.0.1:{port}"
locations = ["all"]
threads = {workers}
"""


class Guards:
    """The commands of the proxies, each with a gate in front of its upstream at `/gate/`."""

    def __init__(self, bed, credentials):
        self.bed, self.credentials = bed, credentials

    def portcullis(self, kind, remembers):
        port = free_port()
        method = f"{{ api_key: {{ keys_file: {self.credentials.folder}/keys.yaml }} }}"
        if kind != "key":
            key = f"public_key: {self.credentials.public_key(kind)}"
            if kind == "HS256":
                key = f"secret: \"${{file:{self.credentials.folder}/HS256.secret}}\""
            cache = "on" if remembers else "off"
            method = f"{{ jwt: {{ issuer: \"{ISSUER}\", audience: \"{AUDIENCE}\", {key}, algorithms: [{kind}], cache: {cache} }} }}"
        config = self.bed.write(f"portcullis.{port}.yaml", PORTCULLIS, port=port, admin=free_port(), workers=WORKERS, method=method)
        return [self.bed.binary, "run", "-c", config], port

    def haproxy(self, kind, _remembers):
        rules = HAPROXY_KEY.format(keys=f"{self.credentials.folder}/keys.haproxy")
        if kind != "key":
            key = SECRET if kind == "HS256" else self.credentials.public_key(kind)
            rules = HAPROXY_JWT.format(algorithm=kind, key=key, issuer=ISSUER, audience=AUDIENCE)
        return self.bed.haproxy(rules=rules)

    def nginx(self, kind, remembers):
        if kind == "key":
            named = NGINX_KEY.format(keys=f"{self.credentials.folder}/keys.nginx")
            inside = 'if ($client_id = "") { return 401; } proxy_set_header X-Client $client_id; '
            # Fields that are set in a location are not set beside those of the server but instead of them.
            inside += 'proxy_set_header Connection ""; proxy_set_header Host $http_host; '
            inside += "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;"
            return self.bed.nginx(http=named, location=inside)
        key = f"{self.credentials.folder}/HS256.secret" if kind == "HS256" else self.credentials.public_key(kind)
        named = NGINX_JWT.format(here=HERE, algorithm=kind, key=key, issuer=ISSUER, audience=AUDIENCE)
        inside = f"access_by_lua_block {{ gate.check({str(remembers).lower()}) }}"
        return self.bed.nginx(modules=NGINX_GLOBAL, http=named, location=inside)

    def envoy(self, kind, remembers):
        port = free_port()
        path = f"{self.bed.folder}/envoy.{port}.json"
        with open(path, "w") as file:
            json.dump(_envoy(port, self.bed.upstream_port, self._envoy_gate(kind, remembers)), file)
        found = glob.glob(f"{sys.prefix}/lib/python3*/site-packages/envoy/_bin/envoy")
        if not found:
            raise RuntimeError("envoy is not there: run this with the Python that scripts/python made of benches/load/requirements.txt")
        return [found[0], "-c", path, "--concurrency", str(WORKERS), "-l", "error", "--disable-hot-restart"], port

    def pingap(self, _kind, _remembers):
        binary = shutil.which("pingap")
        if not binary:
            raise RuntimeError("pingap is not there; `cargo install --locked pingap --version 0.13.1` brings it")
        port = free_port()
        keys = ", ".join(f'"{key}"' for key in self.credentials.keys)
        config = self.bed.write(f"pingap.{port}.toml", PINGAP, port=port, workers=WORKERS, keys=keys)
        return [binary, "-c", config], port

    def _envoy_gate(self, kind, remembers):
        if kind == "key":
            credentials = [{"key": key, "client": f"client{number}"} for number, key in enumerate(self.credentials.keys)]
            return _filter("api_key_auth.v3.ApiKeyAuth", {
                "credentials": credentials, "key_sources": [{"header": "x-api-key"}], "forwarding": {"header": "x-client"},
            })
        provider = {
            "issuer": ISSUER, "audiences": [AUDIENCE], "local_jwks": {"inline_string": self.credentials.jwks(kind)},
            "claim_to_headers": [{"header_name": "x-user", "claim_name": "sub"}],
        }
        if remembers:
            provider["jwt_cache_config"] = {"jwt_cache_size": 50000}
        return _filter("jwt_authn.v3.JwtAuthentication", {
            "providers": {"gate": provider},
            "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "gate"}}],
        })


TYPE = "type.googleapis.com/envoy.extensions.filters."


def _filter(kind, settings):
    return {"name": kind.split(".")[0], "typed_config": {"@type": f"{TYPE}http.{kind}", **settings}}


def _envoy(port, upstream, gate):
    routes = [{"match": {"prefix": "/"}, "route": {"cluster": "up", "timeout": "0s"}}]
    manager = {
        "@type": f"{TYPE}network.http_connection_manager.v3.HttpConnectionManager", "stat_prefix": "gate",
        "codec_type": "HTTP1", "use_remote_address": True, "generate_request_id": False,
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": [gate, _filter("router.v3.Router", {"suppress_envoy_headers": True})],
    }
    address = lambda port: {"socket_address": {"address": "127.0.0.1", "port_value": port}}
    unlimited = {"max_connections": 100_000, "max_pending_requests": 100_000, "max_requests": 100_000}
    return {"static_resources": {
        "listeners": [{
            "name": "gate", "address": address(port), "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
        }],
        "clusters": [{
            "name": "up", "type": "STATIC", "connect_timeout": "5s", "circuit_breakers": {"thresholds": [unlimited]},
            "load_assignment": {
                "cluster_name": "up", "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(upstream)}}]}],
            },
        }],
    }}
