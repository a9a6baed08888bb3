"""A real sluice-mep on loopback, and how to speak to it."""

import os
import urllib.request

from service_process import ServiceProcess, built

PROGRAM = built("mep/sluice-mep")

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


class Mep(ServiceProcess):
    def __init__(self, directory, trusted_proxies=(), more="", program=PROGRAM, prefix=()):
        """`more`: further lines of configuration; `prefix`: a command that runs the program."""
        self.socket = os.path.join(directory, "mp2.sock")
        super().__init__("mep", directory, [*prefix, program],
                         f"mp2: {{socket: {self.socket}}}\n" + more, trusted_proxies)

    def text(self, path):
        """The body of a GET that needs no token."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as reply:
            return reply.read().decode()

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
