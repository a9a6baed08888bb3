"""Packets that do not fit, come in pieces or go nowhere, and what an operator sees of them: the real
sluice-upf as judged by scapy and tshark."""

import json
import stat
import subprocess
import time

from scapy.contrib import gtp
from scapy.layers.inet import ICMP, IP, UDP, IPerror, defragment, fragment
from scapy.layers.inet6 import ICMPv6PacketTooBig, ICMPv6TimeExceeded, IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw
from scapy.utils import wrpcap

from scapy_smf import tshark
from upf_test import GNB_TEID, TO_APP, UE4, UE6, site, tunnelled  # noqa: F401 (a fixture)
from wire_site import BUILD

FAR4, FAR6, APP = "198.51.100.7", "2001:db8::7", "10.60.0.10"
ROOM = 1600 - 20 - 8 - 8 - 8  # N3's MTU less IPv4, UDP, GTP-U and the PDU Session Container


def ctl(site, *arguments, check=True):
    return subprocess.run([BUILD / "upf-dataplane/sluice-upf", "ctl", "--socket",
                           site.upf.folder / "ctl.sock", *arguments],
                          capture_output=True, text=True, timeout=20, check=check)


def payload_of(packet):
    """The user's packet in a tunnelled one."""
    has_container = gtp.GTPPDUSessionContainer in packet
    return packet[gtp.GTPPDUSessionContainer if has_container else gtp.GTP_U_Header].payload


def to_ue(site, wanted):
    """The user's packet in the next tunnelled frame whose bytes hold `wanted`."""
    packet = tunnelled(site.links["n3"].receive(lambda f: wanted in f))
    assert packet[gtp.GTP_U_Header].teid == GNB_TEID
    return payload_of(packet)


def test_users_learn_that_a_packet_has_no_hop_left_or_is_too_big(site):
    site.uplink(IP(src=UE4, dst=FAR4, ttl=1) / UDP(sport=1, dport=2) / Raw(b"short of hops"))
    answer = to_ue(site, b"short of hops")
    assert (answer.src, answer.dst, answer[ICMP].type) == ("192.168.6.1", UE4, 11)
    assert answer[IPerror].dst == FAR4

    site.uplink(IPv6(src=UE6, dst=FAR6, hlim=1) / UDP(sport=1, dport=2) / Raw(b"six short"))
    answer = to_ue(site, b"six short")
    assert (answer.src, answer.dst) == ("fd06::1", UE6) and ICMPv6TimeExceeded in answer

    site.uplink(IPv6(src=UE6, dst=FAR6) / UDP(sport=1, dport=2) / Raw(b"six is big" + b"x" * 1490))
    answer = to_ue(site, b"six is big")
    assert answer[ICMPv6PacketTooBig].mtu == 1500 and len(answer) <= 1280


def test_senders_in_the_network_learn_what_the_tunnel_carries(site):
    site.mep.replace([TO_APP])  # by which the app is known
    site.mep.wait_for_states({"to-app": "STEERING"})
    site.links["ldn"].send(site.to("ldn") / IP(src=APP, dst=UE4, flags="DF") /
                           UDP(sport=1, dport=2) / Raw(b"too big" + b"x" * 1560))
    answer = Ether(site.links["ldn"].receive(lambda f: b"too big" in f and f[23] == 1))
    assert (answer[IP].src, answer[IP].dst) == ("10.60.0.1", APP)
    assert (answer[ICMP].type, answer[ICMP].code, answer[ICMP].nexthopmtu) == (3, 4, ROOM)


def test_packets_that_may_be_cut_are_cut(site):
    inner = IP(src=APP, dst=UE4, id=4711) / UDP(sport=1, dport=2) / Raw(b"cut me" + b"y" * 1560)
    site.links["ldn"].send(site.to("ldn") / inner)
    pieces = []
    for _ in range(2):
        frame = site.links["n3"].receive(lambda f: f[42] & 0xf0 == 0x30 and f[43] == 255)
        assert len(frame) <= 14 + 1600
        pieces.append(IP(bytes(payload_of(tunnelled(frame)))))
    whole = defragment(pieces)
    assert len(whole) == 1 and bytes(whole[0][UDP].payload) == bytes(inner[UDP].payload)


def test_tunnelled_packets_in_pieces_are_put_together(site):
    inner = IP(src=UE4, dst=FAR4) / UDP(sport=1, dport=2) / Raw(b"pieces" + b"z" * 1200)
    outer = IP(src="192.168.3.2", dst="192.168.3.1", id=99) / UDP(sport=2152, dport=2152) / \
        gtp.GTP_U_Header(teid=site.teid) / inner
    pieces = fragment(IP(bytes(outer)), 480)
    assert len(pieces) == 3
    for piece in reversed(pieces):
        site.links["n3"].send(site.to("n3") / piece)
    frame = site.links["n6"].receive(lambda f: b"pieces" in f)
    assert bytes(Ether(frame)[UDP].payload) == bytes(inner[UDP].payload)


def test_all_pieces_of_a_users_packet_follow_the_rule_for_its_ports(site):
    site.mep.replace([TO_APP])
    site.mep.wait_for_states({"to-app": "STEERING"})
    inner = IP(src=UE4, dst="203.0.113.10", id=7) / UDP(sport=4000, dport=80) / \
        Raw(b"steered in pieces" + b"w" * 1000)
    for piece in fragment(IP(bytes(inner)), 480):
        site.uplink(piece)
    pieces = [Ether(site.links["ldn"].receive(lambda f: f[12:14] == b"\x08\x00"))[IP] for _ in range(3)]
    assert bytes(defragment(pieces)[0][UDP].payload) == bytes(inner[UDP].payload)
    site.mep.replace([])


def test_a_base_station_is_told_of_tunnels_that_do_not_exist(site):
    site.links["n3"].send(site.to("n3") / IP(src="192.168.3.2", dst="192.168.3.1") /
                          UDP(sport=3386, dport=2152) / gtp.GTP_U_Header(teid=0xdeadbeef) /
                          IP(src=UE4, dst=FAR4) / UDP(sport=1, dport=2))
    frame = site.links["n3"].receive(lambda f: f[43] == 26)
    packet = Ether(frame)
    assert (packet[UDP].sport, packet[UDP].dport) == (2152, 2152)
    fields = tshark_fields(site, frame, "gtp.message", "gtp.teid", "gtp.teid_data",
                           "gtp.gsn_ipv4", "gtp.ext_hdr.udp_port")
    assert fields == ["0x1a", "0x00000000", "0xdeadbeef", "192.168.3.1", "3386"]


def tshark_fields(site, frame, *names):
    file = site.upf.folder / "one.pcap"
    wrpcap(str(file), [Ether(frame)])
    options = [option for name in names for option in ("-e", name)]
    return tshark(file, "-T", "fields", *options).strip("\n").split("\t")


def test_an_operator_asks_why(site):
    site.mep.replace([TO_APP])
    site.mep.wait_for_states({"to-app": "STEERING"})
    text = ctl(site, "why", "--ue", UE4, "--remote", "203.0.113.10", "--remote-port", "80").stdout
    assert "MEC rule app/to-app: FORWARD" in text and "out of ldn" in text
    site.mep.replace([])
    answer = json.loads(ctl(site, "--json", "why", "--ue", UE4, "--remote", "203.0.113.10",
                            "--direction", "downlink").stdout)
    assert (answer["verdict"], answer["outPort"]) == ("sent", "n3")
    assert answer["far"]["tunnel"] == {"peer": "192.168.3.2", "teid": "0x500"}
    frame = bytes(site.to("n6") / IP(src=FAR4, dst="10.45.99.99") / UDP())
    answer = json.loads(ctl(site, "--json", "why", "--port", "n6", "--frame", frame.hex()).stdout)
    assert answer["dropReason"] == "unknown_ue"
    failed = ctl(site, "why", "--ue", "10.45.0.99", "--remote", FAR4, check=False)
    assert failed.returncode == 1 and "no session has 10.45.0.99" in failed.stderr


def test_an_operator_captures_what_a_filter_takes(site, tmp_path):
    file = tmp_path / "capture.pcapng"
    run = subprocess.Popen([BUILD / "upf-dataplane/sluice-upf", "ctl", "--socket",
                            site.upf.folder / "ctl.sock", "capture", "--address", "198.51.100.99",
                            "--packets", "2", "--seconds", "10", "-o", file],
                           stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 5
        while not json.loads(ctl(site, "status").stdout)["capturing"]:
            assert time.monotonic() < deadline
        second = ctl(site, "capture", check=False)
        assert "running already" in second.stderr
        site.uplink(IP(src=UE4, dst=FAR4) / UDP(sport=1, dport=2) / Raw(b"not wanted"))
        site.uplink(IP(src=UE4, dst="198.51.100.99") / UDP(sport=1, dport=2) / Raw(b"wanted"))
        assert run.wait(10) == 0, run.stderr.read()
    finally:
        run.kill()
        run.wait()
        run.stderr.close()
    lines = tshark(file, "-T", "fields", "-e", "frame.interface_name", "-e", "ip.dst").splitlines()
    assert lines == ["n3\t192.168.3.1,198.51.100.99", "n6\t198.51.100.99"]
    assert not json.loads(ctl(site, "status").stdout)["capturing"]


def test_an_operator_sees_ports_drops_sessions_and_latency(site):
    status = json.loads(ctl(site, "status").stdout)
    assert [port["name"] for port in status["ports"]] == ["n3", "n6", "ldn"]
    assert status["ports"][0]["received"]["packets"] > 0 and status["answered"]["icmp_too_big"] > 0
    sessions = json.loads(ctl(site, "sessions", "--ue", UE4).stdout)["sessions"]
    assert [s["ue"][0] for s in sessions] == [UE4] and sessions[0]["uplink"]["bytes"] > 0
    assert json.loads(ctl(site, "rules").stdout) == []
    mode = (site.upf.folder / "ctl.sock").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    metrics = site.upf.metrics()
    deadline = time.monotonic() + 10
    while metrics["sluice_upf_latency_seconds_count"] == 0 and time.monotonic() < deadline:
        site.uplink(IP(src=UE4, dst=FAR4) / UDP(sport=1, dport=2))
        metrics = site.upf.metrics()
    assert metrics["sluice_upf_latency_seconds_count"] > 0
    assert metrics['sluice_upf_latency_seconds_bucket{le="+Inf"}'] == \
        metrics["sluice_upf_latency_seconds_count"]
