"""What a subscriber does, with the ordinary programs: curl, dig, ping."""

import hashlib
import os
import re
import subprocess
import tempfile
import time

from lab import addresses

VIDEO_URL = f"http://{addresses.VIDEO_NAME}"


class Fetched:
    """What a fetch brought: who answered, from which address, in which time."""

    def __init__(self, status, address, connect_s, served_by, body_hash, size, start):
        self.status = status
        self.address = address
        self.connect_ms = connect_s * 1000  # from SYN to SYN-ACK: one round trip
        self.served_by = served_by
        self.sha256 = body_hash
        self.size = size
        self.start = start  # the first octets, all of a short answer


def fetch(ue, path="/", family=4, timeout_s=10, url=VIDEO_URL, options=()):
    """Fetches url + path in the namespace `ue`; raises RuntimeError with curl's words. `options`
    are curl's."""
    with tempfile.TemporaryDirectory() as directory:
        body = os.path.join(directory, "body")
        report = ue.run("curl", "-sS", f"-{family}", "--max-time", timeout_s, "-o", body, "-w",
                        "%{http_code} %{remote_ip} %{time_namelookup} %{time_connect} "
                        "%header{x-served-by}", *options, url + path, timeout_s=timeout_s + 5)
        status, address, looked_up, connected, *served_by = report.split()
        digest, size, start = hashlib.sha256(), 0, b""
        with open(body, "rb") as file:
            while piece := file.read(1 << 20):
                start = start or piece[:4096]
                digest.update(piece)
                size += len(piece)
    return Fetched(int(status), address, float(connected) - float(looked_up),
                   served_by[0] if served_by else "", digest.hexdigest(), size, start)


def fetch_until(ue, served_by, family=4, timeout_s=5, patience_s=1):
    """Fetches again and again until `served_by` answers; returns how many seconds that took.
    Failures on the way do not count, time does. A single attempt has `patience_s`."""
    start = time.monotonic()
    last = "nobody"
    while time.monotonic() - start < timeout_s:
        try:
            last = fetch(ue, family=family, timeout_s=patience_s).served_by
        except (RuntimeError, subprocess.TimeoutExpired) as failure:
            last = str(failure)
        if last == served_by:
            return time.monotonic() - start
    raise TimeoutError(f"{served_by} does not answer within {timeout_s} s; last: {last}")


def resolve(ue, name=addresses.VIDEO_NAME, kind="A", server=addresses.RESOLVER[4]):
    """The addresses in dig's answer, in order."""
    answer = ue.run("dig", "+short", "+tries=3", "+time=1", f"@{server}", name, kind)
    return [line for line in answer.splitlines() if not line.startswith(";")]


def longest_silence_s(ue, address, during_s, act, interval_s=0.02):
    """Pings `address` for `during_s` seconds, calls act() meanwhile, and returns the longest time
    between two answers."""
    ping = subprocess.Popen(ue.user("ping", "-n", "-D", "-i", interval_s, "-w", during_s, address),
                            stdout=subprocess.PIPE, text=True)
    try:
        first = ping.stdout.readline() + ping.stdout.readline()
        act()
        output = first + ping.communicate(timeout=during_s + 5)[0]
    finally:
        ping.kill()
        ping.wait()
    times = [float(stamp) for stamp in re.findall(r"^\[([\d.]+)\].* time=", output, re.M)]
    if len(times) < 2:
        raise RuntimeError(f"{address} does not answer")
    return max(later - earlier for earlier, later in zip(times, times[1:]))


def ping_ms(ue, address, count=3, interval_s=0.1):
    """The smallest round-trip time of `count` echo requests, or None when all stay unanswered."""
    answer = ue.run("ping", "-n", "-q", "-c", count, "-i", interval_s, "-W", 1, address,
                    check=False)
    match = re.search(r"= ([\d.]+)/", answer)
    return float(match.group(1)) if match else None
