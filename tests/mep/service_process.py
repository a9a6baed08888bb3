"""A program with an HTTP API on loopback: how to start, end and ask it."""

import http.client
import json
import os
import signal
import socket
import subprocess
import textwrap
import time
import urllib.parse

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def built(program):
    return os.path.join(os.environ.get("SLUICE_BUILD", os.path.join(ROOT, "build")), program)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class ServiceProcess:
    """`name` is the program's without "sluice-"; `command` runs it, `config` is what is special in its
    configuration."""

    def __init__(self, name, directory, command, config, trusted_proxies=()):
        self.directory = directory
        self.state = os.path.join(directory, "state")
        self.port = free_port()
        self.metrics_port = free_port()
        self._command = command
        self._config = os.path.join(directory, f"{name}.yaml")
        self._log_path = os.path.join(directory, f"{name}.log")
        self._process = None
        with open(self._config, "w") as file:
            file.write(textwrap.dedent(f"""\
                http: {{address: 127.0.0.1, port: {self.port}, threads: 2,
                       trusted_proxies: {json.dumps(list(trusted_proxies))}}}
                state: {self.state}
                metrics: {{address: 127.0.0.1, port: {self.metrics_port}}}
                notifications: {{allow: [127.0.0.0/8]}}
                """) + config)

    def start(self):
        """Returns when it serves."""
        with open(self._log_path, "ab") as log:
            self._process = subprocess.Popen([*self._command, "--config", self._config], stderr=log)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            assert self._process.poll() is None, self.log()
            try:
                if self.request("GET", "/healthz", token=None)[0] == 200:
                    return
            except OSError:
                time.sleep(0.01)
        raise AssertionError(f"{self._command} does not answer\n" + self.log())

    @property
    def pid(self):
        return self._process.pid

    def running(self):
        return self._process.poll() is None

    def kill(self):
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(timeout=10)

    def stop(self):
        """Returns the exit code of a graceful stop."""
        self._process.terminate()
        return self._process.wait(timeout=30)

    def close(self):
        if self._process is not None and self._process.poll() is None:
            self.kill()

    def log(self):
        with open(self._log_path) as file:
            return file.read()

    def request(self, method, path, body=None, token=None, headers=None, raw=False):
        """Returns (status, headers, parsed body); with `raw` the body as it came."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = dict(headers or {})
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

    def token(self, client_id, client_secret):
        """A new access token of this client."""
        form = urllib.parse.urlencode({"grant_type": "client_credentials", "client_id": client_id,
                                       "client_secret": client_secret})
        status, _, body = self.request(
            "POST", "/oauth2/token", form, token=None,
            headers={"Content-Type": "application/x-www-form-urlencoded"})
        assert status == 200, body
        return body["access_token"]

    def operator_token(self):
        """A new access token of the operator."""
        with open(os.path.join(self.state, "operator.json")) as file:
            credentials = json.load(file)
        return self.token(credentials["client_id"], credentials["client_secret"])
