"""The user plane in memory, one worker, beside testpmd's csum forwarding in the same run.

Frames come from net_pcap (infinite_rx) and go to net_null, for both programs alike: what is compared
is what the packet path costs, not what a kernel's I/O allows.
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

BUILD = pathlib.Path("build")
HUGE_PAGES = pathlib.Path("/proc/sys/vm/nr_hugepages")  # of 2 MB


@contextlib.contextmanager
def huge_pages(count: int):
    """Reserves huge pages for the run and gives them back. Yields whether there are enough."""
    before = int(HUGE_PAGES.read_text())
    if before < count:
        HUGE_PAGES.write_text(str(count))
    try:
        yield int(HUGE_PAGES.read_text()) >= count
    finally:
        HUGE_PAGES.write_text(str(before))


def figures(command: list[str], huge: bool) -> dict:
    """What a program of this folder prints as its last line."""
    if not huge:
        command = [*command, "--no-huge"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def pipeline(pcap: pathlib.Path, seconds: float, huge: bool, memory_mb: int, *options: str) -> dict:
    command = [str(BUILD / "bench/upf_pipeline"), "--seconds", str(seconds), "--pcap", str(pcap),
               "--memory", str(memory_mb), *options]
    return figures(command, huge)


def testpmd(mode: str, pcap: pathlib.Path, seconds: float, huge: bool, memory_mb: int) -> float:
    """Mpps of testpmd for the same frames: io touches nothing, csum recomputes checksums."""
    command = ["dpdk-testpmd", "--lcores", "0@(0-1),1@(0-1)", "--no-pci", "--no-telemetry",
               "-m", str(memory_mb), *(["--in-memory"] if huge else ["--no-huge", "--no-shconf"]),
               f"--vdev=net_pcap0,rx_pcap={pcap},infinite_rx=1", "--vdev=net_null0,no-rx=1",
               "--", f"--forward-mode={mode}", "--nb-cores=1", "--stats-period=1", "--burst=32",
               "--total-num-mbufs=65536", "--mbuf-size=640", "--no-flush-rx"]
    with tempfile.TemporaryFile("w+") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=subprocess.STDOUT)
        try:
            time.sleep(seconds + 2)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=20)
        log.seek(0)
        rates = [int(rate) for rate in re.findall(r"Rx-pps:\s+(\d+)", log.read())]
    if not any(rates):
        sys.exit("testpmd reported no rate")
    # Two ports in turn, the first second is a start; the median of what is left of port 0.
    measured = sorted(rate for rate in rates[2::2] if rate)
    return measured[len(measured) // 2] / 1e6


def row(name: str, result: dict | None, mpps: float) -> None:
    cycles = f"{result['cycles_per_packet']:7.0f}" if result else "      -"
    hits = f"{100 * result['cache_hit_share']:5.0f} %" if result else "      -"
    print(f"{name:<44} {mpps:7.2f} {cycles} {hits}", flush=True)
    if result:
        stages = "  ".join(f"{stage} {cost:.0f}" for stage, cost in result["stages"].items())
        print(f"    {stages}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="shorter runs, under 40 s together")
    arguments = parser.parse_args()
    seconds = 1.5 if arguments.quick else 5

    print("One worker, users' packets of 64 bytes, one flow a session.")
    print(f"{'':<44} {'Mpps':>7} {'cycles':>7} {'cached':>7}")
    with tempfile.TemporaryDirectory() as folder, huge_pages(1100) as huge:
        pcap = pathlib.Path(folder) / "frames.pcap"
        memory = 512

        def measure(name: str, *options: str, memory_mb: int = memory) -> dict:
            result = pipeline(pcap, seconds, huge, memory_mb, *options)
            if result["forwarded_share"] < 0.999:
                sys.exit(f"{name}: only {result['forwarded_share']:.1%} were forwarded")
            row(name, result, result["mpps"])
            return result

        uplink = measure("uplink, 10,000 sessions, 1,000 rules")
        peer = testpmd("csum", pcap, seconds, huge, memory)
        row("  testpmd csum, the same frames", None, peer)
        bare = testpmd("io", pcap, seconds, huge, memory)
        row("  testpmd io, the same frames", None, bare)
        downlink = measure("downlink, 10,000 sessions, 1,000 rules", "--downlink")
        many_rules = measure("uplink, 10,000 rules", "--rules", "10000")
        shapes = measure("uplink, rules of 8 shapes", "--rule-shapes", "8")
        first = measure("uplink, 8 shapes, every packet classified anew", "--rule-shapes", "8",
                        "--cached-flows", "2")
        wire = measure("inline, 10,000 users: taken off the wire", "--inline")
        passing = measure("inline, 10,000 users: passing", "--inline", "--server-port", "81")
        two = None
        if len(os.sched_getaffinity(0)) > 1:
            two = measure("uplink, two workers", "--workers", "2")
        million = measure("uplink, 1,000,000 sessions", "--sessions", "1000000", memory_mb=2000)

    print(f"{uplink['mpps'] / peer:.2f} of testpmd csum; receiving and sending alone take "
          f"{1000 * uplink['ghz'] / bare:.0f} cycles a packet, recomputing checksums "
          f"{1000 * uplink['ghz'] / peer:.0f}.")
    if two:
        print(f"Two workers forward {two['mpps'] / uplink['mpps']:.2f} times what one does; their CPUs "
              "may share a core.")
    if not huge:
        print("No huge pages could be reserved: the figures are less than half of what they would be.")
    print(json.dumps({
        "uplink_mpps": round(uplink["mpps"], 2),
        "downlink_mpps": round(downlink["mpps"], 2),
        "uplink_mpps_10000_rules": round(many_rules["mpps"], 2),
        "uplink_mpps_1000000_sessions": round(million["mpps"], 2),
        "first_packet_mpps": round(first["mpps"], 2),
        "inline_steered_mpps": round(wire["mpps"], 2),
        "inline_passing_mpps": round(passing["mpps"], 2),
        "uplink_mpps_8_rule_shapes": round(shapes["mpps"], 2),
        **({"uplink_mpps_2_workers": round(two["mpps"], 2)} if two else {}),
        "testpmd_csum_mpps": round(peer, 2),
        "testpmd_io_mpps": round(bare, 2),
        "bytes_per_session": round(million["bytes_per_session"]),
        "huge_pages": huge,
    }))


if __name__ == "__main__":
    os.chdir(pathlib.Path(__file__).resolve().parent.parent)
    main()
