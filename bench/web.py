"""The stacks of the web: HAProxy and nginx, and what stands behind nginx."""
import os

from stacks import Stack, free_port, make_keys, tool

# Of every nginx here; what differs follows in it, or behind it.
NGINX_HEAD = """worker_processes {workers};
daemon off;
pid {folder}/{name}.pid;
error_log {folder}/{name}-error.log error;
events {{ worker_connections 16384; }}
http {{
  access_log off;
  client_body_temp_path {folder}/{name}-body;
  client_body_buffer_size 4m;
  client_max_body_size 16m;
  keepalive_requests 1000000000;
  keepalive_timeout 3600s;
"""

# Answers with the SHA-1 of the body.
LUA = """  init_by_lua_block {{
    local ffi = require "ffi"
    ffi.cdef "unsigned char *ngx_hex_dump(unsigned char *dst, const unsigned char *src, size_t len);"
    local hex = ffi.new("unsigned char[?]", 40)
    function digest()
      ngx.req.read_body()
      ffi.C.ngx_hex_dump(hex, ngx.sha1_bin(ngx.req.get_body_data()), 20)
      ngx.header.content_length = 40
      ngx.print(ffi.string(hex, 40))
    end
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096 {tls};
    {keys}
    location / {{ content_by_lua_block {{ digest() }} }}
  }}
}}
"""
MODULES = "".join(f"load_module /usr/lib/nginx/modules/{m}_module.so;\n" for m in ("ndk_http", "ngx_http_lua"))


class Web(Stack):
    def nginx(self, text, port, name="nginx", workers=2, modules="", **values):
        """One with its own configuration; returns its process."""
        os.chmod(self.folder, 0o755)
        conf = self.file(f"{name}.conf", (modules + NGINX_HEAD + text).format(folder=self.folder, name=name, workers=workers, port=port, **values))
        argv = [tool("nginx"), "-p", self.folder, "-c", conf, "-e", f"{self.folder}/{name}-start.log"]
        if os.geteuid() == 0:
            argv += ["-g", "user root;"]
        p = self.start("nginx", *argv)
        self.wait_port(p, port)
        return p

    def lua(self, port, name="nginx", workers=2, keys=None):
        tls = "" if keys is None else f"ssl_certificate {keys}/crt; ssl_certificate_key {keys}/key; ssl_ecdh_curve X25519; ssl_protocols TLSv1.3;"
        return self.nginx(LUA, port, name, workers, MODULES, tls="" if keys is None else "ssl", keys=tls)


class Nginx(Web):
    """Alone, with TLS."""

    def __init__(self, folder):
        super().__init__("nginx, TLS", folder)
        self.keys = make_keys(folder)

    def begin(self):
        port = free_port()
        self.lua(port, keys=self.keys)
        self.load = ["--protocol", "http", "--port", port, "--tls"]


class HaproxyNginx(Web):
    SERVERS = 1  # nginx with two workers, as a server of ours has
    HAPROXY = """global
  nbthread 2
  maxconn 8000
defaults
  mode http
  timeout client 60s
  timeout server {timeout}
  timeout connect {connect}
  http-reuse always
{more}
frontend front
  bind 127.0.0.1:{front} backlog 4096 {tls}
"""

    def __init__(self, folder, name="HAProxy and nginx", tls=False):
        super().__init__(name, folder)
        self.keys = make_keys(folder) if tls else None

    def haproxy(self, text, more="", timeout="60s", connect="5s"):
        """text: the rest of the frontend, and backends."""
        front = free_port()
        self.load = ["--protocol", "http", "--port", front]
        tls = ""
        if self.keys:
            pem = self.file("front.pem", "".join(open(f"{self.keys}/{part}").read() for part in ("crt", "key")))
            tls = f"ssl crt {pem} curves X25519 ssl-min-ver TLSv1.3"
            self.load.append("--tls")
        conf = self.file("haproxy.cfg", self.HAPROXY.format(front=front, tls=tls, more=more, timeout=timeout, connect=connect) + text)
        self.wait_port(self.start("haproxy", tool("haproxy"), "-db", "-f", conf), front)

    def begin(self):
        back = free_port()
        self.lua(back)
        self.haproxy(f"  default_backend back\nbackend back\n  server nginx 127.0.0.1:{back}\n")


class HaproxyTls(HaproxyNginx):
    def __init__(self, folder):
        super().__init__(folder, "HAProxy with TLS, and nginx", tls=True)


class HaproxyMany(HaproxyNginx):
    """As many servers in as many backends, each picked by the path, all of which are one process at that port."""

    def __init__(self, folder, port, servers, backends):
        super().__init__(folder, f"HAProxy, {servers:,} servers in {backends} backends")
        self.port, self.servers, self.backends_of = port, servers, backends

    def begin(self):
        text = "  use_backend %[path,field(2,/)]\n"
        for i in range(self.backends_of):
            text += f"backend p{i}\n  balance roundrobin\n"
            text += "".join(f"  server s{j} 127.0.0.1:{self.port}\n" for j in range(i, self.servers, self.backends_of))
        self.haproxy(text)


class HaproxyRetrying(HaproxyNginx):
    """Three nginx, and a HAProxy that asks another one whenever it can."""
    MORE = "  retry-on all-retryable-errors\n  retries 10\n  option redispatch 1"

    def __init__(self, folder, servers=3, workers=4):
        super().__init__(folder, "HAProxy that retries, and nginx")
        self.servers, self.workers, self.backends = servers, workers, []

    def begin(self):
        ports = [free_port() for _ in range(self.servers)]
        self.backends = [self.lua(port, f"nginx{port}", self.workers) for port in ports]
        self.haproxy("  default_backend back\nbackend back\n" + "".join(f"  server s{p} 127.0.0.1:{p} check inter 1s\n" for p in ports),
                     self.MORE, timeout="400ms", connect="1s")
