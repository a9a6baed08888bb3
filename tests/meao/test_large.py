"""A large package takes no memory: 128 MB, or MEAO_LARGE_MB of them."""

import hashlib
import os
import subprocess
import zipfile

import pytest

from csar import APPD, DESCRIPTOR, IMAGE, MANIFEST, META, META_TEXT, METADATA, builder
from meao_process import API

SIZE = int(os.environ.get("MEAO_LARGE_MB", "128")) << 20
PIECE = bytes(range(256)) * 4096  # 1 MiB


def hash_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def peak_kib(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))


@pytest.fixture
def large(tmp_path, signer):
    """The file of a package with a large image, stored as it is."""
    digest = hashlib.sha256()
    for _ in range(SIZE >> 20):
        digest.update(PIECE)
    small = {META: META_TEXT.encode(), DESCRIPTOR: APPD.replace("APPDID", "large").encode()}
    manifest = builder.manifest_of(small, METADATA) + (
        f"\nSource: {IMAGE}\nAlgorithm: SHA-256\nHash: {digest.hexdigest()}\n").encode()
    path = tmp_path / "large.csar"
    with zipfile.ZipFile(path, "w", allowZip64=True) as archive:
        for name, content in small.items():
            archive.writestr(name, content)
        with archive.open(IMAGE, "w", force_zip64=True) as image:
            for _ in range(SIZE >> 20):
                image.write(PIECE)
        archive.writestr(MANIFEST, manifest + signer.sign(manifest))
    return path


@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])
def test_a_large_package_goes_up_and_down_by_curl_in_flat_memory(meao, large, version, tmp_path):
    digest = hash_of(large)
    status, _, info = meao.request("POST", f"{API}/app_packages", {
        "appPkgName": "large", "appPkgVersion": "1",
        "checksum": {"algorithm": "SHA-256", "hash": digest}})
    assert status == 201
    uri = f"http://127.0.0.1:{meao.port}{API}/app_packages/{info['id']}/package_content"
    curl = ["curl", "-sS", version, "--fail-with-body", "-H", f"Authorization: Bearer {meao.operator_token()}"]
    before = peak_kib(meao.pid)
    subprocess.run([*curl, "-T", str(large), "-H", "Content-Type: application/zip", uri], check=True)
    info = meao.settled(info["id"])
    assert info["onboardingState"] == "ONBOARDED", info
    down = tmp_path / "down"
    subprocess.run([*curl, "-o", str(down), uri], check=True)
    assert hash_of(down) == digest
    down.unlink()
    large.unlink()
    grown = peak_kib(meao.pid) - before
    assert grown < 40 * 1024, f"{grown} KiB more than before"
