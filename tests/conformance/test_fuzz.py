"""A short run of fuzz_api.py; `scripts/fuzz --api` runs it for longer."""

import os

import fuzz_api
import pytest
from conftest import BUILD

SECONDS = 10
IDLE = 5000


@pytest.mark.parametrize("program", fuzz_api.PROGRAMS)
def test_random_requests_find_nothing(tmp_path, program):
    sanitized = os.environ.get("SLUICE_SANITIZED", BUILD)
    build = sanitized if os.path.exists(os.path.join(sanitized, program, f"sluice-{program}")) else BUILD
    count = fuzz_api.run(program, build, SECONDS, 20240611, IDLE, str(tmp_path))
    assert count > 100
