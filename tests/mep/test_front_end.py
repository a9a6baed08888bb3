"""deploy/haproxy.cfg before a real sluice-mep: what a client sees of TLS, HTTP versions and errors."""

import asyncio
import json
import os
import pathlib
import re
import ssl
import subprocess
import time

import pytest
import websockets
from mep_process import Mep
from service_process import ROOT, free_port

CONFIG = pathlib.Path(ROOT, "deploy/haproxy.cfg").read_text()
RATE = 20  # of an address, in the tests


def openssl(directory, *arguments):
    subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)


def make_certificates(directory):
    """server.pem for localhost, and an authority with one operator's certificate."""
    new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
           "-days", "1"]
    openssl(directory, *new, "-keyout", "server.key", "-out", "server.crt", "-subj",
            "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
    openssl(directory, *new, "-keyout", "ca.key", "-out", "operators-ca.pem", "-subj", "/CN=ca")
    openssl(directory, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", "operator.key", "-out", "operator.csr", "-subj", "/CN=mepm")
    openssl(directory, "x509", "-req", "-in", "operator.csr", "-CA", "operators-ca.pem", "-CAkey",
            "ca.key", "-CAcreateserial", "-days", "1", "-out", "operator.crt")
    pem = pathlib.Path(directory, "server.key").read_text()
    pathlib.Path(directory, "server.pem").write_text(
        pem + pathlib.Path(directory, "server.crt").read_text())


class FrontEnd:
    """The shipped file with other ports and paths."""

    def __init__(self, directory, mep_port):
        self.directory = directory
        self.port, self.mm5_port, self.websocket_port = free_port(), free_port(), free_port()
        make_certificates(directory)
        text = CONFIG
        for shipped, ours in [("bind :443 ", f"bind 127.0.0.1:{self.port} "),
                              ("bind :8443 ", f"bind 127.0.0.1:{self.mm5_port} "),
                              ("127.0.0.1:8080", f"127.0.0.1:{mep_port}"),
                              ("127.0.0.1:8081", f"127.0.0.1:{self.websocket_port}"),
                              ("/etc/sluice/tls", str(directory))]:
            assert shipped in text
            text = text.replace(shipped, ours)
        if os.geteuid() != 0:
            text = re.sub(r"^  (user|group) .*$", "", text, flags=re.M)
        file = pathlib.Path(directory, "haproxy.cfg")
        file.write_text(text)
        with open(pathlib.Path(directory, "haproxy.log"), "wb") as log:
            self.process = subprocess.Popen(["haproxy", "-db", "-f", str(file)], stdout=log,
                                            stderr=log)
        deadline = time.monotonic() + 20
        while self.curl("/healthz")[0] != 200:
            assert self.process.poll() is None and time.monotonic() < deadline, self.log()
            time.sleep(0.05)

    def log(self):
        return pathlib.Path(self.directory, "haproxy.log").read_text()

    def curl(self, path, *options, port=None):
        """Returns (status, HTTP version, header, body, exit code)."""
        done = subprocess.run(
            ["curl", "-sS", "-i", "--max-time", "10", "--cacert",
             os.path.join(self.directory, "server.crt"), "-w", "\n%{http_code} %{http_version}",
             *options, f"https://localhost:{port or self.port}{path}"],
            capture_output=True, text=True, check=False)
        text, _, last = done.stdout.rpartition("\n")
        status, version = last.split()
        header, _, body = text.replace("\r", "").partition("\n\n")
        return int(status), version, header.lower(), body, done.returncode

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=10)


@pytest.fixture(scope="module")
def mep(tmp_path_factory):
    process = Mep(str(tmp_path_factory.mktemp("mep")), trusted_proxies=["127.0.0.1"],
                  more=f"limits: {{requests_per_s: 1000, burst: {1000 + RATE}}}\n")
    try:
        process.start()
        yield process
    finally:
        process.close()


@pytest.fixture(scope="module")
def front(mep, tmp_path_factory):
    end = FrontEnd(tmp_path_factory.mktemp("tls"), mep.port)
    yield end
    end.close()


@pytest.mark.parametrize("options, status, version", [
    ([], 200, "2"),
    (["--http1.1"], 200, "1.1"),
    (["--tlsv1.2", "--tls-max", "1.2"], 200, "2"),
    (["--tlsv1.3", "--http1.1"], 200, "1.1"),
    (["--tlsv1.1", "--tls-max", "1.1", "--ciphers", "DEFAULT@SECLEVEL=0"], 0, "0"),
    (["--tls-max", "1.2", "--ciphers", "AES128-GCM-SHA256"], 0, "0"),  # no forward secrecy
])
def test_versions_of_tls_and_http(front, options, status, version):
    got = front.curl("/api-specs", *options)
    assert got[:2] == (status, version)
    if status == 200:
        assert "strict-transport-security" in got[2]
    else:
        assert got[4] == 35  # the handshake failed


@pytest.mark.parametrize("http", ["--http2", "--http1.1"])
@pytest.mark.parametrize("path, options, status", [
    ("/nowhere", [], 404),
    ("/mm5/v1/app_instances", [], 404),  # not on this port
    ("/%6dm5/v1/app_instances", [], 404),  # however it is spelt
    ("/mm%35/v1/platform", [], 404),
    ("/mec_app_support/v1/applications/a/traffic_rules", [], 401),
    ("/healthz", ["-X", "DELETE"], 405),
    ("/healthz", ["-H", "X: " + "x" * 20_000], 431),
    ("/oauth2/token", ["-d", "x" * 100_000], 413),
])
def test_every_error_is_a_problem(front, http, path, options, status):
    got, _, header, body, _ = front.curl(path, http, *options)
    assert got == status
    assert "content-type: application/problem+json" in header
    assert json.loads(body)["status"] == status


def test_mm5_asks_for_a_certificate(front, mep):
    path, port = "/mm5/v1/app_instances", front.mm5_port
    stranger = front.curl(path, port=port)
    assert stranger[0] == 0 and stranger[4] != 0
    certificate = ["--cert", os.path.join(front.directory, "operator.crt"),
                   "--key", os.path.join(front.directory, "operator.key")]
    assert front.curl(path, *certificate, port=port)[0] == 401
    token = ["-H", f"Authorization: Bearer {mep.operator_token()}"]
    assert front.curl(path, *certificate, *token, port=port)[:2] == (200, "2")


def test_nobody_chooses_the_address_they_are_counted_as(tmp_path):
    mep = Mep(str(tmp_path), trusted_proxies=["127.0.0.1"],
              more=f"limits: {{requests_per_s: 1, burst: {RATE}}}\n")
    try:
        mep.start()
        # What a trusted front end says holds: every address has its own share ...
        for i in range(2 * RATE):
            headers = {"X-Forwarded-For": f"198.51.100.{i}"}
            assert mep.request("GET", "/nowhere", headers=headers)[0] == 404
        # ... and what a client writes before it does not.
        replies = [mep.request("GET", "/nowhere", headers={
            "X-Forwarded-For": f"203.0.113.{i}, 192.0.2.1"}) for i in range(2 * RATE)]
        assert replies[0][0] == 404
        assert replies[-1][0] == 429
        assert int(replies[-1][1]["Retry-After"]) >= 1
    finally:
        mep.close()


def test_the_front_end_says_who_the_client_is(front):
    """It replaces what the client wrote: through it, one address stays one."""
    options = ["-H", "X-Forwarded-For: 198.51.100.1"]
    # More than one URL in one call: curl reuses the connection, so this takes no time.
    urls = [f"https://localhost:{front.port}/nowhere"] * 3000
    done = subprocess.run(
        ["curl", "-s", "--parallel", "--parallel-max", "50", "--cacert",
         os.path.join(front.directory, "server.crt"), "-o", "/dev/null", "-w", "%{http_code}\n",
         *options, "-K", "-"],
        input="".join(f'url="{u}"\noutput="/dev/null"\n' for u in urls), capture_output=True,
        text=True, timeout=60, check=False)
    assert "429" in done.stdout.split()


def test_notifications_pass_as_websockets(front):
    async def talk():
        async def echo(socket):
            await socket.send(socket.path + " " + await socket.recv())
        trust = ssl.create_default_context(cafile=os.path.join(front.directory, "server.crt"))
        async with websockets.serve(echo, "127.0.0.1", front.websocket_port):
            uri = f"wss://localhost:{front.port}/notifications/token"
            async with websockets.connect(uri, ssl=trust) as client:
                await client.send("hello")
                return await client.recv()
    assert asyncio.run(talk()) == "/notifications/token hello"


def test_a_platform_that_is_away_is_a_503(tmp_path):
    mep = Mep(str(tmp_path))
    mep.start()
    front = FrontEnd(tmp_path, mep.port)
    try:
        mep.kill()
        status, _, header, body, _ = front.curl("/healthz")
        assert status in (502, 503)
        assert "retry-after: 1" in header
        assert json.loads(body)["status"] == status
    finally:
        front.close()
        mep.close()
