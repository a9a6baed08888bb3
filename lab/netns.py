"""Network namespaces: making them, entering them, running programs in them."""

import contextlib
import ctypes
import os
import subprocess

_CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _setns(fd):
    if _libc.setns(fd, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns: " + os.strerror(ctypes.get_errno()))


def ip_batch(commands):
    """Runs many `ip` commands in one process; the first that fails raises."""
    done = subprocess.run(["ip", "-batch", "-"], input="\n".join(commands) + "\n", text=True,
                          capture_output=True)
    if done.returncode != 0:
        raise RuntimeError(f"ip: {done.stderr.strip()}")


def names():
    """The names of all network namespaces there are."""
    with contextlib.suppress(FileNotFoundError):
        return sorted(os.listdir("/run/netns"))
    return []


class Namespace:
    """A named network namespace that exists (see ip_batch(["netns add NAME"]))."""

    def __init__(self, name):
        self.name = name
        self.path = "/run/netns/" + name

    def __repr__(self):
        return f"Namespace({self.name})"

    def identity(self):
        """What /proc/PID/ns/net links to for the processes inside; None when it is gone."""
        with contextlib.suppress(OSError):
            return f"net:[{os.stat(self.path).st_ino}]"
        return None

    @contextlib.contextmanager
    def inside(self):
        """The calling thread is in the namespace meanwhile; a socket it makes stays there."""
        with open("/proc/thread-self/ns/net") as home, open(self.path) as there:
            _setns(there.fileno())
            try:
                yield self
            finally:
                _setns(home.fileno())

    def enter(self, *command):
        """The command line that runs `command` inside, as the same process (nsenter execs)."""
        return ["nsenter", "--net=" + self.path, "--", *map(str, command)]

    def user(self, *command):
        """As enter(), with the namespace's own files of /etc/netns/NAME: what a UE's programs need
        to find names."""
        return ["ip", "netns", "exec", self.name, *map(str, command)]

    def run(self, *command, timeout_s=30, check=True):
        """Runs `command` inside as a user's program, to its end; returns its standard output."""
        done = subprocess.run(self.user(*command), capture_output=True, text=True,
                              timeout=timeout_s)
        if check and done.returncode != 0:
            raise RuntimeError(f"{' '.join(map(str, command))} in {self.name}: "
                               f"exit {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def sysctl(self, **values):
        """Sets net.* keys, written with '__' for '.': ipv4__ip_forward=0."""
        with self.inside():
            for key, value in values.items():
                with open("/proc/sys/net/" + key.replace("__", "/"), "w") as file:
                    file.write(str(value))
