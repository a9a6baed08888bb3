"""deploy/haproxy-meao.cfg before a real sluice-meao: operators with and without a certificate."""

import os
import pathlib
import random
import re
import subprocess
import time

import pytest

from csar import IMAGE, Package
from meao_process import Meao
from service_process import ROOT, free_port
from test_sluicectl import Ctl, package_file

CONFIG = pathlib.Path(ROOT, "deploy/haproxy-meao.cfg").read_text()
NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


def openssl(directory, *arguments):
    subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)


@pytest.fixture
def tls(tmp_path):
    """server.pem for localhost, and an authority with one operator's certificate, operator.pem."""
    folder = tmp_path / "tls"
    folder.mkdir()
    new = ["req", "-x509", *NEW_KEY, "-days", "1"]
    openssl(folder, *new, "-keyout", "server.key", "-out", "server.crt", "-subj", "/CN=localhost", "-addext",
            "subjectAltName=DNS:localhost")
    openssl(folder, *new, "-keyout", "ca.key", "-out", "operators-ca.pem", "-subj", "/CN=ca")
    openssl(folder, "req", *NEW_KEY, "-keyout", "operator.key", "-out", "operator.csr", "-subj", "/CN=operator")
    openssl(folder, "x509", "-req", "-in", "operator.csr", "-CA", "operators-ca.pem", "-CAkey", "ca.key",
            "-CAcreateserial", "-days", "1", "-out", "operator.crt")
    for name in ("server", "operator"):
        (folder / f"{name}.pem").write_text((folder / f"{name}.key").read_text() +
                                            (folder / f"{name}.crt").read_text())
    return folder


@pytest.fixture
def front(tmp_path, tls, signer):
    """A sluice-meao behind HAProxy, and what sluicectl has to know of it; `port` is HAProxy's."""
    port = free_port()
    meao = Meao(str(tmp_path), signer.certificate, trusted_proxies=["127.0.0.1"])
    text = CONFIG
    for shipped, ours in (("bind :8443 ", f"bind 127.0.0.1:{port} "), ("127.0.0.1:8090", f"127.0.0.1:{meao.port}"),
                          ("/etc/sluice/tls", str(tls))):
        assert shipped in text
        text = text.replace(shipped, ours)
    if os.geteuid() != 0:
        text = re.sub(r"^  (user|group) .*$", "", text, flags=re.M)
    (tls / "haproxy.cfg").write_text(text)
    haproxy = None
    try:
        meao.start()
        haproxy = subprocess.Popen(["haproxy", "-db", "-f", str(tls / "haproxy.cfg")],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        meao.front_port = port
        yield meao
    finally:
        if haproxy:
            haproxy.terminate()
            haproxy.wait(timeout=10)
        meao.close()


def test_packages_pass_the_front_end_and_strangers_do_not(front, tls, signer, tmp_path):
    server = f"https://localhost:{front.front_port}"
    ctl = Ctl(front, server, SLUICE_CA_FILE=str(tls / "server.crt"), SLUICE_CLIENT_CERT=str(tls / "operator.pem"))
    deadline = time.monotonic() + 20
    while ctl.start("package", "list").wait(timeout=20) != 0:  # until HAProxy has seen that it is healthy
        assert time.monotonic() < deadline
    package = Package(signer)
    package.files[IMAGE] = random.Random(2).randbytes(12 << 20)
    path = package_file(tmp_path, package)
    info = ctl.json("package", "onboard", str(path), "--part-bytes", str(5 << 20))
    assert info["onboardingState"] == "ONBOARDED"
    down = tmp_path / "down"
    ctl.run("package", "fetch", info["id"], "--to", str(down))
    assert down.read_bytes() == path.read_bytes()
    _, err = Ctl(front, server, SLUICE_CA_FILE=str(tls / "server.crt")).run("package", "list", code=3)
    assert "--client-cert" in err
    front.kill()
    _, err = ctl.run("package", "list", code=3)
    assert "502" in err or "503" in err
