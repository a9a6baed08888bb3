"""A small client of the edge platform: what a platform manager does on Mm5 and an app on Mp1.
See api-specs/ for the contracts."""

import base64
import contextlib
import http.client
import json
import time
import urllib.parse


class Refused(RuntimeError):
    """The platform answered with an error."""

    def __init__(self, request, status, body):
        detail = body.get("detail") or body.get("error_description") or body
        super().__init__(f"{request}: {status} {detail}")
        self.status = status
        self.body = body


class Reply:
    def __init__(self, status, headers, body):
        self.status = status
        self.etag = headers.get("ETag")
        self.body = body


class Client:
    """One OAuth client of the platform. `place` is the namespace that its packets leave from. The
    connection is kept; a token is fetched when there is none or it is about to expire."""

    def __init__(self, place, host, port, client_id, client_secret, scope):
        self._place = place
        self._host = host
        self._port = port
        self._basic = base64.b64encode(f"{urllib.parse.quote_plus(client_id)}:"
                                       f"{urllib.parse.quote_plus(client_secret)}".encode())
        self._scope = scope
        self._token = None
        self._token_expires = 0.0
        self._connection = None

    def request(self, method, path, body=None, if_match=None):
        """A request with the client's token; Refused unless the status is 2xx."""
        headers = {}
        if if_match is not None:
            headers["If-Match"] = if_match
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body)
        try:
            return self._exchange(method, path, body, {**headers, **self._authorization()})
        except Refused as refusal:
            if refusal.status != 401:
                raise
            # Expired early, or the platform lost its keys: one new token, one more try.
            self._token_expires = 0.0
            return self._exchange(method, path, body, {**headers, **self._authorization()})

    def _authorization(self):
        return {"Authorization": "Bearer " + self.token()}

    def token(self):
        if time.monotonic() > self._token_expires - 5:
            form = urllib.parse.urlencode({"grant_type": "client_credentials",
                                           "scope": self._scope})
            reply = self._exchange("POST", "/oauth2/token", form, {
                "Authorization": "Basic " + self._basic.decode(),
                "Content-Type": "application/x-www-form-urlencoded"})
            self._token = reply.body["access_token"]
            self._token_expires = time.monotonic() + reply.body["expires_in"]
        return self._token

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _exchange(self, method, path, body, headers):
        headers = {"Accept": "application/json", **headers}
        reused = self._connection is not None
        try:
            response, payload = self._once(method, path, body, headers)
        except (ConnectionError, http.client.HTTPException):
            self.close()
            if not reused:
                raise
            # The platform closed an idle connection, or restarted; all requests here may be
            # repeated.
            response, payload = self._once(method, path, body, headers)
        parsed = {}
        with contextlib.suppress(ValueError):
            parsed = json.loads(payload) if payload else {}
        if response.status >= 300:
            raise Refused(f"{method} {path}", response.status, parsed)
        return Reply(response.status, response.headers, parsed)

    def _once(self, method, path, body, headers):
        try:
            if self._connection is None:
                connection = http.client.HTTPConnection(self._host, self._port, timeout=5)
                with self._place.inside():
                    connection.connect()
                self._connection = connection
            self._connection.request(method, path, body, headers)
            response = self._connection.getresponse()
            return response, response.read()
        except BaseException:
            self.close()
            raise


class PlatformManager(Client):
    """Mm5, with the operator's credentials."""

    def __init__(self, place, host, port, client_id, client_secret):
        super().__init__(place, host, port, client_id, client_secret, "mm5")

    def provision(self, app_instance_id, declared):
        """Provisions the instance with what its package declares. Returns its credentials."""
        reply = self.request("PUT", f"/mm5/v1/app_instances/{app_instance_id}"
                                    "?new_credentials=true", declared)
        return reply.body["credentials"]

    def instances(self):
        """The ids of all app instances."""
        return [app["appInstanceId"] for app in self.request("GET", "/mm5/v1/app_instances").body]

    def withdraw(self, app_instance_id):
        self.request("DELETE", f"/mm5/v1/app_instances/{app_instance_id}")

    def rule_status(self, app_instance_id):
        """What became of each rule: {ruleId: RuleStatus}."""
        reply = self.request("GET", f"/mm5/v1/app_instances/{app_instance_id}/rules")
        return {status["ruleId"]: status for status in reply.body}

    def platform(self):
        return self.request("GET", "/mm5/v1/platform").body


class App(Client):
    """Mp1, with an app instance's own credentials."""

    def __init__(self, place, host, port, app_instance_id, credentials):
        super().__init__(place, host, port, credentials["clientId"], credentials["clientSecret"],
                         "mec_app_support")
        self._base = f"/mec_app_support/v1/applications/{app_instance_id}"

    def confirm_ready(self):
        self.request("POST", self._base + "/confirm_ready", {"indication": "READY"})

    def switch_traffic_rule(self, rule_id, state):
        self._switch(f"{self._base}/traffic_rules/{rule_id}", state)

    def switch_dns_rule(self, rule_id, state):
        self._switch(f"{self._base}/dns_rules/{rule_id}", state)

    def _switch(self, path, state):
        """Reads the rule, changes its state and puts it back, unless somebody else changed it
        meanwhile (If-Match)."""
        current = self.request("GET", path)
        self.request("PUT", path, {**current.body, "state": state}, if_match=current.etag)
