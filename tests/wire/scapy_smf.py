"""An SMF made of scapy's PFCP, which shares no code with ours, and tshark as a judge."""

import socket
import subprocess

from scapy.contrib import pfcp as p

TIMEOUT_S = 3
SMF_SEID = 0x77
STARTED = 3976214400  # 2026-01-01, counted from 1900

ACCEPTED = 1


class Smf:
    """Sends requests built by scapy and keeps what comes back."""

    def __init__(self, port, address="127.0.0.1", own=("127.0.0.1", 0)):
        """A UPF sends its own requests to port 8805 of the address `own`."""
        self.address = own[0]
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(own)
        self.socket.connect((address, port))
        self.socket.settimeout(TIMEOUT_S)
        self.sequence = 0
        self.received = []

    def send(self, data):
        self.socket.send(bytes(data))

    def receive(self):
        data = self.socket.recv(65535)
        self.received.append(data)
        return p.PFCP(data)

    def request(self, message, seid=None):
        self.sequence += 1
        header = p.PFCP(S=0, seq=self.sequence)
        if seid is not None:
            header = p.PFCP(S=1, seid=seid, seq=self.sequence)
        self.send(header / message)
        response = self.receive_but_heartbeats()
        assert response.seq == self.sequence
        return response

    def receive_but_heartbeats(self):
        while isinstance((message := self.receive()).payload, p.PFCPHeartbeatRequest):
            self.send(p.PFCP(S=0, seq=message.seq) /
                      p.PFCPHeartbeatResponse(IE_list=[p.IE_RecoveryTimeStamp(timestamp=STARTED)]))
        return message

    def report(self, seid):
        """The next report of a session of ours, answered. Its message's elements."""
        request = self.receive_but_heartbeats()
        assert isinstance(request.payload, p.PFCPSessionReportRequest)
        assert request.seid == SMF_SEID
        self.send(p.PFCP(S=1, seid=seid, seq=request.seq) /
                  p.PFCPSessionReportResponse(IE_list=[p.IE_Cause(cause=ACCEPTED)]))
        return request.payload.IE_list

    def raw_request(self, message_type, body=b"", seid=None):
        self.sequence += 1
        rest = self.sequence.to_bytes(3, "big") + b"\0" + body
        if seid is not None:
            rest = seid.to_bytes(8, "big") + rest
        flags = 0x21 if seid is not None else 0x20
        self.send(bytes([flags, message_type]) + len(rest).to_bytes(2, "big") + rest)
        return self.receive()

    def associate(self, node="smf.example", started=STARTED):
        return self.request(
            p.PFCPAssociationSetupRequest(
                IE_list=[node_id(node), p.IE_RecoveryTimeStamp(timestamp=started)]
            )
        )

    def establish(self, rules):
        head = [node_id(), p.IE_FSEID(v4=1, seid=SMF_SEID, ipv4=self.address)]
        return self.request(p.PFCPSessionEstablishmentRequest(IE_list=head + rules), seid=0)

    def modify(self, seid, ies):
        return self.request(p.PFCPSessionModificationRequest(IE_list=ies), seid=seid)

    def delete(self, seid):
        return self.request(p.PFCPSessionDeletionRequest(), seid=seid)


def node_id(name="smf.example"):
    return p.IE_NodeId(id_type="FQDN", id=name)


def create_pdr(number, pdi, far, more=()):
    return p.IE_CreatePDR(
        IE_list=[
            p.IE_PDR_Id(id=number),
            p.IE_Precedence(precedence=200),
            p.IE_PDI(IE_list=pdi),
            *more,
            p.IE_FAR_Id(id=far),
        ]
    )


def create_far(number, parameters, **action):
    return p.IE_CreateFAR(
        IE_list=[
            p.IE_FAR_Id(id=number),
            p.IE_ApplyAction(**(action or {"FORW": 1})),
            p.IE_ForwardingParameters(IE_list=parameters),
        ]
    )


def flow(description):
    return p.IE_SDF_Filter(FD=1, flow_description=description)


def find(ies, kind):
    """The first element of a kind at this level, or None."""
    return next((ie for ie in ies if isinstance(ie, kind)), None)


def outcome(response):
    """(cause, offending IE or None) of a response."""
    ies = response.payload.IE_list
    offending = find(ies, p.IE_OffendingIE)
    return find(ies, p.IE_Cause).cause, offending.type if offending else None


def up_seid(response):
    return find(response.payload.IE_list, p.IE_FSEID).seid


def tshark(capture, *args):
    done = subprocess.run(
        ["tshark", "-n", "-r", capture, *args], capture_output=True, text=True, check=True
    )
    return done.stdout
