"""N4 as judged from outside: scapy plays the SMF, tshark reads every message that we send.

Runs build/upf-dataplane/pfcp/pfcp_test_server (SLUICE_BUILD names another build directory).
"""

import json
import os
import pathlib
import select
import socket
import subprocess

import pytest
from scapy.contrib import pfcp as p
from scapy.layers.inet import IP, UDP
from scapy.utils import wrpcap

from scapy_smf import (ACCEPTED, SMF_SEID, STARTED, TIMEOUT_S, Smf, create_far, create_pdr, find, flow,
                       node_id, outcome, tshark, up_seid)

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("SLUICE_BUILD", "build")
SERVER = BUILD / "upf-dataplane/pfcp/pfcp_test_server"

class Server:
    """The server's process and the lines that it prints."""

    def __init__(self, *args):
        self.process = subprocess.Popen([SERVER, *args], stdout=subprocess.PIPE)
        try:
            self.port = self.line()["listening"]
        except BaseException:
            self.stop()
            raise

    def line(self):
        ready, _, _ = select.select([self.process.stdout], [], [], TIMEOUT_S)
        assert ready, "the server printed nothing"
        return json.loads(self.process.stdout.readline())

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def server():
    running = Server()
    yield running
    running.stop()


@pytest.fixture
def smf(server):
    client = Smf(server.port)
    yield client
    client.socket.close()


def gnb_tunnel(teid):
    return p.IE_OuterHeaderCreation(GTPUUDPIPV4=1, TEID=teid, ipv4="192.168.0.200")


def uplink_pdi(*more):
    return [
        p.IE_SourceInterface(interface="Access"),
        p.IE_FTEID(CH=1, V4=1),
        p.IE_NetworkInstance(instance="access"),
        p.IE_UE_IP_Address(V4=1, ipv4="10.45.0.2"),
        *more,
    ]


def plain_rules(*filters):
    return [
        create_pdr(1, uplink_pdi(*filters), 1, [p.IE_OuterHeaderRemoval(header=0)]),
        create_pdr(
            2,
            [
                p.IE_SourceInterface(interface="Core"),
                p.IE_UE_IP_Address(SD=1, V4=1, ipv4="10.45.0.2"),
            ],
            2,
        ),
        create_far(1, [p.IE_DestinationInterface(interface="Core")]),
        create_far(2, [p.IE_DestinationInterface(interface="Access"), gnb_tunnel(0x500)]),
    ]


def test_association_tells_who_we_are_and_what_we_can(smf):
    response = smf.associate()
    assert isinstance(response.payload, p.PFCPAssociationSetupResponse)
    assert outcome(response) == (ACCEPTED, None)
    ies = response.payload.IE_list
    assert find(ies, p.IE_NodeId).id == b"upf.example"
    features = find(ies, p.IE_UPFunctionFeatures)
    assert (features.FTUP, features.BUCP, features.EMPU, features.DDND) == (1, 0, 1, 1)
    assert (features.PDIU, features.FRRT, features.PFDM, features.QUOAC) == (1, 1, 1, 1)
    assert (features.TREU, features.HEEU, features.PFDE) == (1, 0, 0)


def test_heartbeat_repeats_the_start_time_of_the_association(smf):
    started = find(smf.associate().payload.IE_list, p.IE_RecoveryTimeStamp).timestamp
    beat = smf.request(
        p.PFCPHeartbeatRequest(IE_list=[p.IE_RecoveryTimeStamp(timestamp=STARTED)])
    )
    assert isinstance(beat.payload, p.PFCPHeartbeatResponse)
    assert find(beat.payload.IE_list, p.IE_RecoveryTimeStamp).timestamp == started


def test_a_session_lives_as_the_smf_says(server, smf):
    smf.associate()
    response = smf.establish(plain_rules(flow("permit out 17 from 192.0.2.0/24 53 to assigned")))
    assert outcome(response) == (ACCEPTED, None)
    assert response.seid == SMF_SEID
    created = find(response.payload.IE_list, p.IE_CreatedPDR).IE_list
    assert find(created, p.IE_PDR_Id).id == 1
    f_teid = find(created, p.IE_FTEID)
    assert f_teid.ipv4 == "192.168.0.1"

    installed = server.line()
    assert installed["installed"] == up_seid(response)
    assert installed["pdrs"]["1"] == {
        "precedence": 200,
        "source": 0,
        "network_instance": "access",
        "remove_outer_header": True,
        "far": 1,
        "teid": f_teid.TEID,
        "ue": "10.45.0.2",
        "sdf": [
            {
                "protocol": 17,
                "remote": "192.0.2.0/24",
                "remote_ports": [[53, 53]],
                "local": None,
                "local_ports": [],
            }
        ],
    }
    far = installed["fars"]["2"]
    assert (far["peer"], far["teid"], far["forward"]) == ("192.168.0.200", 0x500, True)

    seid = up_seid(response)
    handover = p.IE_UpdateFAR(
        IE_list=[
            p.IE_FAR_Id(id=2),
            p.IE_UpdateForwardingParameters(IE_list=[gnb_tunnel(0x501)]),
        ]
    )
    assert outcome(smf.modify(seid, [handover])) == (ACCEPTED, None)
    assert server.line()["fars"]["2"]["teid"] == 0x501

    response = smf.delete(seid)
    assert (outcome(response), response.seid) == ((ACCEPTED, None), SMF_SEID)
    assert server.line() == {"removed": seid}
    assert outcome(smf.delete(seid)) == (65, None)


REFUSED = {
    "no association": (None, plain_rules(), (72, 60)),
    "a malformed filter": ("smf.example", plain_rules(flow("permit out tcp from any")), (69, 23)),
    "a missing FAR": ("smf.example", plain_rules()[:3], (73, 108)),
    "a guarantee above the limit": (
        "smf.example",
        plain_rules()
        + [
            p.IE_CreateQER(
                IE_list=[
                    p.IE_QER_Id(id=1),
                    p.IE_GateStatus(),
                    p.IE_MBR(ul=1000, dl=1000),
                    p.IE_GBR(ul=1001, dl=1000),
                ]
            )
        ],
        (69, 27),
    ),
    "duplication without parameters": (
        "smf.example",
        [
            create_pdr(1, uplink_pdi(), 1),
            create_far(1, [p.IE_DestinationInterface(interface="Core")], FORW=1, DUPL=1),
        ],
        (67, 5),
    ),
    "a usage report without id": ("smf.example", plain_rules() + [p.IE_CreateURR()], (66, 81)),
    "no rules": ("smf.example", [], (66, 1)),
}


@pytest.mark.parametrize("node, rules, expected", REFUSED.values(), ids=REFUSED.keys())
def test_refusals_name_cause_and_element(server, smf, node, rules, expected):
    if node:
        smf.associate(node)
    response = smf.establish(rules)
    assert outcome(response) == expected
    assert response.seid == SMF_SEID
    # What is installed next is the first that was installed at all.
    smf.associate()
    good = smf.establish(plain_rules())
    assert server.line()["installed"] == up_seid(good)


def test_malformed_datagrams_do_no_harm(smf):
    smf.associate()
    whole = bytes(
        p.PFCP(S=1, seid=0, seq=99)
        / p.PFCPSessionEstablishmentRequest(
            IE_list=[node_id(), p.IE_FSEID(v4=1, seid=1, ipv4="127.0.0.1")] + plain_rules()
        )
    )
    for end in range(len(whole)):
        smf.send(whole[:end])
    for at in range(4, len(whole)):
        smf.send(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
    # The server still answers; the responses to what could be read come before.
    smf.send(p.PFCP(S=0, seq=0xABCDEF) / p.PFCPHeartbeatRequest())
    while smf.receive().seq != 0xABCDEF:
        pass


def test_a_quiet_smf_is_probed():
    server = Server("50")
    try:
        smf = Smf(server.port)
        smf.associate()
        probe = smf.receive()
        assert isinstance(probe.payload, p.PFCPHeartbeatRequest)
        smf.send(
            p.PFCP(S=0, seq=probe.seq)
            / p.PFCPHeartbeatResponse(IE_list=[p.IE_RecoveryTimeStamp(timestamp=STARTED)])
        )
        assert smf.receive().seq != probe.seq, "a new probe, not a repeated one"
        smf.socket.close()
    finally:
        server.stop()


def test_tshark_reads_every_kind_of_message_that_we_send(tmp_path):
    server = Server("50")
    try:
        smf = Smf(server.port)
        smf.associate()
        smf.receive()  # a Heartbeat Request
        smf.request(p.PFCPHeartbeatRequest(IE_list=[p.IE_RecoveryTimeStamp(timestamp=STARTED)]))
        smf.request(p.PFCPAssociationUpdateRequest(IE_list=[node_id()]))
        session = up_seid(smf.establish(plain_rules()))
        smf.establish(plain_rules(flow("nonsense")))
        smf.establish([])
        smf.modify(session, [create_pdr(3, uplink_pdi(), 1)])
        smf.modify(session, [p.IE_RemoveFAR(IE_list=[p.IE_FAR_Id(id=9)])])
        smf.delete(session)
        smf.request(p.PFCPPFDManagementRequest())
        smf.request(p.PFCPSessionSetDeletionRequest(IE_list=[node_id()]))
        smf.raw_request(16)  # Session Set Modification Request
        smf.send(bytes([0x40, 5, 0, 4, 0, 0, 9, 0]))  # of a later version
        smf.receive()
        smf.request(p.PFCPAssociationReleaseRequest(IE_list=[node_id()]))
        smf.socket.close()
    finally:
        server.stop()

    capture = tmp_path / "n4.pcap"
    wrpcap(
        str(capture),
        [IP() / UDP(sport=8805, dport=8805) / data for data in smf.received],
    )
    types = tshark(capture, "-T", "fields", "-e", "pfcp.msg_type").split()
    assert {int(t) for t in types} == {1, 2, 4, 6, 8, 10, 11, 15, 17, 51, 53, 55}
    # The dissector's notes about requests that are not in the capture are not complaints.
    assert tshark(capture, "-Y", "_ws.malformed or _ws.expert.severity >= warning") == ""
    causes = tshark(capture, "-T", "fields", "-e", "pfcp.cause", "-Y", "pfcp.msg_type == 51")
    assert causes.split() == ["1", "69", "66"]
