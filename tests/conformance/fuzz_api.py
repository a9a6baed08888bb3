#!/usr/bin/env python3
"""Random requests and misbehaving connections against sluice-mep or sluice-meao, best one built with
sanitizers.

    fuzz_api.py [--program mep|meao] [--seconds N] [--seed S] [--idle N] BUILD

No reply may be a 5xx or against our documents, none may fail to come, the process must neither die nor
leak: neither memory, told by AddressSanitizer when it ends, nor connections. Exit code 1 with the
request that showed a failure, made as small as possible."""

import argparse
import contextlib
import os
import pathlib
import random
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "mep"), str(HERE.parent / "meao")]

# Its tables of characters; by default it would leave them in the source tree.
os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", os.path.join(tempfile.gettempdir(), "sluice-hypothesis"))

import raw_connections as raw  # noqa: E402
from csar import Signer  # noqa: E402
from documents import load  # noqa: E402
from http_clients import Http1, Http2  # noqa: E402
from hypothesis import HealthCheck, given, note, seed, settings, strategies  # noqa: E402
from meao_process import Meao  # noqa: E402
from mep_process import Mep  # noqa: E402
from package_world import MEAO_LIMITS, PACKAGE_LIMITS, PackageWorld, load_packages  # noqa: E402
from random_requests import requests  # noqa: E402
from world import MEP_LIMITS, World  # noqa: E402

BLOCK = 100  # requests between looks at the clock
CALM = 64  # files that may be open beyond those at the start when all connections are gone


class Fuzz:
    """Of sluice-mep; see PackageFuzz for what another program has of its own."""

    def __init__(self, build, directory, rng):
        self.rng = rng
        self.program, self.world, self.operations = self.begin(build, directory)
        self.files = len(os.listdir(f"/proc/{self.program.pid}/fd"))
        self.clients = [Http1(self.program.port), Http2(self.program.port)]
        self.places = {}
        self.count = 0

    @staticmethod
    def begin(build, directory):
        operations = [o for document in load(build) for o in document.operations()]
        mep = Mep(directory, more=MEP_LIMITS, program=os.path.join(build, "mep/sluice-mep"))
        mep.start()
        return mep, World(mep, operations), operations

    def targets(self):
        """What everybody may ask for again and again."""
        return ["/healthz", "/api-specs", "/mm5/v1/platform", "/no/such",
                f"/mec_app_support/v1/applications/{self.world.main_app.id}/traffic_rules"]

    def close(self):
        self.program.close()

    def prepared(self, operation):
        """A place that was valid once, now and then a new one; its last use may have removed it."""
        if operation.id not in self.places or self.rng.random() < 0.02:
            if operation.id in ("issueToken", "revokeToken"):
                self.places[operation.id] = (operation.path, None, "")
            else:
                app = self.world.main_app if operation.method == "GET" else self.world.other_app
                if operation.method == "DELETE" and "{appInstanceId}" in operation.path[-16:]:
                    app = self.world.new_app()
                self.places[operation.id] = self.world.prepare(operation, app)
        return self.places[operation.id]

    def one_request(self, data):
        operation = data.draw(strategies.sampled_from(self.operations))
        method, target, body, headers = data.draw(requests(operation, *self.prepared(operation)))
        client = data.draw(strategies.sampled_from(self.clients))
        note(f"{client.name} {method} {target}\n{headers}\n{body!r}")
        try:
            reply = client.request(method, target, body, headers)
        except ValueError:
            return  # the client itself refuses to write this
        self.count += 1
        note(repr(reply))
        if reply.status == 401 and headers.get("Authorization") == f"Bearer {self.places[operation.id][2]}":
            self.world.renew()
            self.places.clear()
            return
        self.check(operation, method, target, reply)

    def check(self, operation, method, target, reply):
        assert reply.status < 500, f"{operation}: {reply}"
        if method == operation.method and target.split("?")[0] == self.places[operation.id][0]:
            # The first are the transport's, for every operation; selectors cut required members off.
            if reply.status not in (413, 414, 431) and not (reply.status == 200 and "fields=" in target):
                operation.check_reply(reply)
        if reply.status >= 400 and reply.body and operation.id not in ("issueToken", "revokeToken"):
            assert reply.media_type == "application/problem+json", reply
            assert reply.json["status"] == reply.status and reply.json.get("detail"), reply

    def healthy(self):
        """It runs, and answers who is in order."""
        assert self.program.running(), self.program.log()[-4000:]
        for client in (Http1, Http2):
            with contextlib.closing(client(self.program.port)) as probe:
                reply = probe.request("GET", "/healthz", None, {})
                assert reply.status == 200, reply

    def misbehave(self):
        """One connection of every bad kind."""
        wire = []
        for _ in range(self.rng.randint(2, 12)):
            token = self.rng.choice(["", self.world.main_app.token])
            target = self.rng.choice(self.targets())
            wire.append(raw.request_bytes("GET", target, None, {"Authorization": f"Bearer {token}"}))
        statuses = raw.pipelined(self.program.port, self.rng, wire)
        assert len(statuses) == len(wire) and max(statuses) < 500, statuses
        for _ in range(20):
            raw.noise(self.program.port, self.rng)
        raw.flood(self.program.port, self.rng)
        self.healthy()

    def hold(self, idle):
        """Many idle connections, half-open and slow ones among them, while others are served."""
        held = raw.Held(self.program.port, idle, ["idle"] * 7 + ["h2", "half", "slow"])
        try:
            for _ in range(5):
                held.trickle()
                self.healthy()
            assert held.still_open() == idle, f"{idle - held.still_open()} of {idle} connections were closed"
            slow = held.finish_slow()
            assert slow and all(statuses == [200] for statuses in slow), slow
        finally:
            held.close()
        self.healthy()

    def end(self):
        for client in self.clients:
            client.close()
        self.world.close()
        left = raw.wait_for_files(self.program.pid, self.files + CALM)
        assert left <= self.files + CALM, f"{left} files are open, {self.files} were at the start"
        code = self.program.stop()
        log = self.program.log()
        for mark in ("Sanitizer", "runtime error:", "http handler failed"):
            assert mark not in log, log[log.index(mark):][:6000]
        assert code == 0, f"exit code {code}\n{log[-4000:]}"


class PackageFuzz(Fuzz):
    """Of sluice-meao. The content of packages is left to tests/fuzz: what comes here is seldom one."""

    @staticmethod
    def begin(build, directory):
        signer = Signer(directory, "Example Apps")
        meao = Meao(directory, signer.certificate, packages=PACKAGE_LIMITS, more=MEAO_LIMITS,
                    program=os.path.join(build, "meao/sluice-meao"))
        meao.start()
        operations = load_packages(build)
        return meao, PackageWorld(meao, signer, operations), operations

    def targets(self):
        return ["/healthz", "/api-specs", "/no/such", "/app_pkgm/v1/app_packages"]

    def prepared(self, operation):
        path, body, token = super().prepared(operation)
        return path, None if isinstance(body, bytes) else body, token


PROGRAMS = {"mep": Fuzz, "meao": PackageFuzz}


def run(program, build, seconds, first_seed, idle, directory):
    """Returns how many requests were answered; raises what was found."""
    fuzz = PROGRAMS[program](build, directory, random.Random(first_seed))
    try:
        fuzz.hold(idle)
        deadline = time.monotonic() + seconds
        number = first_seed
        while time.monotonic() < deadline:
            @seed(number)
            @settings(max_examples=BLOCK, deadline=None, database=None, suppress_health_check=list(HealthCheck))
            @given(strategies.data())
            def block(data):
                fuzz.one_request(data)

            block()
            fuzz.misbehave()
            number += 1
        fuzz.end()
        return fuzz.count
    finally:
        fuzz.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", choices=PROGRAMS, default="mep")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--idle", type=int, default=5000)
    parser.add_argument("build")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}")
    with tempfile.TemporaryDirectory() as directory:
        count = run(arguments.program, os.path.abspath(arguments.build), arguments.seconds, arguments.seed,
                    arguments.idle, directory)
    print(f"api: {count} requests in {arguments.seconds} s, no failure")


if __name__ == "__main__":
    main()
