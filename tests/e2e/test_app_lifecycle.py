"""A package becomes a container that users are steered to, survives what happens, and ends without a
trace: podman, the platform, the user plane and the manager are real."""

import os
import subprocess
import sys
import time

import pytest
from app_site import APP_ADDRESS, AppSite, missing

from lab.lab import Lab
from lab.mec_client import Refused
from lab.processes import wait_for

NOTHING = {"containers": [], "secrets": [], "spaces": [], "ports": [], "provisioned": []}
EDGE = "hello from the edge, this is hello"


@pytest.fixture(scope="module")
def site(show_logs):
    if missing():
        pytest.skip(missing())
    with Lab(ues=1) as lab:
        show_logs(lab)
        lab.start_centre(delay_ms=1)
        lab.start_upf()
        lab.start_mep()
        lab.start_ran()
        lab.wait_for_sessions()
        core = lab.net.place("core")
        subprocess.run(["ip", "-n", core.name, "addr", "add", APP_ADDRESS, "dev", "lo"], check=True)
        central = lab._start("central", "core", sys.executable,
                             os.path.join(os.path.dirname(__file__), "central_app.py"), APP_ADDRESS,
                             "8080")
        lab._wait_for_port("core", APP_ADDRESS, 8080, central)
        site = AppSite(lab)
        site.start()
        try:
            package = site.package()
            site.start_manager()
            made = site.ctl("site-package", "bring", package)
            assert made["appName"] == "hello-edge" and not made["inUse"]
            yield site
        finally:
            site.close()


@pytest.fixture(autouse=True)
def ended(site):
    yield
    if site.app("hello"):
        site.ctl("app", "terminate", "hello")
        site.ctl("app", "delete", "hello")
    assert site.leftovers() == NOTHING


def test_users_are_steered_to_an_app_as_long_as_it_runs(site):
    assert site.answer() == "centre"
    app = site.ctl("app", "run", "hello", "--package", "hello-edge")
    assert app["phase"] == "RUNNING" and app["ipAddress"] == APP_ADDRESS
    site.wait_for_answer(EDGE)
    assert "409" in site.ctl("site-package", "delete", "hello-edge", code=1)
    site.ctl("app", "stop", "hello")
    site.wait_for_answer("centre")
    site.ctl("app", "run", "hello")
    site.wait_for_answer(EDGE)
    assert isinstance(site.ctl("app", "logs", "hello")["text"], str)
    site.ctl("app", "terminate", "hello")
    site.wait_for_answer("centre")
    assert [(o["operation"], o["state"]) for o in sorted(site.ctl("operation", "list"),
                                                         key=lambda o: o["startTime"])] == [
        ("INSTANTIATE", "COMPLETED"), ("OPERATE", "COMPLETED"), ("OPERATE", "COMPLETED"),
        ("TERMINATE", "COMPLETED")]


def test_what_is_wrong_is_refused_and_changes_nothing(site):
    tampered = site.path / "tampered.csar"
    octets = bytearray((site.path / "hello-edge.csar").read_bytes())
    octets[len(octets) // 3] ^= 1
    tampered.write_bytes(octets)
    assert "422" in site.ctl("site-package", "bring", tampered, code=1)
    assert "404" in site.ctl("app", "run", "hello", "--package", "none", code=1)
    manager = site.client()

    def status(method, path, body=None):
        try:
            return manager.request(method, "/mm3/v1" + path, body).status
        except Refused as failed:
            return failed.status

    wanted = {"packageId": "hello-edge", "desiredState": "STARTED", "revision": 5}
    for change, expected in (({}, 202), ({}, 202), ({"revision": 4}, 409), ({"desiredState": "STOPPED"}, 409),
                             ({"gracefulTimeout": 77}, 409),
                             ({"revision": 0}, 400), ({"desiredState": "ASLEEP"}, 400), ({"more": 1}, 400)):
        assert status("PUT", "/app_instances/hello", {**wanted, **change}) == expected, change
    site.wait_for_phase("hello", "RUNNING")
    assert "seconds" in site.ctl("app", "terminate", "hello", "--graceful-timeout", "abc", code=1)
    assert status("DELETE", "/app_instances/hello") == 409
    assert status("GET", "/app_instances/none") == 404
    assert status("PUT", "/app_instances/..%2Fx", wanted) == 400
    assert [package["packageId"] for package in site.ctl("site-package", "list")] == ["hello-edge"]
    assert len(os.listdir(site.path / "state/packages")) == 1


def test_what_runs_survives_its_manager_and_what_dies_is_brought_back(site):
    site.ctl("app", "run", "hello", "--package", "hello-edge")
    site.wait_for_answer(EDGE)
    site.kill_manager()
    assert site.answer().startswith(EDGE)
    site.start_manager()
    site.wait_for_phase("hello", "RUNNING")
    assert site.app("hello")["restarts"] == 0
    # As after a start of the host: containers have ended, and their networks are gone.
    site.kill_manager()
    site.podman("kill", "--all")
    for name in site.spaces():
        subprocess.run(["ip", "netns", "del", name], check=True)
    site.start_manager()
    site.wait_for_answer(EDGE)
    assert site.app("hello")["restarts"] == 1
    secret = [line for line in site.podman("inspect", site.podman("ps", "-q").strip()).splitlines()
              if "MEC_CLIENT_SECRET=" in line][0].split("=")[1].strip('", ')
    assert secret and secret not in open(site.lab.net.path("mepm.log")).read()


@pytest.mark.parametrize("after_s", [0.05, 0.3, 0.7])
def test_a_manager_that_is_killed_on_the_way_goes_on(site, after_s):
    site.ctl("app", "run", "hello", "--package", "hello-edge", "--no-wait")
    time.sleep(after_s)  # any moment will do: the unit test of the agent tries every one
    site.kill_manager()
    site.start_manager()
    site.wait_for_phase("hello", "RUNNING")
    site.wait_for_answer(EDGE)
    site.ctl("app", "terminate", "hello", "--no-wait")
    time.sleep(after_s)
    site.kill_manager()
    site.start_manager()
    site.wait_for_phase("hello", "NONE")
    wait_for(lambda: site.leftovers() == NOTHING, "nothing to be left")
