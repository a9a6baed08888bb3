"""What has to be there before an operation can succeed: apps, rules, services, subscriptions."""

import copy
import itertools
import json
import time

from examples import example
from http_clients import Http1
from mep_process import DECLARED, DNS_RULE, TRAFFIC_RULE

# Room for everything that is tried.
MEP_LIMITS = ("limits: {requests_per_s: 0, body_bytes: 262144, page_size: 3, app_instances: 10000}\n"
              "usage: {interval_s: 1}\n"
              "bandwidth: {uplink_kbps: 1000000, downlink_kbps: 1000000, allocations: 10000,"
              " allocations_per_app: 10000}\n")
# A listener of nobody's; what is sent there is of no interest here.
CALLBACK = "http://192.0.2.10:9/events"
ENDPOINT = {"uris": ["http://192.0.2.20:8080/video"]}
TRANSPORT = {"id": "t1", "name": "REST", "type": "REST_HTTP", "protocol": "HTTP", "version": "1.1",
             "endpoint": ENDPOINT,
             "security": {"oAuth2Info": {"grantTypes": ["OAUTH2_CLIENT_CREDENTIALS"],
                                         "tokenEndpoint": "/oauth2/token"}}}
SERVICE = {"serName": "video-analytics", "version": "1.0", "state": "ACTIVE", "serializer": "JSON",
           "serCategory": {"href": "/catalogue/video", "id": "video", "name": "Video", "version": "1"},
           "transportInfo": TRANSPORT, "scopeOfLocality": "MEC_HOST", "consumedLocalOnly": False,
           "livenessInterval": 60}
# What there is a descriptor for says nothing of the services that it needs (MEC 011 §7.1.2.6).
APP_INFO = {"appName": "streaming", "appProvider": "example", "appDId": "appd-1", "isInsByMec": True,
            "endpoint": ENDPOINT}
SERVICE_API = {"apiName": "maps", "aefProfiles": [{"aefId": "aef", "versions": [{"apiVersion": "v1"}],
                                                  "domainName": "maps.example"}]}


def path_of(uri):
    return uri[uri.index("/", 8):] if "://" in uri else uri


class App:
    def __init__(self, app_id, token, scopes):
        self.id = app_id
        self.token = token
        self.scopes = scopes


class World:
    def __init__(self, mep, operations):
        self.mep = mep
        self.operations = {(o.method, o.path): o for o in operations}
        self.http = Http1(mep.port)
        self.operator = self._operator()
        self.registered = set()
        self._numbers = itertools.count(1)
        self._sessions = itertools.count(1)  # no two allocations may share one
        self._apis = sorted({scope for o in operations for scope in o.scopes} - {"mm5"})
        self.main_app = self.new_app()
        self.other_app = self.new_app()
        self._feed()

    def _feed(self):
        """A cell, and a user there, for the Location API to tell of."""
        now = time.time_ns() // 1_000_000
        lines = [{"type": "cell", "timeMs": now, "cellId": "cell-1", "zoneId": "zone-1", "connectionType": "LTE"},
                 {"type": "position", "timeMs": now, "user": "acr:10.45.0.3", "cellId": "cell-1", "latitude": 48,
                  "longitude": 11}]
        reply = self.http.request("POST", "/ran_feed/v1/reports", "".join(json.dumps(line) + "\n" for line in lines),
                                  {"Authorization": f"Bearer {self.main_app.token}",
                                   "Content-Type": "application/x-ndjson"})
        assert reply.status == 200 and reply.json["refused"] == 0, reply

    def renew(self):
        """Everything that a token stood for, anew: some operation has ended them all."""
        self.operator = self._operator()
        self.main_app = self.new_app()
        self.other_app = self.new_app()

    def close(self):
        self.http.close()

    def _token(self, client_id, secret):
        reply = self.http.request("POST", "/oauth2/token",
                                  f"grant_type=client_credentials&client_id={client_id}&client_secret={secret}",
                                  {"Content-Type": "application/x-www-form-urlencoded"})
        assert reply.status == 200, reply
        return reply.json["access_token"], set(reply.json["scope"].split())

    def _operator(self):
        with open(self.mep.state + "/operator.json") as file:
            credentials = json.load(file)
        return App("operator", *self._token(credentials["client_id"], credentials["client_secret"]))

    def new_app(self, ready=True):
        app_id = f"app-{next(self._numbers)}"
        body = self.send("PUT", f"/mm5/v1/app_instances/{app_id}", {**DECLARED, "apis": self._apis},
                         self.operator.token).json
        credentials = body["credentials"]
        app = App(app_id, *self._token(credentials["clientId"], credentials["clientSecret"]))
        if ready:
            self.send("POST", f"/mec_app_support/v1/applications/{app_id}/confirm_ready",
                      {"indication": "READY"}, app.token)
        return app

    def send(self, method, path, body, token, or_status=None):
        """A request that has to succeed, or to be answered with that status."""
        headers = {"Authorization": f"Bearer {token}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body)
        reply = self.http.request(method, path, body, headers)
        assert reply.status < 300 or reply.status == or_status, f"{method} {path}: {reply}"
        return reply

    def caller(self, operation, app):
        """Who has the scopes for it: the app, or the operator."""
        for who in (app, self.operator):
            if set(operation.scopes) <= who.scopes:
                return who
        raise AssertionError(f"{operation}: nobody has {operation.scopes}")

    def body(self, operation, app):
        """A valid body, or None."""
        if operation.id == "sendReports":
            return '{"type":"detach","timeMs":1,"user":"acr:10.45.0.2"}\n'
        if operation.body_schema is None:
            return None
        allocation = {"appInsId": app.id, "requestType": 1, "fixedAllocation": "1000",
                      "allocationDirection": "10", "fixedBWPriority": "SEE_DESCRIPTION",
                      "sessionFilter": [{"sourceIp": f"fd45::{next(self._sessions):x}", "dstPort": "554",
                                         "protocol": "UDP"}]}
        known = {
            ("PUT", "{trafficRuleId}"): TRAFFIC_RULE,
            ("PUT", "{dnsRuleId}"): DNS_RULE,
            ("PUT", "app_instances/{appInstanceId}"): DECLARED,
            ("POST", "confirm_ready"): {"indication": "READY"},
            ("POST", "confirm_termination"): {"operationAction": "TERMINATING"},
            ("POST", "mec_app_support/v1/applications/{appInstanceId}/subscriptions"): {
                "subscriptionType": "AppTerminationNotificationSubscription",
                "callbackReference": CALLBACK, "appInstanceId": app.id},
            ("POST", "mec_service_mgmt/v1/applications/{appInstanceId}/subscriptions"): {
                "subscriptionType": "SerAvailabilityNotificationSubscription", "callbackReference": CALLBACK,
                "filteringCriteria": {"serNames": ["video-analytics"], "states": ["ACTIVE"], "isLocal": True}},
            ("POST", "{apfId}/service-apis"): SERVICE_API,
            ("PUT", "service-apis/{serviceApiId}"): SERVICE_API,
            ("POST", "{subscriberId}/subscriptions"): {
                "events": ["SERVICE_API_AVAILABLE"], "notificationDestination": CALLBACK},
            ("POST", "services"): SERVICE,
            ("PUT", "services/{serviceId}"): SERVICE,
            ("POST", "bw_allocations"): allocation,
            ("PUT", "{allocationId}"): allocation,
            ("PATCH", "{allocationId}"): {  # place() puts the id in
                "allocationId": "", "appInsId": app.id, "requestType": 0, "fixedAllocation": "2000"},
            ("POST", "bwm/v1/subscriptions"): {
                "subscriptionType": "BwChgEventSubscription", "callbackReference": CALLBACK,
                "filterCriteria": [{"appInsId": app.id, "ueIp": "10.45.0.2"}]},
            ("POST", "subscriptions/users"): {"userLocationEventSubscription": {
                "subscriptionType": "UserLocationEventSubscription", "callbackReference": CALLBACK,
                "address": "acr:10.45.0.3", "userEventPara": {"zoneId": "zone-1"}}},
            ("POST", "subscriptions/zones"): {"zoneStatusSubscription": {
                "subscriptionType": "ZoneStatusSubscription", "callbackReference": CALLBACK,
                "zoneId": "zone-1", "operationStatus": ["Unserviceable"], "reportingCtrl": {"maximumCount": 1}}},
            ("POST", "subscriptions/area"): {"userAreaSubscription": {
                "subscriptionType": "UserAreaSubscription", "callbackReference": CALLBACK,
                "addressList": ["acr:10.45.0.3"], "trackingAccuracy": 10.5, "areaDefine": {
                    "shape": 1, "radius": 100, "points": [{"latitude": 48, "longitude": 11}]}}},
            ("POST", "subscriptions/distance"): {"userDistanceSubscription": {
                "subscriptionType": "UserDistanceSubscription", "callbackReference": CALLBACK,
                "monitoredAddress": ["acr:10.45.0.3"], "referenceAddress": ["acr:10.45.0.4"], "distance": 100,
                "trackingAccuracy": 10, "criteria": "AllWithinDistance", "checkImmediate": False}},
            ("POST", "registrations"): {**APP_INFO, "appInstanceId": app.id},
            ("PUT", "registrations/{appInstanceId}"): {**APP_INFO, "appInstanceId": app.id},
        }
        collection = operation.path[:operation.path.rindex("/{")] if operation.path.endswith("}") else None
        if ("POST", collection) in self.operations and operation.path.endswith("/{subscriptionId}"):
            return self.body(self.operations["POST", collection], app)
        for (method, tail), body in known.items():
            if method == operation.method and operation.path.endswith("/" + tail):
                return copy.deepcopy(body)
        return example(operation.document, operation.body_schema)

    def prepare(self, operation, app):
        """(path, body, token) of a request that will succeed."""
        if operation.path.endswith(("/confirm_termination", "/termination")):
            app = self.new_app()
            subscriptions = f"/mec_app_support/v1/applications/{app.id}/subscriptions"
            self.send("POST", subscriptions, {  # nobody waits for an app that is not told
                "subscriptionType": "AppTerminationNotificationSubscription",
                "callbackReference": CALLBACK, "appInstanceId": app.id}, app.token)
            self.send("POST", f"/mm5/v1/app_instances/{app.id}/terminate",
                      {"operationAction": "TERMINATING", "gracefulTimeout": 600}, self.operator.token)
        path, body = self.place(operation, app), self.body(operation, app)
        if isinstance(body, dict) and "allocationId" in body:
            body["allocationId"] = path[path.rindex("/") + 1:]
        return path, body, self.caller(operation, app).token

    def usage_batch(self):
        """The sequence of the oldest one, which every call of an app leads to within some seconds."""
        self.send("GET", "/mec_app_support/v1/timing/current_time", None, self.main_app.token)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            reply = self.send("GET", "/mm5/v1/usage_batches/next", None, self.operator.token)
            if reply.status == 200:
                return reply.json["sequence"]
            time.sleep(0.1)
        raise AssertionError("no usage batch")

    def place(self, operation, app):
        """The operation's path with everything in it that it names."""
        path = operation.path
        for own in ("{appInstanceId}", "{apfId}", "{subscriberId}"):  # CAPIF's names of an app instance
            path = path.replace(own, app.id)
        if "/registrations/" in path and app.id not in self.registered:
            create = self.operations["POST", operation.path[:operation.path.rindex("/{")]]
            # A random request may have done it.
            self.send("POST", create.path, self.body(create, app), app.token, or_status=409)
            self.registered.add(app.id)
        path = path.replace("{trafficRuleId}", "video").replace("{dnsRuleId}", "name")
        path = path.replace("{zoneId}", "zone-1").replace("{accessPointId}", "cell-1")
        if operation.id == "queryLocationDistance":
            path += "?address=acr:10.45.0.3&latitude=48&longitude=11"
        if "{" not in path:
            return path
        if "{sequence}" in path:
            return path.replace("{sequence}", str(self.usage_batch()))
        collection = operation.path[:operation.path.rindex("/{")]
        if collection == "/mec_service_mgmt/v1/services":  # where every app's are read
            create = self.operations["POST", "/mec_service_mgmt/v1/applications/{appInstanceId}/services"]
            made = self.send("POST", self.place(create, app), self.body(create, app), app.token)
            return f"{collection}/{made.json['serInstanceId']}"
        create = self.operations.get(("POST", collection))
        assert create, f"{operation}: world.py does not know how {path} comes to be"
        reply = self.send("POST", self.place(create, app), self.body(create, app), self.caller(create, app).token)
        location = reply.header("Location")
        assert location, f"{create} gave no Location"
        return path_of(location) + operation.path[operation.path.rindex("}") + 1:]
