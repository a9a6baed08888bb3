"""Redirection, tunnels of UDP/IP, and what happens at limits: quotas with an action, packet rates, dropped
traffic. scapy is the SMF, its tunnels' ends, the core and the portal; tshark reads what the UPF sends.
"""

import pytest
from scapy.contrib import gtp
from scapy.contrib import pfcp as p
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw
from scapy.utils import wrpcap

from n4_test import FROM_ACCESS, FROM_CORE, GNB_TEID, Site, choose, raw_ie, stop_in_order, tunnel
from scapy_smf import ACCEPTED, create_far, create_pdr, find, outcome, tshark
from wire_site import serving

UNTUNNEL = p.IE_OuterHeaderRemoval(header=6)
TO_CORE = p.IE_DestinationInterface(interface="Core")
TO_ACCESS = p.IE_DestinationInterface(interface="Access")
SITE, PORTAL, URL = "198.51.100.7", "203.0.113.9", "http://portal.example/top-up?why=quota"
END, END_PORT = "192.168.6.2", 4789


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("limits")
    with serving(folder, Site, stop_in_order) as running:
        yield running
    capture = folder / "n4.pcap"
    wrpcap(str(capture), [IP() / UDP(sport=8805, dport=8805) / data for data in running.smf.received])
    # Of a validity time tshark 4.0 reads four of its eight octets, and finds fault with that.
    assert tshark(capture, "-Y", "(_ws.malformed or _ws.expert.severity >= warning) and "
                  "not pfcp.packet_rate_status.validity_time") == ""


@pytest.fixture(autouse=True)
def sessions_end(site):
    yield
    site.end()


def redirect_to(kind, address):
    return p.IE_RedirectInformation(type=kind, address=address)


def session(site, ue, uplink, more=(), of_pdrs=(), from_core=()):
    """A plain session, whose FAR 1 has the parameters `uplink`. The TEID of its uplink."""
    created = site.establish([
        create_pdr(1, [FROM_ACCESS, choose(), p.IE_UE_IP_Address(V4=1, ipv4=ue)], 1,
                   [UNTUNNEL, *of_pdrs]),
        create_pdr(2, [FROM_CORE, p.IE_UE_IP_Address(SD=1, V4=1, ipv4=ue)], 2,
                   [*from_core, *of_pdrs]),
        create_far(1, [TO_CORE, *uplink]), create_far(2, [TO_ACCESS, tunnel(GNB_TEID)]), *more])
    site.upf.wait_for("neighbour answers address=192.168.3.2")
    return created[1][0]


def on_n6(site, text):
    frame = site.links["n6"].receive(lambda f: text in f)
    assert frame is not None, f"no packet with {text} left on N6"
    return Ether(frame)


def is_sound(packet):
    """Whether scapy would have written the same checksums."""
    again = packet.copy()
    for layer in (IP, UDP, TCP):
        if layer in again:
            del again[layer].chksum
    return bytes(again.__class__(bytes(again))) == bytes(packet)


def test_a_redirected_flow_comes_back_from_where_it_was_sent(site):
    ue = "10.45.0.30"
    teid = session(site, ue, [redirect_to("IPv4 address", PORTAL)])
    site.to_n3(teid, IP(src=ue, dst=SITE) / UDP(sport=4000, dport=80) / Raw(b"to a site"))
    there = on_n6(site, b"to a site")[IP]
    assert (there.src, there.dst) == (ue, PORTAL) and is_sound(there)
    site.to_n6(IP(src=PORTAL, dst=ue) / UDP(sport=80, dport=4000) / Raw(b"from the portal"))
    back = IP(site.tunnelled(GNB_TEID, b"from the portal"))
    assert (back.src, back.dst) == (SITE, ue) and is_sound(back)
    # What is no reply stays what it is; and an update ends the redirection.
    site.to_n6(IP(src=PORTAL, dst=ue) / UDP(sport=80, dport=4001) / Raw(b"unasked for"))
    assert IP(site.tunnelled(GNB_TEID, b"unasked for")).src == PORTAL
    response = site.smf.modify(site.seids[-1], [p.IE_UpdateFAR(IE_list=[
        p.IE_FAR_Id(id=1), p.IE_UpdateForwardingParameters(IE_list=[raw_ie(38, b"")])])])
    assert outcome(response) == (ACCEPTED, None)
    site.to_n3(teid, IP(src=ue, dst=SITE) / UDP(sport=4000, dport=80) / Raw(b"as ever"))
    assert on_n6(site, b"as ever")[IP].dst == SITE


def test_a_browser_is_led_to_a_url(site, tmp_path):
    ue, port = "10.45.0.31", 4321
    teid = session(site, ue, [redirect_to("URL", URL)])
    server = {"sport": port, "dport": 80}
    seen = []

    def ask(segment, wanted):
        site.to_n3(teid, IP(src=ue, dst=SITE) / segment)
        seen.append(IP(src=ue, dst=SITE) / segment)
        frame = site.links["n3"].receive(lambda f: wanted(inner_tcp(f)))
        assert frame is not None
        inner = inner_of(frame)
        assert (inner.src, inner.dst) == (SITE, ue) and is_sound(inner)
        seen.append(inner)
        return inner[TCP]

    def inner_of(frame):
        packet = Ether(frame)
        if gtp.GTP_U_Header not in packet or packet[gtp.GTP_U_Header].gtp_type != 255:
            return IP()
        return IP(bytes(packet[gtp.GTP_U_Header].payload))

    def inner_tcp(frame):
        inner = inner_of(frame)
        return inner[TCP] if TCP in inner else TCP(flags="")

    synack = ask(TCP(flags="S", seq=1000, **server), lambda t: t.flags == "SA")
    assert synack.ack == 1001 and dict(synack.options)["MSS"] >= 1200
    request = b"GET /news HTTP/1.1\r\nHost: news.example\r\n\r\n"
    answer = ask(TCP(flags="PA", seq=1001, ack=synack.seq + 1, **server) / Raw(request),
                 lambda t: t.flags == "FPA")
    assert answer.ack == 1001 + len(request) and answer.seq == synack.seq + 1
    behind = answer.seq + len(answer.payload) + 1
    last = ask(TCP(flags="FA", seq=answer.ack, ack=behind, **server), lambda t: t.flags == "A")
    assert (last.seq, last.ack) == (behind, answer.ack + 1)
    refused = ask(TCP(flags="S", seq=7, sport=port, dport=443), lambda t: "R" in t.flags)
    assert refused.ack == 8
    capture = tmp_path / "http.pcap"
    wrpcap(str(capture), seen)
    assert tshark(capture, "-Y", "http.response", "-T", "fields", "-e", "http.response.code",
                  "-e", "http.location").split() == ["302", URL]
    assert tshark(capture, "-Y", "_ws.malformed or tcp.analysis.flags") == ""


def test_sip_cannot_be_redirected(site):
    response = site.smf.establish([
        create_pdr(1, [FROM_ACCESS, choose(), p.IE_UE_IP_Address(V4=1, ipv4="10.45.0.32")], 1, [UNTUNNEL]),
        create_far(1, [TO_CORE, redirect_to("SIP URI", "sip:a@b")])])
    assert outcome(response) == (76, 38)  # service not supported; Redirect Information


def test_a_tunnel_of_udp_leads_into_the_data_network_and_back(site):
    ue = "10.45.0.33"
    teid = session(site, ue, [p.IE_OuterHeaderCreation(UDPIPV4=1, ipv4=END, port=END_PORT)],
                   from_core=[p.IE_OuterHeaderRemoval(header=2)])
    site.to_n3(teid, IP(src=ue, dst=SITE) / UDP(sport=4000, dport=80) / Raw(b"within udp"))
    outer = on_n6(site, b"within udp")
    assert (outer[IP].src, outer[IP].dst) == ("192.168.6.1", END)
    assert (outer[UDP].sport, outer[UDP].dport) == (END_PORT, END_PORT)
    inner = IP(bytes(outer[UDP].payload))
    assert (inner.src, inner.dst, inner.ttl) == (ue, SITE, 63) and is_sound(inner)
    reply = IP(src=SITE, dst=ue) / UDP(sport=80, dport=4000) / Raw(b"back by udp")
    site.to_n6(IP(src=END, dst="192.168.6.1") / UDP(sport=END_PORT, dport=END_PORT) / reply)
    assert IP(site.tunnelled(GNB_TEID, b"back by udp")).src == SITE
    site.to_n6(IP(src="192.168.6.77", dst="192.168.6.1") / UDP(sport=END_PORT, dport=END_PORT) /
               IP(src=SITE, dst=ue) / UDP(sport=80, dport=4000) / Raw(b"by a stranger"))
    assert site.links["n3"].receive(lambda f: b"by a stranger" in f, timeout=0.3) is None


def create_urr(number, more, **triggers):
    return p.IE_CreateURR(IE_list=[p.IE_URR_Id(id=number), p.IE_MeasurementMethod(VOLUM=1),
                                   p.IE_ReportingTriggers(**triggers), *more])


def usage_of(report):
    usage = find(report, p.IE_UsageReport_SRR)
    return find(usage.IE_list, p.IE_UsageReportTrigger), usage


def test_a_used_up_quota_is_told_and_redirects(site):
    ue = "10.45.0.34"
    quota = p.IE_VolumeQuota(TOVOL=1, total=50)
    teid = session(site, ue, [], of_pdrs=[p.IE_URR_Id(id=4)], more=[
        create_urr(4, [quota, p.IE_FAR_Id(id=9)], volume_quota=1),
        create_far(9, [TO_CORE, redirect_to("IPv4 address", PORTAL)])])
    packet = IP(src=ue, dst=SITE) / UDP(sport=4000, dport=80)
    site.to_n3(teid, packet / Raw(b"within the quota, and uses it up"))
    assert on_n6(site, b"within the quota")[IP].dst == SITE
    trigger, _ = usage_of(site.smf.report(site.seids[-1]))
    assert trigger.VOLQU == 1
    site.to_n3(teid, packet / Raw(b"over it"))
    assert on_n6(site, b"over it")[IP].dst == PORTAL
    site.to_n6(IP(src=PORTAL, dst=ue) / UDP(sport=80, dport=4000) / Raw(b"buy more"))
    assert IP(site.tunnelled(GNB_TEID, b"buy more")).src == SITE
    response = site.smf.modify(site.seids[-1], [p.IE_UpdateURR(IE_list=[
        p.IE_URR_Id(id=4), p.IE_VolumeQuota(TOVOL=1, total=5000)])])
    assert outcome(response) == (ACCEPTED, None)
    site.to_n3(teid, packet / Raw(b"bought more"))
    assert on_n6(site, b"bought more")[IP].dst == SITE


def test_traffic_that_the_ue_does_not_get_is_told(site):
    ue = "10.45.0.35"
    threshold = p.IE_DroppedDLTrafficThreshold(DLPA=1, packet_count=3)
    session(site, ue, [], of_pdrs=[p.IE_URR_Id(id=4)], more=[
        create_urr(4, [threshold, raw_ie(182, b"\0\1")], dropped_dl_traffic_threshold=1)])
    response = site.smf.modify(site.seids[-1], [p.IE_UpdateFAR(IE_list=[
        p.IE_FAR_Id(id=2), p.IE_ApplyAction(DROP=1)])])
    assert outcome(response) == (ACCEPTED, None)
    for _ in range(3):
        site.to_n6(IP(src=SITE, dst=ue) / UDP(sport=80, dport=4000) / Raw(b"nobody there"))
    trigger, _ = usage_of(site.smf.report(site.seids[-1]))
    assert trigger.DROTH == 1
    # One report was asked for.
    for _ in range(6):
        site.to_n6(IP(src=SITE, dst=ue) / UDP(sport=80, dport=4000) / Raw(b"nobody there"))
    site.smf.socket.settimeout(0.3)
    try:
        with pytest.raises(TimeoutError):
            site.smf.receive_but_heartbeats()
    finally:
        site.smf.socket.settimeout(3)


def test_packets_are_counted_and_what_is_left_is_told(site, tmp_path):
    ue = "10.45.0.36"
    rate = p.IE_PacketRate(ULPR=1, ul_time_unit="hour", ul_max_packet_rate=3)
    qer = p.IE_CreateQER(IE_list=[p.IE_QER_Id(id=5), p.IE_GateStatus(ul="OPEN", dl="OPEN"), rate,
                                  raw_ie(251, b"\1")])
    teid = session(site, ue, [], of_pdrs=[p.IE_QER_Id(id=5)], more=[qer])
    for text in (b"first", b"second"):
        site.to_n3(teid, IP(src=ue, dst=SITE) / UDP(sport=4000, dport=80) / Raw(text))
        assert on_n6(site, text)
    response = site.smf.modify(site.seids[-1], [raw_ie(263, b"\0\x6d\0\4\0\0\0\5")])
    assert outcome(response) == (ACCEPTED, None)
    for text in (b"third", b"fourth"):
        site.to_n3(teid, IP(src=ue, dst=SITE) / UDP(sport=4000, dport=80) / Raw(text))
    assert on_n6(site, b"third")
    assert site.links["n6"].receive(lambda f: b"fourth" in f, timeout=0.3) is None
    deletion = site.smf.delete(site.seids.pop())
    assert outcome(deletion) == (ACCEPTED, None)
    capture = tmp_path / "rates.pcap"
    wrpcap(str(capture), [IP() / UDP(sport=8805, dport=8805) / data for data in site.smf.received[-2:]])
    left = tshark(capture, "-T", "fields", "-e", "pfcp.packet_rate_status.tovol",
                  "-e", "pfcp.qer_id", "-e", "pfcp.packet_rate_status.validity_time")
    first, last = (line.split("\t") for line in left.splitlines())
    assert (first[0], first[1]) == ("1", "5") and first[2]
    assert (last[0], last[1]) == ("0", "5") and last[2]


def test_the_features_say_what_is_there(site, tmp_path):
    capture = tmp_path / "association.pcap"
    wrpcap(str(capture), [IP() / UDP(sport=8805, dport=8805) / site.smf.received[0]])
    names = ("treu", "quoac", "norp", "ciot", "quasf", "sset", "trst")
    fields = [part for name in names for part in ("-e", f"pfcp.up_function_features.{name}")]
    told = tshark(capture, "-T", "fields", *fields).split()
    assert [value in ("1", "True") for value in told] == [True] * 4 + [False] * 3
