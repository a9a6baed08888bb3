"""The real sluice-mep with a user plane that shares no code with it."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from callback_server import CallbackServer  # noqa: E402  (only now can it be found)
from mp2_fake_upf import FakeUpf  # noqa: E402
from mep_process import Mep  # noqa: E402


@pytest.fixture
def mep(request, tmp_path):
    """With the SETTINGS of the test's module, where it has some."""
    process = Mep(str(tmp_path), more=getattr(request.module, "SETTINGS", ""))
    try:  # from the start on: one that does not get ready runs all the same
        process.start()
        yield process
    finally:
        process.close()


@pytest.fixture
def callbacks():
    server = CallbackServer()
    yield server
    server.close()


@pytest.fixture
def upf(mep):
    return FakeUpf(mep.socket)
