"""What changes cost: N4 sessions, one modification, 10,000 rules at once, and a rule turned on by Mp1.

The real sluice-upf (net_af_packet over veth, in a namespace of its own) and sluice-mep. Around them
stand scapy's SMF, whose messages are patched and sent in a pipeline, and raw sockets. Clients and servers
share the machine, so a figure is what both together reach.
"""

import argparse
import json
import os
import pathlib
import socket
import statistics
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("SLUICE_BUILD", ROOT / "build"))
os.environ["SLUICE_BUILD"] = str(BUILD)
sys.path[:0] = [str(ROOT / "tests/wire"), str(ROOT / "tests/mep")]

import wire_site  # noqa: E402
from mep_process import Mep as Platform  # noqa: E402
from scapy.contrib import pfcp as p  # noqa: E402
from scapy.layers.inet import IP, UDP  # noqa: E402
from scapy.layers.l2 import Ether  # noqa: E402
from scapy.packet import Raw  # noqa: E402
from scapy_smf import ACCEPTED, Smf, create_far, create_pdr, find, node_id, outcome, up_seid  # noqa: E402
from wire_site import Link, Upf, inside, mac_of, network  # noqa: E402

WINDOW = 96  # requests on their way
UE = bytes([10, 64, 0, 1])  # the first; a placeholder in the templates
SERVER = "203.0.113.10"
PORT = 80
HEARTBEAT_REQUEST, ESTABLISHED = 1, 51
CAUSE_ACCEPTED = bytes([0, 19, 0, 1, ACCEPTED])  # the element
QUEUE = 4 << 20
SO_RCVBUFFORCE = 33  # of Linux; Python does not name it


def rule(number: int, port: int, action: str) -> dict:
    entry = {"trafficRuleId": f"r{number}", "filterType": "FLOW", "priority": 10, "state": "ACTIVE",
             "trafficFilter": [{"dstAddress": [f"203.{number >> 8 & 255}.{number & 255}.10"],
                                "dstPort": [str(port)], "protocol": ["UDP"]}], "action": action}
    if action == "FORWARD_DECAPSULATED":
        entry["dstInterface"] = {"interfaceType": "IP", "dstIpAddress": "10.60.0.10"}
    return entry


def session_rules(ue: str) -> list:
    uplink = [p.IE_SourceInterface(interface="Access"), p.IE_FTEID(CH=1, V4=1),
              p.IE_UE_IP_Address(V4=1, ipv4=ue)]
    downlink = [p.IE_SourceInterface(interface="Core"), p.IE_UE_IP_Address(SD=1, V4=1, ipv4=ue)]
    tunnel = p.IE_OuterHeaderCreation(GTPUUDPIPV4=1, TEID=0x500, ipv4="192.168.3.2")
    return [create_pdr(1, uplink, 1, [p.IE_OuterHeaderRemoval(header=6)]), create_pdr(2, downlink, 2),
            create_far(1, [p.IE_DestinationInterface(interface="Core")]),
            create_far(2, [p.IE_DestinationInterface(interface="Access"), tunnel])]


def establishments(smf: Smf, count: int) -> float:
    """Sessions a second, with WINDOW requests on their way."""
    head = [node_id(), p.IE_FSEID(v4=1, seid=0x77, ipv4=smf.address)]
    template = bytearray(bytes(p.PFCP(S=1, seid=0, seq=0) / p.PFCPSessionEstablishmentRequest(
        IE_list=head + session_rules(socket.inet_ntoa(UE)))))
    places = [i for i in range(len(template)) if template[i:i + 4] == UE]
    assert len(places) == 2
    first = int.from_bytes(UE, "big")
    smf.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, QUEUE)
    sent = done = 0
    start = time.monotonic()
    while done < count:
        while sent < count and sent - done < WINDOW:
            address = (first + 1 + sent).to_bytes(4, "big")
            for place in places:
                template[place:place + 4] = address
            template[12:15] = (sent + 1).to_bytes(3, "big")
            smf.socket.send(template)
            sent += 1
        reply = smf.socket.recv(2048)
        if reply[1] == ESTABLISHED:
            if CAUSE_ACCEPTED not in reply:
                sys.exit(f"a session was refused: {p.PFCP(reply).show(dump=True)}")
            done += 1
        elif reply[1] == HEARTBEAT_REQUEST:
            smf.send(p.PFCP(S=0, seq=int.from_bytes(reply[4:7], "big")) /
                     p.PFCPHeartbeatResponse(IE_list=[p.IE_RecoveryTimeStamp(timestamp=1)]))
    elapsed = time.monotonic() - start
    smf.sequence = count + 1
    return count / elapsed


class Traffic:
    """One user's packets, numbered and sent at a steady pace by a thread, counted where they come out."""

    def __init__(self, teid: int, source: str, pace: int):
        from scapy.contrib import gtp
        inner = IP(src=source, dst=SERVER) / UDP(sport=4000, dport=PORT, chksum=0) / Raw(bytes(36))
        frame = Ether(dst=mac_of("n3"), src=mac_of("gnb")) / IP(src="192.168.3.2", dst="192.168.3.1") / \
            UDP(sport=2152, dport=2152, chksum=0) / gtp.GTP_U_Header(teid=teid) / inner
        self.frame = bytes(frame)
        self.pace = pace
        self.sent = 0
        self.stop = threading.Event()
        self.out = Link("n3")
        self.ends = {end: Link(end) for end in ("n6", "ldn")}
        for link in self.ends.values():
            link.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, QUEUE * 4)
        self.received = {end: 0 for end in self.ends}
        self.threads = [threading.Thread(target=self._send)]
        self.threads += [threading.Thread(target=self._receive, args=(end,)) for end in self.ends]

    def _send(self):
        start = time.monotonic()
        while not self.stop.is_set():
            due = int((time.monotonic() - start) * self.pace)
            while self.sent < due:
                self.out.send(self.frame)
                self.sent += 1
            time.sleep(0.001)

    def _receive(self, end):
        link = self.ends[end].socket
        link.settimeout(0.2)
        address = socket.inet_aton(SERVER)
        quiet = 0
        while quiet < 2:
            try:
                frame, source = link.recvfrom(2048)
                if source[2] != socket.PACKET_OUTGOING and frame[30:34] == address:
                    self.received[end] += 1
            except TimeoutError:
                quiet = quiet + 1 if self.stop.is_set() else 0

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()
        for link in (self.out, *self.ends.values()):
            link.close()

    def lost(self) -> int:
        return self.sent - sum(self.received.values())


def modifications(smf: Smf, seid: int, count: int) -> float:
    """p99 in ms of one modification at a time."""
    message = bytes(p.PFCP(S=1, seid=seid, seq=0) / p.PFCPSessionModificationRequest(IE_list=[
        p.IE_UpdateFAR(IE_list=[p.IE_FAR_Id(id=1), p.IE_ApplyAction(FORW=1)])]))
    times = []
    for _ in range(count):
        smf.sequence += 1
        request = message[:12] + smf.sequence.to_bytes(3, "big") + message[15:]
        start = time.perf_counter()
        smf.socket.send(request)
        while (reply := smf.socket.recv(2048))[1] == HEARTBEAT_REQUEST:
            pass
        times.append(1000 * (time.perf_counter() - start))
        assert outcome(p.PFCP(reply))[0] == ACCEPTED
        time.sleep(0.001)
    return statistics.quantiles(times, n=100)[98]


def swaps(mep, rounds: int) -> float:
    """The median in ms of replacing 10,000 rules by 10,000 others, from the first byte to the reply."""
    lines = []
    for generation in range(rounds):
        rules = [rule(i, 1000 + generation % 2, "DROP") for i in range(10_000)]
        entries = [{"key": f"app/{r['trafficRuleId']}", "app_instance_id": "app", "order": i, "rule": r}
                   for i, r in enumerate(rules)]
        lines.append(json.dumps({"type": "replace", "source": "bench", "generation": generation + 1,
                                 "rules": entries, "dns": []}).encode() + b"\n")
    times = []
    for line in lines:
        start = time.perf_counter()
        mep.socket.sendall(line)
        assert not mep.next("applied")["rejected"]
        times.append(1000 * (time.perf_counter() - start))
    return statistics.median(times[1:])


def put_to_packet(folder: str, traffic: Traffic, rounds: int) -> float:
    """p99 in ms from the reply of a PUT on Mp1 to the first packet at the app."""
    platform = Platform(folder)
    platform.start()
    try:
        declared = {"appName": "bench", "dnsRules": [], "trafficRules": [
            {**rule(0, PORT, "FORWARD_DECAPSULATED"), "state": "INACTIVE",
             "trafficFilter": [{"dstAddress": [SERVER], "dstPort": [str(PORT)]}]}]}
        token = platform.provision("bench", declared)
        path = "/mec_app_support/v1/applications/bench/traffic_rules/r0"
        times = []
        for round_ in range(2 * rounds):
            active = round_ % 2 == 0
            wanted = {**declared["trafficRules"][0], "state": "ACTIVE" if active else "INACTIVE"}
            status, _, body = platform.request("PUT", path, wanted, token)
            start = time.perf_counter()
            assert status == 200, body
            end = "ldn" if active else "n6"
            before = traffic.received[end]
            while traffic.received[end] == before:
                if time.perf_counter() - start > 5:
                    sys.exit(f"no packet came to {end} within 5 s of the reply")
                time.sleep(0.0001)
            times.append(1000 * (time.perf_counter() - start))
            time.sleep(0.02)
        return statistics.quantiles(times, n=100)[98]
    finally:
        platform.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer of everything, under 40 s")
    quick = parser.parse_args().quick
    sessions = 20_000 if quick else 100_000
    limits = "limits: {{sessions: 64, rules: 64}}"
    assert limits in wire_site.CONFIG
    wire_site.CONFIG = wire_site.CONFIG.replace(
        limits, f"limits: {{{{sessions: {sessions + 16}, rules: 10016}}}}").replace(
            "memory_mb: 256", "memory_mb: 512")
    with tempfile.TemporaryDirectory() as folder, network() as name, inside(name):
        upf = Upf(folder)
        try:
            smf = Smf(8805, own=("127.0.0.2", 8805))
            assert outcome(smf.associate())[0] == ACCEPTED
            user = socket.inet_ntoa(UE)
            reply = smf.establish(session_rules(user))
            assert outcome(reply)[0] == ACCEPTED
            teid = find(find(reply.payload.IE_list, p.IE_CreatedPDR).IE_list, p.IE_FTEID).TEID
            rate = establishments(smf, sessions)
            print(f"{sessions:,} sessions established: {rate:,.0f} a second, {WINDOW} on their way")
            upf.wait_for("neighbour answers address=192.168.3.2")

            pace = 5_000
            with Traffic(teid, user, pace) as traffic:
                p99 = modifications(smf, up_seid(reply), 300 if quick else 2000)
                mep = upf.mep()
                swap = swaps(mep, 4 if quick else 10)
                mep.socket.close()
            lost = traffic.lost()
            print(f"one modification, with {pace:,} packets/s: {p99:.2f} ms at p99")
            print(f"10,000 rules replaced by others: {swap:.0f} ms; {lost} of {traffic.sent} packets lost")
            with Traffic(teid, user, pace) as traffic:
                put = put_to_packet(folder, traffic, 30 if quick else 150)
            print(f"from the reply of a PUT to the first packet under the rule: {put:.1f} ms at p99")
        finally:
            upf.stop()
    print(json.dumps({"n4_establish_per_s": round(rate), "n4_modify_ms_p99": round(p99, 2),
                      "rule_swap_ms_10000": round(swap, 1), "packets_lost": lost,
                      "put_to_packet_ms_p99": round(put, 1)}))


if __name__ == "__main__":
    main()
