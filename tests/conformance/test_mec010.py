"""MEC 010-2 at the real sluice-meao: everything that either edition specifies of app packages is there,
and answers as MEC 009 has it. The tests are those of test_operations.py, in another world."""

import etsi_table
import jsonschema
import pytest
import test_operations
from conftest import BUILD
from csar import Signer
from http_clients import Http1, Http2
from meao_process import Meao
from package_world import MEAO_LIMITS, MIB, PACKAGE_LIMITS, PackageWorld, load_packages
from test_operations import (  # noqa: F401  (pytest collects them here)
    check, headers_of, refused, send, test_every_wrong_body_is_refused,
    test_media_types_are_negotiated, test_members_that_etsi_requires_are_required,
    test_other_methods_are_refused_and_head_and_options_served, test_stale_preconditions_fail,
    test_unknown_and_wrong_parameters_are_named, test_unknown_resources_are_not_found,
    test_valid_input_succeeds, test_what_is_too_long_is_refused)
from world import path_of

OPERATIONS = load_packages(BUILD)
ETSI = etsi_table.load("mec010.json")
ALL = [(base, key, entry) for base, api in ETSI.items() for key, entry in api["operations"].items()]


@pytest.fixture(scope="module")
def meao(tmp_path_factory):
    folder = tmp_path_factory.mktemp("meao")
    signer = Signer(folder, "Example Apps")
    process = Meao(str(folder), signer.certificate, packages=PACKAGE_LIMITS, more=MEAO_LIMITS)
    try:
        process.start()
        process.signer = signer
        yield process
        assert process.running(), process.log()
    finally:
        process.close()


@pytest.fixture(scope="module")
def world(meao):
    return PackageWorld(meao, meao.signer, OPERATIONS)


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
