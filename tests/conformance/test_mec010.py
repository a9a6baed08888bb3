"""MEC 010-2 at the real sluice-meao: everything that either edition specifies of app packages is there,
and answers as MEC 009 has it. The tests are those of test_operations.py, in another world."""

import hashlib
import itertools
import json
import pathlib

import documents
import etsi_table
import jsonschema
import pytest
import test_operations
from conftest import BUILD
from csar import Package, Signer
from http_clients import Http1, Http2
from meao_process import Meao
from test_operations import (  # noqa: F401  (pytest collects them here)
    check, headers_of, refused, send, test_every_wrong_body_is_refused,
    test_media_types_are_negotiated, test_members_that_etsi_requires_are_required,
    test_other_methods_are_refused_and_head_and_options_served, test_stale_preconditions_fail,
    test_unknown_and_wrong_parameters_are_named, test_unknown_resources_are_not_found,
    test_valid_input_succeeds, test_what_is_too_long_is_refused)
from world import CALLBACK, App, path_of

DOCUMENT = documents.Document(pathlib.Path(BUILD, "api-specs/meao/app_pkgm.yaml"))
OPERATIONS = list(DOCUMENT.operations())
ETSI = etsi_table.load("mec010.json")
ALL = [(base, key, entry) for base, api in ETSI.items() for key, entry in api["operations"].items()]
MIB = 1 << 20
SUBSCRIPTION = {"callbackUri": CALLBACK, "subscriptionType": "AppPackageChangeSubscription",
                "appPkgFilter": [{"appDId": "app", "operationalState": "ENABLED"}]}


class PackageWorld:
    """What has to be there before an operation on packages can succeed."""

    def __init__(self, meao, signer):
        self.meao = meao
        self.operations = {(o.method, o.path): o for o in OPERATIONS}
        self.operator = App("operator", meao.token(), {"app_pkgm"})
        self.main_app = self.operator  # whose requests are tried: there is one kind of client
        self._signer = signer
        self._numbers = itertools.count(1)
        self._onboarded = None

    def new_app(self):
        return None  # of what is changed there is one for each test

    def package(self):
        name = f"app-{next(self._numbers)}"
        return name, Package(self._signer, name).build()

    def onboarded(self, keep):
        """(id, appDId) of a package; where it is only read, always the same."""
        if keep and self._onboarded:
            return self._onboarded
        name, octets = self.package()
        made = self.meao.onboard(octets)
        assert made["onboardingState"] == "ONBOARDED", made
        if keep:
            self._onboarded = made["id"], name
        return made["id"], name

    def prepare(self, operation, app):
        body = self.body(operation)
        path = operation.path
        if path.endswith("/package_content") and operation.method == "PUT":
            _, body = self.package()
            made = self.meao.create(body)
            path = path.replace("{appPkgId}", made["id"]).replace("{appDId}", made["id"])
        elif "{subscriptionId}" in path:
            status, _, made = self.meao.request("POST", "/app_pkgm/v1/subscriptions", SUBSCRIPTION)
            assert status == 201, made
            path = path.replace("{subscriptionId}", made["id"])
        elif "{" in path:
            package_id, name = self.onboarded(keep=app is self.main_app)
            path = path.replace("{appPkgId}", package_id).replace("{appDId}", name)
        return path, body, self.operator.token

    @staticmethod
    def body(operation):
        if operation.method == "PATCH":
            older = operation.path.startswith("/app_pkgm/v1/app_packages")
            return {"operationState" if older else "operationalState": "DISABLED"}
        if operation.method != "POST":
            return None
        if operation.path.endswith("/subscriptions"):
            return json.loads(json.dumps(SUBSCRIPTION))
        return {"appPkgName": "app", "appPkgVersion": "1.0", "appProvider": "Sluice",
                "userDefinedData": {"a": 1},
                "checksum": {"algorithm": "SHA-256", "hash": hashlib.sha256(b"x").hexdigest()}}


@pytest.fixture(scope="module")
def meao(tmp_path_factory):
    folder = tmp_path_factory.mktemp("meao")
    signer = Signer(folder, "Example Apps")
    process = Meao(str(folder), signer.certificate, packages=f"max_bytes: {MIB}\n",
                   more="limits: {requests_per_s: 0, body_bytes: 262144, page_size: 3, subscriptions_per_client: 10000}\n")
    try:
        process.start()
        process.signer = signer
        yield process
        assert process.running(), process.log()
    finally:
        process.close()


@pytest.fixture(scope="module")
def world(meao):
    return PackageWorld(meao, meao.signer)


@pytest.fixture(scope="module", params=[Http1, Http2], ids=["http1", "http2"])
def client(request, meao):
    out = request.param(meao.port)
    yield out
    out.close()


@pytest.fixture
def ready(operation, world):
    return world.prepare(operation, world.main_app if operation.method == "GET" else world.new_app())


@pytest.mark.parametrize("base, key, entry", ALL, ids=[f"{base} {key}" for base, key, _ in ALL])
def test_every_operation_is_served(base, key, entry):
    method, path = key.split(" ", 1)
    root = base.split(" of ")[0]
    ours = next((o for o in OPERATIONS if (o.method, o.path) == (method, f"/{root}{path}")), None)
    assert ours, f"{method} /{root}{path} is in no document"
    assert set(entry["replies"]) & set(ours.responses), f"{ours.id} promises none of {list(entry['replies'])}"
    # What is always there cannot be unknown; what has one form cannot be of another.
    implied = ({"404"} if "{" not in path else set()) | ({"406"} if not ours.produces else set())
    assert set(entry["problems"]) - implied <= set(ours.responses), f"{ours.id} promises too few problems"
    assert set(entry.get("query", {})) <= {p["name"] for p in ours.query}


def test_callers_without_a_good_token_are_refused(operation, ready, client, world):
    path, body, token = ready
    for bad in (None, "no.such.token", token[:-4] + "AAAA", "x" * 5000):
        reply = send(client, operation, path, body, bad)
        refused(operation, reply, 401)
        assert reply.header("WWW-Authenticate").startswith("Bearer"), reply


def test_lists_have_every_member_when_they_are_asked_for_all(client, world):
    world.onboarded(keep=True)
    for base, collection in (("2.1.1", "app_packages"), ("3.1.1", "onboarded_app_packages")):
        api = ETSI[f"app_pkgm/v1 of {base}"]
        target = f"/app_pkgm/v1/{collection}?all_fields"
        while target:
            reply = client.request("GET", target, None, headers_of(world.operator.token))
            assert reply.status == 200, reply
            jsonschema.Draft7Validator(etsi_table.schema_of("[AppPkgInfo]", api["types"])).validate(reply.json)
            link = reply.header("Link")
            target = path_of(link[link.index("<") + 1:link.index(">")]) if link else None


def test_a_package_that_is_too_large_is_refused_before_it_comes(client, world):
    for collection in ("app_packages", "onboarded_app_packages"):
        made = world.meao.create(b"x", collection)
        reply = client.request("PUT", f"/app_pkgm/v1/{collection}/{made['id']}/package_content",
                               b"x" * (MIB + 1), headers_of(world.operator.token, b"", "application/zip"))
        assert reply.status == 413, reply
        test_operations.check_problem(reply)


def test_the_server_serves_the_document_it_was_built_from(meao):
    status, _, listed = meao.request("GET", "/api-specs")
    assert status == 200 and "app_pkgm" in {entry["name"] for entry in listed}
