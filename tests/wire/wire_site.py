"""A real sluice-upf in a network namespace of its own; the test is everyone around it.

The namespace holds both ends of three veth pairs: sluice-upf opens n3, n6 and ldn by net_af_packet,
and the kernel has the addresses of the base station, the core's router and an app at the other ends,
so that its ARP and neighbour discovery answer. N4 is on the loopback.
"""

import contextlib
import ctypes
import json
import os
import pathlib
import re
import select
import socket
import subprocess
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("SLUICE_BUILD", "build")
CLONE_NEWNET = 0x40000000
PREFIX = "slw"  # of namespaces; the process id follows
TIMEOUT_S = 10

LINKS = {  # port: (the other end, its addresses, the port's own)
    "n3": ("gnb", ["192.168.3.2/24", "fd03::2/64"], ["192.168.3.1/24", "fd03::1/64"]),
    "n6": ("core", ["192.168.6.2/24", "fd06::2/64"], ["192.168.6.1/24", "fd06::1/64"]),
    "ldn": ("app", ["10.60.0.10/24", "fd60::10/64"], ["10.60.0.1/24", "fd60::1/64"]),
}

CONFIG = """
instance: wire
eal: {{huge_pages: false, memory_mb: 256}}
workers: {{idle_sleep_us: 50}}
limits: {{sessions: 64, rules: 64}}
ports:
  - {{name: n3, role: n3, device: "net_af_packet0,iface=n3", mtu: 1600, addresses: [192.168.3.1/24, "fd03::1/64"]}}
  - {{name: n6, role: n6, device: "net_af_packet1,iface=n6", addresses: [192.168.6.1/24, "fd06::1/64"], gateways: [192.168.6.2, "fd06::2"]}}
  - {{name: ldn, role: local-dn, device: "net_af_packet2,iface=ldn", mtu: 1600, addresses: [10.60.0.1/24, "fd60::1/64"]}}
pfcp: {{address: 127.0.0.1}}
ue_pools:
  - {{name: internet, v4: [10.46.0.0/24], v6: ["fd46::/48"]}}
mp2: {{socket: {run}/mp2.sock}}
control: {{socket: {run}/ctl.sock}}
metrics: {{address: 127.0.0.1, port: 9465}}
"""


def run(*command):
    subprocess.run(command, check=True, capture_output=True)


@contextlib.contextmanager
def inside(namespace):
    """This thread in the namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
    try:
        if libc.setns(there, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")
        yield
    finally:
        libc.setns(home, CLONE_NEWNET)
        os.close(there)
        os.close(home)


def remove_leftovers():
    """Removes the namespaces of processes that are gone: killed before they could."""
    with contextlib.suppress(FileNotFoundError):
        for name in os.listdir("/run/netns"):
            pid = name.removeprefix(PREFIX)
            if name.startswith(PREFIX) and pid.isdigit() and not os.path.exists(f"/proc/{pid}"):
                run("ip", "netns", "del", name)


@contextlib.contextmanager
def network():
    """The namespace with its links; gone afterwards, whatever happened."""
    remove_leftovers()
    name = f"{PREFIX}{os.getpid()}"
    run("ip", "netns", "add", name)
    try:
        run("ip", "-n", name, "link", "set", "lo", "up")
        for port, (other, addresses, _) in LINKS.items():
            run("ip", "-n", name, "link", "add", port, "type", "veth", "peer", "name", other)
            run("ip", "netns", "exec", name, "sysctl", "-qw", f"net.ipv6.conf.{port}.disable_ipv6=1")
            for end in (port, other):
                run("ip", "-n", name, "link", "set", end, "mtu", "1600", "up")
            run("ip", "netns", "exec", name, "ethtool", "-K", other,
                "tx", "off", "tso", "off", "gso", "off", "gro", "off")
            for address in addresses:
                run("ip", "-n", name, "address", "add", address, "dev", other,
                    *(["nodad"] if ":" in address else []))
        yield name
    finally:
        run("ip", "netns", "del", name)


class Mep:
    """The platform's end of Mp2, as far as a test needs it."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(TIMEOUT_S)
        self.socket.connect(path)
        self.lines = self.socket.makefile()
        self.hello = self.next("hello")
        self.generation = 0

    def next(self, kind):
        while True:
            message = json.loads(self.lines.readline())
            if message["type"] == kind:
                return message

    def replace(self, rules=(), dns=()):
        self.generation += 1
        entry = lambda order, rule, key: {  # noqa: E731
            "key": f"app/{rule[key]}", "app_instance_id": "app", "order": order, "rule": rule}
        message = {"type": "replace", "source": "wire", "generation": self.generation,
                   "rules": [entry(i, r, "trafficRuleId") for i, r in enumerate(rules)],
                   "dns": [entry(i, r, "dnsRuleId") for i, r in enumerate(dns)]}
        self.socket.sendall(json.dumps(message).encode() + b"\n")
        return self.next("applied")

    def wait_for_states(self, states):
        """Waits until every rule named is in its state."""
        known = {}
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            status = self.next("status")
            known |= {r["key"].removeprefix("app/"): r for r in status["rules"] + status["dns"]}
            if all(known.get(k, {}).get("state") == v for k, v in states.items()):
                return known
        raise AssertionError(f"rules are {known}, not {states}")


class Upf:
    """The process. Everything is called from inside the namespace."""

    def __init__(self, folder, more="", config=None, ready="neighbour answers address=fd06::2"):
        """`more`: YAML besides `config`, which is CONFIG; `ready`: what its log then says last."""
        self.folder = pathlib.Path(folder)
        path = self.folder / "upf.yaml"
        path.write_text((config or CONFIG).format(run=self.folder) + more)
        self.log = open(self.folder / "upf.log", "w+")
        self.process = subprocess.Popen([BUILD / "upf-dataplane/sluice-upf", "--config", path],
                                        stdout=self.log, stderr=subprocess.STDOUT)
        try:
            self.wait_for(ready)
        except BaseException:
            self.stop()
            raise

    def wait_for(self, text):
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            written = (self.folder / "upf.log").read_text()
            if text in written:
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        raise AssertionError(f"sluice-upf did not say '{text}':\n{written}")

    def metrics(self):
        """{name{labels}: value}"""
        with urllib.request.urlopen("http://127.0.0.1:9465/metrics", timeout=TIMEOUT_S) as reply:
            text = reply.read().decode()
        return {name: float(value) for name, value in re.findall(r"^([^#\s]\S*) (\S+)$", text, re.M)}

    def dropped(self):
        return {re.search(r'reason="(\w+)"', name)[1]: value for name, value in self.metrics().items()
                if name.startswith("sluice_upf_dropped_packets_total") and value}

    def mep(self):
        return Mep(str(self.folder / "mp2.sock"))

    def kill(self):
        """As a crash: nobody is told."""
        self.process.kill()
        self.process.wait(TIMEOUT_S)
        self.log.close()

    def stop(self):
        """Ends it and returns its exit code; may be called again."""
        self.process.terminate()
        try:
            return self.process.wait(TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.log.close()


@contextlib.contextmanager
def serving(folder, make, finish=lambda site: None):
    """What `make` builds around a UPF in a namespace of its own, and this thread in there. In the end
    finish() is called, unless the test broke off, and the UPF has to stop in order."""
    with network() as name, inside(name):
        upf = Upf(folder)
        try:
            site = make(upf)
            yield site
            finish(site)
        finally:
            code = upf.stop()
        assert code == 0, (folder / "upf.log").read_text()


def mac_of(interface):
    """As "02:00:...". /sys would show the interfaces of the namespace it was mounted in."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as probe:
        probe.bind((interface, 0))
        return probe.getsockname()[4].hex(":")


class Link:
    """The other end of a port: raw frames out, raw frames in."""

    def __init__(self, port):
        self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.bind((LINKS[port][0], 0))
        self.frames = []  # everything that came from the UPF

    def send(self, frame):
        self.socket.send(bytes(frame))

    def receive(self, wanted, timeout=3):
        """The first frame that `wanted` accepts, or None."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self.socket], [], [], left)[0]:
                break
            frame, address = self.socket.recvfrom(65535)
            if address[2] == socket.PACKET_OUTGOING:
                continue
            self.frames.append(frame)
            if wanted(frame):
                return frame
        return None

    def close(self):
        self.socket.close()
