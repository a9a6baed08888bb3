"""A sluice-upf with two workers: what they share holds for both together."""

import re
import time

import pytest
from scapy.contrib import gtp
from scapy.contrib import pfcp as p
from scapy.layers.inet import IP, UDP
from scapy.packet import Raw

import wire_site
from upf_test import UE4, Site
from wire_site import serving

MBR_KBPS = 2000
INNER_BYTES = 500
OFFERED = 3  # times the MBR
SECONDS = 2
FLOWS = 16  # outer source ports, by which the kernel spreads frames over the workers' queues
SLACK = 0.25  # of the rate; two workers with a bucket each would let pass twice as much


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    config = re.sub(r"(net_af_packet\d,iface=\w+)", r"\1,qpairs=2", wire_site.CONFIG)
    changed = config.replace("workers: {{", "workers: {{count: 2, ")
    assert changed.count("qpairs") == 3 and "count: 2" in changed
    patch = pytest.MonkeyPatch()
    patch.setattr(wire_site, "CONFIG", changed)
    try:
        with serving(tmp_path_factory.mktemp("workers"), Site) as running:
            yield running
    finally:
        patch.undo()


def by_worker(site):
    found = {name: value for name, value in site.upf.metrics().items()
             if name.startswith("sluice_upf_worker_received_packets_total")}
    return [found[f'sluice_upf_worker_received_packets_total{{worker="{i}"}}'] for i in range(2)]


def test_an_mbr_is_that_of_all_workers_together(site):
    site.modify(
        p.IE_CreateQER(IE_list=[p.IE_QER_Id(id=7), p.IE_GateStatus(ul="OPEN", dl="OPEN"),
                                p.IE_MBR(ul=MBR_KBPS, dl=MBR_KBPS)]),
        p.IE_UpdatePDR(IE_list=[p.IE_PDR_Id(id=1), p.IE_QER_Id(id=7)]))
    inner = IP(src=UE4, dst="198.51.100.7") / UDP(sport=1, dport=2) / Raw(bytes(INNER_BYTES - 28))
    frames = [bytes(site.to("n3") / IP(src="192.168.3.2", dst="192.168.3.1") /
                    UDP(sport=20000 + i, dport=2152) / gtp.GTP_U_Header(teid=site.teid) / inner)
              for i in range(FLOWS)]
    before = by_worker(site)
    dropped = site.upf.dropped().get("rate_exceeded", 0)
    pace = OFFERED * MBR_KBPS * 1000 / 8 / INNER_BYTES  # packets a second
    start = time.monotonic()
    sent = 0
    while (now := time.monotonic() - start) < SECONDS:
        while sent < now * pace:
            site.links["n3"].socket.send(frames[sent % FLOWS])
            sent += 1
        time.sleep(0.002)
    deadline = time.monotonic() + 5
    while sum(by_worker(site)) - sum(before) < sent and time.monotonic() < deadline:
        time.sleep(0.05)
    took = [after - earlier for after, earlier in zip(by_worker(site), before)]
    assert sum(took) >= sent and min(took) > 0.1 * sent, took
    passed = sent - (site.upf.dropped()["rate_exceeded"] - dropped)
    rate = passed * INNER_BYTES * 8 / 1000 / SECONDS
    assert (1 - SLACK) * MBR_KBPS < rate < (1 + SLACK) * MBR_KBPS, f"{rate:.0f} kb/s of {sent} packets"
