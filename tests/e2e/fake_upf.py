"""A UPF for judging the lab: PFCP by scapy, so that it shares no code with ours.

It answers N4 and either reflects G-PDUs (an inner packet comes back with its addresses swapped) or,
told to cross-connect, hands each UE a tunnel that leads straight to its neighbour's downlink: then
only the lab itself is in the path between two UEs.
"""

import selectors
import socket
import threading
import time

from scapy.contrib import pfcp
from scapy.contrib.gtp import GTP_U_Header, GTPPDUSessionContainer
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, IPv6

from lab import addresses

NTP_OFFSET = 2208988800  # seconds from 1900 to 1970


class Session:
    def __init__(self, request):
        """Reads a PFCPSessionEstablishmentRequest; KeyError or IndexError when it lacks what a UPF
        needs."""
        elements = request.IE_list
        self.cp_seid = find(elements, pfcp.IE_FSEID).seid
        pdrs = {find(pdr.IE_list, pfcp.IE_PDR_Id).id: pdr.IE_list
                for pdr in find_all(elements, pfcp.IE_CreatePDR)}
        fars = {find(far.IE_list, pfcp.IE_FAR_Id).id: far.IE_list
                for far in find_all(elements, pfcp.IE_CreateFAR)}
        self.qers = [qer.IE_list for qer in find_all(elements, pfcp.IE_CreateQER)]
        by_source = {}
        for pdr in pdrs.values():
            pdi = find(pdr, pfcp.IE_PDI).IE_list
            by_source[find(pdi, pfcp.IE_SourceInterface).interface] = pdr
        self.uplink, self.downlink = by_source[0], by_source[1]
        self.uplink_pdi = find(self.uplink, pfcp.IE_PDI).IE_list
        self.ue = find(self.uplink_pdi, pfcp.IE_UE_IP_Address)
        self.downlink_ue = find(find(self.downlink, pfcp.IE_PDI).IE_list, pfcp.IE_UE_IP_Address)
        self.uplink_far = fars[find(self.uplink, pfcp.IE_FAR_Id).id]
        self.downlink_far = fars[find(self.downlink, pfcp.IE_FAR_Id).id]
        outer = find(find(self.downlink_far, pfcp.IE_ForwardingParameters).IE_list,
                     pfcp.IE_OuterHeaderCreation)
        self.gnb_teid = outer.TEID
        self.gnb = outer.ipv4 if outer.GTPUUDPIPV4 else outer.ipv6
        self.teid = None


def find_all(elements, kind):
    return [element for element in elements if isinstance(element, kind)]


def find(elements, kind):
    found = find_all(elements, kind)
    if len(found) != 1:
        raise KeyError(f"{len(found)} {kind.__name__} where one belongs")
    return found[0]


class FakeUpf:
    """Runs as a thread on sockets in `place`, whose kernel must have the UPF's N3 addresses."""

    def __init__(self, place, cross_connect=False):
        self._cross_connect = cross_connect
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._sockets = {}
        self.refuse_cause = None  # what session establishments are answered with instead
        self.deaf = False         # receives and does nothing
        self.errors = []          # what went wrong in the thread
        self.received = []        # PFCP message types by name
        self.gpdus = []           # the last received, as scapy packets
        self.error_indications = []  # their information elements, as octets
        self.echo_responses = 0
        self.released = False
        self.restart(0)
        with place.inside():
            self._open("n4", addresses.N4_UPF, 8805)
            self._open("n3-4", addresses.N3_UPF[4], 2152)
            self._open("n3-6", addresses.N3_UPF[6], 2152)
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        for one in self._sockets.values():
            one.close()

    def restart(self, seconds_later=2):
        """Loses all state, as a UPF that crashed does."""
        with self._lock:
            self.sessions = {}
            self._recovery = int(time.time()) + NTP_OFFSET + seconds_later
            self._associated = False

    def session_of(self, number):
        """The session of the UE with that IPv4 address."""
        address = addresses.ue_address(number, 4)
        return next((s for s in self.sessions.values() if s.ue.ipv4 == address), None)

    def send_to_gnb(self, data, family=4):
        """Any UDP payload to the gNB's GTP-U port."""
        self._sockets[f"n3-{family}"].sendto(data, (addresses.N3_GNB[family], 2152))

    def send_to_smf(self, data):
        self._sockets["n4"].sendto(data, (addresses.N4_SMF, 8805))

    def _open(self, name, address, port):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._sockets[name] = socket.socket(family, socket.SOCK_DGRAM)
        self._sockets[name].bind((address, port))

    def _serve(self):
        selector = selectors.DefaultSelector()
        for name, one in self._sockets.items():
            selector.register(one, selectors.EVENT_READ, name)
        while not self._stop.is_set():
            for key, _ in selector.select(timeout=0.05):
                data, peer = key.fileobj.recvfrom(65535)
                if self.deaf:
                    continue
                try:
                    with self._lock:
                        if key.data == "n4":
                            self._n4(data, peer)
                        else:
                            self._n3(key.fileobj, data, peer)
                except Exception as error:  # shown by the test; the thread must go on
                    self.errors.append(error)

    # -- N4 ---------------------------------------------------------------------------------------

    def _n4(self, data, peer):
        message = pfcp.PFCP(data)
        if bytes(message) != data:
            self.errors.append(ValueError(f"scapy writes {message.summary()} differently"))
        body = message.payload
        self.received.append(type(body).__name__)  # NoPayload: a deletion request
        reply = self._answer(message, body)
        if reply is not None:
            self._sockets["n4"].sendto(bytes(reply), peer)

    def _answer(self, message, body):
        header = {"version": 1, "seq": message.seq}
        node = pfcp.IE_NodeId(id_type=0, ipv4=addresses.N4_UPF)
        recovery = pfcp.IE_RecoveryTimeStamp(timestamp=self._recovery)
        accepted = pfcp.IE_Cause(cause=1)
        if isinstance(body, pfcp.PFCPHeartbeatRequest):
            return pfcp.PFCP(**header) / pfcp.PFCPHeartbeatResponse(IE_list=[recovery])
        if isinstance(body, pfcp.PFCPAssociationSetupRequest):
            self._associated = True
            return pfcp.PFCP(**header) / pfcp.PFCPAssociationSetupResponse(
                IE_list=[node, accepted, recovery])
        if isinstance(body, pfcp.PFCPAssociationReleaseRequest):
            self.released = True
            return pfcp.PFCP(**header) / pfcp.PFCPAssociationReleaseResponse(
                IE_list=[node, accepted])
        if isinstance(body, pfcp.PFCPSessionEstablishmentRequest):
            return self._establish(header, node, body)
        if message.message_type == 54:  # session deletion: has no elements, hence no payload
            session = self.sessions.pop(message.seid, None)
            cause = accepted if session else pfcp.IE_Cause(cause=65)
            return pfcp.PFCP(**header, S=1, seid=session.cp_seid if session else 0) / \
                pfcp.PFCPSessionDeletionResponse(IE_list=[cause])
        return None

    def _establish(self, header, node, body):
        session = Session(body)
        header = {**header, "S": 1, "seid": session.cp_seid}
        cause = self.refuse_cause or (1 if self._associated else 72)
        if cause != 1:
            return pfcp.PFCP(**header) / pfcp.PFCPSessionEstablishmentResponse(
                IE_list=[node, pfcp.IE_Cause(cause=cause)])
        seid = 0x5000000000 + session.cp_seid
        session.teid = 0xfeed0000 + session.cp_seid
        self.sessions[seid] = session
        wanted = find(session.uplink_pdi, pfcp.IE_FTEID)
        tunnel = self._tunnel(session, v4=bool(wanted.V4))
        return pfcp.PFCP(**header) / pfcp.PFCPSessionEstablishmentResponse(IE_list=[
            node, pfcp.IE_Cause(cause=1),
            pfcp.IE_FSEID(v4=1, seid=seid, ipv4=addresses.N4_UPF),
            pfcp.IE_CreatedPDR(IE_list=[
                pfcp.IE_PDR_Id(id=find(session.uplink, pfcp.IE_PDR_Id).id), tunnel])])

    def _tunnel(self, session, v4):
        if self._cross_connect:
            # UEs 1 and 2 are neighbours, 3 and 4, ...; the gNB numbers its TEIDs like the UEs.
            low = session.gnb_teid & 0xffff
            neighbour = (session.gnb_teid & 0xffff0000) | (low + 1 if low % 2 else low - 1)
            where = {"TEID": neighbour}
            own = addresses.N3_GNB
        else:
            where = {"TEID": session.teid}
            own = addresses.N3_UPF
        if v4:
            return pfcp.IE_FTEID(V4=1, ipv4=own[4], **where)
        return pfcp.IE_FTEID(V6=1, ipv6=own[6], **where)

    # -- N3 ---------------------------------------------------------------------------------------

    def _n3(self, own, data, peer):
        packet = GTP_U_Header(data)
        if packet.gtp_type == 1:
            # TS 29.281 7.2.2: echo response with the same sequence number and a Recovery element.
            own.sendto(bytes.fromhex("32020006") + bytes(4) + packet.seq.to_bytes(2, "big")
                       + bytes.fromhex("00000e00"), peer)
        elif packet.gtp_type == 2:
            self.echo_responses += 1
        elif packet.gtp_type == 26:
            self.error_indications.append(data[12:])
        elif packet.gtp_type == 255:
            self.gpdus = [*self.gpdus[-99:], packet]
            session = next((s for s in self.sessions.values() if s.teid == packet.teid), None)
            if session and (inner := reflected(packet)):
                own.sendto(bytes(downlink(session.gnb_teid, inner)), (session.gnb, 2152))


def downlink(teid, inner, qfi=9):
    """A G-PDU towards the gNB with a downlink PDU Session Container."""
    return GTP_U_Header(teid=teid, E=1, next_ex=0x85) / \
        GTPPDUSessionContainer(type=0, QFI=qfi) / inner


def reflected(packet):
    """The inner packet on its way back: an echo request answered, UDP with its ends swapped."""
    if packet.haslayer(IP):
        inner = packet[IP].copy()
        if inner.haslayer(ICMP) and inner[ICMP].type == 8:
            inner[ICMP].type = 0
            del inner[ICMP].chksum
    elif packet.haslayer(IPv6):
        inner = packet[IPv6].copy()
        if not inner.haslayer(ICMPv6EchoRequest):
            return None
        request = inner[ICMPv6EchoRequest]
        inner = IPv6(src=inner.src, dst=inner.dst) / ICMPv6EchoReply(
            id=request.id, seq=request.seq, data=request.data)
    else:
        return None
    inner.src, inner.dst = inner.dst, inner.src
    if isinstance(inner, IP):
        del inner.chksum
    return inner
