"""The rules of the source tree that a machine can check."""

import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
LONGEST_FILE = 420  # lines; one idea fits
LONGEST_TEST = 500  # tables take room


def tracked(*patterns):
    names = subprocess.run(["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
                           cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [name for name in names.splitlines() if (ROOT / name).is_file()]


def allowed_includes():
    """The table in docs/architecture.md: folder to the folders that it may include."""
    table = {}
    for line in (ROOT / "docs/architecture.md").read_text().splitlines():
        row = re.match(r"\| `([a-z0-9-]+)/` \|[^|]*\|([^|]*)\|$", line)
        if row:
            table[row[1]] = set(re.findall(r"`([a-z0-9-]+)/`", row[2]))
    return table


SOURCES = tracked("*.cc", "*.h")
ALLOWED = allowed_includes()
FOLDERS = sorted({name.split("/")[0] for name in SOURCES} - {"scripts"})


def test_there_is_something_to_check():
    assert len(SOURCES) > 100 and len(ALLOWED) > 5


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_includes_only_what_the_architecture_lists(folder):
    assert folder in ALLOWED, f"{folder}/ has no row in docs/architecture.md"
    wrong = []
    for name in SOURCES:
        if not name.startswith(folder + "/"):
            continue
        for included in re.findall(r'^#include "([^"]+)"', (ROOT / name).read_text(), re.M):
            other = included.split("/")[0]
            if not (ROOT / included).is_file() and "/" in included:
                wrong.append(f"{name}: {included} is not written from the root of the repository")
            elif other != folder and other not in ALLOWED[folder]:
                wrong.append(f"{name}: {included}")
    assert not wrong, "\n".join(wrong)


def test_the_packet_path_knows_nothing_of_dpdk():
    touching = {"worker/worker", "worker/eal", "worker/dpdk_port", "worker/dpdk_error",
                "worker/control_link", "worker/qsbr_reclaimer", "worker/worker_copies",
                "worker/capture_tap", "control/upf"}
    wrong = [name for name in SOURCES if name.startswith("upf-dataplane/")
             and re.search(r"#include <rte_", (ROOT / name).read_text())
             and name.removeprefix("upf-dataplane/").rsplit(".", 1)[0] not in touching]
    assert not wrong, wrong


def test_files_are_short_enough_to_be_one_idea():
    def limit(name):
        return LONGEST_TEST if re.search(r"_test\.cc$|/test_|_test\.py$", name) else LONGEST_FILE
    long = {name: lines for name in tracked("*.cc", "*.h", "*.py", "scripts/*")
            if (lines := (ROOT / name).read_text().count("\n")) > limit(name)}
    assert not long, long


def test_headers_are_included_once():
    wrong = [name for name in SOURCES if name.endswith(".h")
             and "#pragma once" not in (ROOT / name).read_text() and not name.startswith("scripts/")]  # precompiled
    assert not wrong, wrong


def test_shipped_configurations_are_valid():
    for program, config in (("upf-dataplane/sluice-upf", "upf"),
                            ("upf-dataplane/sluice-upf", "upf-inline"), ("mep/sluice-mep", "mep"),
                            ("mepm/sluice-mepm", "mepm"), ("meao/sluice-meao", "meao")):
        done = subprocess.run([ROOT / "build" / program, "--config", ROOT / f"deploy/{config}.yaml",
                               "--check-config"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


def test_addresses_of_apps_are_nobody_elses(tmp_path):
    shipped = (ROOT / "deploy/mepm.yaml").read_text()
    for change, why in (("first_address: 10.9.0.0 ", "the network itself"),
                        ("last_address: 10.9.0.255", "network.gateway"),
                        ("first_address: 10.9.0.1 ", "the host of platform.app_uri"),
                        ("gateway: 10.9.0.60", "network.gateway")):
        key, value = change.split(":")
        (tmp_path / "mepm.yaml").write_text(re.sub(rf"\b{key}: [0-9.]+", f"{key}:{value}", shipped))
        done = subprocess.run([ROOT / "build/mepm/sluice-mepm", "--config", tmp_path / "mepm.yaml",
                               "--check-config"], capture_output=True, text=True)
        assert done.returncode != 0 and why in done.stderr, (change, done.stderr)


def documented_keys(text):
    return set(re.findall(r"^\s*(?:- )?([a-z_0-9]+):", text, re.M))


def test_every_key_of_the_user_plane_is_documented():
    source = (ROOT / "upf-dataplane/control/config.cc").read_text()
    read = set(re.findall(r'\.(?:text|required_text|integer|flag|choice|texts|child|each|parsed_list|'
                          r'required_parsed|parsed)\("([a-z_0-9]+)"', source))
    documented = [documented_keys((ROOT / f"deploy/{name}.yaml").read_text())
                  for name in ("upf", "upf-inline")]
    assert read == documented[0] | documented[1]
