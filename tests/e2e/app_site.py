"""A lab whose edge runs apps: a bridge as local data network, a podman of its own, sluice-mepm."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import textwrap
import time

from lab import addresses
from lab.lab import ROOT
from lab.mec_client import Client
from lab.processes import wait_for

APP_ADDRESS = "10.60.0.20"
PORT = 8092


def missing():
    """Why apps cannot run on this machine, or None."""
    return next((f"{program} is not installed" for program in ("podman", "runc", "conmon")
                 if shutil.which(program) is None), None)


class AppSite:
    def __init__(self, lab):
        self.lab = lab
        self.edge = lab.net.place("edge")
        self.path = pathlib.Path(lab.net.path("apps"))
        self.path.mkdir()
        self.environment = {**os.environ, "CONTAINERS_CONF": str(self.path / "containers.conf"),
                            "CONTAINERS_STORAGE_CONF": str(self.path / "storage.conf")}
        (self.path / "containers.conf").write_text(textwrap.dedent(f"""\
            [containers]
            default_ulimits=["nofile=4096:8192","nproc=1000:1000"]
            [engine]
            runtime="runc"
            cgroup_manager="cgroupfs"
            events_logger="file"
            tmp_dir="{self.path}/tmp"
            """))
        (self.path / "storage.conf").write_text(textwrap.dedent(f"""\
            [storage]
            driver="vfs"
            graphroot="{self.path}/root"
            runroot="{self.path}/run"
            """))
        self.owner = lab.net.prefix.replace("sl", "t")

    # -- its parts ------------------------------------------------------------------------------

    def start(self):
        for command in ("link add local-dn type bridge", "addr flush dev ldn",
                        "link set ldn master local-dn", "link set local-dn up"):
            subprocess.run(["ip", "-n", self.edge.name, *command.split()], check=True)
        self._podman = subprocess.Popen(
            ["podman", "system", "service", "--time=0", f"unix://{self.path}/podman.sock"],
            env=self.environment, cwd=self.path, stdout=subprocess.DEVNULL,
            stderr=open(self.path / "podman.log", "w"))
        wait_for((self.path / "podman.sock").exists, "podman's service")
        (self.path / "mepm.yaml").write_text(textwrap.dedent(f"""\
            http: {{address: 127.0.0.1, port: {PORT}}}
            state: {self.path}/state
            platform:
              uri: http://{addresses.MP1_MEP}:{addresses.MEP_PORT}
              plain_http: true
              credentials: {self.lab.net.path("mep-state/operator.json")}
            network:
              bridge: local-dn
              prefix: 10.60.0.0/24
              gateway: {addresses.LDN_UPF[4]}
              first_address: {APP_ADDRESS}
              last_address: 10.60.0.29
            podman: {{socket: {self.path}/podman.sock, owner: {self.owner}}}
            apps: {{watch_period_ms: 200, start_timeout_s: 20}}
            packages: {{trusted_certificates: {self.path}/signer.pem}}
            """))

    def start_manager(self):
        self.manager = self.lab._start("mepm", "edge", self.lab._program("mepm/sluice-mepm"),
                                       "--config", str(self.path / "mepm.yaml"))
        self.lab._wait_for_port("edge", "127.0.0.1", PORT, self.manager)

    def kill_manager(self):
        self.manager.kill()

    def close(self):
        self.podman("rm", "--all", "--force", "--time=0", check=False)
        for name in self.spaces():
            subprocess.run(["ip", "netns", "del", name], check=False)
        self._podman.terminate()
        self._podman.wait(timeout=20)

    # -- what an operator does and sees -----------------------------------------------------------

    def package(self, name="hello-edge"):
        """A signed package of the example app, with a rule for its own address."""
        folder = self.path / name
        shutil.copytree(os.path.join(ROOT, "examples/hello-edge"), folder)
        appd = folder / "appd.yaml"
        text = appd.read_text()
        text = text.replace("198.51.100.20", APP_ADDRESS).replace('dstPort: ["80"]', 'dstPort: ["8080"]')
        text = text.replace("10.9.0.20", "0.0.0.0")
        appd.write_text(text)
        out = self.path / (name + ".csar")
        subprocess.run([sys.executable, os.path.join(ROOT, "examples/build-package"), folder, out,
                        "--new-key", self.path / "signer"], check=True, capture_output=True)
        return out

    def ctl(self, *arguments, code=0):
        """sluicectl's output as JSON; None where it says nothing."""
        done = subprocess.run(
            self.edge.enter(self.lab._program("cli/sluicectl"), "-s", f"http://127.0.0.1:{PORT}",
                            "-c", self.path / "state/operator.json", "-q", "-o", "json", *arguments),
            capture_output=True, text=True, timeout=60)
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout) if done.stdout else done.stderr

    def client(self):
        """Mm3 with the operator's credentials."""
        operator = json.loads((self.path / "state/operator.json").read_text())
        return Client(self.edge, "127.0.0.1", PORT, operator["client_id"],
                      operator["client_secret"], "mm3")

    def app(self, name):
        return next((app for app in self.ctl("app", "list") if app["appInstanceId"] == name), None)

    def wait_for_phase(self, name, phase, timeout_s=30):
        wait_for(lambda: (self.app(name) or {}).get("phase") == phase
                 and "operation" not in self.app(name), f"{name} {phase}", timeout_s,
                 watched=[self.manager])

    def podman(self, *arguments, check=True):
        return subprocess.run(["podman", *arguments], env=self.environment, cwd=self.path, check=check,
                              capture_output=True, text=True, timeout=60).stdout

    def spaces(self):
        return [name for name in os.listdir("/run/netns") if name.startswith(f"sluice-{self.owner}-")]

    def leftovers(self):
        """Everything that an app makes besides its record."""
        return {"containers": self.podman("ps", "--all", "--quiet").split(),
                "secrets": self.podman("secret", "ls", "--quiet").split(),
                "spaces": self.spaces(),
                "ports": [line for line in self.edge.run("ip", "-o", "link", "show", "master", "local-dn")
                          .splitlines() if " ldn@" not in line],
                "provisioned": self.lab.operator().instances()}

    def answer(self, timeout_s=1):
        """Who serves the user at the app's address; what went wrong otherwise."""
        ue = self.lab.net.ue(1)
        try:
            return ue.run("curl", "-sS", "--max-time", timeout_s, f"http://{APP_ADDRESS}:8080/")
        except (RuntimeError, subprocess.TimeoutExpired) as failure:
            return str(failure)

    def wait_for_answer(self, begin, timeout_s=15):
        deadline = time.monotonic() + timeout_s
        while not (last := self.answer()).startswith(begin):
            assert time.monotonic() < deadline, last
