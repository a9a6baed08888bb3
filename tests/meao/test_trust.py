"""Signers that an authority vouches for, and takes back."""

import base64
import pathlib
import subprocess
import time
import urllib.request

import pytest

from csar import Package, Signer
from meao_process import Meao

CONFIG = """
[ca]
default_ca = own
[own]
dir = {folder}
database = {folder}/index.txt
new_certs_dir = {folder}
serial = {folder}/serial
certificate = {folder}/ca.pem
private_key = {folder}/ca.key
default_md = sha256
default_days = 30
policy = any
[any]
commonName = supplied
[signing]
keyUsage = digitalSignature
"""


class Authority:
    """An authority of the openssl command, in a folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.certificate = str(self.folder / "ca.pem")
        self.lists = str(self.folder / "ca.crl")
        (self.folder / "ca.cnf").write_text(CONFIG.format(folder=folder))
        (self.folder / "index.txt").touch()
        (self.folder / "serial").write_text("01\n")
        self._run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=Authority",
                  "-keyout", self.folder / "ca.key", "-out", self.certificate)
        self.publish()

    def _run(self, *arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

    def _ca(self, *arguments):
        self._run("ca", "-batch", "-config", self.folder / "ca.cnf", *arguments)

    def signer(self, name):
        """A Signer with a certificate of this authority."""
        out = Signer(self.folder, name)
        request = self.folder / f"{name}.csr"
        self._run("req", "-new", "-key", out.key, "-subj", f"/CN={name}", "-out", request)
        self._ca("-extensions", "signing", "-notext", "-in", request, "-out", out.certificate)
        return out

    def list_now(self):
        """The published list, in DER."""
        return subprocess.run(["openssl", "crl", "-in", self.lists, "-outform", "DER"], check=True,
                              capture_output=True).stdout

    def revoke(self, signer):
        self._ca("-revoke", signer.certificate)

    def publish(self, *lifetime):
        self._ca("-gencrl", *(lifetime or ("-crldays", "7")), "-out", self.lists)


def der(tag, content):
    size = len(content)
    if size < 128:
        return bytes([tag, size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


def parts(octets):
    """The (tag, content) of each value of DER."""
    out = []
    while octets:
        tag, size, at = octets[0], octets[1], 2
        if size & 0x80:
            at += size & 0x7F
            size = int.from_bytes(octets[2:at], "big")
        out.append((tag, octets[at:at + size]))
        octets = octets[at + size:]
    return out


def with_list(signature, crl):
    """The PEM of a CMS signature with a revocation list in it (RFC 5652 §5.1)."""
    [(_, info)] = parts(base64.b64decode(b"".join(signature.strip().splitlines()[1:-1])))
    kind, (_, wrapped) = parts(info)
    [(_, signed)] = parts(wrapped)
    *before, signers = parts(signed)
    signed = b"".join(der(*part) for part in [*before, (0xA1, crl), signers])
    octets = der(0x30, der(*kind) + der(0xA0, der(0x30, signed)))
    return (b"-----BEGIN CMS-----\n" + base64.encodebytes(octets) + b"-----END CMS-----\n")


@pytest.fixture
def authority(tmp_path):
    folder = tmp_path / "authority"
    folder.mkdir()
    return Authority(folder)


def refusal(meao, signer, name):
    """Why a package of this signer is not onboarded, or None."""
    info = meao.onboard(Package(signer, name).build())
    return info.get("onboardingFailureDetails", {}).get("detail")


def held_up(meao, signer, name):
    """Uploads a package of this signer; returns its id and why it has to wait."""
    octets = Package(signer, name).build()
    package = meao.create(octets)["id"]
    assert meao.put(package, octets)[0] == 202
    waits = f"package has to wait id={package}"
    deadline = time.monotonic() + 20
    while waits not in meao.log():
        assert time.monotonic() < deadline, meao.log()
        time.sleep(0.02)
    assert meao.info(package)["onboardingState"] == "PROCESSING"
    return package, meao.log().partition(waits)[2].splitlines()[0]


def test_a_signer_that_is_taken_back_counts_no_more(tmp_path, authority, signer):
    good, bad = authority.signer("good"), authority.signer("bad")
    trusted = tmp_path / "trusted.pem"
    trusted.write_text(pathlib.Path(authority.certificate).read_text() +
                       pathlib.Path(signer.certificate).read_text())
    meao = Meao(str(tmp_path), str(trusted), packages=f"revocation_lists: {authority.lists}\n")
    try:
        meao.start()
        assert refusal(meao, bad, "app-1") is None
        authority.revoke(bad)
        authority.publish()  # at once, without a restart
        assert "certificate revoked" in refusal(meao, bad, "app-2")
        assert refusal(meao, good, "app-3") is None
        assert refusal(meao, signer, "app-4") is None  # trusted itself: nobody keeps a list of it
        authority.publish("-crlsec", "1")
        expired = Package(good, "app-5").build()
        info = meao.onboard(expired)
        while "onboardingFailureDetails" not in info:  # until the second is over
            assert info["onboardingState"] == "ONBOARDED"
            meao.request("DELETE", f"/app_pkgm/v1/app_packages/{info['id']}")
            info = meao.onboard(expired)
        assert "CRL has expired" in info["onboardingFailureDetails"]["detail"]
        pathlib.Path(authority.lists).write_text("nonsense")
        assert "holds no revocation list" in held_up(meao, good, "app-6")[1]
    finally:
        meao.close()


@pytest.fixture
def strict_meao(tmp_path, authority):
    process = Meao(str(tmp_path), authority.certificate,
                   packages=f"revocation_lists: {authority.lists}\n")
    try:
        process.start()
        yield process
    finally:
        process.close()


def test_a_list_in_the_signature_does_not_replace_that_of_the_operator(strict_meao, authority):
    bad = authority.signer("bad")
    authority.publish()
    old = authority.list_now()  # still current

    class Attached(Package):
        def manifest(self):
            head, begin, signature = super().manifest().partition(b"-----BEGIN CMS-----\n")
            return head + with_list(begin + signature, old)

    def detail(name):
        info = strict_meao.onboard(Attached(bad, name).build())
        return info.get("onboardingFailureDetails", {}).get("detail")

    assert detail("app-1") is None
    authority.revoke(bad)
    authority.publish()
    assert "certificate revoked" in detail("app-2")


def test_a_damaged_file_of_trust_is_an_error_and_not_its_end(strict_meao, authority):
    bad = authority.signer("bad")
    lists = pathlib.Path(authority.lists)
    authority.publish()
    first = lists.read_text()
    authority.revoke(bad)
    authority.publish()
    whole = lists.read_text()
    for name, second in (("app-1", whole.replace("\n", "\n!", 3)), ("app-2", whole[:-30])):
        lists.write_text(first + second)
        package, why = held_up(strict_meao, bad, name)
        assert "revocation list 2 cannot be read" in why
        lists.write_text(whole)
        info = strict_meao.settled(package)
        assert "certificate revoked" in info["onboardingFailureDetails"]["detail"]


def test_what_is_uploaded_while_nobody_can_be_trusted_is_onboarded_later(strict_meao, authority):
    lists = pathlib.Path(authority.lists)
    good = authority.signer("good")
    authority.publish()
    whole = lists.read_text()
    lists.unlink()
    first, _ = held_up(strict_meao, good, "app-1")
    second, _ = held_up(strict_meao, good, "app-2")
    gone, _ = held_up(strict_meao, good, "app-3")
    assert strict_meao.request("DELETE", f"/app_pkgm/v1/app_packages/{gone}")[0] == 204
    scrape = urllib.request.urlopen(f"http://127.0.0.1:{strict_meao.metrics_port}/metrics", timeout=10)
    counted = [line for line in scrape.read().decode().splitlines()
               if line.startswith("sluice_meao_package_obstacles_total ")]
    assert float(counted[0].split()[1]) >= 3
    lists.write_text(whole)
    for package in (first, second):
        assert strict_meao.settled(package)["onboardingState"] == "ONBOARDED"
    lists.unlink()
    fourth, _ = held_up(strict_meao, good, "app-4")
    strict_meao.kill()
    lists.write_text(whole)
    strict_meao.start()
    assert strict_meao.settled(fourth)["onboardingState"] == "ONBOARDED"
    assert strict_meao.request("GET", f"/app_pkgm/v1/app_packages/{gone}")[0] == 404
