"""What a running UPF puts on its wires, judged by tshark."""

import ipaddress
import json
import subprocess

import pytest
from capture import capture

from lab import addresses, streaming_case, user
from lab.lab import Lab
from lab.processes import wait_for

CHECKSUMS = [option for layer in ("ip", "udp", "tcp")
             for option in ("-o", f"{layer}.check_checksum:TRUE")]
# Not everything that tshark remarks on is wrong: retransmissions, closed ports and the like.
WRONG = ("_ws.malformed || ip.checksum.status == 0 || udp.checksum.status == 0 || "
         "tcp.checksum.status == 0 || icmp.checksum.status == 0 || icmpv6.checksum.status == 0")


@pytest.fixture(scope="module", params=["ipv4", "ipv6"])
def lab(request, show_logs):
    with Lab(ues=2, outer=request.param) as lab:
        show_logs(lab)
        lab.start_everything()
        streaming_case.switch(streaming_case.deploy(lab), on=True)
        wait_for(lambda: user.fetch(lab.net.ue()).served_by == "edge", "steering")
        yield lab


def dissect(path, display_filter, *fields):
    """The fields of every packet that passes the filter: lists of values, inner layers last."""
    options = [option for field in fields for option in ("-e", field)]
    done = subprocess.run(["tshark", "-r", path, *CHECKSUMS, "-Y", display_filter, "-T", "json",
                           *options], capture_output=True, text=True, check=True)
    return [packet["_source"].get("layers", {}) for packet in json.loads(done.stdout or "[]")]


def use_everything(lab):
    ue = lab.net.ue()
    for family in (4, 6):
        for host in (addresses.APP, addresses.CENTRE):
            assert user.ping_ms(ue, host[family]) is not None
        assert user.fetch(ue, "/bytes/100000", family).served_by == "edge"
        assert user.resolve(ue, kind={4: "A", 6: "AAAA"}[family]) == [addresses.APP[family]]
    user.resolve(ue, kind="MX")


def test_what_the_gnb_receives_is_flawless_gtpu(lab, tmp_path):
    path = str(tmp_path / "n3.pcap")
    with capture(lab.net.place("ran"), "n3", path):
        use_everything(lab)
    assert dissect(path, WRONG, "frame.number") == []
    to_gnb = f"gtp.message == 0xff && udp.dstport == 2152 && eth.src == {mac(lab, 'n3')}"
    packets = dissect(path, to_gnb, "gtp.ext_hdr.pdu_ses_con.pdu_type",
                      "gtp.ext_hdr.pdu_ses_con.qos_flow_id", "gtp.teid")
    assert len(packets) > 100
    for packet in packets:
        assert packet["gtp.ext_hdr.pdu_ses_con.pdu_type"] == ["0"]  # downlink, TS 38.415 5.5.3.1
        assert packet["gtp.ext_hdr.pdu_ses_con.qos_flow_id"] == ["9"]
    assert len({packet["gtp.teid"][0] for packet in packets}) == 1


def test_dns_answers_of_the_upf_are_flawless(lab, tmp_path):
    path = str(tmp_path / "dns.pcap")
    with capture(lab.net.place("ran"), "n3", path):
        for kind in ("A", "AAAA"):
            user.resolve(lab.net.ue(), kind=kind)
    fields = ("dns.qry.name", "dns.flags.rcode", "dns.resp.ttl", "dns.a", "dns.aaaa", "dns.id")
    queries = {p["dns.id"][0] for p in dissect(path, "dns.flags.response == 0", *fields)}
    answers = dissect(path, "dns.flags.response == 1 && !icmp", *fields)
    assert {p["dns.id"][0] for p in answers} == queries
    seen = set()
    for answer in answers:
        assert answer["dns.qry.name"] == [addresses.VIDEO_NAME]
        assert answer["dns.flags.rcode"] == ["0"]
        assert answer["dns.resp.ttl"] == [str(streaming_case.DNS_TTL_S)]
        seen |= {str(ipaddress.ip_address(a))
                 for a in answer.get("dns.a", []) + answer.get("dns.aaaa", [])}
    assert seen == set(addresses.APP.values())


@pytest.mark.parametrize("place, interface", [("edge", "ldn"), ("core", "n6")])
def test_what_leaves_towards_networks_is_plain_ip(lab, tmp_path, place, interface):
    path = str(tmp_path / "out.pcap")
    with capture(lab.net.place(place), interface, path):
        use_everything(lab)
    assert dissect(path, WRONG, "frame.number") == []
    assert dissect(path, "gtp", "frame.number") == []
    from_ue = dissect(path, f"ip.src == {addresses.ue_address(1, 4)} && tcp.dstport == 80 || "
                            f"ipv6.src == {addresses.ue_address(1, 6)} && tcp.dstport == 80",
                      "ip.dst", "ipv6.dst")
    destinations = {value for packet in from_ue for values in packet.values() for value in values}
    assert destinations == (set(addresses.APP.values()) if place == "edge" else set())
    # Pings to the app pass the edge, those to the centre the core: of both versions, and no others.
    here = {"edge": addresses.APP, "core": addresses.CENTRE}[place]
    pings = dissect(path, f"ip.src == {addresses.ue_address(1, 4)} && icmp.type == 8 || "
                          f"ipv6.src == {addresses.ue_address(1, 6)} && icmpv6.type == 128",
                    "ip.dst", "ipv6.dst")
    assert {value for packet in pings for values in packet.values() for value in values} \
        == set(here.values())


def test_n4_is_flawless(lab, tmp_path):
    path = str(tmp_path / "n4.pcap")
    lab.net.add_ue_place(7)
    with capture(lab.net.place("ran"), "n4", path):
        lab.ran("add-ue", number=7)
        wait_for(lambda: lab.ran("ue", number=7)["session"] == "up", "the session of UE 7")
        lab.ran("remove-ue", number=7)
        wait_for(lambda: lab.ran("status")["sessions"]["wanted"] == 2, "its deletion")
    assert dissect(path, WRONG, "frame.number") == []
    types = [int(p["pfcp.msg_type"][0]) for p in dissect(path, "pfcp", "pfcp.msg_type")]
    assert {50, 51, 54} <= set(types)
    created = dissect(path, "pfcp.msg_type == 51", "pfcp.cause", "pfcp.f_teid.teid")
    assert created[0]["pfcp.cause"] == ["1"] and "pfcp.f_teid.teid" in created[0]


def mac(lab, interface):
    """The address of the UPF's port: its end of the link."""
    done = subprocess.run(["ip", "-n", lab.net.place("site").name, "-j", "link", "show",
                           interface], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)[0]["address"]
