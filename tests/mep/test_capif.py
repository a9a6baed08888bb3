"""The CAPIF profile of a real sluice-mep over the same registry as mec_service_mgmt."""

import pytest

from callback_server import CallbackServer
from registry_app import App, service

SERVICE_INFO = "vendorSpecific-urn:etsi:mec:capifext:service-info"
TRANSPORT_INFO = "vendorSpecific-urn:etsi:mec:capifext:transport-info"


def description(name="maps", **more):
    return {"apiName": name, "description": "for people who are lost",
            "aefProfiles": [{
                "aefId": "aef-1", "protocol": "HTTP_2", "dataFormat": "JSON",
                "securityMethods": ["OAUTH"],
                "versions": [{"apiVersion": "v1", "resources": [
                    {"resourceName": "tiles", "commType": "REQUEST_RESPONSE", "uri": "/tiles"}]}],
                "interfaceDescriptions": [{"ipv4Addr": "10.9.0.2", "port": 8443}]}],
            SERVICE_INFO: {"serializer": "JSON", "state": "ACTIVE", "scopeOfLocality": "ZONE",
                           "consumedLocalOnly": False, "isLocal": True,
                           "category": {"href": "/c/geo", "id": "geo", "name": "Geo",
                                        "version": "1"}}, **more}


@pytest.fixture
def app(mep):
    return App(mep, "app-1")


def publish(app, body):
    status, headers, reply = app.call("POST", f"/published-apis/v1/{app.id}/service-apis", body)
    assert status == 201, reply
    assert headers["Location"].endswith(
        f"/published-apis/v1/{app.id}/service-apis/{reply['apiId']}")
    return headers["Location"], reply


def discover(app, query=""):
    status, _, reply = app.call(
        "GET", f"/service-apis/v1/allServiceAPIs?api-invoker-id={app.id}{query}")
    assert status == 200, reply
    return [d["apiName"] for d in reply["serviceAPIDescriptions"]]


def test_what_is_published_is_a_mec_service(app):
    _, published = publish(app, description())
    assert {k: v for k, v in published.items() if k not in ("apiId", "serviceAPICategory")} == description()
    found = app.discover(ser_name="maps")[0]
    assert found["serInstanceId"] == published["apiId"]
    assert found["version"] == "v1"
    assert found["scopeOfLocality"] == "ZONE"
    assert found["serCategory"]["id"] == "geo"
    assert found["transportInfo"]["version"] == "2.0"
    assert found["transportInfo"]["endpoint"] == {
        "addresses": [{"host": "10.9.0.2", "port": 8443}]}


def test_a_mec_service_is_a_service_api(app):
    mine = app.register(service())
    status, _, reply = app.call(
        "GET", f"/service-apis/v1/allServiceAPIs?api-invoker-id={app.id}&api-name=video")
    assert status == 200
    found, = reply["serviceAPIDescriptions"]
    assert found["apiId"] == mine["serInstanceId"]
    assert found["aefProfiles"][0]["versions"] == [{"apiVersion": "1.0"}]
    assert found["aefProfiles"][0]["interfaceDescriptions"] == [{"ipv4Addr": "10.9.0.2", "port": 80}]
    assert found["aefProfiles"][0][TRANSPORT_INFO]["endpoint"] == {"uris": ["http://10.9.0.2/video"]}
    assert found[SERVICE_INFO]["state"] == "ACTIVE"


def test_discovery_filters(app):
    publish(app, description())
    for query, found in [("", True), ("&api-name=maps", True), ("&api-name=other", False),
                         ("&api-version=v1", True), ("&api-version=v2", False),
                         ("&protocol=HTTP_2", True), ("&protocol=HTTP_1_1", False),
                         ("&aef-id=aef-1", True), ("&aef-id=aef-2", False),
                         ("&data-format=JSON", True), ("&data-format=XML", False),
                         ("&comm-type=REQUEST_RESPONSE", True),
                         ("&comm-type=SUBSCRIBE_NOTIFY", False),
                         ("&api-cat=geo", True), ("&api-cat=music", False)]:
        assert ("maps" in discover(app, query)) == found, query
    for query, status in [("", 200), ("?api-invoker-id=other", 403),
                          (f"?api-invoker-id={app.id}&colour=red", 400)]:
        assert app.call("GET", f"/service-apis/v1/allServiceAPIs{query}")[0] == status, query


def test_discovery_has_pages(mep, tmp_path):
    mep.stop()
    with open(tmp_path / "mep.yaml", "a") as file:
        file.write("limits: {page_size: 2}\n")
    mep.start()
    app = App(mep, "app-1")
    wanted = sorted(publish(app, description())[1]["apiId"] for _ in range(5))
    publish(app, description("other"))
    found, pages = [], 0
    path = f"/service-apis/v1/allServiceAPIs?api-invoker-id={app.id}&api-name=maps"
    while path:
        status, headers, body = app.call("GET", path)
        assert status == 200 and len(body["serviceAPIDescriptions"]) <= 2
        found += [api["apiId"] for api in body["serviceAPIDescriptions"]]
        link = headers.get("Link")
        path, pages = link[1:link.index(">")] if link else None, pages + 1
    assert (found, pages) == (wanted, 3)


def test_published_apis_are_changed_and_withdrawn(app):
    location, published = publish(app, description())
    merge = {"Content-Type": "application/merge-patch+json"}
    path = location[location.index("/published-apis"):]
    status, headers, body = app.call("PATCH", path, '{"description": null, "%s": {"state": "INACTIVE"}}'
                                     % SERVICE_INFO, merge)
    assert status == 200, body
    assert "description" not in body
    assert body[SERVICE_INFO]["scopeOfLocality"] == "ZONE"
    assert app.discover(ser_name="maps")[0]["state"] == "INACTIVE"
    etag = headers["ETag"]
    assert app.call("PUT", path, description("charts"), {"If-Match": etag})[0] == 200
    assert app.call("PUT", path, description(), {"If-Match": etag})[0] == 412
    assert app.discover(ser_name="charts")[0]["serInstanceId"] == published["apiId"]
    for patch in ('{"aefProfiles": null}', '{"aefProfiles": [{"aefId": "a"}]}', '{"apiName": 7}',
                  '{"aefProfiles": [{"aefId": "a", "versions": [{"apiVersion": "1"}], "protocol": 5}]}',
                  '{"apiId": "other"}'):
        assert app.call("PATCH", path, patch, merge)[0] == 400, patch
    assert [d["apiName"] for d in app.call("GET", path.rsplit("/", 1)[0])[2]] == ["charts"]
    assert app.call("DELETE", path)[0] == 204
    assert app.call("GET", path)[0] == 404
    assert discover(app, "&api-name=charts") == []


def test_events_tell_of_service_apis(app):
    callbacks = CallbackServer()
    try:
        status, headers, body = app.call("POST", f"/capif-events/v1/{app.id}/subscriptions", {
            "events": ["SERVICE_API_AVAILABLE", "SERVICE_API_UPDATE", "SERVICE_API_UNAVAILABLE"],
            "notificationDestination": callbacks.uri("/events")})
        assert status == 201, body
        subscription = headers["Location"].rsplit("/", 1)[1]
        location, published = publish(app, description())
        path = location[location.index("/published-apis"):]
        app.call("PUT", path, description(description="new"))
        app.call("DELETE", path)
        heard = callbacks.wait_for("/events", lambda n: len(n) >= 3)
        assert [n["events"] for n in heard] == [
            "SERVICE_API_AVAILABLE", "SERVICE_API_UPDATE", "SERVICE_API_UNAVAILABLE"]
        assert {n["subscriptionId"] for n in heard} == {subscription}
        assert all(n["eventDetail"]["apiIds"] == [published["apiId"]] for n in heard)
        assert "serviceAPIDescriptions" not in heard[2]["eventDetail"]
        assert app.follow(headers["Location"], "DELETE")[0] == 204
        assert app.follow(headers["Location"], "DELETE")[0] == 404
    finally:
        callbacks.close()


def test_others_stay_out(mep, app):
    other = App(mep, "app-2")
    location, _ = publish(app, description())
    assert other.follow(location)[0] == 403
    assert other.follow(location, "DELETE")[0] == 403
    assert other.call("POST", f"/capif-events/v1/{app.id}/subscriptions",
                      {"events": ["SERVICE_API_UPDATE"],
                       "notificationDestination": "http://10.0.0.1/"})[0] == 403
