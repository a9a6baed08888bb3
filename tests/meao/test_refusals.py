"""What is refused, and how precisely: every problem with its file and line."""

import io
import stat
import struct
import zipfile

import pytest

from csar import APPD, DESCRIPTOR, IMAGE, MANIFEST, META, Package, Signer


def refused(meao, octets):
    """The problems of a package that is not onboarded, as (file, line, message)."""
    info = meao.onboard(octets)
    try:
        assert info["onboardingState"] == "CREATED", "it was onboarded"
        details = info["onboardingFailureDetails"]
        return [(p.get("file", ""), p.get("line", 0), p["message"]) for p in details["problems"]]
    finally:
        meao.request("DELETE", f"/app_pkgm/v1/app_packages/{info['id']}")


def link(name, target):
    def add(archive):
        info = zipfile.ZipInfo(name)
        info.create_system = 3
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, target)
    return add


def encrypted(octets):
    """Says of every file that it is encrypted (bit 0 of the flags, in both headers)."""
    out = bytearray(octets)
    for magic, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = out.find(magic)
        while place >= 0:
            out[place + at] |= 1
            place = out.find(magic, place + 1)
    return bytes(out)


def archive_with(name):
    return lambda package: setattr(package, "add_raw", lambda archive: archive.writestr(name, b"x"))


def twice(package):
    package.add_raw = lambda archive: archive.writestr(IMAGE, b"another")


def change_after_signing(package):
    package.edit_signed = lambda text: text.replace(b"app_provider_id: Sluice",
                                                    b"app_provider_id: Sluicf")


def parts_in_one(descriptor=META, certificate=META):
    """An unsigned TOSCA.meta that says that it is the descriptor and a file that no one lists."""
    def change(package):
        text = package.files.pop(META).replace(DESCRIPTOR.encode(), descriptor.encode())
        text += f"ETSI-Entry-Certificate: {certificate}\n".encode()
        package.unlisted[META] = text + package.appd.encode()
    return change


def append(text):
    return lambda package: setattr(package, "edit_signed", lambda signed: signed + text)


ARCHIVES = {
    "path out of the package": (archive_with("../evil"), "../evil", "leads out of the package"),
    "path out, hidden": (archive_with("a/../../evil"), "a/../../evil", "leads out of the package"),
    "absolute path": (archive_with("/etc/cron.d/evil"), "/etc/cron.d/evil", "absolute path"),
    "backslash": (archive_with("a\\..\\evil"), None, ""),
    "drive": (archive_with("C:evil"), "C:evil", "drive letter"),
    "control character": (archive_with("a\x01b"), "a?b", "printable ASCII"),
    "link": (lambda p: setattr(p, "add_raw", link("l", "/etc/passwd")), "l", "is a link"),
    "two of one name": (twice, IMAGE, "is there twice"),
    "unlisted file": (archive_with("extra"), "extra", "is not listed in app.mf"),
    "bomb": (lambda p: p.files.update({IMAGE: bytes(64 << 20)}), "", "unpacks to more than"),
    "bomb that nobody lists": (
        lambda p: p.unlisted.update({"extra": bytes(64 << 20)}), "", "unpacks to more than"),
    "changed file": (
        lambda p: setattr(p, "edit_manifest", lambda t: t.replace(b"Hash: ", b"Hash: 0")), MANIFEST,
        "Hash has to be 64 hexadecimal digits"),
    "changed after it was signed": (change_after_signing, MANIFEST, "signature is not good"),
    "something behind the signature": (append(b"Source: x\n"), MANIFEST, "follows the signature"),
    "not signed": (lambda p: setattr(p, "signed", False), MANIFEST, "is not signed"),
    "missing file": (
        lambda p: setattr(p, "edit_manifest", lambda t: t + b"Source: gone\nAlgorithm: SHA-256\nHash: "
                          + b"0" * 64 + b"\n"), MANIFEST, "gone is not in the package"),
    "file elsewhere": (
        lambda p: setattr(p, "edit_manifest", lambda t: t + b"Source: http://x/y\nAlgorithm: SHA-256\n"
                          b"Hash: " + b"0" * 64 + b"\n"), MANIFEST, "is outside of the package"),
    "weak hash": (
        lambda p: setattr(p, "edit_manifest", lambda t: t.replace(b"SHA-256", b"MD5")), MANIFEST,
        "none of SHA-256 and SHA-512"),
    "no manifest": (
        lambda p: p.files.update({META: p.files[META].replace(b"app.mf", b"no.mf")}), META,
        "no.mf is not in the package"),
    "metadata that is everything": (parts_in_one(), META, "for two parts"),
    "metadata that is the certificate": (parts_in_one(descriptor=DESCRIPTOR), META, "for two parts"),
    "descriptor that is the certificate": (
        parts_in_one(descriptor=DESCRIPTOR, certificate=DESCRIPTOR), META, "for two parts"),
    "manifest that is the certificate": (
        parts_in_one(descriptor=DESCRIPTOR, certificate=MANIFEST), META, "for two parts"),
    "entry out of the package": (
        lambda p: p.files.update({META: p.files[META].replace(b"Definitions/app", b"../app")}), META,
        "leads out of the package"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_packages_that_are_not_what_they_should_be(shared_meao, signer, name):
    change, file, message = ARCHIVES[name]
    package = Package(signer)
    change(package)
    problems = refused(shared_meao, package.build())
    assert any((file is None or p[0] == file) and message in p[2] for p in problems), problems


def test_octets_that_are_no_package(shared_meao, signer):
    good = Package(signer).build()
    for octets in (b"not a ZIP archive", good[:-30], good[:len(good) // 2], b"PK\x05\x06" + bytes(18)):
        assert refused(shared_meao, octets)
    assert "encrypted" in str(refused(shared_meao, encrypted(good)))


def test_another_hash_of_a_file_is_named_with_its_line(shared_meao, signer):
    package = Package(signer)
    octets = package.build()
    package.files[IMAGE] = b"an image that was changed"
    # The archive of the second, the manifest of the first.
    manifest = zipfile.ZipFile(io.BytesIO(octets)).read(MANIFEST)
    package.edit_signed = lambda _: manifest
    line = manifest.decode().splitlines().index(f"Source: {IMAGE}") + 1
    [problem] = refused(shared_meao, package.build())
    assert problem[:2] == (MANIFEST, line) and f"SHA-256 of {IMAGE}" in problem[2]


def test_signers_that_nobody_trusts(shared_meao, signer, tmp_path):
    stranger = Signer(tmp_path, "Stranger")
    [problem] = refused(shared_meao, Package(stranger).build())
    assert problem[0] == MANIFEST and "not good" in problem[2]
    package = Package(stranger)
    package.signed = False
    [problem] = refused(shared_meao, package.outer())
    assert problem[0] == "app.cms"
    package = Package(signer)
    package.signed = False
    [problem] = refused(shared_meao, package.outer(digest="sha1"))
    assert "SHA1" in problem[2]
    good = package.build()
    swapped = Package(signer, "app-2")
    swapped.signed = False
    signature = signer.sign(good)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("app.csar", swapped.build())
        archive.writestr("app.cms", signature)
    [problem] = refused(shared_meao, out.getvalue())
    assert "not good" in problem[2]


def test_a_descriptor_that_nobody_signed_is_not_read(shared_meao, signer):
    package = Package(signer, appd="{")
    change_after_signing(package)
    [problem] = refused(shared_meao, package.build())
    assert problem[0] == MANIFEST


def test_aliases_that_repeat_a_long_text(shared_meao, signer):
    """4,000 times 100,000 octets would be copied."""
    package = Package(signer)
    octets = (f"a: &a {'x' * 100_000}\nb: [{', '.join(['*a'] * 4_000)}]\n").encode()
    package.files[DESCRIPTOR] = octets + package.files[DESCRIPTOR]
    [problem] = refused(shared_meao, package.build())
    assert problem[0] == DESCRIPTOR and "too much text" in problem[2]


def test_a_descriptor_that_is_no_utf_8(shared_meao, signer):
    package = Package(signer)
    package.files[DESCRIPTOR] += b"# a comment\n# caf\xe9\n"
    [problem] = refused(shared_meao, package.build())
    line = len(package.files[DESCRIPTOR].splitlines())
    assert problem[:2] == (DESCRIPTOR, line) and "UTF-8" in problem[2]


def test_a_problem_that_quotes_no_utf_8(shared_meao, signer):
    package = Package(signer)
    package.files[META] += b"Entry-Definitions: caf\xe9\n"
    package.edit_manifest = lambda text: text + b"Caf\xe9: x\n"
    assert refused(shared_meao, package.build())


def test_an_inner_package_that_is_much_larger_than_the_outer_one(shared_meao, signer):
    inner = Package(signer).build()
    octets = inner + bytes(4 << 20)  # zeros shrink to nothing in the outer one
    [problem] = refused(shared_meao, Package(signer).outer(octets))
    assert problem[0] == "app.csar" and "unpacks to more than" in problem[2]


def test_the_checksum_that_was_announced_counts(shared_meao, signer):
    info = shared_meao.create(b"something else")
    assert shared_meao.put(info["id"], Package(signer).build())[0] == 202
    info = shared_meao.settled(info["id"])
    assert "not the checksum" in info["onboardingFailureDetails"]["detail"]


# What is changed in the descriptor, and the problems in order: (text in the line, message).
DESCRIPTORS = {
    "missing": ([("        appName: app\n", ""), ('        appDVersion: "1.0"\n', "")],
                [("appDId:", "appName is missing"), ("appDId:", "appDVersion is missing")]),
    "unknown": ([("appDescription: An app", "appDescription: An app\n        appColour: red")],
                [("appColour", "appColour is not known here")]),
    "wrong types": ([("priority: 10", "priority: 300"), ("cpuResourceLimit: 100", "cpuResourceLimit: x")],
                    [("cpuResourceLimit", "cpuResourceLimit has to be a whole number"),
                     ("priority: 300", "priority has to be a whole number from 0 to 255")]),
    "image that is not there": ([("swImage: Artifacts/image.tar", "swImage: Artifacts/no.tar")],
                                [("swImage:", "Artifacts/no.tar, which is not in the package")]),
    "size of the image": ([("swImage: Artifacts/image.tar", "swImage: Artifacts/image.tar, size: 5")],
                          [("size: 5", "has 8 octets")]),
    "two kinds of compute": (
        [("        osContainerDescriptor", "        virtualComputeDescriptor: {virtualComputeDescId: v, "
          "virtualCpu: {numVirtualCpu: 1}, virtualMemory: {virtualMemSize: 64}}\n"
          "        osContainerDescriptor")],
        [("osContainerDescId", "excludes virtualComputeDescriptor")]),
    "unknown image": ([("swImageDesc: image", "swImageDesc: other")],
                      [("swImageDesc: other", '"other", which no swImageDescriptor has')]),
    "rule without a destination": ([("            dstInterface: {interfaceType: IP, dstIPAddress: 10.9.0.20}\n", "")],
                                   [("trafficRuleId", "dstInterface")]),
    "rule with a bad port": ([('["80"]', '["70000"]')], [("dstPort", "70000")]),
    "request above limit": ([("cpuResourceLimit: 100", "cpuResourceLimit: 100, requestedCpuResources: 200")],
                            [("requestedCpuResources", "is above cpuResourceLimit")]),
    "version": ([("2.1.1, 3.1.1", "2.1.1, three")], [("mecVersion", "x.y.z")]),
    "twice": ([("appProvider: Sluice", "appProvider: Sluice\n        appName: other")],
              [("appName: other", '"appName" is there twice')]),
    "no YAML": ([("appProvider: Sluice", "appProvider: [")], [(None, "is no YAML")]),
    "stateless with transfer": (
        [("        appTrafficRule", "        userContextTransferCapability: {statefulApplication: false, "
          "userContextTransferSupport: true}\n        appTrafficRule")],
        [("userContextTransferSupport", "may not be there")]),
}


@pytest.mark.parametrize("name", DESCRIPTORS)
def test_descriptors_that_do_not_hold(shared_meao, signer, name):
    changes, expected = DESCRIPTORS[name]
    appd = APPD
    for old, new in changes:
        assert old in appd
        appd = appd.replace(old, new)
    problems = refused(shared_meao, Package(signer, appd=appd).build())
    lines = appd.splitlines()
    assert len(problems) == len(expected), problems
    for (file, line, message), (where, what) in zip(sorted(problems), sorted(expected, key=lambda e: (
            0 if e[0] is None else next(i for i, text in enumerate(lines) if e[0] in text), e[1]))):
        assert file == DESCRIPTOR and what in message, problems
        assert where is None or where in lines[line - 1], (line, lines[line - 1], message)


def test_two_packages_may_not_have_one_descriptor_id(meao, signer):
    first = meao.onboard(Package(signer).build())
    assert first["onboardingState"] == "ONBOARDED"
    [problem] = refused(meao, Package(signer, image=b"another").build())
    assert problem[0] == DESCRIPTOR and "that of another package" in problem[2]
    assert len(meao.content_files()) == 1


def test_requests_that_make_no_sense(shared_meao):
    api = "/app_pkgm/v1"
    good = {"appPkgName": "a", "appPkgVersion": "1",
            "checksum": {"algorithm": "SHA-256", "hash": "0" * 64}}
    for change, field in (({"checksum": {"algorithm": "MD5", "hash": "0" * 32}}, "checksum.algorithm"),
                          ({"checksum": {"algorithm": "SHA-512", "hash": "0" * 64}}, "checksum.hash"),
                          ({"appPkgName": None}, "appPkgName")):
        status, _, body = shared_meao.request("POST", f"{api}/app_packages", {**good, **change})
        assert status == 400 and field in body["detail"]
    info = shared_meao.create(b"x")
    path = f"{api}/app_packages/{info['id']}"
    assert shared_meao.request("PATCH", path, {"operationalState": "ENABLED"})[0] == 409
    assert shared_meao.request("GET", path + "/package_content")[0] == 409
    assert shared_meao.request("GET", path + "/appd")[0] == 409
    assert shared_meao.put(info["id"], b"")[0] == 400
    assert shared_meao.put("none", b"x")[0] == 404
    assert shared_meao.put(info["id"], b"x", **{"Content-Type": "text/plain"})[0] == 415
    for wrong in ("bytes 0-1", "bytes 5-4/10", "bytes 0-10/10", "octets 0-1/2"):
        assert shared_meao.put(info["id"], b"xx", **{"Content-Range": wrong})[0] == 400
    assert shared_meao.put(info["id"], b"xxx", **{"Content-Range": "bytes 0-1/5"})[0] == 400
    for token in (None, "nonsense"):
        assert shared_meao.request("GET", f"{api}/app_packages", token=token)[0] == 401
    assert shared_meao.request("DELETE", path)[0] == 204
