"""A real sluice-upf and sluice-mep with a local DN whose port carries 20 Mb/s, four users who send more
than that to two apps there, and what arrives of it.

Used inside a namespace of wire_site. Users' packets are sent by raw sockets at a steady pace, and counted
where they come out.
"""

import collections
import contextlib
import socket
import struct
import threading
import time

from mep_process import Mep
from scapy.contrib import gtp
from scapy.contrib import pfcp as p
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw

import wire_site
from scapy_smf import ACCEPTED, Smf, create_far, create_pdr, find, outcome

CAPACITY_BPS = 20_000_000  # of the port, frames included
CONFIG = wire_site.CONFIG.replace(
    "name: ldn, role: local-dn,", f"name: ldn, role: local-dn, capacity_kbps: {CAPACITY_BPS // 1000},")
USERS = ["10.45.0.2", "10.45.0.3", "10.45.0.4", "10.45.0.5"]
APPS = {"cameras": "203.0.113.10", "bulk": "203.0.113.20"}
LATEST_S = 0.01  # that a packet is sent after its time
SO_RCVBUFFORCE = 33  # of Linux; Python does not name it


def rule(address):
    return {"trafficRuleId": "to-app", "filterType": "FLOW", "priority": 10, "state": "ACTIVE",
            "trafficFilter": [{"dstAddress": [address]}], "action": "FORWARD_DECAPSULATED",
            "dstInterface": {"interfaceType": "IP", "dstIpAddress": "10.60.0.10"}}


class Flow:
    """Packets of `octets` (of the user's IP packet) from a user to an app, at `bps`, with serial numbers."""

    def __init__(self, teid, user, app, port, bps, octets):
        inner = IP(src=user, dst=APPS[app]) / UDP(sport=4000, dport=port, chksum=0) / Raw(bytes(octets - 28))
        self.frame = bytearray(bytes(
            Ether(dst=wire_site.mac_of("n3"), src=wire_site.mac_of("gnb")) /
            IP(src="192.168.3.2", dst="192.168.3.1") / UDP(sport=2152, dport=2152, chksum=0) /
            gtp.GTP_U_Header(teid=teid) / inner))
        self.key = (socket.inet_aton(user), port)
        self.interval = octets * 8 / bps
        self.due = 0.0
        self.sent = []  # when


class Traffic:
    """Sends and counts in threads until the end of the `with`."""

    SERIAL = struct.Struct("!Q")

    def __init__(self, flows):
        self.flows = flows
        self.octets = collections.Counter()  # that arrived, by key of the flow: users' IP packets
        self.arrived = collections.defaultdict(collections.deque)  # (serial number, when) by key
        self.out = wire_site.Link("n3")
        self.end = wire_site.Link("ldn")
        self.end.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 16 << 20)
        self.end.socket.settimeout(0.2)
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self._send), threading.Thread(target=self._receive)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()
        self.out.close()
        self.end.close()

    def _send(self):
        while not self.stop.is_set():
            now = time.monotonic()
            for flow in self.flows:
                # What could not be sent in time is not made up for by a burst.
                flow.due = max(flow.due, now - LATEST_S)
                while flow.due <= now:
                    flow.due += flow.interval
                    self.SERIAL.pack_into(flow.frame, len(flow.frame) - 8, len(flow.sent))
                    flow.sent.append(now)
                    self.out.socket.send(flow.frame)
            time.sleep(0.0005)

    def _receive(self):
        while not self.stop.is_set():
            try:
                frame, source = self.end.socket.recvfrom(2048)
            except TimeoutError:
                continue
            if source[2] == socket.PACKET_OUTGOING or frame[12:14] != b"\x08\x00":
                continue
            key = (frame[26:30], int.from_bytes(frame[36:38], "big"))
            self.octets[key] += len(frame) - 14
            self.arrived[key].append((self.SERIAL.unpack_from(frame, len(frame) - 8)[0], time.monotonic()))

    def rates(self, seconds=0.7):
        """What arrives of each flow, bits per second, in the order of the flows."""
        before, start = self.octets.copy(), time.monotonic()
        time.sleep(seconds)
        after, took = self.octets.copy(), time.monotonic() - start
        return [8 * (after[f.key] - before[f.key]) / took for f in self.flows]


class Platforms:
    """The two programs, and the SMF that gives every user a session."""

    def __init__(self, folder, capacity_kbps):
        self.folder = folder
        self.teids = {}
        self.smf = None
        self.upf = None
        self.mep = Mep(str(folder), more=f"bandwidth: {{uplink_kbps: {capacity_kbps}, downlink_kbps: {capacity_kbps}}}\n")
        self.tokens = {}

    def start(self):
        self.start_upf()
        self.mep.start()
        for app, address in APPS.items():
            self.tokens[app] = self.mep.provision(app, {
                "appName": app, "trafficRules": [rule(address)], "apis": ["mec_app_support", "bwm"]})

    def start_upf(self):
        self.upf = wire_site.Upf(self.folder, config=CONFIG)
        if self.smf is None:
            self.smf = Smf(8805, own=("127.0.0.2", 8805))
        assert outcome(self.smf.associate())[0] == ACCEPTED
        for number, user in enumerate(USERS):
            # TEIDs of our choice, so that traffic goes on after a restart.
            ue = {"V4": 1, "ipv4": user}
            uplink = [p.IE_SourceInterface(interface="Access"),
                      p.IE_FTEID(V4=1, TEID=0x100 + number, ipv4="192.168.3.1"), p.IE_UE_IP_Address(**ue)]
            downlink = [p.IE_SourceInterface(interface="Core"), p.IE_UE_IP_Address(SD=1, **ue)]
            tunnel = p.IE_OuterHeaderCreation(GTPUUDPIPV4=1, TEID=0x500 + number, ipv4="192.168.3.2")
            reply = self.smf.establish([
                create_pdr(1, uplink, 1, [p.IE_OuterHeaderRemoval(header=6)]), create_pdr(2, downlink, 2),
                create_far(1, [p.IE_DestinationInterface(interface="Core")]),
                create_far(2, [p.IE_DestinationInterface(interface="Access"), tunnel])])
            assert outcome(reply) == (ACCEPTED, None)
            created = find(reply.payload.IE_list, p.IE_CreatedPDR)
            chosen = find(created.IE_list, p.IE_FTEID) if created else None
            self.teids[user] = chosen.TEID if chosen else 0x100 + number

    def flow(self, user, app, port, bps, octets):
        return Flow(self.teids[USERS[user]], USERS[user], app, port, bps, octets)

    def call(self, app, method, path, body=None):
        return self.mep.request(method, f"/bwm/v1{path}", body, self.tokens[app])

    def allocate(self, app, bps, session=None):
        """The id of a new uplink allocation."""
        body = {"appInsId": app, "requestType": 0, "fixedAllocation": str(bps), "allocationDirection": "01"}
        if session:
            body |= {"requestType": 1, "sessionFilter": [session]}
        status, _, granted = self.call(app, "POST", "/bw_allocations", body)
        assert status == 201, granted
        return granted["allocationId"]

    def release(self, app, allocation):
        assert self.call(app, "DELETE", f"/bw_allocations/{allocation}")[0] == 204

    def close(self):
        self.mep.close()
        if self.upf is not None and self.upf.process.poll() is None:
            self.upf.stop()
        if self.smf is not None:
            self.smf.socket.close()


@contextlib.contextmanager
def platforms(folder, capacity_kbps=15_000):
    running = Platforms(folder, capacity_kbps)
    try:
        running.start()
        yield running
    finally:
        running.close()
