"""A whole lab: the networks of topology.py and the programs in them."""

import json
import os
import socket
import sys

from lab import addresses, configs, metrics, mec_client
from lab.processes import Process, wait_for
from lab.topology import Topology

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


class Lab:
    """Use as a context manager. Nothing runs until it is started; everything ends with the lab.

    `build` is the directory of compiled programs; `outer` the IP version of the tunnels between
    gNB and UPF. With `inline` the edge is a bump in the wire before the core's own UPF."""

    def __init__(self, ues=1, build=None, outer="ipv4", inline=False):
        self.net = Topology(ues, inline)
        self._build = os.path.abspath(build or os.environ.get("SLUICE_BUILD",
                                                              os.path.join(ROOT, "build")))
        self._outer = outer
        self.processes = {}

    def __enter__(self):
        self.net.__enter__()
        return self

    def __exit__(self, *exception):
        if exception[0] not in (None, KeyboardInterrupt, SystemExit):
            print(self.logs(), file=sys.stderr)
        try:
            if "ran" in self.processes:
                self.processes["ran"].stop()  # while it can still say goodbye to the UPF
            for process in self.processes.values():
                process.ask_to_stop()
            for process in self.processes.values():
                process.stop()
        finally:
            self.net.__exit__(*exception)

    def exists(self):
        """False before it is entered and after it is left."""
        return self.net.directory is not None and os.path.isdir(self.net.directory)

    def logs(self):
        """The tail of every program's log."""
        return "\n".join(process.log_tail() for process in self.processes.values())

    # -- the programs -----------------------------------------------------------------------------

    def start_everything(self):
        """Centre, edge app, user plane, platform, RAN; returns when each can be used."""
        self.start_centre()
        self.start_edge_app()
        self.start_upf()
        if self.net.inline:
            self.start_inline()
        self.start_mep()
        self.start_ran()
        self.wait_for_sessions()

    def start_centre(self, delay_ms=20):
        """The line to the centre, and in the centre the video service and the DNS server."""
        self._start("backhaul", "backhaul", self._program("lab/sluice-lab"), "backhaul", "--a",
                    "n6", "--b", "core", "--delay-ms", delay_ms)
        self._start("dns", "core", "dnsmasq", "--keep-in-foreground", "--log-facility=-",
                    "--conf-file=/dev/null", "--pid-file=", "--no-hosts", "--no-resolv",
                    "--user=root", "--bind-interfaces",
                    *(f"--listen-address={addresses.RESOLVER[family]}" for family in (4, 6)),
                    f"--host-record={addresses.VIDEO_NAME},{addresses.CENTRE[4]},"
                    f"{addresses.CENTRE[6]}",
                    "--host-record=other.example,198.51.100.1", "--local-ttl=30",
                    "--local=/example/")
        web = self._start_web("centre", "core")
        self._wait_for_port("core", addresses.CENTRE[4], 80, web)

    def start_edge_app(self):
        """The app's video service; its rules are the caller's to provision and switch."""
        web = self._start_web("edge", "edge")
        self._wait_for_port("edge", addresses.APP[4], 80, web)

    def start_upf(self):
        config = self._write("upf.yaml", configs.upf(self.net.directory,
                                                     has_edge=not self.net.inline))
        self._start_user_plane("upf", "site", config)

    def start_inline(self):
        """The edge's user plane on the wire between the RAN and the core's."""
        config = self._write("inline.yaml", configs.inline(self.net.directory))
        self._start_user_plane("inline", "wire", config)

    def _start_user_plane(self, name, place, config):
        upf = self._start(name, place, self._program("upf-dataplane/sluice-upf"), "--config",
                          config)
        wait_for(lambda: self._answers(place, addresses.UPF_METRICS_PORT), f"{name} ready",
                 timeout_s=30, watched=[upf])

    def start_mep(self):
        config = self._write("mep.yaml", configs.mep(self.net.directory))
        mep = self._start("mep", self.net.edge_site, self._program("mep/sluice-mep"), "--config", config)
        wait_for(lambda: os.path.exists(self._operator_file()), "sluice-mep's operator.json",
                 timeout_s=30, watched=[mep])
        self._wait_for_port(self.net.edge_site, addresses.MP1_MEP, addresses.MEP_PORT, mep)

    def start_ran(self):
        config = self._write("ran.yaml", configs.ran(self.net.directory, self.net.prefix,
                                                     self.net.ue_count, self._outer))
        ran = self._start("ran", "ran", self._program("lab/sluice-lab"), "ran", "--config", config)
        wait_for(lambda: os.path.exists(self.net.path("ran.sock")), "sluice-lab ran ready",
                 watched=[ran])

    def wait_for_sessions(self, timeout_s=30):
        def all_up():
            sessions = self.ran("status")["sessions"]
            return sessions["up"] == sessions["wanted"]
        wait_for(all_up, "a session for every UE", timeout_s, watched=[self.processes["ran"]])

    # -- speaking to them -------------------------------------------------------------------------

    def ran(self, command, **arguments):
        """Asks `sluice-lab ran` (see lab/ran.h for the commands); raises what it complains of."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            connection.connect(self.net.path("ran.sock"))
            connection.sendall(json.dumps({"command": command, **arguments}).encode() + b"\n")
            reply = json.loads(connection.makefile().readline())
        if "error" in reply:
            raise RuntimeError(reply["error"])
        return reply

    def operator(self):
        """The platform manager of this site."""
        with open(self._operator_file()) as file:
            credentials = json.load(file)
        return mec_client.PlatformManager(self.net.place("edge"), addresses.MP1_MEP,
                                          addresses.MEP_PORT, credentials["client_id"],
                                          credentials["client_secret"])

    def app(self, app_instance_id, credentials):
        """The app at the edge."""
        return mec_client.App(self.net.place("edge"), addresses.MP1_MEP, addresses.MEP_PORT,
                              app_instance_id, credentials)

    def upf_metrics(self):
        """Of the user plane that steers."""
        return metrics.scrape(self.net.place(self.net.edge_site), addresses.UPF_METRICS_PORT)

    # -- details ----------------------------------------------------------------------------------

    def _program(self, path):
        program = os.path.join(self._build, path)
        if not os.access(program, os.X_OK):
            raise FileNotFoundError(f"{program} is not built")
        return program

    def _start(self, name, place, *command):
        process = Process(name, self.net.place(place).enter(*command), self.net.path(name + ".log"),
                          {**os.environ, "PYTHONPATH": ROOT})
        self.processes[name] = process
        process.start()
        return process

    def _start_web(self, name, place):
        return self._start(f"web-{name}", place, sys.executable, "-m", "lab.web_server", "--name",
                           name)

    def _write(self, name, text):
        with open(self.net.path(name), "w") as file:
            file.write(text)
        return file.name

    def _operator_file(self):
        return self.net.path("mep-state/operator.json")

    def _answers(self, place, port):
        try:
            return bool(metrics.scrape(self.net.place(place), port).samples)
        except OSError:
            return False

    def _wait_for_port(self, place, host, port, process):
        def connects():
            with self.net.place(place).inside(), socket.socket() as probe:
                return probe.connect_ex((host, port)) == 0
        wait_for(connects, f"{process.name} on port {port}", watched=[process])
