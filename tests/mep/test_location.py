"""The Location API (MEC 013) of a real sluice-mep: what an app is told, and asks, is what the feed has said."""

import json
import time
import urllib.parse

import pytest

from feed_client import Http1Feed, Http2Feed, cell, feed_token, now_ms, position
from mep_process import DECLARED

SETTINGS = "feed: {stale_after_s: 2}\n"
UE = "acr:10.45.0.2"
HARBOUR = (53.5461, 9.9661)


class App:
    """Finds the service like any other, and calls it."""

    def __init__(self, mep, app_id="app"):
        self._mep = mep
        self.token = mep.provision(app_id, {**DECLARED, "apis": ["mec_service_mgmt", "location"]})
        found = mep.request("GET", "/mec_service_mgmt/v1/services?ser_name=location", token=self.token)[2]
        base = found[0]["transportInfo"]["endpoint"]["uris"][0]
        assert base == f"http://127.0.0.1:{mep.port}/location/v3"
        self.base = "/location/v3"

    def call(self, method, path, body=None, headers=None):
        return self._mep.request(method, self.base + path, body, self.token, headers)

    def get(self, path):
        status, _, body = self.call("GET", path)
        assert status == 200, body
        return body

    def subscribe(self, collection, envelope, members, uri):
        status, headers, body = self.call("POST", f"/subscriptions/{collection}", {envelope: {
            "subscriptionType": envelope[0].upper() + envelope[1:], "callbackReference": uri, **members}})
        assert status == 201, body
        href = body[envelope]["_links"]["self"]["href"]
        assert headers["Location"] == href and f"/location/v3/subscriptions/{collection}/" in href
        return href


def stamp(report):
    return {"seconds": report["timeMs"] // 1000, "nanoSeconds": report["timeMs"] % 1000 * 1_000_000}


def area(radius, at=HARBOUR, **more):
    return {"areaDefine": {"shape": 1, "radius": radius, "points": [{"latitude": at[0], "longitude": at[1]}]},
            "addressList": [UE], "trackingAccuracy": 50, **more}


@pytest.mark.parametrize("feed", [Http1Feed, Http2Feed], ids=["http1", "http2"])
def test_an_app_hears_who_comes_and_goes_also_after_a_crash(mep, callbacks, feed):
    app = App(mep)
    token = feed_token(mep)
    stream = feed(mep, token)
    stream.send(cell("c1", "harbour"), cell("c2", "station"))
    zone = app.subscribe("zones", "zoneLocationEventSubscription", {"zoneId": "harbour"}, callbacks.uri("/zone"))
    circle = app.subscribe("area", "userAreaSubscription", area(500, reportingLocationReq=True), callbacks.uri("/area"))
    came = position(UE, "c1", HARBOUR, uncertaintyM=12)
    stream.send(came)
    entering = callbacks.wait_for("/zone", lambda told: told)[0]["zoneLocationEventNotification"]
    assert entering == {"notificationType": "ZoneLocationEventNotification", "timeStamp": stamp(came), "address": UE,
                        "userLocationEvent": "ENTERING_AREA_EVENT", "zoneId": "harbour",
                        "_links": {"subscription": {"href": zone}}}
    inside = callbacks.wait_for("/area", lambda told: told)[0]["userAreaNotification"]
    assert inside["userLocationEvent"] == "ENTERING_AREA_EVENT" and inside["timeStamp"] == stamp(came)
    assert inside["locationInfo"] == {"latitude": [HARBOUR[0]], "longitude": [HARBOUR[1]], "shape": 5, "accuracy": 12}
    assert inside["_links"]["subscription"]["href"] == circle
    user = app.get(f"/queries/users?address={urllib.parse.quote(UE)}")["userList"]["user"][0]
    assert (user["accessPointId"], user["zoneId"], user["timestamp"]) == ("c1", "harbour", stamp(came))
    assert user["locationInfo"] == inside["locationInfo"] and "stale" not in user

    # Reports that come late change nothing; newer ones do.
    late = position(UE, "c2", (0, 0))
    late["timeMs"] = came["timeMs"] - 1
    went = position(UE, "c2", (53.5528, 10.0067))
    stream.send(late, went)
    leaving = callbacks.wait_for("/zone", lambda told: len(told) == 2)[1]["zoneLocationEventNotification"]
    assert (leaving["userLocationEvent"], leaving["timeStamp"]) == ("LEAVING_AREA_EVENT", stamp(went))
    callbacks.wait_for("/area", lambda told: len(told) == 2)
    assert stream.finish()[1]["late"] == 1

    mep.kill()
    mep.start()
    assert app.get("/queries/users")["userList"].get("user", []) == []  # nothing is invented
    links = app.get("/subscriptions/zones")["notificationSubscriptionList"]["subscription"]
    assert links == [{"href": zone, "subscriptionType": "ZoneLocationEventSubscription"}]
    stream = feed(mep, token)
    back = position(UE, "c1", HARBOUR)
    stream.send(cell("c1", "harbour"), back)
    # What was delivered just before the crash may come once more.
    told = callbacks.wait_for("/zone", lambda told: told[-1]["zoneLocationEventNotification"]["timeStamp"] == stamp(back))
    assert told[-1]["zoneLocationEventNotification"]["_links"]["subscription"]["href"] == zone
    assert stream.finish()[0] == 200


def test_queries_say_what_was_told_and_when_it_is_stale(mep):
    app = App(mep)
    token = feed_token(mep)
    stream = Http2Feed(mep, token)
    ap = cell("c1", "harbour", operationStatus="Unserviceable", latitude=53.5, longitude=10, timezone="Europe/Berlin")
    stream.send(ap, cell("c2", "harbour"), cell("c3", "station"),
                position(UE, "c1", HARBOUR, uncertaintyM=10), position("acr:10.45.0.3", "c3", (53.5528, 10.0067), uncertaintyM=5),
                position("acr:10.45.0.4", "nowhere", (1, 1)))
    assert stream.finish()[1]["accepted"] == 6
    zones = app.get("/queries/zones")["zoneList"]["zone"]
    assert [(z["zoneId"], z["numberOfAccessPoints"], z["numberOfUnserviceableAccessPoints"], z["numberOfUsers"])
            for z in zones] == [("harbour", 2, 1, 1), ("station", 1, 0, 1)]
    assert app.get("/queries/zones/harbour")["zoneInfo"] == zones[0]
    points = app.get("/queries/zones/harbour/accessPoints")["accessPointList"]["accessPoint"]
    assert points[0] == {"accessPointId": "c1", "connectionType": "5G NR", "operationStatus": "Unserviceable",
                         "numberOfUsers": 1, "timezone": "Europe/Berlin",
                         "locationInfo": {"latitude": [53.5], "longitude": [10.0], "shape": 2},
                         "resourceURL": points[0]["resourceURL"]}
    assert points[0]["resourceURL"].endswith("/location/v3/queries/zones/harbour/accessPoints/c1")
    assert app.get("/queries/zones/harbour/accessPoints/c1")["accessPointInfo"] == points[0]
    users = app.get("/queries/users?zoneId=harbour&zoneId=station")["userList"]["user"]
    assert [u["address"] for u in users] == [UE, "acr:10.45.0.3"]
    apart = app.get(f"/queries/distance?address={UE}&address=acr:10.45.0.3")["terminalDistance"]
    assert 2780 < apart["distance"] < 2800 and apart["accuracy"] == 15
    # The same by the paths that apps of the edition before know.
    app.base = "/location/v2"
    assert app.get("/queries/zones")["zoneList"]["zone"] == zones
    while "stale" not in (user := app.get(f"/queries/users?address={UE}")["userList"]["user"][0]):
        assert now_ms() < user["timestamp"]["seconds"] * 1000 + 20_000
        time.sleep(0.02)
    assert user["stale"] is True


def test_an_app_sees_its_own_subscriptions_and_needs_the_scope(mep, callbacks):
    app, other = App(mep), App(mep, "other")
    href = app.subscribe("users", "userLocationEventSubscription", {"address": UE}, callbacks.uri("/user"))
    path = href[href.index("/subscriptions"):]
    assert other.call("GET", path)[0] == 404 and other.call("DELETE", path)[0] == 404
    assert other.get("/subscriptions/users")["notificationSubscriptionList"]["subscription"] == []
    without = mep.provision("third", {**DECLARED, "apis": ["mec_service_mgmt"]})
    assert mep.request("GET", "/location/v3/queries/users", token=without)[0] == 403
    assert mep.request("DELETE", "/mm5/v1/app_instances/app", token=mep.operator_token())[0] == 204
    assert mep.request("GET", path, token=other.token)[0] == 404


def test_users_that_meet_with_a_test_notification_an_expiry_and_a_change(mep, callbacks):
    app = App(mep)
    deadline = {"seconds": now_ms() // 1000 + 3600, "nanoSeconds": 0}
    status, headers, body = app.call("POST", "/subscriptions/distance", {"userDistanceSubscription": {
        "subscriptionType": "UserDistanceSubscription", "callbackReference": callbacks.uri("/distance"),
        "requestTestNotification": True, "expiryDeadline": deadline, "monitoredAddress": [UE, "acr:10.45.0.3"],
        "distance": 100, "trackingAccuracy": 50, "criteria": "AllWithinDistance", "checkImmediate": True}})
    assert status == 201 and body["userDistanceSubscription"]["expiryDeadline"] == deadline, body
    assert callbacks.wait_for("/distance", lambda told: told)[0]["notificationType"] == "TestNotification"
    stream = Http2Feed(mep, feed_token(mep))
    stream.send(cell("c1", "harbour"), position(UE, "c1", HARBOUR), position("acr:10.45.0.3", "c1", HARBOUR))
    met = callbacks.wait_for("/distance", lambda told: len(told) == 2)[1]["userDistanceNotification"]
    assert met["distanceEvent"] == "AllWithinDistance"
    assert [user["address"] for user in met["monitoredUsers"]["user"]] == [UE, "acr:10.45.0.3"]
    assert stream.finish()[0] == 200
    etag = headers["ETag"]
    path = headers["Location"][headers["Location"].index("/subscriptions"):]
    body["userDistanceSubscription"]["distance"] = 5
    assert app.call("PUT", path, json.dumps(body), {"If-Match": '"other"', "Content-Type": "application/json"})[0] == 412
    assert app.call("PUT", path, json.dumps(body), {"If-Match": etag, "Content-Type": "application/json"})[0] == 200


def test_who_may_use_the_api_no_more_is_told_nothing(mep, callbacks):
    app = App(mep)
    app.subscribe("zones", "zoneLocationEventSubscription", {"zoneId": "harbour"}, callbacks.uri("/zone"))
    listed = "/subscriptions/zones"
    assert app.get(listed)["notificationSubscriptionList"]["subscription"]
    for apis in (["mec_service_mgmt"], ["mec_service_mgmt", "location"]):
        status, _, body = mep.request("PUT", "/mm5/v1/app_instances/app", {**DECLARED, "apis": apis},
                                      mep.operator_token())
        assert status == 200, body
        if "location" not in apis:
            assert app.call("GET", listed)[0] == 403
    assert app.get(listed)["notificationSubscriptionList"]["subscription"] == []
