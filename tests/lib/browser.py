"""Headless Chromium, driven over WebDriver (W3C) by nothing but the standard library."""
import base64
import json
import os
import subprocess
import urllib.request
from lib.bench import FOLDER, free_port, wait_until

# What a browser would ask the network for by itself is off: it has nobody to ask here.
FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage", "--hide-scrollbars",
         f"--user-data-dir={FOLDER}/chromium"]


class Browser:
    def __init__(self):
        self.port = free_port()
        self.driver = subprocess.Popen(["chromedriver", f"--port={self.port}"], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, start_new_session=True, cwd=FOLDER)

    def __enter__(self):
        wait_until(self.is_there, "the browser's driver", 60)
        options = {"goog:chromeOptions": {"args": FLAGS, "binary": "/usr/bin/chromium"}, "goog:loggingPrefs": {"browser": "ALL"}}
        self.session = self.call("POST", "/session", {"capabilities": {"alwaysMatch": options}})["sessionId"]
        return self

    def __exit__(self, *_):
        try:
            self.ask("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait(20)

    def is_there(self):
        try:
            return self.call("GET", "/status")["ready"]
        except OSError:
            return False

    def call(self, method, path, data=None):
        body = None if data is None else json.dumps(data).encode()
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", body, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)["value"]

    def ask(self, method, path, data=None):
        return self.call(method, f"/session/{self.session}{path}", data)

    def open(self, url):
        self.ask("POST", "/url", {"url": url})

    def js(self, script, *args):
        """What the script returns."""
        return self.ask("POST", "/execute/sync", {"script": script, "args": args})

    def size(self, width, height):
        """The page's own size, as a phone of that size shows it."""
        self.ask("POST", "/goog/cdp/execute", {"cmd": "Emulation.setDeviceMetricsOverride", "params": {
            "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}})

    def picture(self, path):
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.ask("GET", "/screenshot")))

    def complaints(self):
        """What the page's script and its security policy had to say."""
        return [e["message"] for e in self.ask("POST", "/se/log", {"type": "browser"}) if e["level"] in ("SEVERE", "WARNING")]
