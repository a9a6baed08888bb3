"""The feed of the radio network (ran_feed/v1) of a real sluice-mep."""

import time
import urllib.request

import pytest

from feed_client import Http1Feed, Http2Feed, cell, feed_token, now_ms, position
from mep_process import DECLARED

FEEDS = pytest.mark.parametrize("feed", [Http1Feed, Http2Feed], ids=["http1", "http2"])


def streams(mep, token):
    status, _, out = mep.request("GET", "/ran_feed/v1/streams", token=token)
    assert status == 200, out
    return out


def wait_for(mep, token, predicate):
    deadline = time.monotonic() + 20
    while not predicate(found := streams(mep, token)):
        assert time.monotonic() < deadline, found
        time.sleep(0.02)
    return found


@FEEDS
def test_lines_count_as_they_come_and_wrong_ones_are_told(mep, feed):
    token = feed_token(mep)
    stream = feed(mep, token)
    stream.send(cell("c1", "z1"), position("acr:10.45.0.2", "c1"))
    stream.send_octets(b'{"type":"weather","timeMs":1}\n' + b"x" * 10000 + b'\n{"type":"det')
    # While it goes on.
    open_stream = wait_for(mep, token, lambda found: found and found[-1]["lines"] == 4)[-1]
    assert open_stream["open"] and [r["line"] for r in open_stream["refusals"]] == [3, 4]
    stream.send_octets(b'ach","timeMs":%d,"user":"acr:10.45.0.2"}\n' % now_ms())
    stream.send({"type": "position", "timeMs": 5, "user": "acr:10.45.0.2", "cellId": "c1"})
    status, summary = stream.finish()
    assert status == 200
    assert {name: summary[name] for name in ("lines", "accepted", "late", "refused")} == {
        "lines": 6, "accepted": 3, "late": 1, "refused": 2}
    assert summary["refusals"][0]["reason"].startswith("type: must be one of")
    metrics = Metrics(mep)
    assert metrics["sluice_mep_feed_cells"] == 1 and metrics["sluice_mep_feed_users"] == 1
    assert metrics['sluice_mep_feed_lines_total{result="refused"}'] == 2


class Metrics(dict):
    def __init__(self, mep):
        with urllib.request.urlopen(f"http://127.0.0.1:{mep.metrics_port}/metrics", timeout=10) as reply:
            lines = reply.read().decode().splitlines()
        super().__init__((name, float(value)) for name, value in
                         (line.rsplit(" ", 1) for line in lines if not line.startswith("#")))


def assert_ended(mep, watcher, stream):
    """The platform ends the newest stream although its client goes on."""
    deadline = time.monotonic() + 20
    try:
        while streams(mep, watcher)[-1]["open"]:
            assert time.monotonic() < deadline
            stream.send_octets(b"\n")
            time.sleep(0.1)
    except OSError:  # the platform has closed the connection
        pass
    wait_for(mep, watcher, lambda found: not found[-1]["open"])


@FEEDS
def test_only_clients_with_the_scope_may_feed(mep, feed):
    app = mep.provision("app")
    status, problem = feed(mep, app).refusal()
    assert status == 403 and "ran_feed" in problem["detail"], problem
    status, problem = feed(mep, "nonsense").refusal()
    assert status == 401, problem


@FEEDS
def test_a_client_that_is_withdrawn_feeds_no_more(mep, feed):
    operator = mep.operator_token()
    _, _, client = mep.request("POST", "/mm5/v1/clients", {"name": "ric", "apis": ["ran_feed"]}, operator)
    stream = feed(mep, mep.token(client["clientId"], client["clientSecret"]))
    stream.send(position("acr:10.45.0.2", "c1"))
    watcher = feed_token(mep, "watcher")
    wait_for(mep, watcher, lambda found: found and found[-1]["lines"] == 1)
    assert mep.request("DELETE", f"/mm5/v1/clients/{client['clientId']}", token=operator)[0] == 204
    assert_ended(mep, watcher, stream)


def test_an_app_that_may_feed_no_more_is_heard_no_more(mep):
    granted = {**DECLARED, "apis": ["ran_feed", "mec_app_support"]}
    stream = Http1Feed(mep, mep.provision("app", granted))
    stream.send(position("acr:10.45.0.2", "c1"))
    watcher = feed_token(mep, "watcher")
    wait_for(mep, watcher, lambda found: found and found[-1]["lines"] == 1)
    status, _, _ = mep.request("PUT", "/mm5/v1/app_instances/app", {**granted, "apis": ["mec_app_support"]},
                               mep.operator_token())
    assert status == 200  # the token goes on, for what is left
    assert_ended(mep, watcher, stream)


def test_a_feed_that_breaks_off_keeps_what_it_told(mep):
    token = feed_token(mep)
    stream = Http2Feed(mep, token)
    stream.send(cell("c1", "z1"))
    wait_for(mep, token, lambda found: found and found[-1]["accepted"] == 1)
    stream.close()
    wait_for(mep, token, lambda found: not found[-1]["open"])
    assert Metrics(mep)["sluice_mep_feed_cells"] == 1
