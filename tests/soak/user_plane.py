"""A soak of sluice-upf: mixed traffic, sessions that come, change and go, rules that are replaced, for as
long as asked. At the end of every turn all is quiet for a moment, and the counters have to add up to
the last frame; over all turns memory has to stay flat.

    received + copied by the workers + given by the control thread
        = sent + dropped by the workers + handed to the control thread
"""

import argparse
import contextlib
import json
import os
import pathlib
import random
import socket
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
os.environ.setdefault("SLUICE_BUILD", str(ROOT / "build"))
sys.path[:0] = [str(ROOT / "tests/wire")]

import wire_site  # noqa: E402
from scapy.contrib import gtp  # noqa: E402
from scapy.contrib import pfcp as p  # noqa: E402
from scapy.layers.dns import DNS, DNSQR  # noqa: E402
from scapy.layers.inet import ICMP, IP, UDP, fragment  # noqa: E402
from scapy.layers.l2 import Ether  # noqa: E402
from scapy.packet import Raw  # noqa: E402
from scapy_smf import (  # noqa: E402
    ACCEPTED, STARTED, Smf, create_far, create_pdr, find, outcome, up_seid)
from wire_site import Link, Upf, inside, mac_of, network  # noqa: E402

SESSIONS = 300
SERVERS = [f"203.0.113.{i}" for i in range(1, 30)]
PACE = 4000        # frames a second, of both directions together
CHURN = 40         # session requests a second
RULE_SETS = 2      # a second
TURN_S = 30
WARM_S = 120       # pools, caches and heaps find their size
GROWTH_KB = 4096   # of the resident set that is no leak: fragmentation of the heap


class Smf2(Smf):
    """Answers what the UPF asks while an answer is awaited."""

    def receive_but_heartbeats(self):
        while True:
            message = self.receive()
            self.received.clear()
            if isinstance(message.payload, p.PFCPHeartbeatRequest):
                self.send(p.PFCP(S=0, seq=message.seq) /
                          p.PFCPHeartbeatResponse(IE_list=[p.IE_RecoveryTimeStamp(timestamp=STARTED)]))
            elif isinstance(message.payload, p.PFCPSessionReportRequest):
                self.send(p.PFCP(S=1, seid=0, seq=message.seq) /
                          p.PFCPSessionReportResponse(IE_list=[p.IE_Cause(cause=ACCEPTED)]))
            else:
                assert message.seq == self.sequence, message.show(dump=True)
                return message


class Session:
    """One user's, and the frames of and to this user."""

    def __init__(self, smf, address, headers):
        self.smf, self.address = smf, address
        uplink = [p.IE_SourceInterface(interface="Access"), p.IE_FTEID(CH=1, V4=1),
                  p.IE_UE_IP_Address(V4=1, ipv4=address)]
        downlink = [p.IE_SourceInterface(interface="Core"), p.IE_UE_IP_Address(SD=1, V4=1, ipv4=address)]
        self.tunnel = p.IE_OuterHeaderCreation(
            GTPUUDPIPV4=1, TEID=0x10000 + int.from_bytes(socket.inet_aton(address)[2:], "big"),
            ipv4="192.168.3.2")
        reply = smf.establish([
            create_pdr(1, uplink, 1, [p.IE_OuterHeaderRemoval(header=6)]), create_pdr(2, downlink, 2),
            create_far(1, [p.IE_DestinationInterface(interface="Core")]),
            create_far(2, [p.IE_DestinationInterface(interface="Access"), self.tunnel])])
        assert outcome(reply)[0] == ACCEPTED, reply.show(dump=True)
        self.seid = up_seid(reply)
        teid = find(find(reply.payload.IE_list, p.IE_CreatedPDR).IE_list, p.IE_FTEID).TEID
        up, down = headers
        self.frames = [("n3", bytes(up / gtp.GTP_U_Header(teid=teid) / inner)) for inner in self._inner()]
        server = random.choice(SERVERS)
        self.frames += [("n6", bytes(down / IP(src=server, dst=address) / UDP(sport=80, dport=4000) /
                                     Raw(bytes(size)))) for size in (18, 400, 1300)]
        self.buffering = False

    def _inner(self):
        head = IP(src=self.address, dst=random.choice(SERVERS))
        yield head / UDP(sport=4000, dport=80) / Raw(bytes(36))
        yield head / UDP(sport=4001, dport=443) / Raw(bytes(900))
        yield head / ICMP() / Raw(bytes(20))
        yield from fragment(head / UDP(sport=4000, dport=80) / Raw(bytes(1600)), fragsize=800)
        yield IP(src=self.address, dst="10.53.0.1") / UDP(sport=5000, dport=53) / \
            DNS(rd=1, qd=DNSQR(qname=random.choice(["app.example", "other.example"])))
        yield IP(src=self.address, dst=random.choice(SERVERS), ttl=1) / UDP(sport=4000, dport=80)
        yield IP(src="10.99.99.99", dst=head.dst) / UDP(sport=4000, dport=80)  # not this user's address

    def toggle_buffering(self):
        self.buffering = not self.buffering
        action = {"BUFF": 1, "NOCP": 1} if self.buffering else {"FORW": 1}
        far = p.IE_UpdateFAR(IE_list=[p.IE_FAR_Id(id=2), p.IE_ApplyAction(**action)])
        reply = self.smf.modify(self.seid, [far])
        assert outcome(reply)[0] == ACCEPTED

    def end(self):
        assert outcome(self.smf.delete(self.seid))[0] == ACCEPTED


def rule_set():
    """Rules of random actions for some of the servers, and a name."""
    rules = []
    for number, server in enumerate(random.sample(SERVERS, random.randint(1, len(SERVERS)))):
        action = random.choice(["FORWARD_DECAPSULATED", "DROP", "PASSTHROUGH", "DUPLICATE_DECAPSULATED"])
        rule = {"trafficRuleId": f"r{number}", "filterType": random.choice(["FLOW", "PACKET"]),
                "priority": random.randint(0, 255), "state": "ACTIVE", "action": action,
                "trafficFilter": [{"dstAddress": [server], "dstPort": ["80"], "protocol": ["UDP"]}]}
        app = {"interfaceType": "IP", "dstIpAddress": "10.60.0.10"}
        if "DECAPSULATED" in action:
            rule["dstInterface"] = [app, app] if action.startswith("DUPLICATE") else app
        rules.append(rule)
    dns = [{"dnsRuleId": "d", "domainName": "app.example", "ipAddressType": "IP_V4",
            "ipAddress": "10.60.0.10", "ttl": 5, "state": "ACTIVE"}]
    return rules, dns


NONSENSE = [bytes(14), b"\xff" * 60, bytes(12) + b"\x08\x00" + b"\x45" + bytes(30)]


class Soak:
    def __init__(self, upf):
        self.upf = upf
        self.smf = Smf2(8805, own=("127.0.0.2", 8805))
        self.smf.socket.settimeout(10)
        assert outcome(self.smf.associate())[0] == ACCEPTED
        self.links = {port: Link(port) for port in ("n3", "n6")}
        outer = IP(src="192.168.3.2", dst="192.168.3.1") / UDP(sport=2152, dport=2152, chksum=0)
        self.headers = (Ether(dst=mac_of("n3"), src=mac_of("gnb")) / outer,
                        Ether(dst=mac_of("n6"), src=mac_of("core")))
        self.stray = bytes(self.headers[0] / gtp.GTP_U_Header(teid=0xfffffff0) / Raw(bytes(40)))
        self.mep = upf.mep()
        self.sessions = [Session(self.smf, self._address(i), self.headers) for i in range(SESSIONS)]
        self.lock = threading.Lock()
        self.turns = dict.fromkeys(("frames", "requests", "rule sets"), 0)

    @staticmethod
    def _address(number):
        return f"10.64.{number >> 8}.{number & 255}"

    def send_traffic(self, stop):
        start, sent = time.monotonic(), 0
        while not stop.is_set():
            for _ in range(int((time.monotonic() - start) * PACE) - sent):
                sent += 1
                kind = random.random()
                if kind < 0.01:
                    self.links[random.choice(["n3", "n6"])].send(random.choice(NONSENSE))
                elif kind < 0.02:
                    self.links["n3"].send(self.stray)
                else:
                    port, frame = random.choice(random.choice(self.sessions).frames)
                    self.links[port].send(frame)
            time.sleep(0.002)
        self.turns["frames"] += sent

    def change_sessions(self, stop):
        while not stop.wait(1 / CHURN):
            at = random.randrange(SESSIONS)
            if random.random() < 0.5:
                self.sessions[at].toggle_buffering()
            else:
                self.sessions[at].end()
                self.sessions[at] = Session(self.smf, self._address(at), self.headers)
            self.turns["requests"] += 1

    def change_rules(self, stop):
        while not stop.wait(1 / RULE_SETS):
            rejected = self.mep.replace(*rule_set())["rejected"]
            assert not rejected, rejected
            self.turns["rule sets"] += 1

    def turn(self, seconds):
        """Everything at once; afterwards nobody is away any more, and nothing is on its way."""
        stop = threading.Event()
        failures = []

        def guarded(work):
            try:
                work(stop)
            except BaseException as failure:  # noqa: BLE001  (told by the turn, whatever it is)
                failures.append(failure)
                stop.set()

        works = (self.send_traffic, self.change_sessions, self.change_rules)
        threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        stop.wait(seconds)
        stop.set()
        for thread in threads:
            thread.join()
        if failures:
            raise failures[0]
        for session in self.sessions:
            if session.buffering:
                session.toggle_buffering()

    def resident_kb(self):
        status = pathlib.Path(f"/proc/{self.upf.process.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0])

    def balance(self):
        """Both sides of the sum, and how many packets are buffered. Neighbours are asked all the time: as
        soon as the sum is right, or after ten seconds as it is."""
        deadline = time.monotonic() + 10
        while True:
            metrics = self.upf.metrics()

            def total(name):
                return sum(value for key, value in metrics.items()
                           if key.partition("{")[0] == f"sluice_upf_{name}")

            came = {name: total(name) for name in
                    ("port_received_packets_total", "copied_packets_total", "control_frames_total")}
            went = {name: total(name) for name in
                    ("port_sent_packets_total", "dropped_packets_total", "punted_packets_total")}
            came["copied_packets_total"] -= total("control_copied_packets_total")
            went["dropped_packets_total"] -= total("control_dropped_packets_total")
            buffered = total("buffered_packets")
            right = sum(came.values()) == sum(went.values()) and not buffered
            if right or time.monotonic() > deadline:
                return came, went, buffered
            time.sleep(0.1)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    limits = "limits: {{sessions: 64, rules: 64}}"
    assert limits in wire_site.CONFIG
    config = wire_site.CONFIG.replace(limits, f"limits: {{{{sessions: {SESSIONS + 8}, rules: 64}}}}")
    print(f"Seed {arguments.seed}; {arguments.minutes:g} minutes in turns of {TURN_S} s.", flush=True)
    print(f"{'s':>6} {'frames':>10} {'requests':>9} {'rule sets':>9} {'resident kB':>12} {'sent':>10} "
          f"{'dropped':>9} {'punted':>8}")
    off, base, peak = [], None, 0
    with contextlib.ExitStack() as end:
        folder = end.enter_context(tempfile.TemporaryDirectory())
        end.enter_context(inside(end.enter_context(network())))
        # Nobody at the other end answers GTP-U echo requests.
        upf = Upf(folder, config=config, more="gtpu: {echo_interval_s: 0}\n")
        end.callback(upf.stop)
        soak = Soak(upf)
        start = time.monotonic()
        while (left := start + 60 * arguments.minutes - time.monotonic()) > 1:
            soak.turn(min(TURN_S, left))
            came, went, buffered = soak.balance()
            resident, now = soak.resident_kb(), time.monotonic() - start
            print(f"{now:6.0f} {soak.turns['frames']:10} {soak.turns['requests']:9} "
                  f"{soak.turns['rule sets']:9} {resident:12} {went['port_sent_packets_total']:10.0f} "
                  f"{went['dropped_packets_total']:9.0f} {went['punted_packets_total']:8.0f}", flush=True)
            if sum(came.values()) != sum(went.values()) or buffered:
                off.append(f"after {now:.0f} s: {came} and {went}, {buffered:g} buffered")
                print("  does not add up:", off[-1])
            if base is None and now >= min(WARM_S, 30 * arguments.minutes):
                base = resident
            peak = max(peak, resident) if base else 0
        for session in soak.sessions:
            session.end()
    growth = peak - (base or peak)
    print(json.dumps({"minutes": arguments.minutes, **soak.turns, "does_not_add_up": len(off),
                      "resident_growth_kb": growth}))
    if off or growth > GROWTH_KB:
        sys.exit(1)


if __name__ == "__main__":
    main()
