"""Bandwidth management (MEC 015) of a real sluice-mep: found like any service, told to the user plane,
kept through crashes, and heard of by those who subscribed."""

from mep_process import DECLARED
from mp2_fake_upf import FakeUpf

SETTINGS = "bandwidth: {uplink_kbps: 10000, downlink_kbps: 10000}\n"
SESSION = {"appInsId": "app", "requestType": 1, "fixedAllocation": "4000000", "allocationDirection": "00",
           "sessionFilter": [{"sourceIp": "10.45.0.2", "dstPort": "554", "protocol": "17"}]}


def test_from_discovery_to_the_user_plane_and_back(mep, callbacks):
    upf = FakeUpf(mep.socket)
    token = mep.provision("app", {**DECLARED, "apis": ["mec_service_mgmt", "bwm"]})
    found = mep.request("GET", "/mec_service_mgmt/v1/services?ser_name=bwm", token=token)[2]
    base = found[0]["transportInfo"]["endpoint"]["uris"][0].removeprefix(f"http://127.0.0.1:{mep.port}")

    def call(method, path, body=None):
        return mep.request(method, base + path, body, token)

    status, headers, subscription = call("POST", "/subscriptions", {
        "subscriptionType": "BwChgEventSubscription", "callbackReference": callbacks.uri("/bw"),
        "filterCriteria": [{"appInsId": "app", "ueIp": "10.45.0.2"}]})
    assert status == 201 and headers["Location"].endswith("/bwm/v1/subscriptions/" + headers["Location"].split("/")[-1])
    status, _, allocation = call("POST", "/bw_allocations", SESSION)
    assert status == 201, allocation
    key = allocation["allocationId"]
    upf.wait_for(lambda u: key in u.guarantees)
    told = upf.guarantees[key]
    assert (told["uplink_bps"], told["downlink_bps"]) == (0, 4_000_000)
    assert {"srcAddress": ["10.45.0.2"], "dstPort": ["554"], "protocol": ["17"]} in told["flows"]

    mep.kill()
    mep.start()
    upf.wait_for(lambda u: u.messages[-1] == "replace" and key in u.guarantees)
    upf.stop(forget=True)
    upf.start()
    upf.wait_for(lambda u: key in u.guarantees)
    deltas = {"allocationId": key, "appInsId": "app", "requestType": 1, "fixedAllocation": "5000000"}
    assert call("PATCH", f"/bw_allocations/{key}", deltas)[2]["fixedAllocation"] == "5000000"
    upf.wait_for(lambda u: u.guarantees[key]["downlink_bps"] == 5_000_000)
    status, _, problem = call("POST", "/bw_allocations", {
        **SESSION, "requestType": 0, "sessionFilter": [], "fixedAllocation": "5000001"})
    assert status == 403 and problem["detail"].startswith("fixedAllocation: "), problem

    # The volume in a notification is the one that the user plane told.
    for changes in range(3, 100):  # until one has come that is of the set which the platform knows
        upf.send({"type": "status", "generation": upf.installed["generation"], "rules": [], "dns": [],
                  "guarantees": [{"key": key, "state": "STEERING", "reason": "", "since_ms": 0, "hits": 3,
                                  "bytes": 4500}]})
        assert call("PATCH", f"/bw_allocations/{key}", {**deltas, "fixedAllocation": str(changes)})[0] == 200
        volumes = [n["dataVolDispersion"][0]["dataVol"] for n in callbacks.wait_for("/bw", lambda n: len(n) >= changes)]
        assert set(volumes) <= {0, 4500}
        if volumes[-1] == 4500:
            break
    assert volumes[-1] == 4500
    assert call("DELETE", f"/bw_allocations/{key}")[0] == 204
    upf.wait_for(lambda u: key not in u.guarantees)

    # One more if the crash came before it was written down that the first has been delivered.
    heard = callbacks.wait_for("/bw", lambda n: len(n) > changes)
    for notification in heard:
        assert notification["notificationType"] == "BwChgEventNotification"
        assert notification["_links"]["subscription"]["href"] == subscription["_links"]["self"]["href"]
        assert [(e["appInsId"], e["ueIp"]) for e in notification["dataVolDispersion"]] == [("app", "10.45.0.2")]


def test_an_app_that_ends_gives_its_bandwidth_back(mep):
    upf = FakeUpf(mep.socket)
    token = mep.provision("app", {**DECLARED, "apis": ["bwm"]})
    body = {**SESSION, "requestType": 0, "sessionFilter": [], "fixedAllocation": "10000000"}
    assert mep.request("POST", "/bwm/v1/bw_allocations", body, token)[0] == 201
    upf.wait_for(lambda u: len(u.guarantees) == 1)
    other = mep.provision("other", {**DECLARED, "apis": ["bwm"]})
    assert mep.request("POST", "/bwm/v1/bw_allocations", {**body, "appInsId": "other"}, other)[0] == 403
    assert mep.request("DELETE", "/mm5/v1/app_instances/app", token=mep.operator_token())[0] == 204
    upf.wait_for(lambda u: not u.guarantees)
    assert mep.request("POST", "/bwm/v1/bw_allocations", {**body, "appInsId": "other"}, other)[0] == 201
