"""Every operation of every document, over HTTP/1.1 and HTTP/2: what it is for works, and whatever is
wrong with a request is refused by the status that MEC 009 gives it, with a problem that says why."""

import json

import etsi_table
import jsonschema
import pytest
from mutations import invalid_bodies
from world import path_of

ETSI = {base: api for name in etsi_table.TABLES for base, api in etsi_table.load(name).items()}
LARGEST_BODY = 262144  # as conftest.py configures


def headers_of(token, body=None, kind="application/json"):
    out = {"Authorization": f"Bearer {token}"} if token else {}
    if body is not None:
        out["Content-Type"] = kind
    return out


def etsi_entry(operation):
    """(types, entry) of the table for an operation that ETSI specifies, or None."""
    for base, api in ETSI.items():
        for key, entry in api["operations"].items():
            method, path = key.split(" ", 1)
            if path == etsi_table.LIVENESS:
                path = "/liveness"
            root = "/" + base.split(" of ")[0]  # behind it the edition
            if operation.method == method and operation.path.endswith(path) and operation.path.startswith(root):
                return api["types"], entry
    return None


def check(operation, reply):
    """A reply of any status."""
    operation.check_reply(reply)
    assert reply.status != 501 and reply.status < 500, f"{operation}: {reply}"
    if reply.status >= 400:
        check_problem(reply)
    elif entry := etsi_entry(operation):
        types, promised = entry
        assert str(reply.status) in promised["replies"], f"{operation}: ETSI knows no {reply.status}"
        kind = promised["replies"][str(reply.status)]
        if kind and kind.startswith("["):  # lists leave out what nobody asks for (MEC 009 §6.18)
            left_out = set(types.get(kind[1:-1], {})) - {f"{name}!" for item in reply.json for name in item}
            types = {**types, kind[1:-1]: {name.rstrip("!") if name in left_out else name: member
                                           for name, member in types.get(kind[1:-1], {}).items()}}
        if kind:
            jsonschema.Draft7Validator(etsi_table.schema_of(kind, types)).validate(reply.json)


def check_problem(reply):
    assert reply.media_type == "application/problem+json", reply
    problem = reply.json
    assert problem["status"] == reply.status and problem["title"], problem
    assert len(problem.get("detail", "")) > 8, problem
    for internal in ("/home/", "sqlite", "terminate called", "std::", ".cc:", "exception"):
        assert internal not in problem["detail"], problem


def refused(operation, reply, *statuses, naming=""):
    check(operation, reply)
    assert reply.status in statuses, f"{operation}: expected {statuses}: {reply}"
    assert naming in reply.json["detail"], f"{operation}: {reply}"


@pytest.fixture
def ready(operation, world):
    """(path, body, token) of a request that would succeed."""
    app = world.main_app if operation.method == "GET" else world.new_app()
    return world.prepare(operation, app)


def asked(path, query):
    return path + ("&" if "?" in path else "?") + query


def send(client, operation, path, body, token, **more):
    data = body if body is None or isinstance(body, (str, bytes)) else json.dumps(body)
    kind = "application/json" if operation.body_schema is not None or body is None else operation.body_types[0]
    headers = {**headers_of(token, data, kind), **more}
    return client.request(operation.method, path, data, headers)


def test_valid_input_succeeds(operation, ready, client):
    path, body, token = ready
    reply = send(client, operation, path, body, token)
    assert 200 <= reply.status < 300, f"{operation}: {reply}"
    check(operation, reply)
    if reply.status == 201:
        location = reply.header("Location")
        assert location, reply
        assert client.request("GET", path_of(location), None, headers_of(token)).status in (200, 405)


def test_callers_without_the_right_are_refused(operation, ready, client, world):
    path, body, token = ready
    if not operation.secured:
        return
    for bad in (None, "no.such.token", token[:-4] + "AAAA", "x" * 5000):
        reply = send(client, operation, path, body, bad)
        refused(operation, reply, 401)
        assert reply.header("WWW-Authenticate").startswith("Bearer"), reply
    caller_is_app = token != world.operator.token
    stranger = world.operator if caller_is_app else world.main_app
    reply = send(client, operation, path, body, stranger.token)
    refused(operation, reply, 403, naming="scope")
    assert 'error="insufficient_scope"' in reply.header("WWW-Authenticate"), reply
    if caller_is_app and "{appInstanceId}" in operation.path:
        refused(operation, send(client, operation, path, body, world.other_app.token), 403)


def test_unknown_and_wrong_parameters_are_named(operation, ready, client):
    path, body, token = ready
    refused(operation, send(client, operation, asked(path, "no_such_parameter=1"), body, token), 400,
            naming="no_such_parameter")
    refused(operation, send(client, operation, asked(path, "%zz=1"), body, token), 400)
    for parameter in operation.query:
        schema = operation.document.resolved(parameter["schema"])
        schema = operation.document.resolved(schema.get("items", schema))
        wrong = []
        if "enum" in schema or schema.get("type") in ("boolean", "integer", "number"):
            wrong.append("NO_SUCH_WORD")
        if schema.get("minLength", 0) > 0:
            wrong.append("")
        if schema.get("maxLength", 1 << 20) < 2000:
            wrong.append("x" * (schema["maxLength"] + 1))
        for value in wrong:
            refused(operation, send(client, operation, asked(path, f"{parameter['name']}={value}"), body, token), 400,
                    naming=parameter["name"])


def test_unknown_resources_are_not_found(operation, ready, client):
    path, body, token = ready
    if operation.path.endswith("}") and not operation.path.endswith("{appInstanceId}"):
        base = path[:path.rindex("/")]
        reply = send(client, operation, base + "/no-such-thing", body, token)
        refused(operation, reply, *((400, 404) if body else (404,)))  # the id in the body differs
    refused_route = client.request(operation.method, path.split("?")[0] + "/no/such/resource", None, headers_of(token))
    assert refused_route.status == 404, refused_route
    check_problem(refused_route)


def test_media_types_are_negotiated(operation, ready, client):
    path, body, token = ready
    if operation.produces:
        refused(operation, send(client, operation, path, body, token, Accept="image/png"), 406)
    if body is not None:
        reply = send(client, operation, path, body, token, **{"Content-Type": "text/plain"})
        refused(operation, reply, 415)


def test_every_wrong_body_is_refused(operation, ready, client):
    path, body, token = ready
    if body is None or operation.body_schema is None:  # octets: any are a body
        return
    for text in ("{", "{\"a\":1,}", "nonsense", "[" * 200, b"\xff\xfe{}", "{\"a\":1,\"a\":2}"):
        refused(operation, send(client, operation, path, text, token), 400)
    if operation.body_required:
        refused(operation, send(client, operation, path, None, token), 400)
    tried = 0  # schemas without required members forbid little
    for what, wrong in invalid_bodies(operation, body):
        reply = send(client, operation, path, wrong, token)
        check(operation, reply)
        assert reply.status in (400, 422), f"{operation}, {what}: {reply}"
        tried += 1
    assert tried > 0, f"{operation}: its schema forbids nothing"


def test_members_that_etsi_requires_are_required(operation, ready, client):
    path, body, token = ready
    entry = etsi_entry(operation)
    if body is None or entry is None or operation.body_schema is None:
        return
    types, promised = entry
    for member in types[promised["request"]]:
        if member.endswith("!") and member != "_links!":  # those the platform makes
            wrong = {name: value for name, value in body.items() if name != member[:-1]}
            refused(operation, send(client, operation, path, wrong, token), 400, naming=member[:-1])


def test_stale_preconditions_fail(operation, ready, client):
    path, body, token = ready
    if operation.parameter("header", "If-Match"):
        reply = send(client, operation, path, body, token, **{"If-Match": '"stale"'})
        refused(operation, reply, 412, naming="If-Match")
    if "ETag" in operation.responses.get("200", {}).get("headers", {}) and operation.method == "GET":
        tag = send(client, operation, path, None, token).header("ETag")
        reply = send(client, operation, path, None, token, **{"If-None-Match": tag})
        assert reply.status in (200, 304) and (reply.status == 200 or reply.body == b""), reply


def test_what_is_too_long_is_refused(operation, ready, client):
    path, body, token = ready
    reply = send(client, operation, asked(path, "filter=" + "x" * 10000), body, token)
    assert reply.status in (414, 431), reply
    check_problem(reply)
    if body is not None and operation.body_schema is not None:
        reply = send(client, operation, path, " " * (LARGEST_BODY + 1), token)
        assert reply.status == 413, reply
        check_problem(reply)


def test_other_methods_are_refused_and_head_and_options_served(operation, ready, client, world):
    path, _, token = ready
    known = {method for method, template in world.operations if template == operation.path}
    for method in {"GET", "PUT", "POST", "PATCH", "DELETE"} - known:
        reply = client.request(method, path, None, headers_of(token))
        assert reply.status == 405, reply
        check_problem(reply)
        assert known <= set(reply.header("Allow").split(", ")), reply
    options = client.request("OPTIONS", path, None, {})
    assert options.status == 204 and known <= set(options.header("Allow").split(", ")), options
    if operation.method == "GET":
        head = client.request("HEAD", path, None, headers_of(token))
        assert (head.status, head.body) == (200, b""), head
        assert int(head.header("Content-Length")) > 0
