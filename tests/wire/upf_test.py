"""The user plane as judged from outside: the real sluice-upf between scapy's base station, SMF, core
and app. Every frame that it sends is also read by tshark.
"""

import os
import subprocess
import time

import pytest
from scapy.contrib import gtp
from scapy.contrib import pfcp as p
from scapy.layers.dns import DNS, DNSQR, DNSRROPT
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw
from scapy.utils import wrpcap

from scapy_smf import ACCEPTED, Smf, create_far, create_pdr, find, outcome, tshark, up_seid
from wire_site import PREFIX, Link, mac_of, remove_leftovers, serving

UE4, UE6 = "10.45.0.2", "fd45:0:0:2::1"
GNB_TEID = 0x500
QFI = 9
DNN = "internet"

TO_APP = {
    "trafficRuleId": "to-app", "filterType": "FLOW", "priority": 10, "state": "ACTIVE",
    "trafficFilter": [{"dstAddress": ["203.0.113.10", "2001:db8:113::10"], "dstPort": ["80"]}],
    "action": "FORWARD_DECAPSULATED",
    "dstInterface": {"interfaceType": "IP", "dstIpAddress": "10.60.0.10"}}
DROP = {
    "trafficRuleId": "drop", "filterType": "FLOW", "priority": 20, "state": "ACTIVE",
    "trafficFilter": [{"dstAddress": ["203.0.113.66"]}], "action": "DROP"}
NAME = {
    "dnsRuleId": "name", "domainName": "video.example", "ipAddressType": "IP_V4",
    "ipAddress": "10.60.0.10", "ttl": 5, "state": "ACTIVE"}


class Site:
    """The UPF with one session, and its neighbours."""

    def __init__(self, upf):
        self.upf = upf
        self.links = {port: Link(port) for port in ("n3", "n6", "ldn")}
        self.smf = Smf(8805, own=("127.0.0.2", 8805))
        assert outcome(self.smf.associate())[0] == ACCEPTED
        self.mep = self.upf.mep()
        self.teid = self.establish()
        self.macs = {port: mac_of(port) for port in self.links}
        self.upf.wait_for("neighbour answers address=192.168.3.2")

    def establish(self):
        ue = {"V4": 1, "V6": 1, "ipv4": UE4, "ipv6": "fd45:0:0:2::"}
        uplink = [p.IE_SourceInterface(interface="Access"), p.IE_FTEID(CH=1, V4=1, V6=1),
                  p.IE_UE_IP_Address(**ue)]
        downlink = [p.IE_SourceInterface(interface="Core"), p.IE_UE_IP_Address(SD=1, **ue)]
        tunnel = p.IE_OuterHeaderCreation(GTPUUDPIPV4=1, TEID=GNB_TEID, ipv4="192.168.3.2")
        response = self.smf.establish([
            create_pdr(1, uplink, 1, [p.IE_OuterHeaderRemoval(header=6)]),
            p.IE_CreatePDR(IE_list=[p.IE_PDR_Id(id=2), p.IE_Precedence(precedence=200),
                                    p.IE_PDI(IE_list=downlink), p.IE_FAR_Id(id=2), p.IE_QER_Id(id=1)]),
            create_far(1, [p.IE_DestinationInterface(interface="Core")]),
            create_far(2, [p.IE_DestinationInterface(interface="Access"), tunnel]),
            p.IE_APN_DNN(apn_dnn=DNN), p.IE_NotImplemented(ietype=257, data=b"\1\0\0\7"),  # S-NSSAI
            p.IE_CreateQER(IE_list=[p.IE_QER_Id(id=1), p.IE_GateStatus(ul="OPEN", dl="OPEN"),
                                    p.IE_QFI(QFI=QFI)]),
        ])
        assert outcome(response) == (ACCEPTED, None)
        self.seid = up_seid(response)
        return find(find(response.payload.IE_list, p.IE_CreatedPDR).IE_list, p.IE_FTEID).TEID

    def modify(self, *ies):
        response = self.smf.modify(self.seid, list(ies))
        assert outcome(response) == (ACCEPTED, None)
        return response.payload.IE_list

    def uplink(self, inner, teid=None, extensions=True):
        header = gtp.GTP_U_Header(teid=teid or self.teid)
        if extensions:
            header = gtp.GTP_U_Header(teid=teid or self.teid, E=1, next_ex=0x85) / \
                gtp.GTPPDUSessionContainer(type=1, QFI=QFI)
        self.links["n3"].send(self.to("n3") / IP(src="192.168.3.2", dst="192.168.3.1") /
                              UDP(sport=2152, dport=2152) / header / inner)

    def to(self, port):
        return Ether(dst=self.macs[port], src="02:00:00:00:00:99")

    def capture(self, file):
        """Writes everything that the UPF sent."""
        for link in self.links.values():
            link.receive(lambda frame: False, timeout=0.2)
            link.close()
        wrpcap(str(file), [Ether(frame) for link in self.links.values() for frame in link.frames])


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("upf")
    with serving(folder, Site, lambda site: site.capture(folder / "sent.pcap")) as running:
        yield running
    judge(folder / "sent.pcap")


@pytest.fixture(scope="module", autouse=True)
def n4_judge(site, tmp_path_factory):
    """tshark reads everything that the UPF sent to the SMF, too."""
    yield
    capture = tmp_path_factory.mktemp("n4") / "n4.pcap"
    wrpcap(str(capture), [IP() / UDP(sport=8805, dport=8805) / data for data in site.smf.received])
    assert tshark(capture, "-Y", "_ws.malformed or _ws.expert.severity >= warning") == ""


def judge(capture):
    """tshark reads everything that the UPF sent and finds nothing to complain about."""
    checks = [option for layer in ("ip", "udp", "tcp") for option in
              ("-o", f"{layer}.check_checksum:TRUE")]
    complaints = tshark(capture, *checks, "-Y", "_ws.malformed or _ws.expert.severity >= warning",
                        "-T", "fields", "-e", "frame.number", "-e", "_ws.expert.message",
                        "-e", "_ws.col.Info")
    assert complaints == ""
    tunnelled_frames = tshark(capture, "-Y", "gtp", "-T", "fields", "-e", "frame.number").split()
    assert len(tunnelled_frames) >= 5, "the tests made it send more than that"


def a_hop_later(packet):
    """The bytes of an IP packet after one router."""
    later = packet.copy()
    if IP in later and later.version == 4:
        later.ttl -= 1
        del later.chksum
    else:
        later.hlim -= 1
    return bytes(later)


def tunnelled(frame):
    """The user's packet in a frame to our base station, with its outer layers; None for others."""
    packet = Ether(frame)
    return packet if gtp.GTP_U_Header in packet else None


def test_uplink_leaves_as_it_was_but_for_a_hop(site):
    inner = IP(src=UE4, dst="198.51.100.7", ttl=61, id=7) / TCP(sport=4000, dport=81) / Raw(b"hello")
    site.uplink(inner)
    frame = site.links["n6"].receive(lambda f: b"hello" in f)
    assert bytes(Ether(frame)[IP]) == a_hop_later(inner)
    inner = IPv6(src=UE6, dst="2001:db8::7") / IPv6ExtHdrDestOpt() / UDP(sport=1, dport=2) / Raw(b"six")
    site.uplink(inner, extensions=False)
    assert bytes(Ether(site.links["n6"].receive(lambda f: b"six" in f))[IPv6]) == a_hop_later(inner)


def test_downlink_is_tunnelled_with_the_qfi_of_the_session(site):
    inner = IP(src="198.51.100.7", dst=UE4, ttl=50) / UDP(sport=40001, dport=40002) / Raw(b"down")
    site.links["n6"].send(site.to("n6") / inner)
    packet = tunnelled(site.links["n3"].receive(lambda f: b"down" in f))
    assert (packet[IP].src, packet[IP].dst) == ("192.168.3.1", "192.168.3.2")
    assert (packet[UDP].sport, packet[UDP].dport) == (2152, 2152)
    assert packet[gtp.GTP_U_Header].teid == GNB_TEID
    container = packet[gtp.GTPPDUSessionContainer]
    assert (container.type, container.QFI) == (0, QFI)
    assert bytes(container.payload) == a_hop_later(inner)


@pytest.mark.parametrize("rule, port", [([TO_APP], "ldn"), ([], "n6")])
def test_a_rule_moves_packets(site, rule, port):
    site.mep.replace(rule)
    if rule:
        site.mep.wait_for_states({"to-app": "STEERING"})
    inner = IP(src=UE4, dst="203.0.113.10") / TCP(sport=4001, dport=80) / Raw(b"steer me")
    site.uplink(inner)
    frame = site.links[port].receive(lambda f: b"steer me" in f)
    assert frame is not None and bytes(Ether(frame)[IP]) == a_hop_later(inner)
    if rule:
        answer = IP(src="203.0.113.10", dst=UE4) / TCP(sport=80, dport=4001) / Raw(b"from the app")
        site.links["ldn"].send(site.to("ldn") / answer)
        assert tunnelled(site.links["n3"].receive(lambda f: b"from the app" in f)) is not None


@pytest.mark.parametrize("scope, port", [
    ({"dnn": DNN.upper(), "sNssai": {"sst": 1, "sd": "000007"}}, "ldn"), ({"dnn": "ims"}, "n6"),
    ({"sNssai": {"sst": 1}}, "n6")])
def test_a_rule_moves_packets_of_its_data_network_and_slice(site, scope, port):
    site.mep.replace([{**TO_APP, "scope": [scope]}])
    site.mep.wait_for_states({"to-app": "STEERING"})
    site.uplink(IP(src=UE4, dst="203.0.113.10") / TCP(sport=4002, dport=80) / Raw(b"scoped"))
    assert site.links[port].receive(lambda f: b"scoped" in f) is not None


def test_a_drop_rule_drops_and_counts(site):
    assert site.mep.replace([DROP])["rejected"] == []
    before = site.upf.dropped().get("rule_drop", 0)
    site.uplink(IP(src=UE4, dst="203.0.113.66") / UDP(sport=1, dport=2) / Raw(b"never seen"))
    deadline = time.monotonic() + 3
    while site.upf.dropped().get("rule_drop", 0) == before and time.monotonic() < deadline:
        time.sleep(0.02)
    assert site.upf.dropped()["rule_drop"] == before + 1
    assert site.links["n6"].receive(lambda f: b"never seen" in f, timeout=0.1) is None


@pytest.mark.parametrize("ip", [IP(src=UE4, dst="203.0.113.53"), IPv6(src=UE6, dst="2001:db8::53")])
def test_names_with_a_rule_are_answered(site, ip):
    site.mep.replace([], [NAME])
    site.mep.wait_for_states({"name": "STEERING"})
    question = DNSQR(qname="Video.Example")
    site.uplink(ip / UDP(sport=5353, dport=53) / DNS(id=77, rd=1, qd=question, ar=DNSRROPT(rclass=1400)))
    packet = tunnelled(site.links["n3"].receive(lambda f: b"Video" in f))
    answer = packet[DNS]
    assert (answer.id, answer.qr, answer.rd, answer.ra, answer.rcode) == (77, 1, 1, 1, 0)
    assert answer.qd.qname == b"Video.Example."
    assert (answer.ancount, answer.an.rdata, answer.an.ttl) == (1, "10.60.0.10", 5)
    assert isinstance(answer.ar, DNSRROPT)
    site.uplink(ip / UDP(sport=5354, dport=53) / DNS(rd=1, qd=DNSQR(qname="other.example")))
    assert site.links["n6"].receive(lambda f: b"\x05other" in f) is not None


def test_usage_is_reported_at_a_threshold_and_when_its_rule_goes(site):
    site.modify(
        p.IE_CreateURR(IE_list=[
            p.IE_URR_Id(id=4), p.IE_MeasurementMethod(VOLUM=1, DURAT=1),
            p.IE_ReportingTriggers(volume_threshold=1),
            p.IE_VolumeThreshold(TOVOL=1, total=1500)]),
        p.IE_UpdatePDR(IE_list=[p.IE_PDR_Id(id=1), p.IE_URR_Id(id=4)]))
    inner = IP(src=UE4, dst="198.51.100.7") / UDP(sport=1, dport=2) / Raw(b"u" * 972)
    for _ in range(2):
        site.uplink(inner)
    ies = site.smf.report(site.seid)
    assert find(ies, p.IE_ReportType).USAR == 1
    usage = find(ies, p.IE_UsageReport_SRR).IE_list
    assert find(usage, p.IE_URR_Id).id == 4
    assert find(usage, p.IE_UR_SEQN).number == 0
    assert find(usage, p.IE_UsageReportTrigger).VOLTH == 1
    volume = find(usage, p.IE_VolumeMeasurement)
    assert (volume.total, volume.uplink, volume.downlink) == (2000, 2000, 0)
    site.uplink(inner)
    assert site.links["n6"].receive(lambda f: b"uuuu" in f) is not None
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        ies = site.modify(p.IE_QueryURR(IE_list=[p.IE_URR_Id(id=4)]))
        usage = find(ies, p.IE_UsageReport_SMR).IE_list
        assert find(usage, p.IE_UsageReportTrigger).IMMER == 1
        if find(usage, p.IE_VolumeMeasurement).total == 1000:
            break
    else:
        raise AssertionError("the third packet was never counted")
    usage = find(site.modify(p.IE_RemoveURR(IE_list=[p.IE_URR_Id(id=4)])),
                 p.IE_UsageReport_SMR).IE_list
    assert find(usage, p.IE_UsageReportTrigger).TERMR == 1


def test_a_rate_is_kept(site):
    site.modify(p.IE_CreateQER(IE_list=[p.IE_QER_Id(id=7), p.IE_GateStatus(ul="OPEN", dl="OPEN"),
                                        p.IE_MBR(ul=8, dl=8)]),
                p.IE_UpdatePDR(IE_list=[p.IE_PDR_Id(id=1), p.IE_QER_Id(id=7)]))
    for _ in range(5):
        site.uplink(IP(src=UE4, dst="198.51.100.7") / UDP(sport=1, dport=2) / Raw(b"r" * 972))
    deadline = time.monotonic() + 3
    while site.upf.dropped().get("rate_exceeded", 0) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert site.upf.dropped()["rate_exceeded"] == 2, "3000 bytes at once, then a byte a millisecond"
    site.modify(p.IE_UpdateQER(IE_list=[p.IE_QER_Id(id=7), p.IE_MBR(ul=10**6, dl=10**6)]))


def test_packets_wait_for_a_user_who_is_away(site):
    def update_far(parameters=(), **action):
        return p.IE_UpdateFAR(IE_list=[p.IE_FAR_Id(id=2), p.IE_ApplyAction(**action), *parameters])

    def tunnel(teid, *more):
        return p.IE_UpdateForwardingParameters(IE_list=[
            p.IE_DestinationInterface(interface="Access"),
            p.IE_OuterHeaderCreation(GTPUUDPIPV4=1, TEID=teid, ipv4="192.168.3.2"), *more])

    site.modify(p.IE_Create_BAR(IE_list=[p.IE_BAR_Id(id=1)]), update_far(BUFF=1, NOCP=1))
    for n in range(3):
        site.links["n6"].send(site.to("n6") / IP(src="198.51.100.7", dst=UE4) /
                              UDP(sport=40001, dport=40002) / Raw(b"while away %d" % n))
    ies = site.smf.report(site.seid)
    assert find(ies, p.IE_ReportType).DLDR == 1
    assert find(find(ies, p.IE_DownlinkDataReport).IE_list, p.IE_PDR_Id).id == 2
    deadline = time.monotonic() + 3
    while site.upf.metrics().get("sluice_upf_buffered_packets") != 3:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    site.modify(update_far([tunnel(GNB_TEID)], FORW=1))
    for n in range(3):
        frame = site.links["n3"].receive(lambda f: b"while away" in f)
        assert frame.endswith(b"%d" % n) and tunnelled(frame)[gtp.GTP_U_Header].teid == GNB_TEID
    # The base station changes, and the old one is told that nothing follows.
    site.modify(update_far([tunnel(0x501, p.IE_PFCPSMReqFlags(SNDEM=1))], FORW=1))
    marker = Ether(site.links["n3"].receive(lambda f: len(f) > 43 and f[43] == 254))
    assert marker[gtp.GTP_U_Header].teid == GNB_TEID
    site.modify(update_far([tunnel(GNB_TEID)], FORW=1))


def test_own_addresses_answer(site):
    site.links["n3"].send(site.to("n3") / IP(src="192.168.3.2", dst="192.168.3.1") /
                          UDP(sport=2152, dport=2152) / gtp.GTPHeader(gtp_type=1, S=1, seq=0x1234) /
                          gtp.GTPEchoRequest())
    reply = Ether(site.links["n3"].receive(lambda f: b"\x12\x34" in f and f[42] == 0x32))
    header = reply[gtp.GTP_U_Header]
    assert (header.gtp_type, header.seq) == (2, 0x1234)
    for port, own, other in (("n3", "192.168.3.1", "192.168.3.2"), ("ldn", "10.60.0.1", "10.60.0.10")):
        site.links[port].send(site.to(port) / IP(src=other, dst=own) / ICMP(id=5) / Raw(b"ping" * 20))
        reply = Ether(site.links[port].receive(lambda f: b"pingping" in f))
        assert reply[ICMP].type == 0 and reply[IP].src == own
    site.links["ldn"].send(site.to("ldn") / IPv6(src="fd60::10", dst="fd60::1") /
                           ICMPv6EchoRequest(data=b"ping6"))
    assert Ether(site.links["ldn"].receive(lambda f: b"ping6" in f)).haslayer(ICMPv6EchoReply)
    site.links["ldn"].send(Ether(dst="ff:ff:ff:ff:ff:ff", src="02:00:00:00:00:99") /
                           ARP(op=1, hwsrc="02:00:00:00:00:99", psrc="10.60.0.99", pdst="10.60.0.1"))
    reply = Ether(site.links["ldn"].receive(lambda f: f[12:14] == b"\x08\x06" and f[21] == 2))
    assert (reply[ARP].psrc, reply[ARP].hwsrc, reply[ARP].pdst) == (
        "10.60.0.1", site.macs["ldn"], "10.60.0.99")


def test_what_a_killed_run_left_is_removed_and_what_runs_is_not(site):
    gone = subprocess.Popen(["true"])
    gone.wait()
    leftover = f"{PREFIX}{gone.pid}"
    subprocess.run(["ip", "netns", "add", leftover], check=True)
    remove_leftovers()
    left = os.listdir("/run/netns")
    assert leftover not in left
    assert f"{PREFIX}{os.getpid()}" in left
