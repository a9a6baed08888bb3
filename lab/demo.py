"""The demo: a phone's video moves to the edge and back. Run it by scripts/demo."""

import argparse
import json
import signal
import subprocess
import sys
import threading
import time

from lab import addresses, mec_client, metrics, netns, streaming_case, topology, user
from lab.lab import Lab
from lab.processes import wait_for

INTRODUCTION = f"""
A phone watches {user.VIDEO_URL}/. Normally its traffic crosses the whole mobile network
to a server in the centre, {{delay}} ms away one way (simulated). The same service also runs at the
edge, next to the radio network: there the app asks the edge platform, by a REST call with its own
token, to send the phone's traffic to it. The phone changes nothing; only real DNS, TCP and GTP-U.
"""

DELAY_MS = 20
VIDEO_BYTES = 5_000_000
NOISE_BYTES = 200_000   # DNS, ARP and probes may take the other path
INTERRUPTIONS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
FALLBACK_LIMIT_S = 1.5  # suspended within 1 s, plus the phone's own next attempt


class Unexpected(Exception):
    """What the demo promises did not happen."""


class Phase:
    """One line of the table: what the phone sees now, and what it should see."""

    def __init__(self, name, at_edge):
        self.name = name
        self.at_edge = at_edge

    def observe(self, lab):
        before = metrics.bytes_by_path(lab.upf_metrics())
        phone = lab.net.ue()
        self.dns = ", ".join(user.resolve(phone)) or "none"
        video = user.fetch(phone, f"/bytes/{VIDEO_BYTES}")
        self.answered = video.served_by
        self.size = video.size
        self.round_trip_ms = min(user.fetch(phone).connect_ms for _ in range(3))
        after = metrics.bytes_by_path(lab.upf_metrics())
        self.bytes = {path: after[path] - before[path] for path in after}

    def check(self):
        """Raises Unexpected for the first thing that is not as it should be."""
        here, there = ("edge", "centre") if self.at_edge else ("centre", "edge")
        address = addresses.APP[4] if self.at_edge else addresses.CENTRE[4]
        expectations = [
            (self.answered == here, f"the {here} answers, not '{self.answered}'"),
            (self.size == VIDEO_BYTES, f"{VIDEO_BYTES} bytes arrive, not {self.size}"),
            (self.dns == address, f"the name leads to {address}, not {self.dns}"),
            ((self.round_trip_ms < DELAY_MS) == self.at_edge,
             f"a round trip takes {'less' if self.at_edge else 'more'} than {DELAY_MS} ms, "
             f"not {self.round_trip_ms:.1f}"),
            (self.bytes[here] >= VIDEO_BYTES, f"the video goes through the {here}, "
             f"not {self.bytes[here]} bytes"),
            (self.bytes[there] <= NOISE_BYTES, f"nothing goes through the {there}, "
             f"not {self.bytes[there]} bytes"),
        ]
        for as_expected, what in expectations:
            if not as_expected:
                raise Unexpected(f"{self.name}: expected that {what}")

    def row(self):
        return (f"{self.name:<26}{self.answered:<13}{self.dns:<15}{self.round_trip_ms:>7.1f} ms"
                f"{size(self.bytes['edge']):>12}{size(self.bytes['centre']):>12}")


HEADING = (f"{'phase':<26}{'answered by':<13}{'DNS answer':<15}{'round trip':>10}"
           f"{'via edge':>12}{'via centre':>12}")


def size(octets):
    return f"{octets / 1e6:.1f} MB" if octets >= 100_000 else f"{octets / 1e3:.1f} kB"


def say(text):
    print(text, flush=True)


def show(lab, name, at_edge):
    phase = Phase(name, at_edge)
    phase.observe(lab)
    say(phase.row())
    phase.check()


def steering(lab, state):
    """Whether all rules of the app are in `state`, as Mm5 tells it."""
    status = lab.operator().rule_status(streaming_case.APP_INSTANCE_ID)
    return all(rule["state"] == state for rule in status.values())


def switch(lab, app, on):
    streaming_case.switch(app, on)
    wait_for(lambda: steering(lab, "STEERING" if on else "INACTIVE"),
             f"rules {'in effect' if on else 'off'}")


def lose_the_app(lab):
    """The app's interface dies; returns how long its users had nobody to answer."""
    lab.net.set_app_link(up=False)
    seconds = user.fetch_until(lab.net.ue(), "centre", patience_s=0.4)
    if seconds > FALLBACK_LIMIT_S:
        raise Unexpected(f"app unreachable: expected the centre to answer within "
                         f"{FALLBACK_LIMIT_S} s, not {seconds:.1f}")
    return seconds


def play(lab):
    start = time.monotonic()
    lab.start_everything()
    app = streaming_case.deploy(lab)
    seconds = time.monotonic() - start
    say(f"One edge site, its platform and a phone are running ({seconds:.1f} s).\n")
    say(HEADING)
    show(lab, "before the rule", at_edge=False)
    switch(lab, app, on=True)
    show(lab, "rule on", at_edge=True)
    away_s = lose_the_app(lab)
    show(lab, "app unreachable", at_edge=False)
    lab.net.set_app_link(up=True)
    back_s = user.fetch_until(lab.net.ue(), "edge", patience_s=0.4)
    show(lab, "app back", at_edge=True)
    switch(lab, app, on=False)
    show(lab, "rule off", at_edge=False)
    say(f"\nWhen the app's link died the centre took over after {away_s:.1f} s; when it came back "
        f"the edge did after {back_s:.1f} s. Nobody had to do anything.")


def keep(lab):
    lab.net.keep()
    phone = lab.net.ue().name
    tries = [
        (f"ip netns exec {phone} curl {user.VIDEO_URL}/", "be the phone: who answers?"),
        ("scripts/demo --switch on", "the app moves the phone to the edge"),
        (f"ip netns exec {phone} ping -c 3 {addresses.VIDEO_NAME}", "and the distance shrinks"),
    ]
    say("\nThe lab keeps running. Three things to try, as root:")
    for command, why in tries:
        say(f"  {command:<66}# {why}")
    say(f"Stop it by: scripts/demo --stop    (logs: {lab.net.directory})")


ending = threading.Event()


def ignore_interruptions():
    """From here on the cleanup runs to its end: half of it would leave namespaces behind."""
    ending.set()
    # Blocked also in the programs that clean up, which a Ctrl-C reaches too.
    signal.pthread_sigmask(signal.SIG_BLOCK, INTERRUPTIONS)


def interrupt(number, _):
    """The first signal ends the demo, which cleans up on its way out."""
    if ending.is_set():
        return  # it had come before it was blocked
    ignore_interruptions()
    if number == signal.SIGINT:
        raise KeyboardInterrupt
    sys.exit(128 + number)


def run(keep_it):
    say(INTRODUCTION.format(delay=DELAY_MS))
    lab = Lab(ues=1)
    try:
        lab.__enter__()
        play(lab)
        if keep_it:
            keep(lab)
        else:
            say("\nAll as expected.")
        return 0
    except (Unexpected, RuntimeError, OSError, subprocess.SubprocessError) as failure:
        say(f"\n{lab.logs()}\n\nFAILED: {failure}")
        return 1
    finally:
        ignore_interruptions()
        if lab.exists() and lab.net.prefix not in topology.kept_labs():
            lab.__exit__(None, None, None)


def kept_lab():
    labs = topology.kept_labs()
    if not labs:
        sys.exit("No lab was kept; start one by: scripts/demo --keep")
    return labs[-1]


def switch_kept(on):
    """The app of the kept lab switches its rules."""
    prefix = kept_lab()
    with open(f"{topology.RECORDS}/{prefix}/app.json") as file:
        credentials = json.load(file)
    app = mec_client.App(netns.Namespace(prefix + "-edge"), addresses.MP1_MEP, addresses.MEP_PORT,
                         streaming_case.APP_INSTANCE_ID, credentials)
    streaming_case.switch(app, on)
    say(f"The app switched its rules {'on' if on else 'off'}.")


def main():
    parser = argparse.ArgumentParser(prog="scripts/demo", description="Edge streaming, end to end.")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--keep", action="store_true", help="leave it running and say what to try")
    choice.add_argument("--stop", action="store_true", help="end what --keep left running")
    choice.add_argument("--switch", choices=["on", "off"],
                        help="in the kept lab, let the app switch its rules")
    arguments = parser.parse_args()
    for name in INTERRUPTIONS:
        signal.signal(name, interrupt)
    if arguments.stop:
        topology.remove_lab(kept_lab())
        return 0
    if arguments.switch:
        switch_kept(arguments.switch == "on")
        return 0
    return run(arguments.keep)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("\nInterrupted; everything is cleaned up.")
