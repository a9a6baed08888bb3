"""From the request for a bandwidth allocation to the first packet that it protects, on a busy port.

The real sluice-mep and sluice-upf (net_af_packet over veth, in a namespace of its own). A user sends more
than the port carries; small probes of the same user wait behind that for as long as the port's queue is
deep, until an allocation for their session lets them pass. A probe that arrives within a few milliseconds
says that the guarantee is in effect. Beside it: the reply to the request, which is sent once the allocation
is on disk. Clients and servers share the machine.
"""

import argparse
import json
import os
import pathlib
import statistics
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
os.environ.setdefault("SLUICE_BUILD", str(ROOT / "build"))
sys.path[:0] = [str(ROOT / "tests/wire"), str(ROOT / "tests/mep")]

from contention import USERS, Traffic, platforms  # noqa: E402
from wire_site import inside, network  # noqa: E402

PROBE_PORT = 9000
PROMPT_S = 0.005  # a probe that took less did not wait; the others wait tens of milliseconds
GRANT_BPS = 2_000_000
SESSION = {"sourceIp": USERS[0], "dstPort": str(PROBE_PORT), "protocol": "UDP"}


def first_prompt(traffic, probe, since):
    """When the first probe was sent that was sent after `since` and did not wait."""
    arrived = traffic.arrived[probe.key]
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        while arrived:
            number, when = arrived.popleft()
            sent = probe.sent[number]
            if sent >= since and when - sent < PROMPT_S:
                return sent
        time.sleep(0.0002)
    sys.exit("no probe was prompt within 5 s of the reply")


def wait_until_busy(traffic, probe):
    """Until probes wait, or find no place in the queue: the allocation before is gone."""
    arrived = traffic.arrived[probe.key]
    prompt, deadline = time.monotonic(), time.monotonic() + 5
    while time.monotonic() - prompt < 0.1:
        if time.monotonic() > deadline:
            sys.exit("probes do not wait although the port is busy")
        while arrived:
            number, when = arrived.popleft()
            if when - probe.sent[number] < 2 * PROMPT_S:
                prompt = when
        time.sleep(0.001)


def one(site, traffic, probe, change):
    """(milliseconds to the reply, to the first prompt probe) of one change."""
    wait_until_busy(traffic, probe)
    start = time.monotonic()
    done = change()
    replied = time.monotonic()
    effect = first_prompt(traffic, probe, start)
    site.release("cameras", done)
    return 1000 * (replied - start), 1000 * (effect - start)


def p99(values):
    return statistics.quantiles(values, n=100, method="inclusive")[98]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds, under 40 s")
    rounds = 40 if parser.parse_args().quick else 200
    with tempfile.TemporaryDirectory() as folder, network() as name, inside(name), \
            platforms(pathlib.Path(folder)) as site:
        flood = site.flow(0, "cameras", 80, 40_000_000, 1400)
        probe = site.flow(0, "cameras", PROBE_PORT, 400_000, 100)  # 500 a second
        with Traffic([flood, probe]) as traffic:
            times = [one(site, traffic, probe, lambda: site.allocate("cameras", GRANT_BPS, SESSION))
                     for _ in range(rounds)]

            def widened():
                """An allocation for something else becomes one for the probes by PUT."""
                allocation = made.pop()
                body = {"appInsId": "cameras", "requestType": 1, "fixedAllocation": str(GRANT_BPS),
                        "allocationDirection": "01", "sessionFilter": [SESSION]}
                status, _, problem = site.call("cameras", "PUT", f"/bw_allocations/{allocation}", body)
                assert status == 200, problem
                return allocation

            made, changes = [], []
            for _ in range(rounds):
                made.append(site.allocate("cameras", GRANT_BPS, {**SESSION, "dstPort": "9001"}))
                changes.append(one(site, traffic, probe, widened))
    figures = {}
    print(f"{'':28} {'median':>8} {'p99':>8} {'most':>8}   ms, {rounds} times each")
    for what, pairs in (("post", times), ("put", changes)):
        for column, title in enumerate(("reply", "effect")):
            values = [pair[column] for pair in pairs]
            print(f"{what.upper()} to {title:20} {statistics.median(values):8.1f} {p99(values):8.1f} {max(values):8.1f}")
            figures[f"{what}_to_{title}_ms_p99"] = round(p99(values), 1)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
