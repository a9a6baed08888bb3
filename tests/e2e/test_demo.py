"""The demo: what it promises, what it says when the promise is broken, and that nothing is left."""

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from lab import addresses, demo, netns, topology
from lab.lab import ROOT
from lab.processes import wait_for


def start_demo(*arguments, path=os.environ["PATH"]):
    return subprocess.Popen([sys.executable, "-m", "lab.demo", *arguments], cwd=ROOT, text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            env={**os.environ, "PATH": path})


def places_of(process):
    return [name for name in netns.names() if name.startswith(f"sl{process.pid}-")]


def programs_of(process):
    """Command lines that name the demo's directory of configurations."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/cmdline") as file:
                command = file.read().replace("\0", " ")
        except OSError:
            continue
        if f"{topology.RECORDS}/sl{process.pid}/" in command:
            found.append(command)
    return found


def wait_until_it_runs(process):
    def runs():
        assert process.poll() is None, f"ended by itself: {process.communicate()[0]}"
        return any("ran.yaml" in command for command in programs_of(process))

    try:
        wait_for(runs, "the demo to run", timeout_s=60)
    except TimeoutError as late:
        process.terminate()
        output = process.communicate(timeout=30)[0]
        raise AssertionError(f"{late}; it said: {output}") from late


def test_it_shows_all_phases_and_leaves_nothing():
    process = start_demo()
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 0, output
    for phase in ("before the rule", "rule on", "app unreachable", "app back", "rule off"):
        assert phase in output
    assert output.rstrip().endswith("All as expected.")
    assert not places_of(process) and not programs_of(process)


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_demo_leaves_nothing(how):
    process = start_demo()
    wait_until_it_runs(process)
    process.send_signal(how)
    output = process.communicate(timeout=30)[0]
    assert process.returncode not in (0, -how), output
    assert "Traceback" not in output
    assert not places_of(process) and not programs_of(process)


def test_an_impatient_user_does_not_stop_the_cleanup():
    process = start_demo()
    wait_until_it_runs(process)
    deadline = time.monotonic() + 30
    while process.poll() is None:
        assert time.monotonic() < deadline
        for how in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            process.send_signal(how)
        time.sleep(0.02)
    output = process.communicate()[0]
    assert process.returncode > 0, output
    assert "Traceback" not in output
    assert not places_of(process) and not programs_of(process)


def test_a_missing_tool_is_named_and_nothing_is_left(tmp_path):
    (tmp_path / "ip").symlink_to(shutil.which("ip"))  # but no ethtool
    process = start_demo(path=str(tmp_path))
    output = process.communicate(timeout=30)[0]
    assert process.returncode == 1, output
    assert "FAILED" in output and "ethtool" in output
    assert "Traceback" not in output
    assert not places_of(process)


def test_what_a_killed_demo_left_is_removed_by_the_next_lab():
    process = start_demo()
    wait_until_it_runs(process)
    process.kill()
    process.communicate()
    assert places_of(process) and programs_of(process)
    with topology.Topology():
        assert not places_of(process)
        wait_for(lambda: not programs_of(process), "the end of its programs")


def test_a_kept_demo_stays_until_it_is_stopped():
    process = start_demo("--keep")
    output = process.communicate(timeout=60)[0]
    try:
        assert process.returncode == 0, output
        with topology.Topology():
            pass  # does not take it for a leftover
        phone = netns.Namespace(f"sl{process.pid}-ue1")
        for switched, answers in (("on", "edge"), ("off", "centre")):
            assert start_demo("--switch", switched).wait(timeout=20) == 0
            deadline = time.monotonic() + 5
            while answers not in phone.run("curl", "-s", f"http://{addresses.VIDEO_NAME}/"):
                assert time.monotonic() < deadline
    finally:
        assert start_demo("--stop").wait(timeout=20) == 0
    assert not places_of(process) and not programs_of(process)


GOOD = {"answered": "edge", "size": demo.VIDEO_BYTES, "dns": addresses.APP[4],
        "round_trip_ms": 0.4, "bytes": {"edge": demo.VIDEO_BYTES + 9, "centre": 0}}


@pytest.mark.parametrize("wrong, complaint", [
    ({}, None),
    ({"answered": "centre"}, "the edge answers, not 'centre'"),
    ({"size": 7}, "5000000 bytes arrive, not 7"),
    ({"dns": addresses.CENTRE[4]}, "the name leads to 10.60.0.10, not 203.0.113.10"),
    ({"round_trip_ms": 40.2}, "less than 20 ms, not 40.2"),
    ({"bytes": {"edge": 0, "centre": 0}}, "the video goes through the edge, not 0 bytes"),
    ({"bytes": {"edge": 5_000_009, "centre": 5_000_009}}, "nothing goes through the centre"),
])
def test_a_broken_promise_is_named(wrong, complaint):
    phase = demo.Phase("rule on", at_edge=True)
    vars(phase).update({**GOOD, **wrong})
    if complaint is None:
        phase.check()
        return
    with pytest.raises(demo.Unexpected, match="rule on: expected that .*" + complaint):
        phase.check()
