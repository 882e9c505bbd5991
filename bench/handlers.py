"""Jobs in other languages: handlers of ours, and what people run such jobs in otherwise.  Each does the same, the SHA-1 of its
payload, with as many processes."""
import os

from peers import wait_gearman
from stacks import Missing, Policypool, Stack, free_port, tool
from web import Web

HERE = os.path.dirname(os.path.abspath(__file__))
PROCESSES = 4  # that do jobs, of every stack
PYTHON = "/usr/bin/python3"  # uwsgi's plugin is of this one

PYTHON_HANDLER = """import hashlib, json, sys
out = sys.stdout.buffer
for line in sys.stdin.buffer:
    job = json.loads(line)
    digest = hashlib.sha1(job["payload"].encode()).hexdigest()
    out.write(b'{"job":%d,"payload":"%s"}\\n' % (job["job"], digest.encode()))
    out.flush()
"""

PERL_HANDLER = """use strict; use warnings; use Digest::SHA 'sha1_hex'; use Encode 'encode_utf8'; use JSON::XS;
$| = 1;
while (my $line = <STDIN>) {
    my $job = decode_json $line;
    print encode_json({job => $job->{job}, payload => sha1_hex(encode_utf8($job->{payload}))}), "\\n";
}
"""

PHP_HANDLER = """<?php
while (($line = fgets(STDIN)) !== false) {
    $job = json_decode($line);
    echo json_encode(["job" => $job->job, "payload" => sha1($job->payload)]), "\\n";
}
"""

WSGI = """import hashlib
def application(environ, start_response):
    digest = hashlib.sha1(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))).hexdigest().encode()
    start_response("200 OK", [("Content-Length", str(len(digest)))])
    return [digest]
"""

PERL_WORKER = """use strict; use warnings; use Digest::SHA 'sha1_hex'; use Gearman::Worker;
my $worker = Gearman::Worker->new(job_servers => ["127.0.0.1:$ARGV[0]"]);
$worker->register_function(sha1 => sub { sha1_hex($_[0]->arg) });
$worker->work while 1;
"""

PHP_SCRIPT = """<?php
header("Content-Length: 40");
echo sha1(file_get_contents("php://input"));
"""

BEHIND = """  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  upstream back {{ server unix:{folder}/back; {keepalive} }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{ {location} }}
  }}
}}
"""

FASTCGI = """include /etc/nginx/fastcgi_params; fastcgi_param SCRIPT_FILENAME {script}; fastcgi_keep_conn {keep}; fastcgi_pass back;"""


class Handler(Policypool):
    """One server of ours whose workers have that many job processes in all."""
    SERVERS = 1

    def __init__(self, folder, programs, name, *settings):
        path = os.path.join(folder, "".join(c if c.isalnum() else "-" for c in name) + ".conf")
        with open(path, "w") as f:
            f.write("".join(f"{s}\n" for s in (f"handler_processes = {PROCESSES // 2}", *settings)))
        super().__init__(folder, programs, name, servers=1, server=["-c", path])


def in_language(folder, programs, name, suffix, text, *interpreter):
    path = os.path.join(folder, f"sha1.{suffix}")
    with open(path, "w") as f:
        f.write(text)
    argv = ", ".join(f'"{a}"' for a in (*interpreter, path))
    return Handler(folder, programs, name, "handler = exec", f"handler_command = {{{argv}}}")


def python(folder, programs):
    return in_language(folder, programs, "policypool, Python exec", "py", PYTHON_HANDLER, PYTHON)


def perl(folder, programs):
    return in_language(folder, programs, "policypool, Perl exec", "pl", PERL_HANDLER, "/usr/bin/perl")


def php(folder, programs):
    return in_language(folder, programs, "policypool, PHP-CLI exec", "php", PHP_HANDLER, tool("php"))


def once(folder, programs):
    return Handler(folder, programs, "policypool, exec-once", "handler = exec-once", f'handler_command = {{"{programs}/bench/once"}}')


def module(folder, programs):
    return Handler(folder, programs, "policypool, module", "handler = module", f"handler_module = {programs}/modules/sha1.so")


def inline(folder, programs):
    return Policypool(folder, programs, "policypool, SHA-1 in the worker", servers=1)


class Gearman(Stack):
    """gearmand, and workers of a language."""

    def begin(self):
        port = free_port()
        self.load = ["--protocol", "gearman", "--port", port, "--name", "sha1"]
        self.wait_port(self.start("gearmand", tool("gearmand"), "-L", "127.0.0.1", "-p", port, "-t", 2, "-l", "stderr"), port)
        for _ in range(PROCESSES):
            self.start("workers", *self.worker(port))
        wait_gearman(port, PROCESSES)


class GearmanPython(Gearman):
    def __init__(self, folder):
        super().__init__("gearmand and Python", folder)

    def worker(self, port):
        return [PYTHON, f"{HERE}/gearman_worker.py", port]


class GearmanPerl(Gearman):
    def __init__(self, folder):
        super().__init__("gearmand and Perl", folder)

    def worker(self, port):
        return ["/usr/bin/perl", self.file("worker.pl", PERL_WORKER), port]


class Nginx(Web):
    """nginx before something on a Unix socket."""

    def front(self, location, keepalive=""):
        port = free_port()
        self.load = ["--protocol", "http", "--port", port]
        self.nginx(BEHIND, port, location=location, keepalive=keepalive)

    def wait_socket(self, process):
        self.wait_for(process, lambda: os.path.exists(f"{self.folder}/back"), "the socket")


class Uwsgi(Nginx):
    def __init__(self, folder):
        super().__init__("nginx, uwsgi and Python", folder)

    def begin(self):
        p = self.start("uwsgi", tool("uwsgi"), "--plugin", "python3", "--socket", f"{self.folder}/back", "--processes", PROCESSES,
                       "--master", "--disable-logging", "--die-on-term", "--listen", 100, "--wsgi-file", self.file("app.py", WSGI))
        self.wait_socket(p)
        self.front("include /etc/nginx/uwsgi_params; uwsgi_pass back;")


class PhpFpm(Nginx):
    def __init__(self, folder):
        super().__init__("nginx and php-fpm", folder)

    def begin(self):
        conf = self.file("fpm.conf", f"[global]\nerror_log = {self.folder}/fpm.log\ndaemonize = no\n[www]\nlisten = {self.folder}/back\n"
                         f"listen.backlog = 511\npm = static\npm.max_children = {PROCESSES}\n"
                         + ("user = root\ngroup = root\n" if os.geteuid() == 0 else ""))
        try:
            fpm = tool("php-fpm8.2")
        except Missing:
            fpm = tool("php-fpm")
        p = self.start("php-fpm", fpm, "-n", "-y", conf, *(["-R"] if os.geteuid() == 0 else []))
        self.wait_socket(p)
        script = self.file("sha1.php", PHP_SCRIPT)
        self.front(FASTCGI.format(script=script, keep="on"), f"keepalive {PROCESSES};")


class Fcgiwrap(Nginx):
    def __init__(self, folder, programs):
        super().__init__("nginx and fcgiwrap", folder)
        self.programs = programs

    def begin(self):
        p = self.start("fcgiwrap", tool("fcgiwrap"), "-c", PROCESSES, "-s", f"unix:{self.folder}/back")
        self.wait_socket(p)
        self.front(FASTCGI.format(script=f"{self.programs}/bench/once", keep="off"))
