"""The lab judged by a UPF that shares no code with it: is what it says PFCP and GTP-U, and does a
UE's user get packets through?"""

import contextlib
import json
import pathlib
import socket
import subprocess

import pytest
from fake_upf import FakeUpf, downlink, find
from scapy.contrib import pfcp
from scapy.layers.inet import ICMP, IP

from lab import addresses, topology, user
from lab.lab import Lab
from lab.processes import wait_for
from lab.web_server import content_hash


def give_to_kernel(place, interface, own):
    """Makes an interface that is meant for the UPF one that the kernel's sockets can use."""
    place.sysctl(**{f"ipv6__conf__{interface}__disable_ipv6": 0})
    for command in (f"link set {interface} arp on", f"addr add {own[4]}/24 dev {interface}",
                    f"addr add {own[6]}/64 dev {interface} nodad"):
        subprocess.run(["ip", "-n", place.name, *command.split()], check=True)


@contextlib.contextmanager
def lab_and_upf(show_logs, ues, outer="ipv4", cross_connect=False):
    with Lab(ues=ues, outer=outer) as lab:
        show_logs(lab)
        site = lab.net.place("site")
        give_to_kernel(site, "n3", addresses.N3_UPF)
        with FakeUpf(site, cross_connect) as upf:
            lab.start_ran()
            yield lab, upf
            lab.processes["ran"].stop()  # while there is somebody to say goodbye to
        assert not upf.errors


@pytest.fixture(scope="module", params=["ipv4", "ipv6"])
def reflecting(request, show_logs):
    with lab_and_upf(show_logs, ues=3, outer=request.param) as (lab, upf):
        lab.wait_for_sessions()
        yield lab, upf


def gnb(lab):
    return lab.ran("status")["gnb"]


def test_a_session_says_everything_a_upf_needs(reflecting):
    lab, upf = reflecting
    session = upf.session_of(2)
    assert session.ue.ipv4 == addresses.ue_address(2, 4) and session.ue.SD == 0
    assert session.downlink_ue.ipv4 == session.ue.ipv4 and session.downlink_ue.SD == 1
    assert find(session.uplink_pdi, pfcp.IE_FTEID).CH == 1
    assert find(session.uplink_far, pfcp.IE_ApplyAction).FORW == 1
    assert find(find(session.uplink_far, pfcp.IE_ForwardingParameters).IE_list,
                pfcp.IE_DestinationInterface).interface == 1
    assert find(session.downlink_far, pfcp.IE_ApplyAction).FORW == 1
    assert find(session.uplink, pfcp.IE_OuterHeaderRemoval).header in (0, 1)
    assert find(session.qers[0], pfcp.IE_QFI).QFI == 9


@pytest.mark.parametrize("address", ["198.51.100.7", "2001:db8:7::7"])
def test_a_users_packets_go_up_and_come_back(reflecting, address):
    lab, upf = reflecting
    assert user.ping_ms(lab.net.ue(2), address) is not None
    last = upf.gpdus[-1]
    assert last.teid == upf.session_of(2).teid
    container = last.getlayer("GTPPDUSessionContainer")
    assert (container.type, container.QFI) == (1, 9)
    counters = lab.ran("ue", number=2)["counters"]
    assert counters["uplink_packets"] >= 3 and counters["downlink_packets"] >= 3
    assert counters["last_qfi"] == 9


def test_extension_headers_are_skipped_in_any_order(reflecting):
    lab, upf = reflecting
    session = upf.session_of(1)
    inner = bytes(IP(src="198.51.100.7", dst=addresses.ue_address(1, 4)) / ICMP(type=0))
    # Each extension header ends with the type of the next: 40 UDP port, 85 PDU Session Container.
    cases = {
        "none": ("30", ""),
        "sequence number": ("32", "00070000"),
        "container last": ("36", "00070040" "01086885" "01000c00"),
        "container first": ("34", "00000085" "01000c40" "01086800"),
        "two optional ones": ("34", "00000040" "01086840" "01086800"),
    }
    family = 4 if session.gnb == addresses.N3_GNB[4] else 6
    for name, (flags, optional) in cases.items():
        before = lab.ran("ue", number=1)["counters"]["downlink_packets"]
        middle = bytes.fromhex(optional)
        upf.send_to_gnb(bytes.fromhex(flags + "ff") + (len(middle) + len(inner)).to_bytes(2, "big")
                        + session.gnb_teid.to_bytes(4, "big") + middle + inner, family)
        wait_for(lambda: lab.ran("ue", number=1)["counters"]["downlink_packets"] == before + 1,
                 f"delivery with {name}")


def test_bad_gtpu_is_counted_and_survived(reflecting):
    lab, upf = reflecting
    before = gnb(lab)
    good = bytes(downlink(upf.session_of(1).gnb_teid, IP(dst=addresses.ue_address(1, 4)) / ICMP()))
    malformed = [b"", b"\x30", b"\x50" + good[1:], good[:2] + b"\xff\xff" + good[4:],
                 good[:12] + b"\x00" + good[13:]]
    for data in malformed:
        upf.send_to_gnb(data)
    # A PDCP PDU number extension (0xc0) must be understood and is not.
    upf.send_to_gnb(bytes.fromhex("34ff000800000001" "000000c0" "01000100"))
    wait_for(lambda: gnb(lab)["malformed"] == before["malformed"] + len(malformed), "counters")
    assert gnb(lab)["unsupported_extension"] == before["unsupported_extension"] + 1
    assert user.ping_ms(lab.net.ue(1), "198.51.100.7") is not None


def test_an_unknown_teid_is_answered_with_an_error_indication(reflecting):
    lab, upf = reflecting
    upf.send_to_gnb(bytes(downlink(0x01020304, IP() / ICMP())))
    wait_for(lambda: upf.error_indications, "an error indication")
    own = socket.inet_aton(addresses.N3_GNB[4])
    # TEID Data I and GTP-U Peer Address (TS 29.281 7.3.1).
    assert upf.error_indications[-1] == b"\x10\x01\x02\x03\x04" b"\x85\x00\x04" + own
    assert gnb(lab)["unknown_teid"] >= 1


def test_echo_works_both_ways(reflecting):
    lab, upf = reflecting
    before = upf.echo_responses
    upf.send_to_gnb(bytes.fromhex("3201000400000000000a0000"))
    wait_for(lambda: upf.echo_responses == before + 1, "the gNB's echo response")
    wait_for(lambda: gnb(lab)["echo_responses"] > 0, "an echo response to the gNB", timeout_s=5)


def test_malformed_pfcp_is_counted_and_survived(reflecting):
    lab, upf = reflecting
    before = lab.ran("status")["smf"]["malformed"]
    for data in (b"", b"\x20", b"\x20\x02\xff\xff\x00\x00\x01\x00", b"\x20\x01\x00\x02\x00\x00"):
        upf.send_to_smf(data)
    wait_for(lambda: lab.ran("status")["smf"]["malformed"] >= before + 4, "counters")
    assert lab.ran("status")["association"] == "up"


def test_heartbeats_of_the_upf_are_answered(reflecting):
    lab, upf = reflecting
    before = upf.received.count("PFCPHeartbeatResponse")
    upf.send_to_smf(bytes(pfcp.PFCP(version=1, seq=77) / pfcp.PFCPHeartbeatRequest(
        IE_list=[pfcp.IE_RecoveryTimeStamp(timestamp=1)])))
    wait_for(lambda: upf.received.count("PFCPHeartbeatResponse") == before + 1, "the response")


def test_a_restarted_upf_gets_all_sessions_again(reflecting):
    lab, upf = reflecting
    losses = lab.ran("status")["smf"]["association_losses"]
    upf.restart()
    wait_for(lambda: len(upf.sessions) == 3, "three sessions again", timeout_s=10)
    lab.wait_for_sessions()
    assert lab.ran("status")["smf"]["association_losses"] == losses + 1
    assert user.ping_ms(lab.net.ue(3), "198.51.100.7") is not None


def test_a_upf_that_is_away_is_missed_and_comes_back(reflecting):
    lab, upf = reflecting
    upf.deaf = True
    wait_for(lambda: lab.ran("status")["association"] == "down", "the association to be down")
    upf.deaf = False
    upf.restart()
    wait_for(lambda: len(upf.sessions) == 3, "three sessions again", timeout_s=10)


def test_ues_come_and_go(reflecting):
    lab, upf = reflecting
    lab.net.add_ue_place(9)
    lab.ran("add-ue", number=9)
    wait_for(lambda: lab.ran("ue", number=9)["session"] == "up", "the session of UE 9")
    assert user.ping_ms(lab.net.ue(9), "198.51.100.7") is not None
    lab.ran("remove-ue", number=9)
    wait_for(lambda: upf.session_of(9) is None, "the deletion of UE 9's session")
    with pytest.raises(RuntimeError, match="no UE 9"):
        lab.ran("ue", number=9)


@pytest.mark.parametrize("request_line", ["", "[]", "{", '{"command": 7}', '{"command": "ue"}',
                                          '{"command": "ue", "number": -1}',
                                          '{"command": "add-ue", "number": 70000}'])
def test_a_bad_control_request_gets_an_error(reflecting, request_line):
    lab, _ = reflecting
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(lab.net.path("ran.sock"))
        connection.sendall(request_line.encode() + b"\n")
        assert "error" in json.loads(connection.makefile().readline())


def test_a_refused_session_is_tried_again(show_logs):
    with lab_and_upf(show_logs, ues=1) as (lab, upf):
        lab.wait_for_sessions()
        upf.refuse_cause = 75
        upf.restart()
        wait_for(lambda: lab.ran("ue", number=1).get("problem"), "the refusal to show")
        assert "resources" in lab.ran("ue", number=1)["problem"].lower()
        upf.refuse_cause = None
        lab.wait_for_sessions()


def test_many_ues_and_a_clean_goodbye(show_logs):
    with lab_and_upf(show_logs, ues=60) as (lab, upf):
        lab.wait_for_sessions(timeout_s=60)
        assert len(upf.sessions) == 60
        assert user.ping_ms(lab.net.ue(60), "198.51.100.7") is not None
        lab.processes["ran"].stop()
        assert not upf.sessions
        assert upf.released


def test_the_lab_carries_hundreds_of_megabits(show_logs):
    """Two UEs, tunnelled into each other by the gNB alone; printed, for comparing machines."""
    with lab_and_upf(show_logs, ues=2, cross_connect=True) as (lab, _):
        lab.wait_for_sessions()
        server = subprocess.Popen(lab.net.ue(2).enter("iperf3", "-s"), stdout=subprocess.DEVNULL)
        try:
            wait_for(lambda: lab.net.ue(2).run("ss", "-Hltn", "sport = :5201"), "iperf3's server")
            report = json.loads(lab.net.ue(1).run("iperf3", "-c", addresses.ue_address(2, 4), "-t",
                                                  2, "-J"))
            rate = report["end"]["sum_received"]["bits_per_second"]
            print(f"UE to UE through the gNB twice: {rate / 1e6:.0f} Mbit/s")
            assert rate > 100e6
        finally:
            server.kill()
            server.wait()


def test_a_ue_finds_names_by_its_own_resolver_whatever_the_host_uses():
    with topology.Topology(ues=1) as net:
        files = pathlib.Path("/etc/netns", net.ue().name)
        assert addresses.RESOLVER[4] in net.ue().run("cat", "/etc/resolv.conf")
        # A host may ask systemd-resolved (nss "resolve"), which knows nothing of this namespace.
        assert net.ue().run("cat", "/etc/nsswitch.conf") == "hosts: files dns\n"
        assert files.exists()
    assert not files.exists()


def test_the_centre_is_as_far_away_as_said(show_logs):
    with Lab() as lab:
        show_logs(lab)
        site = lab.net.place("site")
        give_to_kernel(site, "n6", addresses.N6_UPF)
        for family in (4, 6):
            subprocess.run(["ip", "-n", site.name, "route", "add", addresses.CENTRE[family], "via",
                            addresses.N6_ROUTER[family]], check=True)
        lab.start_centre(delay_ms=20)
        for family in (4, 6):
            assert 40 <= user.ping_ms(site, addresses.CENTRE[family]) < 60
        host = addresses.CENTRE[4]
        fetched = user.fetch(site, "/bytes/5000000", url=f"http://{host}")
        assert (fetched.served_by, fetched.sha256) == ("centre", content_hash(5_000_000))
        assert user.resolve(lab.net.place("core")) == [host]
