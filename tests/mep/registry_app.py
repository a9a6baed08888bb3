"""An app instance that uses the service registry: its requests go to its own resources."""

import urllib.parse

API = "/mec_service_mgmt/v1"


def service(name="video", **more):
    return {"serName": name, "version": "1.0", "state": "ACTIVE", "serializer": "JSON",
            "transportInfo": {"id": "own", "name": "REST", "type": "REST_HTTP", "protocol": "HTTP",
                              "version": "2.0", "endpoint": {"uris": ["http://10.9.0.2/video"]},
                              "security": {}}, **more}


class App:
    def __init__(self, mep, app_id):
        self.mep = mep
        self.id = app_id
        self.token = mep.provision(app_id)

    def call(self, method, path, body=None, headers=None):
        return self.mep.request(method, path, body, self.token, headers)

    def own(self, path):
        return f"{API}/applications/{self.id}{path}"

    def register(self, body):
        status, headers, reply = self.call("POST", self.own("/services"), body)
        assert status == 201, reply
        assert headers["Location"] == reply["_links"]["self"]["href"]
        return reply

    def subscribe(self, callback, **more):
        status, _, reply = self.call("POST", self.own("/subscriptions"), {
            "subscriptionType": "SerAvailabilityNotificationSubscription",
            "callbackReference": callback, **more})
        assert status == 201, reply
        return reply

    def discover(self, **query):
        status, _, reply = self.call("GET", f"{API}/services?{urllib.parse.urlencode(query)}")
        assert status == 200, reply
        return reply

    def follow(self, href, method="GET", body=None):
        """What a link leads to."""
        parts = urllib.parse.urlsplit(href)
        assert parts.netloc == f"127.0.0.1:{self.mep.port}", href
        return self.call(method, parts.path, body)
