"""Many clients change rules at one time and the platform is killed while it commits: whatever was
acknowledged is there, and what was called is told to the billing system once."""

import http.client
import json
import threading
import time

import pytest

from mep_process import DECLARED, TRAFFIC_RULE, Mep

APPS = 8
BEFORE_KILL = 400  # acknowledged changes
MOST_LOST_S = 1.0  # what was called so long before a crash is counted


class Writer(threading.Thread):
    """Switches the rule of its app to and fro until the connection breaks."""

    def __init__(self, mep, app, token, count):
        super().__init__()
        self.path = f"/mec_app_support/v1/applications/{app}/traffic_rules/video"
        self.app, self.token, self._mep, self._count = app, token, mep, count
        self.acknowledged = None  # state and ETag of the last one
        self.sent = None          # state that may or may not have been stored
        self.calls = 0            # acknowledged

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self._mep.port, timeout=10)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        try:
            while True:
                self.sent = "INACTIVE" if self.sent == "ACTIVE" else "ACTIVE"
                connection.request("PUT", self.path,
                                   json.dumps({**TRAFFIC_RULE, "state": self.sent}), headers)
                reply = connection.getresponse()
                body = json.loads(reply.read())
                assert reply.status == 200, body
                self.acknowledged = (body["state"], reply.headers["ETag"])
                self.calls += 1
                self._count()
        except (OSError, http.client.HTTPException):
            pass
        finally:
            connection.close()


def number(etag):
    return int(etag.strip('"'))


def hammer_and_kill(mep, tokens):
    enough = threading.Semaphore(0)
    writers = [Writer(mep, app, token, enough.release) for app, token in tokens.items()]
    for writer in writers:
        writer.start()
    for _ in range(BEFORE_KILL):
        assert enough.acquire(timeout=30), mep.log()
    mep.kill()
    for writer in writers:
        writer.join(timeout=20)
        assert not writer.is_alive()
    return writers


def test_acknowledged_changes_survive_kill_9_amid_group_commits(mep):
    tokens = {f"app-{n}": mep.provision(f"app-{n}") for n in range(APPS)}
    for _ in range(3):
        writers = hammer_and_kill(mep, tokens)
        mep.start()
        for writer in writers:
            assert writer.acknowledged is not None
            state, etag = writer.acknowledged
            found_etag, rule = mep.rule(writer.app, writer.token)
            if number(found_etag) == number(etag):
                assert rule["state"] == state
            else:  # the one that was under way was stored; nobody was told
                assert number(found_etag) > number(etag)
                assert rule["state"] == writer.sent


@pytest.fixture
def metered(tmp_path):
    process = Mep(str(tmp_path), more="usage: {interval_s: 1}\n")
    try:
        process.start()
        yield process
    finally:
        process.close()


def next_batch(mep, token):
    status, _, batch = mep.request("GET", "/mm5/v1/usage_batches/next", token=token)
    assert status in (200, 204), batch
    return batch


def wait_for_batch(mep, token, done):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        batch = next_batch(mep, token)
        if done(batch):
            return batch
        time.sleep(0.05)
    raise AssertionError("no such batch")


def calls_of(batch, operation):
    return sum(record["calls"] for record in batch["records"] if record["operation"] == operation)


def acknowledge(mep, token, sequence):
    return mep.request("DELETE", f"/mm5/v1/usage_batches/{sequence}", token=token)[0]


def restart(mep):
    mep.kill()
    mep.start()


def test_every_call_is_told_to_the_billing_system_once(metered):
    mep = metered
    operator = mep.operator_token()
    token = mep.provision("app-1", DECLARED)
    counted, sequences = 0, []
    for expected in (5, 8):  # an interval may end amid the calls
        for _ in range(expected - counted):
            mep.rule("app-1", token)
        safe_from = time.monotonic() + MOST_LOST_S
        while counted < expected:
            batch = wait_for_batch(mep, operator, lambda b: b is not None)
            time.sleep(max(0.0, safe_from - time.monotonic()))
            restart(mep)
            assert next_batch(mep, operator) == batch
            assert acknowledge(mep, operator, batch["sequence"]) == 204
            assert acknowledge(mep, operator, batch["sequence"]) == 204  # the reply was lost
            restart(mep)
            assert next_batch(mep, operator) != batch
            counted += calls_of(batch, "getTrafficRule")
            sequences.append(batch["sequence"])
        assert counted == expected
    assert sequences == list(range(1, len(sequences) + 1))
    assert acknowledge(mep, operator, 99) == 404


def test_usage_names_app_operation_result_and_bytes(metered):
    mep = metered
    operator = mep.operator_token()
    token = mep.provision("app-1")
    path = "/mec_app_support/v1/applications/app-1/traffic_rules/none"
    status, _, problem = mep.request("GET", path, token=token)
    assert status == 404

    def has_it(batch):
        return batch is not None and calls_of(batch, "getTrafficRule") == 1

    def take(batch):
        if has_it(batch):
            return True
        if batch is not None:
            acknowledge(mep, operator, batch["sequence"])
        return False

    batch = wait_for_batch(mep, operator, take)
    record, = [r for r in batch["records"] if r["operation"] == "getTrafficRule"]
    assert (record["appInstanceId"], record["status"]) == ("app-1", 404)
    assert record["requestBytes"] == 0
    assert record["responseBytes"] > 0 and problem["status"] == 404
    assert batch["lostCalls"] == 0
    assert batch["from"] <= record["firstCall"] <= record["lastCall"] <= batch["to"]


def test_capabilities_are_those_of_the_connected_user_plane(mep, upf):
    upf.wait_for(lambda u: u.installed["generation"] > 0)
    status, _, body = mep.request("GET", "/mm5/v1/capabilities", token=mep.operator_token())
    assert status == 200, body
    assert body["userPlane"]["connected"] is True
    assert body["userPlane"]["actions"] == ["DROP", "FORWARD_DECAPSULATED"]
    assert "trafficFilters" not in body["userPlane"]  # this one does not say
    assert body["limits"]["rules"] == 10000
    apis = {api["name"]: api for api in body["apis"]}
    assert "putTrafficRule" in apis["mec_app_support"]["operations"]
    assert apis["mec_app_support"]["path"] == "/mec_app_support/v1"
