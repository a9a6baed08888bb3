"""The program itself: its options, its refusals, its endpoints."""

import subprocess
import urllib.request

import pytest

from mep_process import PROGRAM, Mep


def run(*arguments):
    return subprocess.run([PROGRAM, *arguments], capture_output=True, text=True, timeout=20)


def test_help_and_version():
    assert "--check-config" in run("--help").stdout
    assert run("--version").stdout.strip() != ""


@pytest.mark.parametrize("text, complaint", [
    ("state: /s\nmp2: {socket: /m}\nhtp: {}\n", "3:1: unknown key 'htp'"),
    ("state: /s\nmp2: {socket: /m}\nhttp: {port: 99999}\n", "port"),
    ("mp2: {socket: /m}\n", "state"),
    ("state: [\n", "2:"),
])
def test_a_wrong_configuration_is_named_with_its_place(tmp_path, text, complaint):
    path = tmp_path / "mep.yaml"
    path.write_text(text)
    for arguments in (["--check-config"], []):
        result = run("--config", str(path), *arguments)
        assert result.returncode == 2
        assert complaint in result.stderr


def test_check_config_touches_nothing(tmp_path):
    path = tmp_path / "mep.yaml"
    path.write_text(f"state: {tmp_path}/state\nmp2: {{socket: {tmp_path}/m}}\n")
    assert run("--config", str(path), "--check-config").returncode == 0
    assert not (tmp_path / "state").exists()


def test_a_second_process_on_the_same_state_is_refused(mep, tmp_path):
    path = tmp_path / "second.yaml"
    path.write_text(f"state: {mep.state}\nmp2: {{socket: {mep.socket}}}\n")
    result = run("--config", str(path))
    assert result.returncode == 1
    assert "in use by another process" in result.stderr


def test_stops_gracefully_and_logs_no_secret(mep):
    token = mep.provision("app-1")
    with open(mep.state + "/operator.json") as file:
        operator = file.read()
    assert mep.stop() == 0
    log = mep.log()
    assert "mep stopping" in log
    assert token not in log
    assert operator.split('"client_secret": "')[1].split('"')[0] not in log


def test_tells_prometheus(mep):
    mep.provision("app-1")
    url = f"http://127.0.0.1:{mep.metrics_port}/metrics"
    with urllib.request.urlopen(url, timeout=10) as reply:
        text = reply.read().decode()
    assert 'sluice_mep_rules{state="INACTIVE"} 2' in text
    assert "sluice_mep_upf_connected 0" in text
    assert "sluice_mep_rule_set_refused 0" in text
    assert 'sluice_mep_http_replies_total{code="201"} 1' in text


def test_state_left_by_kill_9_at_the_first_start_is_usable(tmp_path):
    for _ in range(5):
        mep = Mep(str(tmp_path))
        mep.start()
        mep.kill()
    mep.start()
    mep.provision("app-1")
    mep.close()
