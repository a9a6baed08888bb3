"""Application support against a real sluice-mep, real callbacks and kill -9: termination, registration,
free rules, time, and who may use what."""

import time

from mep_process import DECLARED, TRAFFIC_RULE

MP1 = "/mec_app_support/v1"
MM5 = "/mm5/v1"


class Operator:
    def __init__(self, mep):
        self.mep = mep

    def request(self, method, path, body=None):
        return self.mep.request(method, MM5 + path, body, self.mep.operator_token())

    def terminate(self, action, timeout, app="app-1"):
        return self.request("POST", f"/app_instances/{app}/terminate",
                            {"operationAction": action, "gracefulTimeout": timeout})

    def termination(self, app="app-1"):
        return self.request("GET", f"/app_instances/{app}/termination")[2]

    def wait_for_end(self, app="app-1"):
        deadline = time.monotonic() + 20
        while self.termination(app)["result"] == "PENDING":
            assert time.monotonic() < deadline
            time.sleep(0.05)
        return self.termination(app)


def subscribe(mep, token, callbacks, app="app-1"):
    status, headers, body = mep.request(
        "POST", f"{MP1}/applications/{app}/subscriptions",
        {"subscriptionType": "AppTerminationNotificationSubscription", "appInstanceId": app,
         "callbackReference": callbacks.uri(f"/{app}")}, token)
    assert status == 201, body
    assert headers["Location"] == body["_links"]["self"]["href"]
    return headers["Location"]


def confirm(mep, token, what, app="app-1"):
    body = {"indication": "READY"} if what == "ready" else {"operationAction": what}
    task = "confirm_ready" if what == "ready" else "confirm_termination"
    return mep.request("POST", f"{MP1}/applications/{app}/{task}", body, token)[0]


def active(mep):
    return mep.provision("app-1", {**DECLARED, "trafficRules": [{**TRAFFIC_RULE, "state": "ACTIVE"}]})


def test_subscriptions_to_termination(mep, callbacks):
    token = mep.provision("app-1")
    other = mep.provision("app-2")
    path = subscribe(mep, token, callbacks)
    collection = f"{MP1}/applications/app-1/subscriptions"
    status, _, body = mep.request("GET", collection, token=token)
    assert status == 200
    assert body["_links"]["subscriptions"] == [
        {"href": path, "subscriptionType": "AppTerminationNotificationSubscription"}]
    assert mep.request("GET", path, token=token)[2]["appInstanceId"] == "app-1"
    assert mep.request("GET", path, token=other)[0] == 403
    assert mep.request("POST", collection, {
        "subscriptionType": "AppTerminationNotificationSubscription", "appInstanceId": "app-2",
        "callbackReference": callbacks.uri("/x")}, token)[0] == 400
    assert mep.request("DELETE", path, token=token)[0] == 204
    assert mep.request("GET", path, token=token)[0] == 404


def test_stopping_is_confirmed_and_the_app_comes_back(mep, upf, callbacks):
    operator, token = Operator(mep), active(mep)
    upf.wait_for(lambda u: "app-1/video" in u.rules)
    subscription = subscribe(mep, token, callbacks)
    assert confirm(mep, token, "STOPPING") == 409  # nothing is pending
    status, headers, body = operator.terminate("STOPPING", 600)
    assert (status, body["result"], body["state"]) == (202, "PENDING", "STOPPING")
    assert headers["Location"] == f"{MM5}/app_instances/app-1/termination"
    [notice] = callbacks.wait_for("/app-1", bool)
    assert notice["notificationType"] == "AppTerminationNotification"
    assert (notice["operationAction"], notice["maxGracefulTimeout"]) == ("STOPPING", 600)
    assert notice["_links"]["subscription"]["href"] == subscription
    assert "app-1/video" in upf.rules  # serves while it says goodbye
    assert confirm(mep, token, "TERMINATING") == 409
    assert confirm(mep, token, "ready") == 409
    assert operator.terminate("STOPPING", 600)[0] == 409
    assert mep.request("POST", notice["_links"]["confirmTermination"]["href"],
                       {"operationAction": "STOPPING"}, token)[0] == 204
    assert operator.termination()["result"] == "CONFIRMED"
    assert operator.termination()["state"] == "STOPPED"
    upf.wait_for(lambda u: not u.rules)
    assert confirm(mep, token, "STOPPING") == 409
    assert confirm(mep, token, "ready") == 204
    upf.wait_for(lambda u: "app-1/video" in u.rules)


def test_a_termination_under_way_survives_kill_9(mep, upf, callbacks):
    operator, token = Operator(mep), active(mep)
    subscribe(mep, token, callbacks)
    upf.wait_for(lambda u: "app-1/video" in u.rules)
    status, _, body = operator.terminate("TERMINATING", 2)
    assert status == 202
    mep.kill()
    mep.start()
    callbacks.wait_for("/app-1", bool)  # delivered by the second run, if not by the first
    end = operator.wait_for_end()
    assert (end["result"], end["state"]) == ("TIMED_OUT", "TERMINATED")
    assert end["endedAt"] >= body["deadline"]
    upf.wait_for(lambda u: not u.rules)
    # Only the end can be seen; other APIs are closed, and nothing can be changed.
    assert confirm(mep, token, "TERMINATING") == 409
    assert mep.request("PUT", f"{MP1}/applications/app-1/traffic_rules/video",
                       {**TRAFFIC_RULE, "state": "ACTIVE"}, token)[0] == 409
    assert mep.request("GET", "/mec_service_mgmt/v1/services", token=token)[0] == 403
    assert operator.request("DELETE", "/app_instances/app-1")[0] == 204
    assert operator.request("GET", "/app_instances/app-1/termination")[0] == 404


def test_nobody_to_tell_means_no_waiting_and_terminating_overtakes_stopping(mep, callbacks):
    operator, token = Operator(mep), mep.provision("app-1")
    assert operator.terminate("STOPPING", 600)[2]["result"] == "UNANNOUNCED"
    subscribe(mep, token, callbacks)
    assert confirm(mep, token, "ready") == 204
    assert operator.terminate("STOPPING", 600)[2]["result"] == "PENDING"
    assert operator.terminate("TERMINATING", 600)[2]["state"] == "TERMINATING"
    callbacks.wait_for("/app-1", lambda all_: len(all_) == 2)
    assert confirm(mep, token, "STOPPING") == 409
    assert confirm(mep, token, "TERMINATING") == 204
    assert operator.termination()["result"] == "CONFIRMED"
    assert operator.request("PUT", "/app_instances/app-1", DECLARED)[0] == 409
    mep.provision("app-2")
    assert operator.terminate("TERMINATING", 0, "app-2")[2]["state"] == "TERMINATED"


def test_an_app_that_nobody_started_registers_itself(mep):
    operator = Operator(mep)
    status, _, client = operator.request("POST", "/clients", {"name": "camera"})
    assert status == 201
    token = mep.token(client["clientId"], client["clientSecret"])
    info = {"appName": "camera", "endpoint": {"uris": ["http://192.0.2.7/"]}}
    path = f"{MP1}/registrations"
    assert mep.request("POST", path, {**info, "appInstanceId": "app-1"}, token)[0] == 400
    assert mep.request("POST", path, {"appName": "camera"}, token)[0] == 400
    status, headers, body = mep.request("POST", path, info, token)
    assert status == 201, body
    own = body["appInstanceId"]
    assert headers["Location"] == f"{path}/{own}"
    assert mep.request("POST", path, info, token)[0] == 409
    mep.kill()
    mep.start()
    status, headers, body = mep.request("GET", f"{path}/{own}", token=token)  # the same token
    assert (status, body) == (200, {**info, "appInstanceId": own, "isInsByMec": False})
    tag = headers["ETag"]
    changed = {**info, "appProvider": "me"}
    put = lambda condition: mep.request("PUT", f"{path}/{own}", changed, token,  # noqa: E731
                                        {"If-Match": condition})[0]
    assert [put('"0"'), put(tag), put(tag)] == [412, 204, 412]
    assert confirm(mep, token, "ready", own) == 204
    assert mep.request("GET", f"{path}/app-1", token=token)[0] == 403
    app = operator.request("GET", f"/app_instances/{own}")[2]
    assert (app["selfRegistered"], app["state"]) == (True, "READY")
    assert mep.request("DELETE", f"{path}/{own}", token=token)[0] == 204
    assert operator.request("GET", f"/app_instances/{own}")[0] == 404
    assert mep.request("GET", f"{path}/{own}", token=token)[0] == 403  # it is nobody again
    assert mep.request("POST", path, info, token)[0] == 201


def test_an_app_that_was_asked_to_end_may_end_its_registration_instead(mep, callbacks):
    operator = Operator(mep)
    for action in ("TERMINATING", "STOPPING"):
        client = operator.request("POST", "/clients", {"name": "camera"})[2]
        token = mep.token(client["clientId"], client["clientSecret"])
        info = {"appName": "camera", "endpoint": {"uris": ["http://192.0.2.7/"]}}
        own = mep.request("POST", f"{MP1}/registrations", info, token)[2]["appInstanceId"]
        subscribe(mep, token, callbacks, own)
        assert operator.terminate(action, 600, own)[0] == 202
        path = f"{MP1}/registrations/{own}"
        assert mep.request("DELETE", path, token=token)[0] == 204
        ended = operator.termination(own)
        assert (ended["operationAction"], ended["result"], ended["state"]) == (
            action, "CONFIRMED", "TERMINATED")
        assert mep.request("GET", path, token=token)[0] == 404
        assert operator.request("DELETE", f"/app_instances/{own}")[0] == 204


def test_what_an_app_says_of_itself_is_bounded(mep):
    client = Operator(mep).request("POST", "/clients", {"name": "camera"})[2]
    token = mep.token(client["clientId"], client["clientSecret"])
    info = {"appName": "camera", "endpoint": {"uris": ["http://192.0.2.7/"]}}
    large = {**info, "appProfile": {"x": "x" * 40_000}}
    status, _, body = mep.request("POST", f"{MP1}/registrations", large, token)
    assert status == 400 and "32768 at most" in body["detail"], body
    status, _, body = mep.request("POST", f"{MP1}/registrations", info, token)
    assert status == 201
    own = f"{MP1}/registrations/{body['appInstanceId']}"
    assert mep.request("PUT", own, large, token)[0] == 400


def test_an_app_changes_its_rules_within_what_the_operator_left_free(mep):
    declared = {**DECLARED, "trafficRuleFreedoms": [
        {"trafficRuleId": "video", "narrowerFilter": True, "priority": {"lowest": 5, "highest": 20}}],
        "dnsRuleFreedoms": [{"dnsRuleId": "name", "ttl": {"lowest": 0, "highest": 60}}]}
    token = mep.provision("app-1", declared)
    rule = f"{MP1}/applications/app-1/traffic_rules/video"
    narrower = {**TRAFFIC_RULE, "priority": 20, "trafficFilter": [
        {**TRAFFIC_RULE["trafficFilter"][0], "srcAddress": ["10.0.0.0/8"]}]}
    status, _, body = mep.request("PUT", rule, narrower, token)
    assert (status, body) == (200, narrower)
    for wrong, member in [({"priority": 21}, "priority"), ({"trafficFilter": [{}]}, "trafficFilter"),
                          ({"action": "PASSTHROUGH"}, "action")]:
        status, _, body = mep.request("PUT", rule, {**narrower, **wrong}, token)
        assert status == 403 and body["detail"].startswith(member), body
    name = f"{MP1}/applications/app-1/dns_rules/name"
    declared_name = DECLARED["dnsRules"][0]
    assert mep.request("PUT", name, {**declared_name, "ttl": 60}, token)[0] == 200
    assert mep.request("PUT", name, {**declared_name, "ttl": 61}, token)[0] == 403
    mep.kill()
    mep.start()
    assert mep.request("GET", rule, token=token)[2] == narrower
    operator = Operator(mep)  # the app's choice outlives a declaration that still allows it
    assert operator.request("PUT", "/app_instances/app-1", declared)[2]["trafficRules"] == [narrower]
    assert operator.request("PUT", "/app_instances/app-1", DECLARED)[2]["trafficRules"] == [TRAFFIC_RULE]


def test_the_scope_of_a_rule_is_the_operators(mep):
    scoped = {**TRAFFIC_RULE, "scope": [{"dnn": "internet", "sNssai": {"sst": 1, "sd": "000007"}}]}
    token = mep.provision("app-1", {**DECLARED, "trafficRules": [scoped]})
    rule = f"{MP1}/applications/app-1/traffic_rules/video"
    assert mep.request("GET", rule, token=token)[2] == scoped
    status, _, body = mep.request("PUT", rule, {**TRAFFIC_RULE, "state": "ACTIVE"}, token)
    assert (status, body) == (200, {**scoped, "state": "ACTIVE"}), "an app need not know of it"
    assert mep.request("PUT", rule, scoped, token)[:1] == (200,)
    status, _, body = mep.request("PUT", rule, {**scoped, "scope": [{"dnn": "ims"}]}, token)
    assert status == 403 and body["detail"].startswith("scope"), body
    for wrong in ([{}], [{"dnn": ""}], [{"Dnn": "internet"}], [{"sNssai": {"sd": "000007"}}], [{"sNssai": {"sst": 256}}],
                  [{"sNssai": {"sst": 1, "sd": "7"}}], [{"dnn": "x"}] * 17, "internet"):
        status, _, body = Operator(mep).request(
            "PUT", "/app_instances/app-2", {**DECLARED, "trafficRules": [{**TRAFFIC_RULE, "scope": wrong}]})
        assert status == 400 and "scope" in body["detail"], (wrong, body)


def test_time(mep):
    token = mep.provision("app-1")
    status, _, body = mep.request("GET", f"{MP1}/timing/current_time", token=token)
    assert status == 200 and abs(body["seconds"] - time.time()) < 5
    assert 0 <= body["nanoSeconds"] < 10**9
    assert body["timeSourceStatus"] in ("TRACEABLE", "NONTRACEABLE")
    status, _, body = mep.request("GET", f"{MP1}/timing/timing_caps", token=token)
    assert (status, body["ntpServers"], body["ptpMasters"]) == (200, [], [])


def test_an_app_uses_the_apis_it_was_given(mep):
    operator = Operator(mep)
    token = mep.provision("app-1", {**DECLARED, "apis": []})
    assert mep.request("GET", "/mec_service_mgmt/v1/services", token=token)[0] == 403
    assert operator.request("PUT", "/app_instances/app-1", {**DECLARED, "apis": ["mm5"]})[0] == 400
    assert operator.request("PUT", "/app_instances/app-1", DECLARED)[2]["apis"]


def revoke(mep, client, token):
    return mep.request("POST", "/oauth2/revoke",
                       f"token={token}&client_id={client['clientId']}"
                       f"&client_secret={client['clientSecret']}",
                       headers={"Content-Type": "application/x-www-form-urlencoded"})[0]


def test_revocation_and_rotation_survive_kill_9(mep):
    operator = Operator(mep)
    client = operator.request("POST", "/clients", {"name": "x"})[2]
    tokens = [mep.token(client["clientId"], client["clientSecret"]) for _ in range(3)]

    def works(token):
        return mep.request("GET", f"{MP1}/timing/timing_caps", token=token)[0] == 200

    assert revoke(mep, client, tokens[0]) == 200
    status, _, fresh = operator.request("POST", f"/clients/{client['clientId']}/secret",
                                        {"overlapSeconds": 600})
    assert status == 200
    before = [key["kid"] for key in mep.request("GET", "/oauth2/jwks")[2]["keys"]]
    assert operator.request("POST", "/token_keys", {})[0] == 201
    mep.kill()
    mep.start()
    after = [key["kid"] for key in mep.request("GET", "/oauth2/jwks")[2]["keys"]]
    assert after[1:] == before and after[0] not in before
    assert [works(t) for t in tokens] == [False, True, True]
    assert works(mep.token(client["clientId"], client["clientSecret"]))  # the old secret, for a while
    assert works(mep.token(client["clientId"], fresh["clientSecret"]))
    assert operator.request("DELETE", f"/clients/{client['clientId']}/tokens")[0] == 204
    mep.kill()
    mep.start()
    assert [works(t) for t in tokens] == [False, False, False]
    token = mep.token(client["clientId"], fresh["clientSecret"])
    assert works(token)
    assert operator.request("POST", "/token_keys", {"dropOld": True})[0] == 201
    assert not works(token)
    assert operator.request("DELETE", f"/clients/{client['clientId']}")[0] == 204


def test_key_rotation_amid_kill_9_logs_nobody_out(mep):
    token = mep.provision("app-1")
    for _ in range(6):
        operator_token = mep.operator_token()
        connection = mep.request
        assert connection("POST", f"{MM5}/token_keys", {}, operator_token)[0] == 201
        mep.kill()
        mep.start()
        mep.rule("app-1", token)
