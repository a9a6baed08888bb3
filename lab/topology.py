"""The networks of a lab: namespaces, virtual links, addresses and routes. No program runs yet.

Everything carries a prefix of its own, so that labs can run side by side, and is recorded under
/run/sluice-lab/PREFIX, so that what a killed run left behind can be found and removed.
"""

import contextlib
import itertools
import os
import pathlib
import shutil
import subprocess

from lab import addresses, netns, processes

RECORDS = "/run/sluice-lab"
PLACES = ("ran", "site", "edge", "backhaul", "core")
MTU_N3 = 1600  # GTP-U, UDP and outer IPv6 around a UE's 1400 octets, and room to spare


class Topology:
    """Use as a context manager: the networks exist inside and are removed at the end, whatever
    happens. `directory` is for logs, sockets and state of the lab's programs.

    With `inline` the site is the core's, and the edge is at a place of its own in the middle of N3,
    the "wire", with a bridge that takes over when no program serves it."""

    def __init__(self, ues=1, inline=False):
        self.ue_count = ues
        self.inline = inline
        self.edge_site = "wire" if inline else "site"  # where the platform runs
        self.prefix = None
        self.directory = None

    def __enter__(self):
        remove_leftovers()
        self._claim_prefix()
        try:
            self._build()
        except BaseException:
            self.remove()
            raise
        return self

    def __exit__(self, *_):
        self.remove()

    def place(self, name):
        """The namespace of one of PLACES."""
        return netns.Namespace(f"{self.prefix}-{name}")

    def ue(self, number=1):
        """The namespace of a UE, where its user's programs run."""
        return self.place(f"ue{number}")

    def path(self, name):
        return os.path.join(self.directory, name)

    def add_ue_place(self, number):
        """Makes the namespace of one more UE, for `sluice-lab ctl add-ue`."""
        self._make_ue_places([number])

    def set_app_link(self, up):
        """The app's network interface dies or comes back."""
        if not up:
            self._configure("edge", ["link set ldn down"])
            return
        a = addresses
        self._configure("edge", ["link set ldn up", f"addr replace {a.APP[6]}/64 dev ldn nodad",
                                 *self._routes_to_ues(a.LDN_UPF)])

    def set_app_arp(self, on):
        """The app's interface stays up but answers neither ARP nor ND, or does again."""
        self._configure("edge", [f"link set ldn arp {'on' if on else 'off'}"])

    def keep(self):
        """Makes the lab outlive this process, until remove_kept()."""
        with open(self.path("kept"), "w"):
            pass

    def remove(self):
        remove_lab(self.prefix)

    # -- building -------------------------------------------------------------------------------

    def _claim_prefix(self):
        os.makedirs(RECORDS, mode=0o755, exist_ok=True)
        for suffix in itertools.chain([""], "abcdefghijklmnopqrstuvwxyz"):
            self.prefix = f"sl{os.getpid()}{suffix}"
            self.directory = os.path.join(RECORDS, self.prefix)
            with contextlib.suppress(FileExistsError):
                os.mkdir(self.directory, mode=0o700)
                break
        else:
            raise RuntimeError("too many labs in one process")
        with open(self.path("owner"), "w") as file:
            file.write(f"{os.getpid()} {processes.start_time(os.getpid())}")

    def _build(self):
        places = PLACES + (("wire",) if self.inline else ())
        netns.ip_batch([f"netns add {self.prefix}-{place}" for place in places])
        for name in places:
            self.place(name).sysctl(ipv6__conf__all__accept_dad=0,
                                    ipv6__conf__default__accept_dad=0,
                                    ipv6__conf__default__accept_ra=0)
        self._make_ue_places(range(1, self.ue_count + 1))
        if self.inline:
            self._link("ran", "n3", "wire", "ran", MTU_N3)
            self._link("wire", "core", "site", "n3", MTU_N3)
        else:
            self._link("ran", "n3", "site", "n3", MTU_N3)
        self._link("ran", "n4", "site", "n4")
        self._link("backhaul", "n6", "site", "n6")
        self._link("backhaul", "core", "core", "n6")
        self._link("edge", "ldn", self.edge_site, "ldn")
        self._link("edge", "mp1", self.edge_site, "mp1")
        for port in ("n3", "n6"):
            self._give_away("site", port)
        self._give_away(self.edge_site, "ldn")
        if self.inline:
            self._make_bypass()
        for port in ("n6", "core"):
            self._give_away("backhaul", port)
        self._address_all()

    def _make_ue_places(self, numbers):
        spaces = [self.ue(number) for number in numbers]
        netns.ip_batch([f"netns add {space.name}" for space in spaces])
        for space in spaces:
            directory = pathlib.Path("/etc/netns", space.name)
            directory.mkdir(parents=True, exist_ok=True)
            (directory / "resolv.conf").write_text(f"nameserver {addresses.RESOLVER[4]}\n"
                                                   "options timeout:1 attempts:3\n")
            # The host's may ask systemd-resolved, which would answer from outside the namespace.
            (directory / "nsswitch.conf").write_text("hosts: files dns\n")

    def _link(self, place_a, name_a, place_b, name_b, mtu=1500):
        a, b = self.place(place_a).name, self.place(place_b).name
        netns.ip_batch([f"link add {name_a} mtu {mtu} netns {a} type veth "
                        f"peer name {name_b} mtu {mtu} netns {b}"])
        for space, name in ((a, name_a), (b, name_b)):
            # A port in user space sees frames as the other end's kernel leaves them: with
            # offloads on, of jumbo size and with checksums missing.
            subprocess.run(["ip", "netns", "exec", space, "ethtool", "-K", name, "tx", "off",
                            "tso", "off", "gso", "off", "gro", "off"],
                           check=True, capture_output=True)
            subprocess.run(["ip", "-n", space, "link", "set", name, "up"], check=True)

    def _give_away(self, place, name):
        """The interface belongs to a program: the kernel must say nothing on it."""
        space = self.place(place)
        space.sysctl(**{f"ipv6__conf__{name}__disable_ipv6": 1})
        subprocess.run(["ip", "-n", space.name, "link", "set", name, "arp", "off", "promisc",
                        "on"], check=True)

    def _make_bypass(self):
        """As upf-dataplane/README.md has it: the kernel joins the ends when no program takes the
        frames before it."""
        bridge = ("link add bypass type bridge stp_state 0 forward_delay 0 mcast_snooping 0 "
                  "group_fwd_mask 0xfff8")
        self._configure("wire", [bridge])
        for end in ("ran", "core"):
            self._give_away("wire", end)
            self._configure("wire", [f"link set {end} master bypass"])
        self.place("wire").sysctl(ipv6__conf__bypass__disable_ipv6=1)
        self._configure("wire", ["link set bypass arp off up"])

    def _configure(self, place, commands):
        done = subprocess.run(["ip", "-n", self.place(place).name, "-batch", "-"],
                              input="\n".join(["link set lo up", *commands]) + "\n", text=True,
                              capture_output=True)
        if done.returncode != 0:
            raise RuntimeError(f"configuring {place}: {done.stderr.strip()}")

    def _address_all(self):
        a = addresses
        self._configure("ran", [
            f"addr add {a.N3_GNB[4]}/24 dev n3",
            f"addr add {a.N3_GNB[6]}/64 dev n3 nodad",
            f"addr add {a.N4_SMF}/24 dev n4",
        ])
        self._configure("site", [
            f"addr add {a.N4_UPF}/24 dev n4",
        ])
        self._configure(self.edge_site, [f"addr add {a.MP1_MEP}/24 dev mp1"])
        self._configure("edge", [
            f"addr add {a.APP[4]}/24 dev ldn",
            f"addr add {a.APP[6]}/64 dev ldn nodad",
            f"addr add {a.MP1_APP}/24 dev mp1",
            *self._routes_to_ues(a.LDN_UPF),
        ])
        self._configure("core", [
            f"addr add {a.N6_ROUTER[4]}/24 dev n6",
            f"addr add {a.N6_ROUTER[6]}/64 dev n6 nodad",
            *(f"addr add {host[family]} dev lo" for family in (4, 6)
              # The app's address is served in the centre too (anycast): a user who still has the
              # edge's DNS answer when steering ends reaches the same service there.
              for host in (a.CENTRE, a.RESOLVER, a.APP)),
            *self._routes_to_ues(a.N6_UPF),
        ])

    @staticmethod
    def _routes_to_ues(gateway):
        return [f"route replace {addresses.UE_POOL[family]} via {gateway[family]}"
                for family in (4, 6)]


def remove_lab(prefix):
    """Ends the lab's programs and removes its namespaces and records."""
    spaces = [netns.Namespace(name) for name in netns.names() if name.startswith(prefix + "-")]
    processes.end_all_in({space.identity() for space in spaces} - {None})
    if spaces:
        netns.ip_batch([f"netns del {space.name}" for space in spaces])
    for space in spaces:
        shutil.rmtree(f"/etc/netns/{space.name}", ignore_errors=True)
    shutil.rmtree(os.path.join(RECORDS, prefix), ignore_errors=True)


def _record(prefix, name):
    with contextlib.suppress(OSError):
        with open(os.path.join(RECORDS, prefix, name)) as file:
            return file.read()
    return None


def _prefixes():
    with contextlib.suppress(FileNotFoundError):
        return sorted(os.listdir(RECORDS))
    return []


def kept_labs():
    """The prefixes of labs that were left running on purpose."""
    return [prefix for prefix in _prefixes() if _record(prefix, "kept") is not None]


def remove_leftovers():
    """Removes every lab whose owner is gone, except those that were kept on purpose."""
    for prefix in _prefixes():
        owner = (_record(prefix, "owner") or "0 0").split()
        alive = owner[0] == str(os.getpid()) or str(processes.start_time(owner[0])) == owner[1]
        if not alive and prefix not in kept_labs():
            remove_lab(prefix)
