"""Prism stands between a client and the server and compares what passes with our documents."""

import json
import signal
import socket
import subprocess
import time

import pytest
import yaml
from conftest import DOCUMENTS, OPERATIONS
from http_clients import Http1
from service_process import free_port

PROBLEMS = {  # of a request: none of our making may look like a reply against the contract
    "no token": lambda path, headers, body: (path, {k: v for k, v in headers.items() if k != "Authorization"}, body),
    "unknown parameter": lambda path, headers, body: (path + ("&" if "?" in path else "?") + "no_such_parameter=1",
                                                      headers, body),
    "unknown media type": lambda path, headers, body: (path, {**headers, "Accept": "image/png"}, body),
    "no JSON": lambda path, headers, body: (path, headers, "{" if body else body),
    "stale version": lambda path, headers, body: (path, {**headers, "If-Match": '"stale"'}, body),
}


def renamed(node, prefix):
    """References of one document into the one that holds them all."""
    if isinstance(node, list):
        return [renamed(part, prefix) for part in node]
    if not isinstance(node, dict):
        return node
    out = {key: renamed(part, prefix) for key, part in node.items()}
    if isinstance(out.get("$ref"), str):
        out["$ref"] = "/".join(out["$ref"].split("/")[:-1] + [prefix + out["$ref"].split("/")[-1]])
    return out


def all_in_one():
    whole = {"openapi": "3.0.3", "info": {"title": "all", "version": "1"}, "paths": {}, "components": {}}
    for document in DOCUMENTS:
        tree, prefix = yaml.safe_load(document.text), document.name + "_"
        for path, item in tree["paths"].items():
            item = renamed(item, prefix)
            for node in item.values():
                if isinstance(node, dict):
                    node.pop("security", None)  # the server's to check, and seen in its replies
            whole["paths"][document.base + path] = item
        for kind, parts in tree.get("components", {}).items():
            if kind != "securitySchemes":
                target = whole["components"].setdefault(kind, {})
                target.update({prefix + name: renamed(part, prefix) for name, part in parts.items()})
    return whole


@pytest.fixture(scope="module")
def prism(node, mep, tmp_path_factory):
    directory = tmp_path_factory.mktemp("prism")
    contract, log = directory / "all.yaml", directory / "log"
    contract.write_text(yaml.safe_dump(all_in_one(), sort_keys=False))
    port = free_port()
    with open(log, "wb") as out:
        process = subprocess.Popen(
            [node.command("prism"), "proxy", str(contract), f"http://127.0.0.1:{mep.port}", "-h", "127.0.0.1",
             "-p", str(port)], stdout=out, stderr=out, env=node.environment())
    try:
        deadline = time.monotonic() + 60
        while True:
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        client = Http1(port)
        yield client
        client.close()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=20)


def violations(reply):
    """Of a reply; what Prism finds wrong with the request is meant to be wrong."""
    text = reply.header("sl-violations")
    return [v for v in json.loads(text) if v.get("location", [""])[0] == "response"] if text else []


def test_no_reply_violates_the_contract(operation, world, prism):
    for what, spoilt in {**PROBLEMS, "nothing": lambda *request: request}.items():
        path, body, token = world.prepare(operation, world.new_app())
        headers = {"Authorization": f"Bearer {token}"}
        if body is not None:
            headers["Content-Type"] = operation.body_types[0]
            body = body if isinstance(body, str) else json.dumps(body)
        path, headers, body = spoilt(path, headers, body)
        reply = prism.request(operation.method, path, body, headers)
        assert reply.status < 500 and not violations(reply), f"{operation}, {what}: {violations(reply)} {reply}"
    assert 200 <= reply.status < 300 and not reply.header("sl-violations"), f"{operation}: {reply}"


def test_prism_looks_at_what_passes(world, prism):
    operation = next(o for o in OPERATIONS if o.id == "putTrafficRule")
    path, body, token = world.prepare(operation, world.main_app)
    reply = prism.request("PUT", path, json.dumps({**body, "priority": "high"}),
                          {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
    assert reply.status == 400 and "priority" in reply.header("sl-violations"), reply
