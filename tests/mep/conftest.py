"""The real sluice-mep with a user plane that shares no code with it."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from mp2_fake_upf import FakeUpf  # noqa: E402  (only now can it be found)
from mep_process import Mep  # noqa: E402


@pytest.fixture
def mep(tmp_path):
    process = Mep(str(tmp_path))
    try:  # from the start on: one that does not get ready runs all the same
        process.start()
        yield process
    finally:
        process.close()


@pytest.fixture
def upf(mep):
    return FakeUpf(mep.socket)
