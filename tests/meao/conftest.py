"""The real sluice-meao, and packages that share no code with it."""

import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.path.insert(1, os.path.join(os.path.dirname(HERE), "mep"))  # callback_server

from csar import Signer  # noqa: E402  (only now can it be found)
from meao_process import Meao  # noqa: E402


@pytest.fixture(scope="session")
def signer(tmp_path_factory):
    return Signer(tmp_path_factory.mktemp("signer"), "Example Apps")


@pytest.fixture
def meao(tmp_path, signer):
    process = Meao(str(tmp_path), signer.certificate)
    try:  # from the start on: one that does not get ready runs all the same
        process.start()
        yield process
    finally:
        process.close()


@pytest.fixture(scope="module")
def shared_meao(tmp_path_factory, signer):
    """For tests that leave nothing behind which others would mind."""
    process = Meao(str(tmp_path_factory.mktemp("meao")), signer.certificate)
    try:
        process.start()
        yield process
    finally:
        process.close()
