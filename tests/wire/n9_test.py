"""Tunnels between UPFs (N9) and the copies that an SMF asks for (DUPL), as scapy's anchor UPF, base station,
core and collector of copies see them.
"""

import pytest
from scapy.contrib import pfcp as p
from scapy.layers.inet import IP, UDP
from scapy.packet import Raw

from n4_test import FROM_ACCESS, FROM_CORE, GNB_TEID, Site, choose, stop_in_order, tunnel
from scapy_smf import ACCEPTED, create_far, create_pdr, flow, outcome
from upf_test import a_hop_later
from wire_site import serving

ANCHOR_TEID, COPY_TEID = 0x900, 0x901
LOCAL_HOST, FAR_HOST = "203.0.113.10", "198.51.100.7"
UNTUNNEL = p.IE_OuterHeaderRemoval(header=6)
TO_CORE = p.IE_DestinationInterface(interface="Core")
TO_ACCESS = p.IE_DestinationInterface(interface="Access")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("n9"), Site, stop_in_order) as running:
        yield running


@pytest.fixture(autouse=True)
def sessions_end(site):
    yield
    site.end()


def packet(source, destination, text):
    return IP(src=source, dst=destination) / UDP(sport=4000, dport=4001) / Raw(text)


def untouched(inner):
    """What passes from tunnel to tunnel loses no hop here; what leaves on N6 does."""
    return bytes(inner), a_hop_later(inner)


def test_an_uplink_classifier_branches_and_brings_both_ways_together(site):
    ue = "10.45.0.20"
    of_ue = p.IE_UE_IP_Address(V4=1, ipv4=ue)
    created = site.establish([
        p.IE_CreatePDR(IE_list=[
            p.IE_PDR_Id(id=1), p.IE_Precedence(precedence=10),
            p.IE_PDI(IE_list=[FROM_ACCESS, choose(5), of_ue,
                              flow(f"permit out 17 from {LOCAL_HOST} to assigned")]),
            UNTUNNEL, p.IE_FAR_Id(id=1)]),
        create_pdr(2, [FROM_ACCESS, choose(5), of_ue], 2, [UNTUNNEL]),
        create_pdr(3, [FROM_CORE, p.IE_UE_IP_Address(SD=1, V4=1, ipv4=ue)], 3),
        create_pdr(4, [FROM_CORE, choose(6)], 3, [UNTUNNEL]),
        create_far(1, [TO_CORE]), create_far(2, [TO_CORE, tunnel(ANCHOR_TEID)]),
        create_far(3, [TO_ACCESS, tunnel(GNB_TEID)])])
    from_gnb, from_anchor = created[1][0], created[4][0]
    assert from_gnb == created[2][0] != from_anchor
    site.upf.wait_for("neighbour answers address=192.168.3.2")

    local = packet(ue, LOCAL_HOST, b"leaves here")
    site.to_n3(from_gnb, local)
    frame = site.links["n6"].receive(lambda f: b"leaves here" in f)
    assert frame is not None and frame[14:] == a_hop_later(local)
    far = packet(ue, FAR_HOST, b"to the anchor")
    site.to_n3(from_gnb, far)
    assert site.tunnelled(ANCHOR_TEID, b"to the anchor") in untouched(far)

    for text, send in ((b"from here", site.to_n6),
                       (b"by the anchor", lambda inner: site.to_n3(from_anchor, inner))):
        inner = packet(FAR_HOST, ue, text)
        send(inner)
        assert site.tunnelled(GNB_TEID, text) in untouched(inner)


@pytest.mark.parametrize("forwards", [True, False])
def test_copies_leave_in_a_tunnel_of_their_own(site, forwards):
    ue = "10.45.0.21"
    of_ue = p.IE_UE_IP_Address(V4=1, ipv4=ue)
    copy = p.IE_DuplicatingParameters(IE_list=[TO_CORE, tunnel(COPY_TEID)])
    action = {"FORW": 1} if forwards else {"DROP": 1}
    far = create_far(1, [TO_CORE], DUPL=1, **action)
    far.IE_list.append(copy)
    created = site.establish([
        create_pdr(1, [FROM_ACCESS, choose(), of_ue], 1, [UNTUNNEL]),
        create_pdr(2, [FROM_CORE, p.IE_UE_IP_Address(SD=1, V4=1, ipv4=ue)], 2),
        far, create_far(2, [TO_ACCESS, tunnel(GNB_TEID)])])
    site.upf.wait_for("neighbour answers address=192.168.3.2")
    copies = site.upf.metrics().get("sluice_upf_copied_packets_total", 0)
    inner = packet(ue, FAR_HOST, b"for two")
    site.to_n3(created[1][0], inner)
    assert site.tunnelled(COPY_TEID, b"for two") in untouched(inner)
    original = site.links["n6"].receive(lambda f: b"for two" in f, timeout=3 if forwards else 0.3)
    assert (original is not None) == forwards
    assert site.upf.metrics()["sluice_upf_copied_packets_total"] == copies + 1

    # An update without DUPL ends it.
    response = site.smf.modify(site.seids[-1], [p.IE_UpdateFAR(IE_list=[
        p.IE_FAR_Id(id=1), p.IE_ApplyAction(FORW=1)])])
    assert outcome(response) == (ACCEPTED, None)
    site.to_n3(created[1][0], packet(ue, FAR_HOST, b"for one"))
    assert site.links["n6"].receive(lambda f: b"for one" in f) is not None
    assert site.links["n3"].receive(lambda f: b"for one" in f, timeout=0.3) is None
