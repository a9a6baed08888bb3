"""What SMFs of today ask of a UPF besides the plain session, judged from outside: scapy plays the SMF,
its GTP-U end and the base station; tshark reads what the UPF sends over N4.
"""

import time

import pytest
from scapy.contrib import gtp
from scapy.contrib import pfcp as p
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import ICMPv6ND_RA, ICMPv6ND_RS, ICMPv6NDOptPrefixInfo, IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw
from scapy.utils import wrpcap

from scapy_smf import (ACCEPTED, STARTED, TIMEOUT_S, Smf, create_far, create_pdr, find, flow, node_id,
                       outcome, tshark, up_seid)
from wire_site import Link, mac_of, run, serving

GNB_TEID, SMF_TEID = 0x500, 0x77
FAR_HOST = "198.51.100.7"


class Site:
    """The UPF and an SMF that is associated."""

    def __init__(self, upf):
        self.upf = upf
        self.links = {port: Link(port) for port in ("n3", "n6")}
        self.macs = {port: mac_of(port) for port in self.links}
        self.smf = Smf(8805, own=("127.0.0.2", 8805))
        response = self.smf.request(p.PFCPAssociationSetupRequest(IE_list=[
            node_id(), p.IE_RecoveryTimeStamp(timestamp=STARTED), p.IE_CPFunctionFeatures(LOAD=1)]))
        assert outcome(response)[0] == ACCEPTED
        self.seids = []
        self.loads = []  # Load Control Information of responses to establishments

    def establish(self, rules):
        """A session by its rules: {PDR id: the TEID, the UE's address or None} of the Created PDRs."""
        response = self.smf.establish(rules)
        assert outcome(response) == (ACCEPTED, None)
        self.seids.append(up_seid(response))
        if load := find(response.payload.IE_list, p.IE_LoadControlInformation):
            self.loads.append(find(load.IE_list, p.IE_Metric).metric)
        created = {}
        for ie in response.payload.IE_list:
            if isinstance(ie, (p.IE_CreatedPDR, p.IE_CreatedTrafficEndpoint)):
                f_teid, ue = find(ie.IE_list, p.IE_FTEID), find(ie.IE_list, p.IE_UE_IP_Address)
                number = ie.IE_list[0].id
                created[number] = (f_teid.TEID if f_teid else None, ue)
        return created

    def end(self):
        """Deletes the sessions."""
        while self.seids:
            assert outcome(self.smf.delete(self.seids.pop())) == (ACCEPTED, None)

    def to_n3(self, teid, inner, source="192.168.3.2"):
        self.links["n3"].send(Ether(dst=self.macs["n3"], src="02:00:00:00:00:99") /
                              IP(src=source, dst="192.168.3.1") / UDP(sport=2152, dport=2152) /
                              gtp.GTP_U_Header(teid=teid) / inner)

    def to_n6(self, inner):
        self.links["n6"].send(Ether(dst=self.macs["n6"], src="02:00:00:00:00:99") / inner)

    def tunnelled(self, teid, text):
        """The user's packet with `text` in it that leaves by a tunnel on N3, as bytes."""
        frame = self.links["n3"].receive(lambda f: text in f and f[23] == 17)
        assert frame is not None, f"no packet with {text} left on N3"
        packet = Ether(frame)[gtp.GTP_U_Header]
        assert packet.teid == teid
        return bytes(packet.payload)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("n4")
    with serving(folder, Site, stop_in_order) as running:
        yield running
    capture = folder / "n4.pcap"
    wrpcap(str(capture), [IP() / UDP(sport=8805, dport=8805) / data for data in running.smf.received])
    assert tshark(capture, "-Y", "_ws.malformed or _ws.expert.severity >= warning") == ""


def stop_in_order(site):
    """A UPF that is to stop asks to be released, and goes when it is."""
    site.upf.process.terminate()
    request = site.smf.receive_but_heartbeats()
    assert isinstance(request.payload, p.PFCPAssociationUpdateRequest)
    assert find(request.payload.IE_list, p.IE_PFCPAssociationReleaseRequest).SARR == 1
    site.smf.send(p.PFCP(S=0, seq=request.seq) / p.PFCPAssociationUpdateResponse(
        IE_list=[node_id(), p.IE_Cause(cause=ACCEPTED)]))
    release = site.smf.request(p.PFCPAssociationReleaseRequest(IE_list=[node_id()]))
    assert outcome(release)[0] == ACCEPTED


@pytest.fixture(autouse=True)
def sessions_end(site):
    yield
    site.end()


def choose(choose_id=None):
    if choose_id is None:
        return p.IE_FTEID(CH=1, V4=1, V6=1)
    return p.IE_FTEID(CH=1, V4=1, V6=1, CHID=1, choose_id=choose_id)


def tunnel(teid, address="192.168.3.2"):
    return p.IE_OuterHeaderCreation(GTPUUDPIPV4=1, TEID=teid, ipv4=address)


FROM_ACCESS, FROM_CORE = p.IE_SourceInterface(interface="Access"), p.IE_SourceInterface(interface="Core")
UNTUNNEL = p.IE_OuterHeaderRemoval(header=6)


def forwarding():
    return [create_far(1, [p.IE_DestinationInterface(interface="Core")]),
            create_far(2, [p.IE_DestinationInterface(interface="Access"), tunnel(GNB_TEID)])]


def raw_ie(number, value):
    return p.IE_NotImplemented(ietype=number, data=value)


def test_router_discovery_passes_by_the_smf(site):
    """As open5gs sets its IPv6 sessions up."""
    ue = {"V6": 1, "ipv6": "fd45:0:0:7::"}
    created = site.establish([
        create_pdr(1, [FROM_CORE, p.IE_UE_IP_Address(SD=1, **ue)], 2),
        create_pdr(2, [FROM_ACCESS, choose(5), p.IE_UE_IP_Address(**ue)], 1, [UNTUNNEL]),
        create_pdr(3, [p.IE_SourceInterface(interface="CP-function"), choose()], 2,
                   [p.IE_OuterHeaderRemoval(header=1)]),
        create_pdr(4, [FROM_ACCESS, choose(5), flow("permit out 58 from ff02::2/128 to assigned")], 3,
                   [p.IE_OuterHeaderRemoval(header=1)]),
        *forwarding(),
        create_far(3, [p.IE_DestinationInterface(interface="CP-function"), tunnel(SMF_TEID)])])
    assert created[2][0] == created[4][0] != created[3][0]
    site.upf.wait_for("neighbour answers address=192.168.3.2")
    solicitation = IPv6(src="fe80::1234", dst="ff02::2", hlim=255) / ICMPv6ND_RS() / Raw(b"\1\1solici")
    site.to_n3(created[2][0], solicitation)
    assert site.tunnelled(SMF_TEID, b"solici") == bytes(solicitation)
    advertisement = (IPv6(src="fe80::1", dst="ff02::1", hlim=255) / ICMPv6ND_RA() /
                     ICMPv6NDOptPrefixInfo(prefix="fd45:0:0:7::") / Raw(b"\1\1advert"))
    site.to_n3(created[3][0], advertisement)
    assert site.tunnelled(GNB_TEID, b"advert") == bytes(advertisement)


def test_the_upf_chooses_a_ues_address(site):
    wish = [raw_ie(93, b"\x30")]  # CHV4, CHV6
    created = site.establish([
        create_pdr(1, [FROM_ACCESS, choose(), *wish], 1, [UNTUNNEL]),
        create_pdr(2, [FROM_CORE, *wish], 2), *forwarding()])
    ue = created[2][1]
    assert ue.ipv4.startswith("10.46.0.") and ue.ipv6.startswith("fd46:")
    assert created[1][1].ipv4 == ue.ipv4
    site.to_n6(IP(src=FAR_HOST, dst=ue.ipv4) / UDP(sport=1, dport=2) / Raw(b"to the chosen"))
    site.tunnelled(GNB_TEID, b"to the chosen")
    site.to_n6(IPv6(src="2001:db8::7", dst=ue.ipv6.rstrip(":") + "::9") / UDP(sport=1, dport=2) /
               Raw(b"to the chosen six"))
    site.tunnelled(GNB_TEID, b"to the chosen six")


def test_networks_behind_a_ue_are_reached_by_traffic_endpoints(site):
    ue = p.IE_UE_IP_Address(V4=1, ipv4="10.45.0.9")
    route = p.IE_FramedRoute(framed_route="172.16.8.0/22 0.0.0.0 1")
    created = site.establish([
        p.IE_CreateTrafficEndpoint(IE_list=[p.IE_TrafficEndpointId(id=1), choose(), ue, route]),
        p.IE_CreateTrafficEndpoint(IE_list=[p.IE_TrafficEndpointId(id=2), ue, route]),
        create_pdr(1, [FROM_ACCESS, p.IE_TrafficEndpointId(id=1)], 1, [UNTUNNEL]),
        create_pdr(2, [FROM_CORE, p.IE_TrafficEndpointId(id=2)], 2), *forwarding()])
    site.to_n6(IP(src=FAR_HOST, dst="172.16.9.1") / UDP(sport=1, dport=2) / Raw(b"behind the ue"))
    site.tunnelled(GNB_TEID, b"behind the ue")
    site.to_n3(created[1][0], IP(src="172.16.9.1", dst=FAR_HOST) / UDP(sport=1, dport=2) / Raw(b"and back"))
    assert site.links["n6"].receive(lambda f: b"and back" in f) is not None
    site.to_n6(IP(src=FAR_HOST, dst="172.16.12.1") / UDP(sport=1, dport=2) / Raw(b"beside it"))
    assert site.links["n3"].receive(lambda f: b"beside it" in f, timeout=0.2) is None


def test_an_application_is_the_flows_that_the_smf_describes(site):
    def describe(*flows):
        response = site.smf.request(p.PFCPPFDManagementRequest(IE_list=[p.IE_ApplicationID_PFDs(IE_list=[
            p.IE_ApplicationId(id="video"),
            *([p.IE_PFDContext(IE_list=[p.IE_PFDContents(FD=1, flow=f) for f in flows])] if flows else []),
        ])]))
        assert outcome(response) == (ACCEPTED, None)

    describe("permit out 17 from 192.0.2.0/24 to any")
    ue = {"V4": 1, "ipv4": "10.45.0.10"}
    created = site.establish([
        create_pdr(1, [FROM_ACCESS, choose(), p.IE_UE_IP_Address(**ue), p.IE_ApplicationId(id="video")], 1,
                   [UNTUNNEL]),
        create_pdr(2, [FROM_CORE, p.IE_UE_IP_Address(SD=1, **ue)], 2), *forwarding()])

    def passes(host, text):
        site.to_n3(created[1][0], IP(src="10.45.0.10", dst=host) / UDP(sport=1, dport=2) / Raw(text))
        return site.links["n6"].receive(lambda f: text in f, timeout=0.3) is not None

    assert passes("192.0.2.9", b"first") and not passes("203.0.113.9", b"second")
    describe("permit out 17 from 203.0.113.0/24 to any")
    assert passes("203.0.113.9", b"third") and not passes("192.0.2.9", b"fourth")
    describe()
    assert not passes("203.0.113.9", b"fifth")


def test_usage_is_told_before_and_after_a_monitoring_time(site):
    ue = {"V4": 1, "ipv4": "10.45.0.11"}
    monitored = int(time.time()) + 3
    created = site.establish([
        create_pdr(1, [FROM_ACCESS, choose(), p.IE_UE_IP_Address(**ue)], 1, [UNTUNNEL, p.IE_URR_Id(id=4)]),
        create_pdr(2, [FROM_CORE, p.IE_UE_IP_Address(SD=1, **ue)], 2), *forwarding(),
        p.IE_CreateURR(IE_list=[
            p.IE_URR_Id(id=4), p.IE_MeasurementMethod(VOLUM=1), p.IE_ReportingTriggers(volume_threshold=1),
            p.IE_VolumeThreshold(TOVOL=1, total=10**6), p.IE_MonitoringTime(time_value=monitored + 2208988800),
            p.IE_SubsequentVolumeThreshold(TOVOL=1, total=1500)])])

    def send(size):
        site.to_n3(created[1][0], IP(src="10.45.0.11", dst=FAR_HOST) / UDP(sport=1, dport=2) /
                   Raw(b"m" * (size - 28)))
        assert site.links["n6"].receive(lambda f: b"mmmm" in f) is not None

    send(500)
    assert time.time() < monitored, "too slow to say anything"
    time.sleep(monitored + 0.1 - time.time())
    send(1000)
    send(1000)
    ies = site.smf.report(site.seids[-1])
    reports = [ie.IE_list for ie in ies if isinstance(ie, p.IE_UsageReport_SRR)]
    sides = [find(report, p.IE_UsageInformation) for report in reports]
    assert [(side.BEF, side.AFT) for side in sides] == [(1, 0), (0, 1)]
    assert [find(report, p.IE_VolumeMeasurement).total for report in reports] == [500, 2000]


def test_a_tunnel_that_the_base_station_does_not_know_is_closed_and_reported(site):
    ue = "10.45.0.14"
    far = 2
    site.establish([
        create_pdr(1, [FROM_ACCESS, choose(), p.IE_UE_IP_Address(V4=1, ipv4=ue)], 1, [UNTUNNEL]),
        create_pdr(2, [FROM_CORE, p.IE_UE_IP_Address(SD=1, V4=1, ipv4=ue)], far), *forwarding()])
    site.upf.wait_for("neighbour answers address=192.168.3.2")

    def reaches(text, teid):
        site.to_n6(IP(src=FAR_HOST, dst=ue) / UDP(sport=1, dport=2) / Raw(text))
        return site.tunnelled(teid, text)

    reaches(b"known", GNB_TEID)

    def complain(sender):
        site.links["n3"].send(
            Ether(dst=site.macs["n3"], src="02:00:00:00:00:99") / IP(src=sender, dst="192.168.3.1") /
            UDP(sport=2152, dport=2152) / gtp.GTP_U_Header(gtp_type=26, S=1, teid=0) /
            gtp.GTPErrorIndication(IE_list=[gtp.IE_TEIDI(TEIDI=GNB_TEID), gtp.IE_GSNAddress(
                length=4, ipv4_address="192.168.3.2")]))

    complain("192.168.3.77")
    deadline = time.monotonic() + TIMEOUT_S
    while site.upf.metrics()["sluice_upf_gtpu_error_indications_ignored_total"] == 0:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    reaches(b"known whatever others say", GNB_TEID)
    complain("192.168.3.2")
    ies = site.smf.report(site.seids[-1])
    assert find(ies, p.IE_ReportType).ERIR == 1
    remote = find(find(ies, p.IE_ErrorIndicationReport).IE_list, p.IE_FTEID)
    assert (remote.TEID, remote.ipv4) == (GNB_TEID, "192.168.3.2")
    before = site.upf.dropped().get("far_drop", 0)
    site.to_n6(IP(src=FAR_HOST, dst=ue) / UDP(sport=1, dport=2) / Raw(b"forgotten"))
    assert site.links["n3"].receive(lambda f: b"forgotten" in f, timeout=0.3) is None
    assert site.upf.dropped()["far_drop"] == before + 1
    response = site.smf.modify(site.seids[-1], [p.IE_UpdateFAR(IE_list=[
        p.IE_FAR_Id(id=far), p.IE_UpdateForwardingParameters(IE_list=[tunnel(GNB_TEID + 1)])])])
    assert outcome(response) == (ACCEPTED, None)
    reaches(b"known again", GNB_TEID + 1)


def test_load_is_told_to_an_smf_that_understands_it(site):
    ue = {"V4": 1, "ipv4": "10.45.0.12"}
    site.establish([create_pdr(1, [FROM_ACCESS, choose(), p.IE_UE_IP_Address(**ue)], 1, [UNTUNNEL]),
                    create_pdr(2, [FROM_CORE, p.IE_UE_IP_Address(SD=1, **ue)], 2), *forwarding()])
    assert site.loads == [0], "one of 64 sessions is less than 5 %, and is told once"


def test_a_base_station_that_falls_silent_is_reported_and_so_is_its_return(site):
    def report():
        site.smf.socket.settimeout(20)
        request = site.smf.receive_but_heartbeats()
        site.smf.socket.settimeout(TIMEOUT_S)
        assert isinstance(request.payload, p.PFCPNodeReportRequest)
        site.smf.send(p.PFCP(S=0, seq=request.seq) / p.PFCPNodeReportResponse(
            IE_list=[node_id(), p.IE_Cause(cause=ACCEPTED)]))
        return request.payload.IE_list

    ue = {"V4": 1, "ipv4": "10.45.0.13"}
    site.establish([create_pdr(1, [FROM_ACCESS, choose(), p.IE_UE_IP_Address(**ue)], 1, [UNTUNNEL]),
                    create_pdr(2, [FROM_CORE, p.IE_UE_IP_Address(SD=1, **ue)], 2), *forwarding()])
    site.upf.wait_for("neighbour answers address=192.168.3.2")
    run("ip", "address", "del", "192.168.3.2/24", "dev", "gnb")
    try:
        ies = report()
        assert find(ies, p.IE_NodeReportType).UPFR == 1
        failure = find(ies, p.IE_UserPlanePathFailureReport)
        assert find(failure.IE_list, p.IE_RemoteGTP_U_Peer).ipv4 == "192.168.3.2"
    finally:
        run("ip", "address", "add", "192.168.3.2/24", "dev", "gnb")
    assert bytes(find(report(), p.IE_NodeReportType))[4] == 2, "UPRR: it is back"
