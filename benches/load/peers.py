"""The upstream and the proxies in front of it: one configuration each, written into the run's own folder.

All proxies do the same work: keep connections alive on both sides, add the forwarding headers, keep the client's
`Host`, write no access log (but where the log is what is measured)."""

import os

from process import Process, free_port

WORKERS = 1

UPSTREAM = """
worker_processes {workers}; daemon off; pid {dir}/upstream.pid; error_log {dir}/upstream.err crit;
events {{ worker_connections 20000; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s; sendfile on; tcp_nodelay on; server_tokens off;
  client_body_temp_path {dir}/u1; proxy_temp_path {dir}/u2; fastcgi_temp_path {dir}/u3; uwsgi_temp_path {dir}/u4;
  scgi_temp_path {dir}/u5;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    listen unix:{dir}/upstream.sock;
    default_type application/json;
    location = /1m {{ root {dir}/www; }}
    location / {{ return 200 '{{"id":12345,"status":"ok","items":["alpha","beta","gamma"],"note":"one hundred bytes, always."}}'; }}
  }}
}}
"""

NGINX = """
{modules}
worker_processes {workers}; daemon off; pid {dir}/nginx.{port}.pid; error_log {dir}/nginx.err crit;
events {{ worker_connections 20000; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s; tcp_nodelay on; server_tokens off;
  client_body_temp_path {dir}/n1; proxy_temp_path {dir}/n2; fastcgi_temp_path {dir}/n3; uwsgi_temp_path {dir}/n4;
  scgi_temp_path {dir}/n5;
  upstream up {{
    server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 100000000; keepalive_timeout 600s;
  }}
  {http}
  proxy_http_version 1.1; proxy_buffering on; proxy_max_temp_file_size 0;
  proxy_set_header Connection ""; proxy_set_header Host $http_host;
  proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
  server {{ listen 127.0.0.1:{port} backlog=4096{h2c}; location / {{ {location} proxy_pass http://up; }} }}
}}
"""

HAPROXY = """
global
  nbthread {workers}
  maxconn 9900
defaults
  mode http
  timeout connect 5s
  timeout client 600s
  timeout server 600s
  timeout http-keep-alive 600s
  option forwardfor
  http-reuse always
backend up
  server one 127.0.0.1:{upstream} pool-max-conn -1
frontend plain
  bind 127.0.0.1:{port} backlog 4096{h2c}
  {rules}
  default_backend up
"""

PORTCULLIS = """
version: 1
listen: [{{ addr: "127.0.0.1:{port}", protocols: [{protocol}] }}]
admin: {{ addr: "127.0.0.1:{admin}" }}
workers: {workers}
connections: {{ max: 9500, per_address: 9500 }}
drain: {{ delay: 0s, timeout: 1s }}
log: {{ level: warn, access: {access} }}
upstreams:
  up: {{ urls: ["{url}"], max_pending: 10000 }}
routes:
  - {{ path: "/**", upstream: up, auth: public }}
"""


class Bed:
    """A folder, an upstream, and the commands of the proxies."""

    def __init__(self, folder, binary, upstream_cpu):
        os.chmod(folder, 0o755)  # nginx reads as another user when it is started by root
        self.folder, self.binary = folder, binary
        self.upstream_port = free_port()
        os.makedirs(f"{folder}/www", exist_ok=True)
        with open(f"{folder}/www/1m", "wb") as body:
            body.write(b"x" * (1 << 20))
        config = self.write("upstream.conf", UPSTREAM, port=self.upstream_port, workers=1)
        argv = ["nginx", "-c", config, "-p", folder, "-e", f"{folder}/upstream.start"]
        self.upstream = Process(argv, upstream_cpu, f"{folder}/upstream.log").wait_for(self.upstream_port)

    def nginx(self, single=False, h2c=False, **gate):
        """`modules`, `http` and `location` are what a gate adds at these levels."""
        port = free_port()
        added = {"modules": "", "http": "", "location": "", **gate}
        config = self.write(f"nginx.{port}.conf", NGINX, port=port, workers=WORKERS, h2c=" http2" if h2c else "", **added)
        argv = ["nginx", "-c", config, "-p", self.folder, "-e", f"{self.folder}/nginx.start"]
        return argv + (["-g", "master_process off;"] if single else []), port

    def haproxy(self, h2c=False, rules=""):
        port = free_port()
        config = self.write(
            f"haproxy.{port}.cfg", HAPROXY, port=port, workers=WORKERS, h2c=" proto h2" if h2c else "", rules=rules
        )
        return ["haproxy", "-db", "-f", config], port

    def portcullis(self, access=False, workers=WORKERS, h2c=False, unix=False):
        port = free_port()
        name = f"portcullis.{port}.yaml"
        url = f"unix:{self.folder}/upstream.sock" if unix else f"http://127.0.0.1:{self.upstream_port}"
        config = self.write(
            name, PORTCULLIS, port=port, admin=free_port(), workers=workers, access=str(access).lower(), url=url,
            protocol="h2c" if h2c else "http1",
        )
        return [self.binary, "run", "-c", config], port

    def start(self, command, cpu, stdout=None, http1=True):
        argv, port = command
        log = f"{self.folder}/{os.path.basename(argv[0])}.{port}.log"
        return Process(argv, cpu, log, stdout=stdout).wait_for(port, http1=http1)

    def write(self, name, template, **values):
        path = f"{self.folder}/{name}"
        with open(path, "w") as file:
            file.write(template.format(dir=self.folder, upstream=self.upstream_port, **values).lstrip())
        return path
