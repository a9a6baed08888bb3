"""Programs that a lab runs in the background: started, watched, restarted, ended, by process id."""

import contextlib
import os
import signal
import subprocess
import time


class ProcessDied(RuntimeError):
    """A program ended that should run; the message ends with the tail of its log."""


class Process:
    """One program, which may be started again after it ended."""

    def __init__(self, name, command, log_path, environment=None):
        self.name = name
        self.command = [str(part) for part in command]
        self.log_path = log_path
        self._environment = environment
        self._child = None

    @property
    def pid(self):
        return self._child.pid

    def start(self):
        with open(self.log_path, "ab") as log:
            # A session of its own: Ctrl-C in the terminal is for the lab, which then ends its
            # programs in order.
            self._child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log,
                                           stderr=log, start_new_session=True,
                                           env=self._environment)

    def running(self):
        return self._child is not None and self._child.poll() is None

    def check(self):
        """Raises ProcessDied unless it runs."""
        if not self.running():
            code = self._child.returncode if self._child else None
            raise ProcessDied(f"{self.name} ended (exit code {code})\n{self.log_tail()}")

    def kill(self):
        """kill -9, and waits until it is gone."""
        self._child.kill()
        self._child.wait()

    def ask_to_stop(self):
        if self.running():
            self._child.terminate()

    def stop(self, patience_s=5):
        """Asks it to end, and makes it end when it does not."""
        self.ask_to_stop()
        if self._child is None:
            return
        try:
            self._child.wait(patience_s)
        except subprocess.TimeoutExpired:
            self.kill()

    def log(self):
        with contextlib.suppress(FileNotFoundError):
            with open(self.log_path, errors="replace") as file:
                return file.read()
        return ""

    def log_tail(self, lines=15):
        tail = self.log().splitlines()[-lines:]
        return f"--- last lines of {self.log_path}\n" + "\n".join(tail)


def wait_for(condition, what, timeout_s=10, watched=(), interval_s=0.02):
    """Waits until condition() is true and returns its value. Raises TimeoutError naming `what`, or
    ProcessDied as soon as one of the `watched` processes ends."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        for process in watched:
            process.check()
        if time.monotonic() > deadline:
            tails = "".join("\n" + process.log_tail() for process in watched)
            raise TimeoutError(f"{what}: not within {timeout_s} s{tails}")
        time.sleep(interval_s)


def start_time(pid):
    """When the process started, in clock ticks since boot; None when there is none. Together with
    the id it names a process for good."""
    with contextlib.suppress(OSError, IndexError):
        with open(f"/proc/{pid}/stat") as file:
            return int(file.read().rpartition(")")[2].split()[19])
    return None


def end_all_in(identities, patience_s=3):
    """Ends every process whose network namespace is among `identities` (Namespace.identity()):
    for namespaces of our own making these are our processes and no other's."""
    def inside():
        for entry in os.listdir("/proc"):
            with contextlib.suppress(OSError):
                if entry.isdigit() and os.readlink(f"/proc/{entry}/ns/net") in identities:
                    yield int(entry)

    deadline = time.monotonic() + patience_s
    how = signal.SIGTERM
    while pids := [pid for pid in inside() if pid != os.getpid()]:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, how)
        if time.monotonic() > deadline:
            how = signal.SIGKILL
        time.sleep(0.05)
