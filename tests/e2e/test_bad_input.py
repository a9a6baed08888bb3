"""Garbage from every side at a running UPF: it counts and drops, and goes on serving."""

import random
import socket
import subprocess

import pytest
from fake_upf import NTP_OFFSET
from scapy.contrib import pfcp
from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer
from scapy.layers.dns import DNS, DNSQR
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Raw

from lab import addresses, user
from lab.lab import Lab
from lab.processes import wait_for

OTHER_SMF = "10.0.4.3"  # so that what the mutations do to an association is not done to ours
MUTANTS = 400


@pytest.fixture(scope="module")
def lab(show_logs):
    with Lab(ues=2) as lab:
        show_logs(lab)
        lab.start_centre(delay_ms=1)
        lab.start_upf()
        lab.start_ran()
        lab.wait_for_sessions()
        subprocess.run(["ip", "-n", lab.net.place("ran").name, "addr", "add", f"{OTHER_SMF}/24",
                        "dev", "n4"], check=True)
        yield lab


def unaccounted(lab):
    """Frames that came into the UPF, or that its control thread made, less those that it sent,
    dropped for a reason, or handed to its control thread."""
    upf = lab.upf_metrics()
    came = (upf.total("sluice_upf_port_received_packets_total")
            + upf.total("sluice_upf_control_frames_total"))
    went = (upf.total("sluice_upf_port_sent_packets_total")
            + upf.total("sluice_upf_dropped_packets_total")
            + upf.total("sluice_upf_punted_packets_total"))
    return came - went


@pytest.fixture(autouse=True)
def still_serving(lab):
    pid = lab.processes["upf"].pid
    yield
    lab.processes["upf"].check()
    assert lab.processes["upf"].pid == pid
    # Polled, because some frames are always under way; one that was lost would stay missing.
    wait_for(lambda: unaccounted(lab) == 0, "every frame since the start to be accounted for")
    for number in (1, 2):
        assert user.fetch(lab.net.ue(number)).served_by == "centre"
    assert lab.ran("status")["smf"]["association_losses"] == 0


def mutants(seeds, count=MUTANTS, seed=1):
    """Valid messages with octets changed, cut off, repeated or put in; the same in every run."""
    chance = random.Random(seed)
    for _ in range(count):
        data = bytearray(chance.choice(seeds))
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(data)) if data else 0
            kind = chance.randrange(4)
            if kind == 0 and data:
                data[at] = chance.randrange(256)
            elif kind == 1:
                del data[at:]
            elif kind == 2:
                data[at:at] = chance.randbytes(chance.randint(1, 40))
            else:
                data += data[at:at + 60]
        yield bytes(data[:1500])


def send_all(place, source, destination, datagrams):
    """UDP datagrams from within `place`."""
    family = socket.AF_INET6 if ":" in destination[0] else socket.AF_INET
    with place.inside():
        out = socket.socket(family, socket.SOCK_DGRAM)
    with out:
        out.bind((source, 0))
        for data in datagrams:
            out.sendto(data, destination)


def send_frames(place, interface, frames):
    with place.inside():
        out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    with out:
        out.bind((interface, 0))
        for frame in frames:
            out.send(frame)


def mac_of_upf(lab, place, address):
    """As the kernel of the UPF's neighbour has learnt it."""
    words = subprocess.run(["ip", "-n", lab.net.place(place).name, "neigh", "show", "to", address],
                           capture_output=True, text=True, check=True).stdout.split()
    return words[words.index("lladdr") + 1]


def deliver(lab, send, items):
    """Calls send() with some items at a time and waits until the UPF has received as many frames on
    N3: all of them really arrive, however busy the machine is."""
    def received():
        return lab.upf_metrics().total("sluice_upf_port_received_packets_total", port="n3")
    items = list(items)
    for start in range(0, len(items), 50):
        some = items[start:start + 50]
        before = received()
        send(some)
        wait_for(lambda: received() >= before + len(some), f"{len(some)} frames to arrive")


def dropped(lab, reason):
    return lab.upf_metrics().total("sluice_upf_dropped_packets_total", reason=reason)


def answered(lab, kind):
    return lab.upf_metrics().total("sluice_upf_answered_packets_total", kind=kind)


def wait_for_ten_more(count, before, what):
    """Until count() is `before` and exactly ten; a failure says what it was instead."""
    try:
        wait_for(lambda: count() >= before + 10, what)
    except TimeoutError as late:
        raise AssertionError(f"{count() - before} and not 10 were counted as {what}") from late
    assert count() == before + 10, what


def uplink(inner, teid=1, qfi=9):
    return bytes(GTP_U_Header(teid=teid, E=1, next_ex=0x85)
                 / GTPPDUSessionContainer(type=1, QFI=qfi) / inner)


INNER = IP(src=addresses.ue_address(1, 4), dst=addresses.CENTRE[4]) / UDP(sport=9, dport=9)

GTPU_CASES = {
    "empty": (b"", "malformed_gtpu"),
    "cut short": (b"\x30\xff\x00", "malformed_gtpu"),
    "version 2": (b"\x50" + uplink(INNER)[1:], "malformed_gtpu"),
    "length past the end": (b"\x34\xff\xff\xff" + uplink(INNER)[4:], "malformed_gtpu"),
    "extension of length 0": (uplink(INNER)[:12] + b"\x00" + uplink(INNER)[13:], "malformed_gtpu"),
    "extension past the end": (uplink(INNER)[:12] + b"\xff" + uplink(INNER)[13:],
                               "malformed_gtpu"),
    "tunnel 0": (uplink(INNER, teid=0), "unknown_tunnel"),
}


@pytest.mark.parametrize("name", GTPU_CASES)
def test_bad_gtpu_is_dropped_for_the_right_reason(lab, name):
    data, reason = GTPU_CASES[name]
    before = dropped(lab, reason)
    send_all(lab.net.place("ran"), addresses.N3_GNB[4], (addresses.N3_UPF[4], 2152), [data] * 10)
    wait_for_ten_more(lambda: dropped(lab, reason), before, reason)


def test_senders_into_an_unknown_tunnel_are_told(lab):
    before = answered(lab, "gtpu_error_indication")
    heard = lab.ran("status")["gnb"]["error_indications"]
    send_all(lab.net.place("ran"), addresses.N3_GNB[4], (addresses.N3_UPF[4], 2152),
             [uplink(INNER, teid=0xffffffff)] * 10)
    wait_for_ten_more(lambda: answered(lab, "gtpu_error_indication"), before, "error indications")
    wait_for(lambda: lab.ran("status")["gnb"]["error_indications"] == heard + 10,
             "the gNB to have heard of each")


def test_a_users_false_source_address_is_dropped(lab):
    before = dropped(lab, "no_pdr")
    victim = addresses.ue_address(2, 4)
    false = bytes(IP(src=victim, dst=addresses.CENTRE[4]) / ICMP())
    ue = lab.net.ue(1)
    with ue.inside():
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    with raw:
        for _ in range(10):
            raw.sendto(false, (addresses.CENTRE[4], 0))
    wait_for(lambda: dropped(lab, "no_pdr") >= before + 10, "10 drops as no_pdr")


@pytest.mark.parametrize("family", [4, 6])
def test_mutated_gtpu_is_survived(lab, family):
    seeds = [
        uplink(INNER),
        uplink(IPv6(src=addresses.ue_address(1, 6), dst=addresses.CENTRE[6]) / UDP(dport=53)
               / DNS(qd=DNSQR(qname=addresses.VIDEO_NAME))),
        bytes(GTP_U_Header(gtp_type=1, S=1, seq=7)),
        bytes(GTP_U_Header(gtp_type=26, teid=0) / Raw(b"\x10\x00\x00\x00\x01\x85\x00\x04\x01\x02")),
    ]
    deliver(lab, lambda some: send_all(lab.net.place("ran"), addresses.N3_GNB[family],
                                       (addresses.N3_UPF[family], 2152), some), mutants(seeds))


def test_mutated_frames_are_survived(lab):
    user.ping_ms(lab.net.ue(1), addresses.CENTRE[4])  # so that the gNB knows the UPF
    upf = mac_of_upf(lab, "ran", addresses.N3_UPF[4])
    outer = IP(src=addresses.N3_GNB[4], dst=addresses.N3_UPF[4])
    seeds = [bytes(Ether(dst=upf, src="02:00:00:00:00:99") / layer) for layer in (
        outer / UDP(sport=2152, dport=2152) / Raw(uplink(INNER)),
        outer / ICMP() / Raw(bytes(40)),
        IPv6(src=addresses.N3_GNB[6], dst=addresses.N3_UPF[6]) / UDP(dport=2152)
        / Raw(uplink(INNER)),
        ARP(op=1, psrc="192.168.3.9", pdst=addresses.N3_UPF[4]),
    )]
    # A frame has at least its addresses and type, or the kernel does not take it.
    frames = [data for data in mutants(seeds) if len(data) >= 14]
    deliver(lab, lambda some: send_frames(lab.net.place("ran"), "n3", some), frames)


def test_mutated_dns_queries_are_survived(lab):
    seeds = [bytes(DNS(rd=1, qd=DNSQR(qname=name, qtype=kind)))
             for name in (addresses.VIDEO_NAME, "a." * 60 + "example") for kind in ("A", "AAAA")]
    looped = bytes(DNS(rd=1))[:4] + b"\x00\x01" + bytes(6) + b"\xc0\x0c\x00\x01\x00\x01"
    deliver(lab, lambda some: send_all(lab.net.ue(1), addresses.ue_address(1, 4),
                                       (addresses.RESOLVER[4], 53), some),
            [looped, *mutants(seeds)])


def pfcp_seeds():
    node = pfcp.IE_NodeId(id_type=0, ipv4=OTHER_SMF)
    recovery = pfcp.IE_RecoveryTimeStamp(timestamp=1_700_000_000 + NTP_OFFSET)
    pdr = pfcp.IE_CreatePDR(IE_list=[
        pfcp.IE_PDR_Id(id=1), pfcp.IE_Precedence(precedence=1),
        pfcp.IE_PDI(IE_list=[
            pfcp.IE_SourceInterface(interface=0), pfcp.IE_FTEID(CH=1, V4=1),
            pfcp.IE_UE_IP_Address(V4=1, ipv4="10.45.200.1"),
            pfcp.IE_SDF_Filter(FD=1, flow_description="permit out ip from any to assigned")]),
        pfcp.IE_OuterHeaderRemoval(header=0), pfcp.IE_FAR_Id(id=1)])
    far = pfcp.IE_CreateFAR(IE_list=[
        pfcp.IE_FAR_Id(id=1), pfcp.IE_ApplyAction(FORW=1),
        pfcp.IE_ForwardingParameters(IE_list=[pfcp.IE_DestinationInterface(interface=1)])])
    head = {"version": 1, "seq": 5}
    return [bytes(message) for message in (
        pfcp.PFCP(**head) / pfcp.PFCPHeartbeatRequest(IE_list=[recovery]),
        pfcp.PFCP(**head) / pfcp.PFCPAssociationSetupRequest(IE_list=[node, recovery]),
        pfcp.PFCP(**head, S=1) / pfcp.PFCPSessionEstablishmentRequest(IE_list=[
            node, pfcp.IE_FSEID(v4=1, seid=1, ipv4=OTHER_SMF), pdr, far]),
        pfcp.PFCP(**head, S=1, seid=1) / pfcp.PFCPSessionModificationRequest(IE_list=[pdr]),
    )]


def test_mutated_pfcp_is_survived_and_counted(lab):
    def malformed():
        return lab.upf_metrics().total("sluice_upf_n4_malformed_total")
    before = malformed()
    send_all(lab.net.place("ran"), OTHER_SMF, (addresses.N4_UPF, 8805),
             mutants(pfcp_seeds()))
    wait_for(lambda: malformed() > before, "malformed PFCP to be counted")
