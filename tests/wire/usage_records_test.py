"""Usage records of a sluice-upf that is killed, and of one that stops in order."""

import json
import time

import pytest
from scapy.layers.inet import IP, UDP
from scapy.packet import Raw

from upf_test import UE4, Site
from wire_site import Upf, inside, network

RULE = {"trafficRuleId": "drop", "filterType": "FLOW", "priority": 20, "state": "ACTIVE",
        "trafficFilter": [{"dstAddress": ["203.0.113.66"]}], "action": "DROP"}
PACKET = IP(src=UE4, dst="203.0.113.66") / UDP(sport=1, dport=2) / Raw(bytes(72))
BYTES = 100


def send(site, seconds):
    """When each packet had been handed over."""
    times = []
    start = time.time()
    while time.time() < start + seconds:
        site.uplink(PACKET)
        times.append(time.time())
        time.sleep(0.005)
    return times


def records(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def begin(folder):
    site = Site(Upf(folder, f"usage_records: {{file: {folder}/usage}}\n"))
    assert site.mep.replace([RULE])["rejected"] == []
    return site


@pytest.mark.parametrize("killed", [True, False])
def test_at_most_a_second_is_lost(tmp_path, killed):
    with network() as name, inside(name):
        site = begin(tmp_path)
        times = send(site, 2)
        if killed:
            end = time.time()
            site.upf.process.kill()
            site.upf.process.wait()
            least = sum(1 for sent in times if sent < end - 1)
        else:
            assert site.upf.stop() == 0
            least = len(times)
        written = records(tmp_path / "usage")
    assert least <= sum(record["uplinkPackets"] for record in written) <= len(times)
    assert [record["number"] for record in written] == list(range(1, len(written) + 1))
    for record in written:
        assert (record["appInstanceId"], record["ruleId"]) == ("app", "drop")
        assert record["ue"] == [UE4, "fd45:0:0:2::/64"] and record["seid"] == f"{site.seid:#x}"
        assert record["uplinkBytes"] == BYTES * record["uplinkPackets"]
        assert times[0] - 1 < record["start"] / 1000 < record["end"] / 1000 < times[-1] + 1
    for before, after in zip(written, written[1:]):
        assert before["end"] <= after["start"]
