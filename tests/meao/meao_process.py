"""A real sluice-meao on loopback, and how to speak to it."""

import hashlib
import http.client
import json
import os
import signal
import subprocess
import textwrap
import time
import urllib.parse

from mep_process import ROOT, free_port

PROGRAM = os.path.join(os.environ.get("SLUICE_BUILD", os.path.join(ROOT, "build")),
                       "meao/sluice-meao")
API = "/app_pkgm/v1"


class Meao:
    def __init__(self, directory, trusted, more="", packages="", program=PROGRAM,
                 trusted_proxies=()):
        self.directory = directory
        self._program = program
        self.state = os.path.join(directory, "state")
        self.port = free_port()
        self.metrics_port = free_port()
        self._config = os.path.join(directory, "meao.yaml")
        self._log_path = os.path.join(directory, "meao.log")
        self._process = None
        self._token = None
        with open(self._config, "w") as file:
            file.write(textwrap.dedent(f"""\
                http: {{address: 127.0.0.1, port: {self.port}, threads: 2,
                       trusted_proxies: {json.dumps(list(trusted_proxies))}}}
                state: {self.state}
                metrics: {{address: 127.0.0.1, port: {self.metrics_port}}}
                notifications: {{allow: [127.0.0.0/8]}}
                packages:
                  trusted_certificates: {trusted}
                  fetch: {{allow: [127.0.0.0/8]}}
                """) + textwrap.indent(packages, "  ") + more)

    def start(self):
        with open(self._log_path, "ab") as log:
            self._process = subprocess.Popen([self._program, "--config", self._config], stderr=log)
        deadline = time.monotonic() + 20
        while True:
            assert self._process.poll() is None, self.log()
            try:
                if self.request("GET", "/healthz", token=None)[0] == 200:
                    return
            except OSError:
                pass
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.01)

    @property
    def pid(self):
        return self._process.pid

    def running(self):
        return self._process.poll() is None

    def kill(self):
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(timeout=10)

    def stop(self):
        self._process.terminate()
        return self._process.wait(timeout=30)

    def close(self):
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def log(self):
        with open(self._log_path) as file:
            return file.read()

    def content_files(self):
        return sorted(os.listdir(os.path.join(self.state, "packages")))

    def token(self):
        if self._token is None:
            with open(os.path.join(self.state, "operator.json")) as file:
                form = urllib.parse.urlencode({"grant_type": "client_credentials", **json.load(file)})
            status, _, body = self.request(
                "POST", "/oauth2/token", form, token=None,
                headers={"Content-Type": "application/x-www-form-urlencoded"})
            assert status == 200, body
            self._token = body["access_token"]
        return self._token

    def request(self, method, path, body=None, token="operator", headers=None, raw=False):
        """Returns (status, headers, parsed body)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = dict(headers or {})
        if token == "operator":
            token = self.token()
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        if isinstance(body, (dict, list)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            text = response.read()
            if raw or not text:
                return response.status, response.headers, text or None
            return response.status, response.headers, json.loads(text)
        finally:
            connection.close()

    def create(self, octets, collection="app_packages", **more):
        """Returns the AppPkgInfo of a package that will have this content."""
        status, headers, body = self.request("POST", f"{API}/{collection}", {
            "appPkgName": "app", "appPkgVersion": "1.0",
            "checksum": {"algorithm": "SHA-256", "hash": hashlib.sha256(octets).hexdigest()},
            **more})
        assert status == 201, body
        assert headers["Location"] == body["_links"]["self"]["href"]
        return body

    def put(self, package_id, octets, collection="app_packages", **headers):
        return self.request("PUT", f"{API}/{collection}/{package_id}/package_content", octets,
                            headers={"Content-Type": "application/zip", **headers})

    def info(self, package_id, collection="app_packages"):
        status, _, body = self.request("GET", f"{API}/{collection}/{package_id}")
        assert status == 200, body
        return body

    def settled(self, package_id):
        """The AppPkgInfo when nothing is being done with the package any more."""
        deadline = time.monotonic() + 60
        while True:
            body = self.info(package_id)
            if body["onboardingState"] == "ONBOARDED" or "onboardingFailureDetails" in body:
                return body
            assert time.monotonic() < deadline, (body, self.log())
            time.sleep(0.02)

    def onboard(self, octets):
        """Returns the AppPkgInfo in the end, whichever it is."""
        package = self.create(octets)
        status, _, body = self.put(package["id"], octets)
        assert status == 202, body
        return self.settled(package["id"])
