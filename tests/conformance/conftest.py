"""The real sluice-mep and sluice-meao, judged by documents: ETSI's, as tables, and our own."""

import os
import pathlib
import sys

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "mep"), str(HERE.parent / "meao")]

import documents  # noqa: E402  (only now can they be found)
from http_clients import Http1, Http2  # noqa: E402
from mep_process import Mep  # noqa: E402
from node_tools import NodeTools  # noqa: E402
from world import MEP_LIMITS, World  # noqa: E402

BUILD = os.environ.get("SLUICE_BUILD", str(HERE.parents[1] / "build"))
DOCUMENTS = documents.load(BUILD)
OPERATIONS = [operation for document in DOCUMENTS for operation in document.operations()]


@pytest.fixture(scope="session")
def mep(tmp_path_factory):
    process = Mep(str(tmp_path_factory.mktemp("mep")), more=MEP_LIMITS)
    try:
        process.start()
        yield process
        assert process.running(), process.log()
    finally:
        process.close()


@pytest.fixture(scope="session")
def world(mep):
    return World(mep, OPERATIONS)


@pytest.fixture(scope="session")
def node():
    return NodeTools(BUILD)


@pytest.fixture(scope="session", params=[Http1, Http2], ids=["http1", "http2"])
def client(request, mep):
    out = request.param(mep.port)
    yield out
    out.close()


def pytest_generate_tests(metafunc):
    if "operation" in metafunc.fixturenames:  # the token endpoint answers by RFC 6749: test_token.py
        operations = getattr(metafunc.module, "OPERATIONS", OPERATIONS)
        metafunc.parametrize("operation", [o for o in operations if o.id not in ("issueToken", "revokeToken")], ids=repr)
