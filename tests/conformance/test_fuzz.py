"""A short run of fuzz_api.py; `scripts/fuzz --api` runs it for longer."""

import os

import fuzz_api
from conftest import BUILD

SECONDS = 12
IDLE = 5000


def test_random_requests_find_nothing(tmp_path):
    count = fuzz_api.run(os.environ.get("SLUICE_SANITIZED", BUILD), SECONDS, 20240611, IDLE, str(tmp_path))
    assert count > 100
