"""Real processes and real packets, in network namespaces of their own. Needs root."""

import os
import sys

import pytest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from lab.lab import Lab  # noqa: E402  (only now can it be found)

_labs = []


def pytest_collection_modifyitems(items):
    if os.geteuid() != 0:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="needs root for network namespaces"))


@pytest.fixture(scope="session")
def show_logs():
    """A lab given to this has its programs' logs shown with every test that fails."""
    return _labs.append


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if report.failed:
        for lab in filter(Lab.exists, _labs):
            report.sections.append(("programs of the lab", lab.logs()))
