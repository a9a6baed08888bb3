"""The actions of MEC rules on the wire: what tunnels and copies look like to scapy and tshark, and what
comes back by a tunnel.
"""

import pytest
from scapy.contrib import gtp
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import GRE, Ether
from scapy.packet import Raw

from scapy_smf import tshark
from upf_test import GNB_TEID, QFI, UE4, UE6, Site, a_hop_later, judge, tunnelled
from wire_site import serving

APP_MAC = "02:00:00:00:00:77"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("upf")
    with serving(folder, Site, lambda site: site.capture(folder / "sent.pcap")) as running:
        yield running
    judge(folder / "sent.pcap")
    # tshark sees the same tunnels.
    fields = ("-T", "fields", "-e", "gre.key", "-e", "gtp.teid")
    seen = tshark(folder / "sent.pcap", "-Y", "gre.key == 77 or gtp.teid == 0x777", *fields)
    assert "0x0000004d" in seen and "0x00000777" in seen


def steer(site, action, *destinations):
    """The only rule: it takes UDP to port 80."""
    rule = {"trafficRuleId": "r", "filterType": "FLOW", "priority": 1, "state": "ACTIVE",
            "trafficFilter": [{"dstPort": ["80"], "protocol": ["UDP"]}], "action": action,
            "dstInterface": list(destinations)}
    assert site.mep.replace([rule])["rejected"] == []
    site.mep.wait_for_states({"r": "STEERING"})


def tunnel(kind, far_end, **data):
    return {"interfaceType": "TUNNEL", "tunnelInfo": {
        "tunnelType": kind, "tunnelDstAddress": far_end, "tunnelSpecificData": data}}


V4 = IP(src="10.60.0.1", dst="10.60.0.10")
V6 = IPv6(src="fd60::1", dst="fd60::10")
ASK4 = IP(src=UE4, dst="203.0.113.10", ttl=61) / UDP(sport=4000, dport=80) / Raw(b"to the far end")
ASK6 = IPv6(src=UE6, dst="2001:db8::10") / UDP(sport=4000, dport=80) / Raw(b"to the far end")


@pytest.mark.parametrize("destination, outer, header, inner", [
    (tunnel("GRE", "10.60.0.10"), V4, GRE(), ASK4),
    (tunnel("GRE", "10.60.0.10", key=77), V4, GRE(key_present=1, key=77), ASK6),
    (tunnel("GRE", "fd60::10", key=0), V6, GRE(key_present=1, key=0), ASK4),
    (tunnel("GTP_U", "10.60.0.10", teid=0x777), V4, gtp.GTP_U_Header(teid=0x777), ASK4),
    (tunnel("GTP_U", "fd60::10", teid=0x778), V6, gtp.GTP_U_Header(teid=0x778), ASK6),
])
def test_packets_go_through_a_tunnel_and_come_back(site, destination, outer, header, inner):
    steer(site, "FORWARD_DECAPSULATED", destination)
    site.uplink(inner)
    packet = Ether(site.links["ldn"].receive(lambda f: b"to the far end" in f))
    ip = packet[type(outer)]
    assert (ip.src, ip.dst) == (outer.src, outer.dst)
    carried = packet[type(header)]
    if isinstance(header, GRE):
        assert (carried.key_present, carried.key) == (header.key_present, header.key)
        assert carried.proto == (0x86dd if inner.version == 6 else 0x0800)
    else:
        assert (packet[UDP].dport, carried.teid, carried.gtp_type) == (2152, header.teid, 255)
    assert bytes(carried.payload) == a_hop_later(inner)

    back = type(outer)(src=outer.dst, dst=outer.src)
    answer = type(inner)(src=inner.dst, dst=inner.src) / UDP(sport=80, dport=4000) / Raw(b"home again")
    if isinstance(header, GRE):
        reply = header.copy()
        reply.proto = 0x86dd if inner.version == 6 else 0x0800
    else:
        reply = UDP(sport=2152, dport=2152) / header.copy()
    site.links["ldn"].send(Ether(dst=site.macs["ldn"], src=APP_MAC) / back / reply / answer)
    home = tunnelled(site.links["n3"].receive(lambda f: b"home again" in f))
    assert home[gtp.GTP_U_Header].teid == GNB_TEID
    assert bytes(home[gtp.GTPPDUSessionContainer].payload) == a_hop_later(answer)


def test_nobody_else_may_use_the_tunnel(site):
    steer(site, "FORWARD_DECAPSULATED", tunnel("GRE", "10.60.0.10", key=77))
    answer = IP(src="203.0.113.10", dst=UE4) / UDP(sport=80, dport=4000) / Raw(b"let me in")
    before = site.upf.dropped().get("unknown_tunnel", 0)
    for source, key in (("10.60.0.66", 77), ("10.60.0.10", 78)):
        site.links["ldn"].send(Ether(dst=site.macs["ldn"], src=APP_MAC) /
                               IP(src=source, dst="10.60.0.1") /
                               GRE(key_present=1, key=key, proto=0x0800) / answer)
    assert site.links["n3"].receive(lambda f: b"let me in" in f, timeout=0.3) is None
    assert site.upf.dropped()["unknown_tunnel"] == before + 2


def test_whole_tunnel_packets_go_to_the_app(site):
    steer(site, "FORWARD_ENCAPSULATED", {"interfaceType": "IP", "dstIpAddress": "10.60.0.10"})
    site.uplink(ASK4)
    packet = Ether(site.links["ldn"].receive(lambda f: b"to the far end" in f))
    assert (packet[IP].src, packet[IP].dst, packet[IP].ttl) == ("192.168.3.2", "192.168.3.1", 64)
    assert packet[gtp.GTP_U_Header].teid == site.teid
    assert packet[gtp.GTPPDUSessionContainer].QFI == QFI
    assert bytes(packet[gtp.GTPPDUSessionContainer].payload) == bytes(ASK4)


def test_two_get_copies_and_the_packet_goes_on(site):
    steer(site, "DUPLICATE_DECAPSULATED", {"interfaceType": "MAC", "dstMacAddress": APP_MAC},
          tunnel("GRE", "10.60.0.10", key=77))
    before = site.upf.metrics().get("sluice_upf_copied_packets_total", 0)
    inner = IP(src=UE4, dst="203.0.113.10") / UDP(sport=4000, dport=80) / Raw(b"for three")
    site.uplink(inner)
    copies = [Ether(site.links["ldn"].receive(lambda f: b"for three" in f)) for _ in range(2)]
    plain = next(copy for copy in copies if GRE not in copy)
    wrapped = next(copy for copy in copies if GRE in copy)
    assert plain.dst == APP_MAC and bytes(plain[IP]) == a_hop_later(inner)
    assert wrapped[GRE].key == 77 and bytes(wrapped[GRE].payload) == a_hop_later(inner)
    assert bytes(Ether(site.links["n6"].receive(lambda f: b"for three" in f))[IP]) == a_hop_later(inner)
    assert site.upf.metrics()["sluice_upf_copied_packets_total"] == before + 2
    # The other direction, too.
    answer = IP(src="203.0.113.10", dst=UE4) / UDP(sport=80, dport=4000) / Raw(b"back for three")
    site.links["n6"].send(site.to("n6") / answer)
    assert tunnelled(site.links["n3"].receive(lambda f: b"back for three" in f)) is not None
    for _ in range(2):
        assert site.links["ldn"].receive(lambda f: b"back for three" in f) is not None
