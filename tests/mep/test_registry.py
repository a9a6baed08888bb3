"""Two apps and the service registry of a real sluice-mep: discovery, notifications, heartbeats."""

import time

import pytest

from registry_app import API, App, service

@pytest.fixture
def producer(mep):
    return App(mep, "producer")


@pytest.fixture
def consumer(mep):
    return App(mep, "consumer")


def changes(notifications):
    return [(r["changeType"], r["serName"], r["state"])
            for n in notifications for r in n["serviceReferences"]]


def wait_for_state(app, name, state, seconds=20):
    deadline = time.monotonic() + seconds
    while app.discover(ser_name=name)[0]["state"] != state:
        assert time.monotonic() < deadline, app.discover(ser_name=name)
        time.sleep(0.05)


def test_a_service_is_found_used_changed_and_gone(producer, consumer, callbacks):
    subscription = consumer.subscribe(callbacks.uri("/hook"),
                                      filteringCriteria={"serNames": ["video"]})
    mine = producer.register(service())
    assert consumer.discover(ser_name="video")[0]["serInstanceId"] == mine["serInstanceId"]
    producer.register(service("unrelated"))

    status, headers, body = producer.follow(mine["_links"]["self"]["href"])
    assert status == 200
    status, _, _ = producer.follow(mine["_links"]["self"]["href"], "PUT",
                                   {**body, "state": "INACTIVE"})
    assert status == 200
    stale = producer.call("PUT", producer.own(f"/services/{mine['serInstanceId']}"),
                          {**body, "version": "2"}, {"If-Match": headers["ETag"]})
    assert stale[0] == 412
    status, _, _ = producer.follow(mine["_links"]["self"]["href"], "PUT", {**body, "version": "2"})
    assert status == 200
    assert producer.follow(mine["_links"]["self"]["href"], "DELETE")[0] == 204

    heard = callbacks.wait_for("/hook", lambda n: len(n) >= 4)
    assert changes(heard) == [("ADDED", "video", "ACTIVE"), ("STATE_CHANGED", "video", "INACTIVE"),
                              ("ATTRIBUTES_CHANGED", "video", "ACTIVE"),
                              ("REMOVED", "video", "ACTIVE")]
    for notification in heard:
        assert notification["notificationType"] == "SerAvailabilityNotification"
        assert (notification["_links"]["subscription"]["href"]
                == subscription["_links"]["self"]["href"])
        for reference in notification["serviceReferences"]:
            assert ("link" in reference) == (reference["changeType"] != "REMOVED")
    assert consumer.discover(ser_name="video") == []


def test_the_platform_offers_its_own_apis_with_transports_that_work(mep, consumer):
    found = {s["serName"]: s for s in consumer.discover()}
    assert {"mec_app_support", "mec_service_mgmt"} <= set(found)
    uri = found["mec_service_mgmt"]["transportInfo"]["endpoint"]["uris"][0]
    assert consumer.follow(uri + "/transports")[0] == 200
    for transport in consumer.follow(uri + "/transports")[2]:
        assert transport["type"] == "REST_HTTP"
        security = transport["security"]["oAuth2Info"]
        assert security["grantTypes"] == ["OAUTH2_CLIENT_CREDENTIALS"]
        assert security["tokenEndpoint"] == f"http://127.0.0.1:{mep.port}/oauth2/token"


def test_withdrawing_an_app_withdraws_its_services(mep, producer, consumer, callbacks):
    consumer.subscribe(callbacks.uri("/hook"))
    producer.register(service("a"))
    producer.register(service("b"))
    status, _, _ = mep.request("DELETE", "/mm5/v1/app_instances/producer",
                               token=mep.operator_token())
    assert status == 204
    heard = callbacks.wait_for("/hook", lambda n: len(changes(n)) >= 4)
    assert sorted(changes(heard)[2:]) == [("REMOVED", "a", "ACTIVE"), ("REMOVED", "b", "ACTIVE")]
    assert consumer.discover(ser_name="a") == []


def test_a_silent_service_is_suspended_until_it_beats(producer, consumer, callbacks):
    consumer.subscribe(callbacks.uri("/hook"))
    mine = producer.register(service(livenessInterval=1))
    href = mine["_links"]["liveness"]["href"]
    assert producer.follow(href, "PATCH", {"state": "ACTIVE"})[0] == 204
    callbacks.wait_for("/hook", lambda n: ("STATE_CHANGED", "video", "SUSPENDED") in changes(n))
    status, _, body = producer.follow(href)
    assert (status, body["state"], body["interval"]) == (200, "SUSPENDED", 1)
    assert producer.follow(href, "PATCH", {"state": "ACTIVE"})[0] == 204
    heard = callbacks.wait_for("/hook", lambda n: len(n) >= 3)
    assert changes(heard)[:3] == [("ADDED", "video", "ACTIVE"),
                                  ("STATE_CHANGED", "video", "SUSPENDED"),
                                  ("STATE_CHANGED", "video", "ACTIVE")]
    assert producer.follow(href, "PATCH", {"state": "INACTIVE"})[0] == 400
    assert consumer.follow(href, "PATCH", {"state": "ACTIVE"})[0] == 403


def test_kill_9_loses_nothing_and_resurrects_nobody(mep, producer, consumer, callbacks):
    consumer.subscribe(callbacks.uri("/hook"))
    lasting = producer.register(service("lasting"))
    producer.register(service("beating", livenessInterval=1))
    producer.register(service("suspended", livenessInterval=1))
    wait_for_state(consumer, "suspended", "SUSPENDED")
    wait_for_state(consumer, "beating", "SUSPENDED")
    beating = consumer.discover(ser_name="beating")[0]
    producer.follow(beating["_links"]["liveness"]["href"], "PATCH", {"state": "ACTIVE"})
    assert consumer.discover(ser_name="beating")[0]["state"] == "ACTIVE"
    mep.kill()
    mep.start()
    assert consumer.discover(ser_name="suspended")[0]["state"] == "SUSPENDED"
    assert consumer.discover(ser_name="lasting")[0] == {
        **lasting, "_links": {"self": {
            "href": f"http://127.0.0.1:{mep.port}{API}/services/{lasting['serInstanceId']}"}}}
    wait_for_state(consumer, "beating", "SUSPENDED")
    producer.register(service("new"))  # the subscription is still there
    callbacks.wait_for("/hook", lambda n: ("ADDED", "new", "ACTIVE") in changes(n))


def test_octets_are_bounded_also_after_kill_9(mep, tmp_path):
    mep.stop()
    with open(tmp_path / "mep.yaml", "a") as file:
        file.write("limits: {services_bytes_per_app: 100000, subscriptions_bytes_per_app: 4096}\n")
    mep.start()
    producer = App(mep, "producer")

    def large(octets):
        body = service()
        body["transportInfo"]["implSpecificInfo"] = {"x": "x" * octets}
        return body

    def refused(octets):
        status, headers, body = producer.call("POST", producer.own("/services"), large(octets))
        if status == 201:
            return None
        assert (status, headers["Content-Type"]) == (403, "application/problem+json"), body
        return body["detail"]

    mine = producer.register(large(60_000))
    assert "may have 100000 octets together" in refused(60_000)
    mep.kill()
    mep.start()
    assert "may have 100000 octets together" in refused(60_000)
    producer.follow(mine["_links"]["self"]["href"], "PUT", large(10_000))
    assert refused(60_000) is None
    assert refused(60_000)
    assert producer.follow(mine["_links"]["self"]["href"], "DELETE")[0] == 204
    assert refused(20_000) is None
    names = [f"{i:0100}" for i in range(50)]
    status, _, body = producer.call("POST", producer.own("/subscriptions"), {
        "subscriptionType": "SerAvailabilityNotificationSubscription",
        "callbackReference": "http://10.0.0.1/", "filteringCriteria": {"serNames": names}})
    assert status == 403 and "may have 4096 octets together" in body["detail"], body


REFUSED = [
    ("POST", "/services", {**service(), "transportId": "rest-http1"}, 400),
    ("POST", "/services", {k: v for k, v in service().items() if k != "transportInfo"}, 400),
    ("POST", "/services", {**service(), "state": "ASLEEP"}, 400),
    ("POST", "/services", {**service(), "serInstanceId": "mine"}, 400),
    ("POST", "/services", {**service(), "livenessInterval": -1}, 400),
    ("POST", "/services", service("x\0" + 200 * "y"), 400),
    ("GET", "/services?ser_name=a&ser_instance_id=b", None, 400),
    ("GET", "/services?ser_name=a&ser_category_id=b", None, 400),
    ("GET", "/services?is_local=maybe", None, 400),
    ("GET", "/services?scope_of_locality=PLANET", None, 400),
    ("GET", "/services?colour=red", None, 400),
    ("GET", "/services/nothing", None, 404),
    ("PUT", "/services/nothing", service(), 404),
    ("DELETE", "/services/nothing", None, 404),
    ("GET", "/services/nothing/liveness", None, 404),
    ("GET", "/subscriptions/nothing", None, 404),
    ("POST", "/subscriptions", {"subscriptionType": "Other", "callbackReference": "http://10.0.0.1/"},
     400),
    ("POST", "/subscriptions", {"subscriptionType": "SerAvailabilityNotificationSubscription",
                                "callbackReference": "http://169.254.169.254/"}, 403),
    ("POST", "/subscriptions",
     {"subscriptionType": "SerAvailabilityNotificationSubscription",
      "callbackReference": "http://10.0.0.1/",
      "filteringCriteria": {"serNames": ["a"], "serInstanceIds": ["b"]}}, 400),
]


def test_what_is_wrong_is_refused(producer, consumer):
    for method, path, body, expected in REFUSED:
        status, headers, reply = producer.call(method, producer.own(path), body)
        assert status == expected, (method, path, reply)
        assert headers["Content-Type"] == "application/problem+json"
        assert reply["status"] == expected
    mine = producer.register(service())
    for path in ("/services", f"/services/{mine['serInstanceId']}", "/subscriptions"):
        assert consumer.call("GET", producer.own(path))[0] == 403
