"""The token endpoint, whose errors are those of RFC 6749 and not problems."""

import base64
import json

import pytest
from conftest import OPERATIONS

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ISSUE = next(o for o in OPERATIONS if o.id == "issueToken")


@pytest.fixture
def credentials(mep):
    with open(mep.state + "/operator.json") as file:
        values = json.load(file)
    return values["client_id"], values["client_secret"]


def ask(client, body, headers=None):
    reply = client.request("POST", ISSUE.path, body, {**FORM, **(headers or {})})
    ISSUE.check_reply(reply)
    return reply


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def test_a_token_by_either_way_to_authenticate(client, credentials):
    user, secret = credentials
    in_form = f"grant_type=client_credentials&client_id={user}&client_secret={secret}"
    for reply in (ask(client, in_form), ask(client, "grant_type=client_credentials", basic(user, secret))):
        assert reply.status == 200 and reply.json["token_type"] == "Bearer", reply
        assert reply.header("Cache-Control") == "no-store"
        listed = client.request("GET", "/mm5/v1/platform", None, {"Authorization": "Bearer " + reply.json["access_token"]})
        assert listed.status == 200, listed


@pytest.mark.parametrize("form, error", [
    ("", "invalid_request"),
    ("grant_type=", "invalid_request"),
    ("grant_type=password&client_id={id}&client_secret={secret}", "unsupported_grant_type"),
    ("grant_type=client_credentials", "invalid_client"),
    ("grant_type=client_credentials&client_id={id}&client_secret=wrong", "invalid_client"),
    ("grant_type=client_credentials&client_id=nobody&client_secret=x", "invalid_client"),
    ("grant_type=client_credentials&client_id={id}&client_secret={secret}&scope=no_such_scope", "invalid_scope"),
    ("grant_type=client_credentials&grant_type=client_credentials&client_id={id}", "invalid_request"),
    ("grant_type=client_credentials&client_id=%zz", "invalid_request"),
])
def test_refusals_by_the_words_of_oauth(client, credentials, form, error):
    reply = ask(client, form.format(id=credentials[0], secret=credentials[1]))
    assert reply.status == (401 if error == "invalid_client" else 400), reply
    assert reply.json["error"] == error, reply


def test_a_json_body_is_no_form(client):
    reply = client.request("POST", ISSUE.path, "{}", {"Content-Type": "application/json"})
    assert reply.status == 415, reply
    ISSUE.check_reply(reply)
