"""The mode inline as judged from outside: the real sluice-upf on the wire between scapy's base station
and scapy's core, with an app beside it."""

import json
import socket
import struct
import subprocess
import time

import pytest
from scapy.contrib import gtp
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import IP, TCP, UDP, fragment
from scapy.layers.inet6 import IPv6
from scapy.layers.ipsec import ESP
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from scapy.layers.sctp import SCTP
from scapy.packet import Raw

from wire_site import BUILD, LINKS, Link, Upf, inside, mac_of, network

GNB, CORE = "02:00:00:00:00:9b", "02:00:00:00:00:c0"  # of the wire's ends, wherever they are
UE = "10.45.0.2"
RAN_IP, CORE_IP, OTHER_GNB = "172.16.0.2", "172.16.0.1", "172.16.0.3"
VIDEO = "203.0.113.10"

CONFIG = """
instance: wire
mode: inline
eal: {{huge_pages: false, memory_mb: 256}}
workers: {{idle_sleep_us: 50}}
limits: {{sessions: 64, rules: 64}}
ports:
  - {{name: ran, role: n3-ran, device: "net_af_xdp0,iface=n3", mtu: 1600}}
  - {{name: core, role: n3-core, device: "net_af_xdp1,iface=n6", mtu: 1600}}
  - {{name: ldn, role: local-dn, device: "net_af_packet2,iface=ldn", addresses: [10.60.0.1/24, "fd60::1/64"]}}
mp2: {{socket: {run}/mp2.sock}}
control: {{socket: {run}/ctl.sock}}
metrics: {{address: 127.0.0.1, port: 9465}}
"""

TO_APP = {
    "trafficRuleId": "to-app", "filterType": "FLOW", "priority": 10, "state": "ACTIVE",
    "trafficFilter": [{"dstAddress": [VIDEO]}], "action": "FORWARD_DECAPSULATED",
    "dstInterface": {"interfaceType": "IP", "dstIpAddress": "10.60.0.10"}}
DROP = {
    "trafficRuleId": "drop", "filterType": "FLOW", "priority": 20, "state": "ACTIVE",
    "trafficFilter": [{"dstAddress": ["203.0.113.66"]}], "action": "DROP"}
NAME = {
    "dnsRuleId": "name", "domainName": "video.example", "ipAddressType": "IP_V4",
    "ipAddress": "10.60.0.10", "ttl": 5, "state": "ACTIVE"}


class WireLink(Link):
    """Frames as they were on the wire: the kernel hands the outermost VLAN tag over beside them."""

    SOL_PACKET, PACKET_AUXDATA = 263, 8

    def __init__(self, port):
        super().__init__(port)
        self.socket.setsockopt(self.SOL_PACKET, self.PACKET_AUXDATA, 1)
        self.socket.setblocking(True)

    def receive(self, wanted, timeout=3):
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                frame, ancillary, _, address = self.socket.recvmsg(65535, 256)
            except TimeoutError:
                break
            if address[2] == socket.PACKET_OUTGOING:
                continue
            for level, kind, data in ancillary:
                if (level, kind) != (self.SOL_PACKET, self.PACKET_AUXDATA):
                    continue
                status, *_, tci, tpid = struct.unpack("IIIHHHH", data)
                if status & 0x10:
                    frame = frame[:12] + struct.pack(">HH", tpid if status & 0x40 else 0x8100,
                                                     tci) + frame[12:]
            if wanted(frame):
                return frame
        return None


class Site:
    def __init__(self, upf):
        self.upf = upf
        self.ran, self.core, self.app = (WireLink(port) for port in LINKS)
        self.ldn_mac = mac_of("ldn")
        self.mep = upf.mep()

    def steer(self):
        self.mep.replace([TO_APP, DROP], [NAME])
        self.mep.wait_for_states({"to-app": "STEERING", "name": "STEERING"})

    @staticmethod
    def up(inner, ran=RAN_IP, teid=0x100):
        return (Ether(src=GNB, dst=CORE) / IP(src=ran, dst=CORE_IP) / UDP(sport=2152, dport=2152) /
                gtp.GTP_U_Header(teid=teid) / gtp.GTPPDUSessionContainer(type=1, QFI=7) / inner)

    @staticmethod
    def down(inner, ran=RAN_IP, teid=0x200):
        return (Ether(src=CORE, dst=GNB) / IP(src=CORE_IP, dst=ran, tos=0x48) /
                UDP(sport=2152, dport=2152) / gtp.GTP_U_Header(teid=teid) /
                gtp.GTPPDUSessionContainer(type=0, QFI=7) / inner)

    def to_video(self):
        self.number = getattr(self, "number", 0) + 1
        return IP(src=UE, dst=VIDEO) / UDP(sport=4000, dport=80) / Raw(b"%05d" % self.number)

    def passes(self, frame, uplink=True, within_s=3):
        """Whether the frame comes out at the other end as it went in."""
        from_link, to_link = (self.ran, self.core) if uplink else (self.core, self.ran)
        from_link.send(frame)
        return to_link.receive(lambda got: got == bytes(frame), within_s) is not None

    def send_down(self, **where):
        assert self.passes(self.down(IP(src="198.51.100.1", dst=UE) / UDP(sport=53, dport=9), **where),
                           uplink=False)

    def goes_to(self, **where):
        """Where a packet to the video's address ends: "core" or "app"."""
        packet = self.to_video()
        load = bytes(packet[Raw])
        self.ran.send(self.up(packet, **where))
        if self.app.receive(lambda got: load in got, 0.3):
            return "app"
        return "core" if self.core.receive(lambda got: load in got, 1) else "nowhere"

    def becomes(self, place, **where):
        """What was learned takes a moment to arrive."""
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            if self.goes_to(**where) == place:
                return True
        return False

    def ask(self, *command):
        done = subprocess.run(
            [BUILD / "upf-dataplane/sluice-upf", "ctl", "--socket",
             self.upf.folder / "ctl.sock", "--json", *command],
            capture_output=True, text=True, timeout=10)
        return json.loads(done.stdout) if done.returncode == 0 else done.stderr


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inline")
    with network() as name, inside(name):
        upf = Upf(folder, config=CONFIG, ready="ready instance")
        try:
            here = Site(upf)
            here.steer()
            yield here
        finally:
            code = upf.stop()
        assert code == 0, (folder / "upf.log").read_text()


def big(size):
    return Raw(b"x" * size)


TCP_PACKET = IP(src=RAN_IP, dst=CORE_IP, ttl=1) / TCP(dport=80)
UNTOUCHED = {
    "arp": Ether(src=GNB, dst="ff:ff:ff:ff:ff:ff") / ARP(psrc=RAN_IP, pdst=CORE_IP) / big(18),
    "no_ip": Ether(src=GNB, dst="01:80:c2:00:00:0e", type=0x88cc) / big(50),
    "one_hop_left": Ether(src=GNB, dst=CORE) / TCP_PACKET / big(10),
    "sctp": Ether(src=GNB, dst=CORE) / IP(src=RAN_IP, dst=CORE_IP) / SCTP(dport=38412) / big(20),
    "ipsec": Ether(src=GNB, dst=CORE) / IP(src=RAN_IP, dst=CORE_IP) / ESP(spi=7, seq=1) / big(64),
    "ipv6": Ether(src=GNB, dst=CORE) / IPv6(src="fd16::2", dst="fd16::1", hlim=1) / TCP() / big(20),
    "vlan": Ether(src=GNB, dst=CORE) / Dot1Q(vlan=42, prio=5) / TCP_PACKET / big(20),
    "two_vlans": Ether(src=GNB, dst=CORE) / Dot1Q(vlan=42) / Dot1Q(vlan=7) / TCP_PACKET / big(20),
    "provider_bridge": Ether(src=GNB, dst=CORE) / Dot1AD(vlan=42) / Dot1Q(vlan=7) / TCP_PACKET / big(20),
    "fragment": fragment(Ether(src=GNB, dst=CORE) / IP(src=RAN_IP, dst=CORE_IP) /
                         UDP(sport=2152, dport=2152) / big(1600), 800)[1],
    "large": Ether(src=GNB, dst=CORE) / IP(src=RAN_IP, dst=CORE_IP) / UDP(dport=5) / big(1572),
    "echo": Ether(src=GNB, dst=CORE) / IP(src=RAN_IP, dst=CORE_IP) / UDP(sport=2152, dport=2152) /
    gtp.GTPHeader(gtp_type=1, S=1, seq=9) / gtp.GTPEchoRequest(),
    "broken_gtp": Ether(src=GNB, dst=CORE) / IP(src=RAN_IP, dst=CORE_IP) /
    UDP(sport=2152, dport=2152) / Raw(bytes.fromhex("34ff00080000010000000085") + b"\0" * 4),
    "small": Ether(src=GNB, dst=CORE, type=0x0800) / Raw(b"\x45"),
}


@pytest.mark.parametrize("uplink", [True, False], ids=["up", "down"])
@pytest.mark.parametrize("frame", UNTOUCHED.values(), ids=UNTOUCHED)
def test_passes_as_it_came(site, frame, uplink):
    assert site.passes(frame, uplink)


def test_a_user_goes_to_the_app_once_both_tunnels_were_seen(site):
    assert site.goes_to() == "core"
    site.send_down()
    assert site.becomes("app")

    site.ran.send(site.up(site.to_video()))
    at_app = Ether(site.app.receive(lambda got: b"%05d" % site.number in got))
    assert (at_app[IP].src, at_app[IP].dst, at_app[IP].ttl) == (UE, VIDEO, 63)
    assert at_app.src == site.ldn_mac

    site.app.send(Ether(src=at_app.dst, dst=site.ldn_mac) / IP(src=VIDEO, dst=UE) /
                  UDP(sport=80, dport=4000) / Raw(b"from the app"))
    answer = Ether(site.ran.receive(lambda got: b"from the app" in got))
    assert (answer.src, answer.dst) == (CORE, GNB)
    assert (answer[IP].src, answer[IP].dst, answer[IP].tos) == (CORE_IP, RAN_IP, 0x48)
    assert answer[gtp.GTP_U_Header].teid == 0x200
    assert answer[gtp.GTPPDUSessionContainer].QFI == 7
    assert answer[gtp.GTPPDUSessionContainer].type == 0
    inner = answer[gtp.GTPPDUSessionContainer].payload
    assert (inner[IP].src, inner[IP].dst, inner[IP].ttl) == (VIDEO, UE, 63)

    # Others' packets, and the user's other ones, stay where they were.
    assert site.passes(site.up(IP(src=UE, dst="198.51.100.9") / UDP(dport=80)))
    assert site.passes(site.up(IP(src="10.45.0.77", dst=VIDEO) / UDP(dport=80), teid=0x999))


def test_answers_names_and_drops_what_a_rule_drops(site):
    site.send_down()
    assert site.becomes("app")
    query = IP(src=UE, dst="198.51.100.53") / UDP(sport=3333, dport=53) / DNS(
        id=77, rd=1, qd=DNSQR(qname="video.example"))
    site.ran.send(site.up(query))
    answer = Ether(site.ran.receive(lambda got: b"video" in got))
    assert answer[gtp.GTP_U_Header].teid == 0x200
    assert answer[DNS].an.rdata == "10.60.0.10"
    assert not site.passes(site.up(IP(src=UE, dst="203.0.113.66") / UDP(dport=80)), within_s=0.3)
    assert site.upf.dropped()["rule_drop"] >= 1


def test_follows_a_handover_and_passes_the_end_marker(site):
    site.send_down()
    assert site.becomes("app")
    end = (Ether(src=CORE, dst=GNB) / IP(src=CORE_IP, dst=RAN_IP) / UDP(sport=2152, dport=2152) /
           gtp.GTPHeader(gtp_type=254, teid=0x200))
    assert site.passes(end, uplink=False)
    assert site.becomes("core")  # nobody knows the new base station's tunnel yet
    site.send_down(ran=OTHER_GNB, teid=0x300)
    assert site.becomes("app", ran=OTHER_GNB)
    site.app.send(Ether(src=mac_of("app"), dst=site.ldn_mac) / IP(src=VIDEO, dst=UE) /
                  UDP(sport=80, dport=4000) / Raw(b"after the handover"))
    answer = Ether(site.ran.receive(lambda got: b"after the handover" in got))
    assert (answer[IP].dst, answer[gtp.GTP_U_Header].teid) == (OTHER_GNB, 0x300)


def test_tells_operators_what_it_knows(site):
    site.send_down()
    assert site.becomes("app")
    known = site.ask("tunnels", "--ue", UE)
    assert known["tunnels"][0] | {"silentMs": 0} == {
        "ue": UE, "core": CORE_IP, "steerable": True, "ambiguous": False, "silentMs": 0,
        "uplink": {"ran": RAN_IP, "teid": "0x100"},
        "downlink": {"ran": RAN_IP, "teid": "0x200", "qfi": 7}}
    why = site.ask("why", "--ue", UE, "--remote", VIDEO, "--remote-port", "80")
    assert (why["rule"]["id"], why["verdict"], why["outPort"]) == ("app/to-app", "sent", "ldn")
    why = site.ask("why", "--ue", UE, "--remote", "198.51.100.9")
    assert why["outPort"] == "core"
    why = site.ask("why", "--ue", UE, "--remote", VIDEO, "--direction", "downlink")
    assert why["packet"]["port"] == "core"
    assert "nobody is steered" in site.ask("why", "--ue", "10.45.9.9", "--remote", VIDEO)
    assert "tunnels" in site.ask("sessions")
    assert site.ask("status")["passed"]["no_rule"] > 0
    metrics = site.upf.metrics()
    assert metrics["sluice_upf_steerable_users"] == 1
    assert metrics['sluice_upf_wire_passed_packets_total{reason="other"}'] > 0


def test_every_frame_is_counted_once(site):
    """What came in went out, was handed to the control thread, or has a reason. Probes of the app
    come and go all the time: the counters are read again until they are of one moment."""
    def balance():
        metrics = site.upf.metrics()
        total = lambda name: sum(v for k, v in metrics.items() if k.startswith(name))  # noqa: E731
        came = total("sluice_upf_port_received_packets_total")
        went = total("sluice_upf_port_sent_packets_total")
        return (came + metrics["sluice_upf_control_frames_total"] - went -
                metrics["sluice_upf_punted_packets_total"] -
                total("sluice_upf_dropped_packets_total"))
    deadline = time.monotonic() + 5
    while (left := balance()) != 0 and time.monotonic() < deadline:
        pass
    assert left == 0
