"""Everything that ETSI GS MEC 011, MEC 013 and MEC 015 specify is there."""

import os

import etsi_table
import pytest
import yaml
from conftest import DOCUMENTS, OPERATIONS

ETSI = {**etsi_table.load("mec011.json"), **etsi_table.load("mec013.json"), **etsi_table.load("mec015.json")}
ALL = [(base, key, entry) for base, api in ETSI.items() for key, entry in api["operations"].items()]


@pytest.mark.parametrize("base, key, entry", ALL, ids=[f"{base} {key}" for base, key, _ in ALL])
def test_every_operation_is_served(base, key, entry):
    method, path = key.split(" ", 1)
    if path == etsi_table.LIVENESS:  # ETSI leaves its place to the platform
        path = "/applications/{appInstanceId}/services/{serviceId}/liveness"
    ours = next((o for o in OPERATIONS if (o.method, o.path) == (method, f"/{base}{path}")), None)
    assert ours, f"{method} /{base}{path} is in no document"
    assert set(entry["replies"]) & set(ours.responses), f"{ours.id} promises none of {list(entry['replies'])}"
    # 414 is the transport's, for every operation; what is always there cannot be unknown.
    implied = {"414"} | ({"404"} if "{" not in path else set())
    assert set(entry["problems"]) - implied <= set(ours.responses), f"{ours.id} promises too few problems"
    assert set(entry.get("query", {})) <= {p["name"] for p in ours.query}


def test_the_server_serves_the_documents_it_was_built_from(mep):
    status, _, listed = mep.request("GET", "/api-specs")
    assert status == 200
    assert {entry["name"] for entry in listed} == {document.name for document in DOCUMENTS}
    for entry in listed:
        connection_text = mep.text(entry["href"])
        document = next(d for d in DOCUMENTS if d.name == entry["name"])
        assert yaml.safe_load(connection_text) == yaml.safe_load(document.text)


@pytest.mark.skipif("ETSI_SPECS" not in os.environ, reason="ETSI_SPECS names no folder of ETSI's documents")
def test_the_tables_are_what_etsi_says():
    assert etsi_table.main(["--check", os.environ["ETSI_SPECS"]]) == 0
