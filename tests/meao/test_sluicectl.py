"""The operator's command line against a real sluice-meao: what people type, and what comes back."""

import hashlib
import http.server
import json
import os
import random
import re
import signal
import socket
import ssl
import subprocess
import threading
import time

import pytest

from csar import IMAGE, Package
from meao_process import PROGRAM, Meao

CTL = os.path.join(os.path.dirname(os.path.dirname(PROGRAM)), "cli/sluicectl")


class Ctl:
    """sluicectl in an environment that names a sluice-meao and its operator's credentials."""

    def __init__(self, meao, server=None, **environment):
        self.environment = {"SLUICE_SERVER": server or f"http://127.0.0.1:{meao.port}",
                            "SLUICE_CREDENTIALS": os.path.join(meao.state, "operator.json"), **environment}

    def start(self, *words):
        return subprocess.Popen([CTL, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                env=self.environment)

    def run(self, *words, code=0):
        """Returns (standard output, standard error)."""
        process = self.start(*words)
        try:
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
            process.wait()
        assert process.returncode == code, (out, err)
        return out, err

    def json(self, *words):
        return json.loads(self.run(*words, "-o", "json")[0])


@pytest.fixture
def ctl(meao):
    return Ctl(meao)


def package_file(tmp_path, package, name="app.csar"):
    path = tmp_path / name
    path.write_bytes(package.build())
    return path


def test_a_package_from_its_upload_to_its_end(ctl, meao, signer, tmp_path):
    path = package_file(tmp_path, Package(signer))
    assert "ONBOARDING" in ctl.run("package", "list")[0]
    info = ctl.json("package", "onboard", str(path), "--part-bytes", "500")
    assert info["onboardingState"] == "ONBOARDED" and info["appDId"] == "app-1"
    out, _ = ctl.run("package", "list")
    headline, row = out.splitlines()
    assert headline.split() == ["ID", "APP", "VERSION", "PROVIDER", "ONBOARDING", "OPERATION", "USAGE"]
    assert row.split() == [info["id"], "app", "1.10", "Sluice", "ONBOARDED", "ENABLED", "NOT_IN_USE"]
    assert headline.index("ONBOARDING") == row.index("ONBOARDED")
    assert ctl.run("package", "list", "--filter", "(eq,onboardingState,CREATED)")[0].count("\n") == 1
    for name in (info["id"], "app-1"):
        assert ctl.json("package", "show", name)["id"] == info["id"]
    assert re.search(r"images: +app 1\.0", ctl.run("package", "show", "app-1")[0])
    assert "appTrafficRule" in ctl.run("package", "descriptor", "app-1")[0]
    assert ctl.json("package", "descriptor", "app-1")["appName"] == "app"
    for verb, state in (("disable", "DISABLED"), ("enable", "ENABLED")):
        assert ctl.run("package", verb, info["id"])[0] == f"{info['id']} {state}\n"
        assert meao.info(info["id"])["operationalState"] == state
    down = tmp_path / "down.csar"
    assert "checksum good" in ctl.run("package", "fetch", "app-1", "--to", str(down))[0]
    assert down.read_bytes() == path.read_bytes()
    assert ctl.run("package", "delete", info["id"])[0] == f"{info['id']} deleted\n"
    _, err = ctl.run("package", "show", info["id"], code=1)
    assert err.startswith("sluicectl: the server answers 404 Not Found: there is no package")


def test_lists_go_over_all_pages(tmp_path, signer):
    meao = Meao(str(tmp_path), signer.certificate, more="limits: {page_size: 2}\n")
    try:
        meao.start()
        made = sorted(meao.create(b"x")["id"] for _ in range(5))
        assert [info["id"] for info in Ctl(meao).json("package", "list")] == made
    finally:
        meao.close()


def test_everything_that_is_wrong_with_a_package_is_said(ctl, meao, signer, tmp_path):
    package = Package(signer)
    package.unlisted["extra"] = b"x"
    package.files["Definitions/app.yaml"] = package.files["Definitions/app.yaml"].replace(
        b"priority: 10", b"priority: 300")
    path = package_file(tmp_path, package)
    _, err = ctl.run("package", "onboard", str(path), code=1)
    assert "extra: " in err and "is not listed" in err
    assert re.search(r"Definitions/app\.yaml:\d+: .*priority", err)
    assert ctl.json("package", "list") == []  # nobody has any use for it
    _, err = ctl.run("package", "onboard", str(path), "--keep", code=1)
    [kept] = ctl.json("package", "list")
    assert kept["id"] in err and meao.info(kept["id"])["onboardingState"] == "CREATED"


def test_what_is_wrong_with_a_command_is_said(ctl, meao, tmp_path):
    nothing = tmp_path / "nothing"
    closed = socket.create_server(("127.0.0.1", 0))
    port = closed.getsockname()[1]
    closed.close()
    bad = tmp_path / "bad.json"
    bad.write_text(json.dumps({"client_id": "x", "client_secret": "y"}))
    for words, code, said in (
            ([], 2, "subcommand is required"),
            (["package"], 2, "subcommand is required"),
            (["package", "show"], 2, "ID is required"),
            (["package", "onboard"], 1, "name the package's file"),
            (["package", "onboard", str(nothing)], 1, "No such file"),
            (["package", "onboard", "--from", "http://x/y"], 1, "--checksum"),
            (["package", "list", "-o", "xml"], 2, "xml not in"),
            (["--server", "meao", "package", "list"], 2, "is no server"),
            (["--server", "http://192.0.2.1:8090", "package", "list"], 2, "unencrypted"),
            (["--server", f"http://127.0.0.1:{port}", "package", "list"], 3, "is the program running"),
            (["--credentials", str(nothing), "package", "list"], 2, "No such file"),
            (["--credentials", str(bad), "package", "list"], 1, "are these credentials this server's"),
            (["--token", "nonsense", "package", "list"], 1, "401"),
            (["package", "delete", "none"], 1, "there is no package 'none'")):
        _, err = ctl.run(*words, code=code)
        assert said in err, (words, err)
    bare = subprocess.run([CTL, "package", "list"], env={}, capture_output=True, text=True)
    assert bare.returncode == 2 and "no credentials" in bare.stderr
    assert Ctl(meao, SLUICE_TOKEN=meao.operator_token(), SLUICE_CREDENTIALS=str(nothing)).json("package", "list") == []


def test_the_help_says_what_there_is(ctl):
    out, _ = ctl.run("--help")
    for word in ("package", "--server", "SLUICE_SERVER", "--ca-file", "Exit codes"):
        assert word in out
    out, _ = ctl.run("package", "--help")
    for word in ("onboard", "list", "show", "descriptor", "enable", "disable", "delete", "fetch"):
        assert word in out
    assert "--resume" in ctl.run("package", "onboard", "--help")[0]


class Relay:
    """Passes connections on; the first `cuts` of them end, or stall, after `most` octets. Over TLS with
    a certificate."""

    def __init__(self, port, cuts=0, most=0, stall=False, certificate=None):
        self._target, self._cuts, self._most, self._stall = port, cuts, most, stall
        self._closed = threading.Event()
        self._tls = None
        if certificate:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.load_cert_chain(*certificate)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            cut, self._cuts = self._cuts > 0, self._cuts - 1
            threading.Thread(target=self._pass, args=(client, cut), daemon=True).start()

    def _pass(self, client, cut):
        try:
            if self._tls:
                client = self._tls.wrap_socket(client, server_side=True)
            server = socket.create_connection(("127.0.0.1", self._target))
        except OSError:
            client.close()
            return
        threading.Thread(target=self._pump, args=(server, client, None), daemon=True).start()
        self._pump(client, server, self._most if cut else None)

    def _pump(self, source, sink, most):
        passed = 0
        try:
            while piece := source.recv(65536):
                sink.sendall(piece)
                passed += len(piece)
                if most is not None and passed >= most:
                    if self._stall:
                        self._closed.wait(60)
                    break
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self._closed.set()
        self._listener.close()


@pytest.fixture
def large(signer, tmp_path):
    """Of some megabytes that do not compress."""
    return package_file(tmp_path, Package(signer, image=random.Random(1).randbytes(12 << 20)))


def test_an_upload_survives_connections_that_break(meao, large):
    relay = Relay(meao.port, cuts=3, most=3 << 20)
    try:
        ctl = Ctl(meao, f"http://127.0.0.1:{relay.port}")
        info = ctl.json("package", "onboard", str(large), "--part-bytes", str(5 << 20))
        assert info["onboardingState"] == "ONBOARDED"
        assert len(meao.content_files()) == 1
    finally:
        relay.close()


def test_an_interrupted_upload_is_resumed_by_hand(meao, large, tmp_path):
    relay = Relay(meao.port, cuts=1, most=4 << 20, stall=True)
    process = Ctl(meao, f"http://127.0.0.1:{relay.port}").start(
        "package", "onboard", str(large), "--part-bytes", "0")
    try:
        deadline = time.monotonic() + 20
        while not any(info.get("uploadProgress", {}).get("received", 0) > 3 << 20
                      for info in Ctl(meao).json("package", "list")):
            assert time.monotonic() < deadline and process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    finally:
        process.kill()
        relay.close()
    assert process.returncode == 3 and "interrupted" in err, err
    package_id = re.search(r"--resume (\S+)", err)[1]
    ctl = Ctl(meao)
    other = tmp_path / "other"
    other.write_bytes(b"another file")
    _, err = ctl.run("package", "onboard", str(other), "--resume", package_id, code=1)
    assert "is not the file that" in err
    info = ctl.json("package", "onboard", str(large), "--resume", package_id)
    assert info["id"] == package_id and info["onboardingState"] == "ONBOARDED"
    # Once more: it is there already.
    assert ctl.json("package", "onboard", str(large), "--resume", package_id)["id"] == package_id


def test_a_download_goes_on_where_it_broke_off(meao, large, tmp_path):
    ctl = Ctl(meao)
    info = ctl.json("package", "onboard", str(large))
    octets = large.read_bytes()
    down = tmp_path / "down"
    part = tmp_path / f"down.{info['id']}.part"
    part.write_bytes(octets[:5 << 20])
    ctl.run("package", "fetch", info["id"], "--to", str(down))
    assert down.read_bytes() == octets and not part.exists()
    part.write_bytes(b"x" * (5 << 20))  # something else
    _, err = ctl.run("package", "fetch", info["id"], "--to", str(down), code=3)
    assert "does not have the package's SHA-256" in err and not part.exists()


def test_a_server_fetches_a_package_itself(ctl, signer):
    octets = Package(signer).build()

    class Server(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

        def log_message(self, *_):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        info = ctl.json("package", "onboard", "--from", f"http://127.0.0.1:{server.server_port}/app.csar",
                        "--checksum", hashlib.sha256(octets).hexdigest())
        assert info["onboardingState"] == "ONBOARDED"
    finally:
        server.shutdown()
        server.server_close()


def test_servers_are_known_by_their_certificates(meao, tmp_path):
    key, certificate = str(tmp_path / "tls.key"), str(tmp_path / "tls.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out",
                    certificate], check=True, capture_output=True)
    relay = Relay(meao.port, certificate=(certificate, key))
    try:
        server = f"https://localhost:{relay.port}"
        _, err = Ctl(meao, server).run("package", "list", code=3)
        assert "certificate" in err and "--ca-file" in err
        assert Ctl(meao, server, SLUICE_CA_FILE=certificate).json("package", "list") == []
    finally:
        relay.close()


def test_a_page_elsewhere_is_not_asked_for(meao):
    """Its host would get the token."""
    asked = []

    class Server(http.server.BaseHTTPRequestHandler):
        def reply(self, body, **fields):
            self.send_response(200)
            for name, value in {"Content-Type": "application/json", **fields}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.reply(b'{"access_token": "t", "token_type": "Bearer", "expires_in": 600}')

        def do_GET(self):
            asked.append(self.server)
            self.reply(b"[]", Link=f'<127.0.0.1:{other.server_port}/x>; rel="next"')

        def log_message(self, *_):
            pass
    servers = [http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) for _ in range(2)]
    first, other = servers
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        ctl = Ctl(meao, f"http://127.0.0.1:{first.server_port}")
        process = ctl.start("package", "list")
        _, err = process.communicate(timeout=60)
        assert process.returncode != 0 and "is no path" in err, err
        assert asked == [first]
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
