"""The user plane over veth by AF_XDP, beside testpmd's mac forwarding on the same links.

One CPU sends: testpmd, from a list of frames in memory into the far end of a link. The other runs
the program in question, one worker with net_af_xdp on both links, and the kernel's copying of frames
into the second link's far end, whose counter is what is measured. So both programs pay for the same
kernel, and the figures say nothing about the packet path alone (upf-pipeline does).
"""

import argparse
import contextlib
import json
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("SLUICE_BUILD", ROOT / "build"))
os.environ["SLUICE_BUILD"] = str(BUILD)
sys.path[:0] = [str(ROOT / "tests/wire"), str(ROOT / "bench")]

import wire_site  # noqa: E402
from scapy.contrib import gtp  # noqa: E402
from scapy.contrib import pfcp as p  # noqa: E402
from scapy.layers.inet import IP, UDP  # noqa: E402
from scapy.layers.l2 import Ether  # noqa: E402
from scapy.packet import Raw  # noqa: E402
from scapy.utils import wrpcap  # noqa: E402
from scapy_smf import ACCEPTED, Smf, create_far, create_pdr, find, outcome  # noqa: E402
from upf_pipeline import huge_pages  # noqa: E402
from wire_site import Upf, inside, mac_of, network  # noqa: E402

SESSIONS = 100
SERVER = "203.0.113.10"
OTHER_END = {"n3": "gnb", "n6": "core"}
SENDER_CPU, PROGRAM_CPU = 0, 1
EAL = ["--no-pci", "--no-telemetry", "--in-memory", "-m", "256"]
QUIET = ["--total-num-mbufs=16384", "--stats-period=60"]  # and no prompt, which would end with its input


def user(number: int) -> str:
    return f"10.64.{number >> 8}.{number & 255}"


def establish(smf: Smf, number: int) -> int:
    """A session with one PDR a direction; returns its uplink TEID."""
    ue = user(number)
    uplink = [p.IE_SourceInterface(interface="Access"), p.IE_FTEID(CH=1, V4=1),
              p.IE_UE_IP_Address(V4=1, ipv4=ue)]
    downlink = [p.IE_SourceInterface(interface="Core"), p.IE_UE_IP_Address(SD=1, V4=1, ipv4=ue)]
    tunnel = p.IE_OuterHeaderCreation(GTPUUDPIPV4=1, TEID=0x500 + number, ipv4="192.168.3.2")
    reply = smf.establish([create_pdr(1, uplink, 1, [p.IE_OuterHeaderRemoval(header=6)]),
                           create_pdr(2, downlink, 2),
                           create_far(1, [p.IE_DestinationInterface(interface="Core")]),
                           create_far(2, [p.IE_DestinationInterface(interface="Access"), tunnel])])
    assert outcome(reply)[0] == ACCEPTED
    return find(find(reply.payload.IE_list, p.IE_CreatedPDR).IE_list, p.IE_FTEID).TEID


def uplink_frames(teids: list[int]) -> list:
    """Users' packets of 64 octets in tunnels."""
    inner = [IP(src=user(n), dst=SERVER) / UDP(sport=4000, dport=80) / Raw(bytes(36))
             for n in range(len(teids))]
    head = Ether(dst=mac_of("n3"), src=mac_of("gnb")) / \
        IP(src="192.168.3.2", dst="192.168.3.1") / UDP(sport=2152, dport=2152, chksum=0)
    return [head / gtp.GTP_U_Header(teid=teid) / packet for teid, packet in zip(teids, inner)]


def downlink_frames() -> list:
    head = Ether(dst=mac_of("n6"), src=mac_of("core"))
    return [head / IP(src=SERVER, dst=user(n)) / UDP(sport=80, dport=4000) / Raw(bytes(36))
            for n in range(SESSIONS)]


def arrived(interface: str) -> int:
    """Frames that the kernel took from this end of a link, since it was made."""
    lines = pathlib.Path("/proc/net/dev").read_text().splitlines()  # of this thread's namespace
    return next(int(line.split()[2]) for line in lines if line.strip().startswith(interface + ":"))


@contextlib.contextmanager
def running(command: list[str], folder: str, name: str):
    """testpmd, which ends in order on an interrupt."""
    with open(os.path.join(folder, name), "w+") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=subprocess.STDOUT)
        try:
            time.sleep(2)
            if process.poll() is not None:
                log.seek(0)
                sys.exit(f"{' '.join(command)} failed:\n{log.read()}")
            yield process
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=20)


def forwarded(frames: list, way_in: str, way_out: str, seconds: float, folder: str) -> float:
    """Mpps that come out while as many as possible go in: the median of one-second counts."""
    pcap = os.path.join(folder, "frames.pcap")
    wrpcap(pcap, frames)
    sender = ["dpdk-testpmd", "--lcores", f"0@{SENDER_CPU},1@{SENDER_CPU}", *EAL,
              f"--vdev=net_pcap0,rx_pcap={pcap},infinite_rx=1",
              f"--vdev=net_af_xdp0,iface={OTHER_END[way_in]}", "--", "--forward-mode=io",
              "--nb-cores=1", *QUIET, "--no-flush-rx"]
    rates = []
    with running(sender, folder, "sender.log"):
        last, since = arrived(OTHER_END[way_out]), time.monotonic()
        for _ in range(round(seconds)):
            time.sleep(1)
            count, now = arrived(OTHER_END[way_out]), time.monotonic()
            rates.append((count - last) / (now - since) / 1e6)
            last, since = count, now
    return statistics.median(rates)


def testpmd_mac(seconds: float, folder: str) -> float:
    """What mac forwarding makes of the uplink's frames."""
    command = ["dpdk-testpmd", "--lcores", f"0@{SENDER_CPU},1@{PROGRAM_CPU}", *EAL,
               "--vdev=net_af_xdp0,iface=n3", "--vdev=net_af_xdp1,iface=n6", "--",
               "--forward-mode=mac", "--nb-cores=1", f"--eth-peer=1,{mac_of('core')}",
               *QUIET]
    with running(command, folder, "testpmd.log"):
        return forwarded(uplink_frames(list(range(1, SESSIONS + 1))), "n3", "n6", seconds, folder)


def sluice(seconds: float, folder: str) -> tuple[float, float]:
    """Uplink and downlink."""
    config = wire_site.CONFIG
    for old, new in (("huge_pages: false, memory_mb: 256", "huge_pages: true, memory_mb: 256"),
                     ("workers: {{idle_sleep_us: 50}}", f"workers: {{{{cpus: [{PROGRAM_CPU}]}}}}"),
                     ("sessions: 64", f"sessions: {SESSIONS}"),
                     ("net_af_packet0", "net_af_xdp0"), ("net_af_packet1", "net_af_xdp1")):
        assert old in config, old
        config = config.replace(old, new)
    upf = Upf(folder, config=config)
    try:
        smf = Smf(8805, own=("127.0.0.2", 8805))
        assert outcome(smf.associate())[0] == ACCEPTED
        teids = [establish(smf, number) for number in range(SESSIONS)]
        upf.wait_for("neighbour answers address=192.168.3.2")
        up = forwarded(uplink_frames(teids), "n3", "n6", seconds, folder)
        # The base station's end was the sender's; it is the kernel's again, which has to be asked.
        time.sleep(1)
        down = forwarded(downlink_frames(), "n6", "n3", seconds, folder)
        print("dropped by the user plane:", upf.dropped() or "nothing")
        return up, down
    finally:
        upf.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="shorter runs, under 40 s together")
    seconds = 4 if parser.parse_args().quick else 10
    with tempfile.TemporaryDirectory() as folder, huge_pages(600) as huge:
        if not huge:
            sys.exit("net_af_xdp wants huge pages, and 600 of 2 MB could not be reserved")
        with network() as name, inside(name):
            # What arrives at the far ends goes no further there, and nobody complains of it.
            for command in (["route", "add", "blackhole", "203.0.113.0/24"],
                            ["route", "add", "blackhole", "192.168.3.1/32"]):
                subprocess.run(["ip", *command], check=True)
            sink = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            sink.bind(("192.168.3.2", 2152))
            peer = testpmd_mac(seconds, folder)
            print(f"{'testpmd mac, the uplink’s frames':<40} {peer:6.3f} Mpps", flush=True)
            up, down = sluice(seconds, folder)
            print(f"{'uplink, users’ packets of 64 octets':<40} {up:6.3f} Mpps  {up / peer:.2f}")
            print(f"{'downlink':<40} {down:6.3f} Mpps  {down / peer:.2f}")
    print(json.dumps({"uplink_mpps": round(up, 3), "downlink_mpps": round(down, 3),
                      "testpmd_mac_mpps": round(peer, 3)}))


if __name__ == "__main__":
    main()
