"""A real sluice-mep on loopback, and how to speak to it."""

import http.client
import json
import os
import signal
import socket
import subprocess
import textwrap
import time
import urllib.parse
import urllib.request

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join(os.environ.get("SLUICE_BUILD", os.path.join(ROOT, "build")),
                       "mep/sluice-mep")

TRAFFIC_RULE = {
    "trafficRuleId": "video", "filterType": "FLOW", "priority": 10,
    "trafficFilter": [{"dstAddress": ["198.51.100.10"], "dstPort": ["80"], "protocol": ["TCP"]}],
    "action": "FORWARD_DECAPSULATED",
    "dstInterface": {"interfaceType": "IP", "dstIpAddress": "10.9.0.2"},
    "state": "INACTIVE",
}
DNS_RULE = {"dnsRuleId": "name", "domainName": "video.example", "ipAddressType": "IP_V4",
            "ipAddress": "10.9.0.2", "ttl": 30, "state": "INACTIVE"}
DECLARED = {"appName": "streaming", "trafficRules": [TRAFFIC_RULE], "dnsRules": [DNS_RULE]}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Mep:
    def __init__(self, directory, trusted_proxies=(), more="", program=PROGRAM, prefix=()):
        """`more`: further lines of configuration; `prefix`: a command that runs the program."""
        self._command = [*prefix, program]
        self.state = os.path.join(directory, "state")
        self.socket = os.path.join(directory, "mp2.sock")
        self.port = free_port()
        self.metrics_port = free_port()
        self._config = os.path.join(directory, "mep.yaml")
        self._log_path = os.path.join(directory, "mep.log")
        self._process = None
        with open(self._config, "w") as file:
            file.write(textwrap.dedent(f"""\
                http: {{address: 127.0.0.1, port: {self.port}, threads: 2,
                       trusted_proxies: [{", ".join(trusted_proxies)}]}}
                state: {self.state}
                mp2: {{socket: {self.socket}}}
                metrics: {{address: 127.0.0.1, port: {self.metrics_port}}}
                notifications: {{allow: [127.0.0.0/8]}}
                """) + more)

    def start(self):
        with open(self._log_path, "ab") as log:
            self._process = subprocess.Popen([*self._command, "--config", self._config], stderr=log)
        self._wait_ready()

    @property
    def pid(self):
        return self._process.pid

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

    def running(self):
        return self._process.poll() is None

    @property
    def pid(self):
        return self._process.pid

    def log(self):
        with open(self._log_path) as file:
            return file.read()

    def _wait_ready(self):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            assert self._process.poll() is None, self.log()
            try:
                if self.request("GET", "/healthz")[0] == 200:
                    return
            except OSError:
                time.sleep(0.01)
        raise AssertionError("sluice-mep does not answer\n" + self.log())

    def request(self, method, path, body=None, token=None, headers=None):
        """Returns (status, headers, parsed body)."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
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
            return response.status, response.headers, json.loads(text) if text else None
        finally:
            connection.close()

    def text(self, path):
        """The body of a GET that needs no token."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as reply:
            return reply.read().decode()

    def token(self, client_id, client_secret):
        form = urllib.parse.urlencode({"grant_type": "client_credentials", "client_id": client_id,
                                       "client_secret": client_secret})
        status, _, body = self.request(
            "POST", "/oauth2/token", form,
            headers={"Content-Type": "application/x-www-form-urlencoded"})
        assert status == 200, body
        return body["access_token"]

    def operator_token(self):
        with open(os.path.join(self.state, "operator.json")) as file:
            credentials = json.load(file)
        return self.token(credentials["client_id"], credentials["client_secret"])

    def provision(self, app_id, declared=None):
        """Returns the app's token; the app has confirmed that it is ready."""
        status, _, body = self.request("PUT", f"/mm5/v1/app_instances/{app_id}",
                                       declared or DECLARED, self.operator_token())
        assert status == 201, body
        credentials = body["credentials"]
        token = self.token(credentials["clientId"], credentials["clientSecret"])
        status, _, body = self.request(
            "POST", f"/mec_app_support/v1/applications/{app_id}/confirm_ready",
            {"indication": "READY"}, token)
        assert status == 204, body
        return token

    def switch(self, app_id, token, state):
        """PUTs the traffic rule; returns its ETag."""
        status, headers, body = self.request(
            "PUT", f"/mec_app_support/v1/applications/{app_id}/traffic_rules/video",
            {**TRAFFIC_RULE, "state": state}, token)
        assert status == 200, body
        return headers["ETag"]

    def rule(self, app_id, token):
        status, headers, body = self.request(
            "GET", f"/mec_app_support/v1/applications/{app_id}/traffic_rules/video", token=token)
        assert status == 200, body
        return headers["ETag"], body

    def rule_states(self, app_id):
        status, _, body = self.request("GET", f"/mm5/v1/app_instances/{app_id}/rules",
                                       token=self.operator_token())
        assert status == 200, body
        return {rule["ruleId"]: rule["state"] for rule in body}
