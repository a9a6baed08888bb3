"""What was acknowledged survives kill -9, and steering comes back whoever restarts first."""

import contextlib
import http.client
import itertools
import random
import threading
import time

import pytest


def test_an_acknowledged_put_survives_kill_9(mep):
    token = mep.provision("app-1")
    for state in itertools.islice(itertools.cycle(["ACTIVE", "INACTIVE"]), 10):
        etag = mep.switch("app-1", token, state)
        mep.kill()
        mep.start()
        found_etag, rule = mep.rule("app-1", token)  # with the token of before
        assert rule["state"] == state
        assert found_etag == etag


def test_provisioning_and_withdrawal_survive_kill_9(mep):
    token = mep.provision("app-1")
    mep.kill()
    mep.start()
    assert mep.rule("app-1", token)[1]["trafficRuleId"] == "video"
    status, _, _ = mep.request("DELETE", "/mm5/v1/app_instances/app-1",
                               token=mep.operator_token())
    assert status == 204
    mep.kill()
    mep.start()
    status, _, body = mep.request("GET", "/mm5/v1/app_instances", token=mep.operator_token())
    assert (status, body) == (200, [])
    status, _, _ = mep.request("GET", "/mec_app_support/v1/applications/app-1/traffic_rules",
                               token=token)
    assert status == 401


def test_steering_follows_the_switch(mep, upf):
    token = mep.provision("app-1")
    mep.switch("app-1", token, "ACTIVE")
    upf.wait_for(lambda u: "app-1/video" in u.rules)
    entry = upf.rules["app-1/video"]
    assert entry["app_instance_id"] == "app-1"
    assert entry["rule"]["trafficFilter"] == [
        {"dstAddress": ["198.51.100.10"], "dstPort": ["80"], "protocol": ["TCP"]}]
    mep.switch("app-1", token, "INACTIVE")
    upf.wait_for(lambda u: not u.rules)


# What happens between the change and the check; the rule must be installed after every one.
def _kill_mep(mep, upf):
    mep.kill()
    mep.start()


def _kill_upf(mep, upf):
    upf.stop(forget=True)
    upf.start()


def _upf_keeps_its_rules(mep, upf):
    upf.stop()
    upf.start()


def _both_mep_first(mep, upf):
    upf.stop(forget=True)
    mep.kill()
    mep.start()
    upf.start()


def _both_upf_first(mep, upf):
    mep.kill()
    upf.stop(forget=True)
    upf.start()
    mep.start()


RESTARTS = [_kill_mep, _kill_upf, _upf_keeps_its_rules, _both_mep_first, _both_upf_first]


@pytest.mark.parametrize("restart", RESTARTS)
def test_rules_are_back_after_a_restart(mep, upf, restart):
    token = mep.provision("app-1")
    mep.switch("app-1", token, "ACTIVE")
    upf.wait_for(lambda u: "app-1/video" in u.rules)
    restart(mep, upf)
    upf.wait_for(lambda u: "app-1/video" in u.rules)
    mep.switch("app-1", token, "INACTIVE")  # and changes arrive again
    upf.wait_for(lambda u: not u.rules)


def test_a_change_while_the_user_plane_is_away_arrives_later(mep, upf):
    token = mep.provision("app-1")
    mep.switch("app-1", token, "ACTIVE")
    upf.wait_for(lambda u: "app-1/video" in u.rules)
    upf.stop()  # keeps what it has, which will be out of date
    mep.switch("app-1", token, "INACTIVE")
    assert mep.rule_states("app-1")["video"] == "INACTIVE"
    upf.start()
    upf.wait_for(lambda u: not u.rules)


def test_many_restarts_in_random_order(mep, upf):
    order = random.Random(20260101)
    token = mep.provision("app-1")
    for _ in range(12):
        state = order.choice(["ACTIVE", "INACTIVE"])
        mep.switch("app-1", token, state)
        order.choice(RESTARTS)(mep, upf)
        upf.wait_for(lambda u: ("app-1/video" in u.rules) == (state == "ACTIVE"))


def test_a_restarted_platform_sends_the_whole_set_once(mep, upf):
    token = mep.provision("app-1")
    mep.switch("app-1", token, "ACTIVE")
    upf.wait_for(lambda u: "app-1/video" in u.rules)
    before = list(upf.messages)
    mep.kill()
    mep.start()
    mep.switch("app-1", token, "INACTIVE")
    upf.wait_for(lambda u: not u.rules)
    assert upf.messages in (before + ["replace", "update"], before + ["replace"])


def test_the_state_of_a_rule_is_what_the_user_plane_says(mep, upf):
    token = mep.provision("app-1")
    mep.switch("app-1", token, "ACTIVE")
    upf.wait_for(lambda u: "app-1/video" in u.rules)
    assert mep.rule_states("app-1") == {"video": "HELD", "name": "INACTIVE"}
    upf.report_steering()
    # The answer to a change comes after the report on the same connection: no need to wait.
    mep.switch("app-2", mep.provision("app-2"), "ACTIVE")
    upf.wait_for(lambda u: "app-2/video" in u.rules)
    assert mep.rule_states("app-1") == {"video": "STEERING", "name": "INACTIVE"}



def test_kill_9_in_the_middle_of_changes_loses_none_that_was_acknowledged(mep):
    token = mep.provision("app-1")
    order = random.Random(7)
    for _ in range(5):
        acknowledged = []

        def switch_until_killed():
            with contextlib.suppress(OSError, http.client.HTTPException):
                for state in itertools.cycle(["ACTIVE", "INACTIVE"]):
                    acknowledged.append((mep.switch("app-1", token, state), state))

        changes = threading.Thread(target=switch_until_killed)
        enough = order.randint(5, 60)
        changes.start()
        while len(acknowledged) < enough and changes.is_alive():
            time.sleep(0.001)
        assert len(acknowledged) >= enough, "the platform failed before it was killed"
        mep.kill()
        changes.join(timeout=20)
        mep.start()
        etag, rule = mep.rule("app-1", token)
        last_etag, last_state = acknowledged[-1]
        # The change that was under way may have been made without our hearing of it; nothing older
        # than the last acknowledged one may come back.
        assert int(etag.strip('"')) in (int(last_etag.strip('"')), int(last_etag.strip('"')) + 1)
        if etag == last_etag:
            assert rule["state"] == last_state
