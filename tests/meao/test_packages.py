"""Packages on their good way: both editions, both ways to sign, uploads, downloads, notifications."""

import hashlib
import http.server
import io
import json
import pathlib
import re
import subprocess
import threading
import time
import zipfile

import jsonschema
import pytest
import yaml

from callback_server import CallbackServer
from csar import APPD, DESCRIPTOR, ROOT, Package, builder
from meao_process import API, Meao

SPECS = "/work/shared/specs/etsi"


@pytest.fixture
def package(signer):
    return Package(signer)


def test_the_example_is_built_signed_and_onboarded(meao, signer):
    octets = builder.package(ROOT / "examples/hello-edge", signer.key, signer.certificate)
    info = meao.onboard(octets)
    assert info["onboardingState"] == "ONBOARDED", info
    assert info["appDId"] == "6f2b8c1e-hello-edge-1.0.0"
    assert info["operationalState"] == "ENABLED" and info["usageState"] == "NOT_IN_USE"
    assert info["mecInfo"] == ["2.1.1", "3.1.1"]
    assert "BEGIN CERTIFICATE" in info["signingCertificate"]
    [image] = info["softwareImages"]
    assert image["id"] == "hello-image" and image["imagePath"] == "Artifacts/hello-edge.tar"
    status, headers, content = meao.request(
        "GET", f"{API}/app_packages/{info['id']}/package_content", raw=True)
    assert status == 200 and content == octets and headers["Content-Type"] == "application/zip"


@pytest.mark.parametrize("form", ["manifest", "manifest without TOSCA-Metadata", "outer",
                                  "outer, DER", "certificate in a file"])
def test_every_way_to_sign_of_sol004(meao, package, signer, form):
    if form == "manifest without TOSCA-Metadata":
        package.manifest_name = "app.mf"
        octets = package.without_meta().build()
    elif form.startswith("outer"):
        package.signed = False
        octets = package.outer(form="DER" if form.endswith("DER") else "PEM")
    elif form == "certificate in a file":
        text = builder.manifest_of({}, {})
        package.files["TOSCA-Metadata/TOSCA.meta"] += b"ETSI-Entry-Certificate: signer.cert\n"
        with open(signer.certificate, "rb") as file:
            package.unlisted["signer.cert"] = file.read()
        package.signed = False

        def sign(text):
            return text + signer.openssl(
                "cms", "-sign", "-binary", "-nocerts", "-outform", "PEM", "-signer",
                signer.certificate, "-inkey", signer.key, content=text)
        package.edit_signed = sign
        octets = package.build()
    else:
        octets = package.build()
    info = meao.onboard(octets)
    assert info["onboardingState"] == "ONBOARDED", info
    assert "BEGIN CERTIFICATE" in info["signingCertificate"]


def test_the_two_editions_show_one_package_in_their_own_words(meao, package):
    octets = package.build()
    created = meao.create(octets, "onboarded_app_packages")
    assert created["onboardingState"] == "CREATED" and created["operationalState"] == "DISABLED"
    # Nobody knows the appDId yet: its own id stands for it.
    assert created["appDId"] == created["id"]
    assert meao.put(created["appDId"], octets, "onboarded_app_packages")[0] == 202
    info = meao.settled(created["id"])
    assert info["onboardingState"] == "ONBOARDED" and info["appSoftwareVersion"] == "1.10"
    new = meao.info("app-1", "onboarded_app_packages")
    assert new["_links"]["self"]["href"].endswith("/onboarded_app_packages/app-1")
    assert {**new, "_links": 0} == {**info, "_links": 0}

    for collection, name, member in (("app_packages", info["id"], "operationState"),
                                     ("onboarded_app_packages", "app-1", "operationalState")):
        for sent in ("operationState", "operationalState"):
            for state in ("DISABLED", "ENABLED"):
                status, _, body = meao.request("PATCH", f"{API}/{collection}/{name}", {sent: state})
                assert (status, body) == (200, {member: state})
                assert meao.info(info["id"])["operationalState"] == state
    assert meao.request("DELETE", f"{API}/onboarded_app_packages/app-1")[0] == 204
    assert meao.request("GET", f"{API}/app_packages/{info['id']}")[0] == 404
    assert meao.content_files() == []


def test_lists_are_filtered_in_either_spelling(meao, signer):
    ids = [meao.onboard(Package(signer, f"app-{n}").build())["id"] for n in range(2)]
    waiting = meao.create(b"x")["id"]

    def found(query):
        status, _, body = meao.request("GET", f"{API}/app_packages?{query}")
        assert status == 200, body
        return {item["id"] for item in body}
    assert found("") == {*ids, waiting}
    assert found("filter=(eq,onboardingState,ONBOARDED)") == set(ids)
    assert found("filter=(eq,onBoardingState,CREATED)") == {waiting}
    assert found("filter=(eq,appDId,app-1)") == {ids[1]}
    _, _, [item, *_] = meao.request("GET", f"{API}/app_packages?filter=(eq,appDId,app-1)")
    assert "checksum" not in item and "softwareImages" not in item
    _, _, [item, *_] = meao.request(
        "GET", f"{API}/app_packages?all_fields&filter=(eq,appDId,app-1)")
    assert item["softwareImages"][0]["id"] == "image"
    assert meao.request("GET", f"{API}/app_packages?no_such=1")[0] == 400


def test_ranges_of_the_content(meao, package):
    octets = package.build()
    info = meao.onboard(octets)
    path = f"{API}/app_packages/{info['id']}/package_content"
    size = len(octets)
    _, headers, _ = meao.request("HEAD", path, raw=True)
    assert headers["Content-Length"] == str(size) and headers["Accept-Ranges"] == "bytes"
    for asked, first, last in (("0-9", 0, 9), ("10-", 10, size - 1), ("-5", size - 5, size - 1),
                               (f"{size - 1}-{size + 9}", size - 1, size - 1)):
        status, headers, body = meao.request("GET", path, headers={"Range": f"bytes={asked}"},
                                             raw=True)
        assert status == 206 and body == octets[first:last + 1]
        assert headers["Content-Range"] == f"bytes {first}-{last}/{size}"
    status, headers, _ = meao.request("GET", path, headers={"Range": f"bytes={size}-"})
    assert status == 416 and headers["Content-Range"] == f"bytes */{size}"
    for whole in ({"Range": "bytes=0-1,5-6"}, {"Range": "lines=1-2"},
                  {"Range": "bytes=0-1", "If-Range": '"another"'}):
        status, _, body = meao.request("GET", path, headers=whole, raw=True)
        assert status == 200 and body == octets


def test_the_descriptor_in_every_form(meao, package):
    info = meao.onboard(package.build())
    for path in (f"app_packages/{info['id']}/appd", "onboarded_app_packages/app-1/appd"):
        path = f"{API}/{path}"
        status, _, appd = meao.request("GET", path)
        assert status == 200 and appd["appTrafficRule"][0]["priority"] == 10
        assert appd["appSoftVersion"] == "1.10" and appd["mecVersion"] == ["2.1.1", "3.1.1"]
        _, _, some = meao.request("GET", path + "?fields=appTrafficRule")
        assert "appTrafficRule" in some and "osContainerDescriptor" not in some
        _, headers, text = meao.request("GET", path, headers={"Accept": "text/plain"}, raw=True)
        assert text.decode() == package.appd and headers["Content-Type"] == "text/plain"
        _, _, archive = meao.request("GET", path, headers={"Accept": "application/zip"}, raw=True)
        assert zipfile.ZipFile(io.BytesIO(archive)).read(DESCRIPTOR).decode() == package.appd
        assert meao.request("GET", path, headers={"Accept": "image/png"})[0] == 406


def test_an_upload_goes_on_where_it_was_interrupted(meao, package):
    package.files["Artifacts/image.tar"] = bytes(range(256)) * 400
    octets = package.build()
    info = meao.create(octets)
    size, parts = len(octets), [0, 10, len(octets) // 2, len(octets)]
    for first, end in zip(parts, parts[1:]):
        wrong = meao.put(info["id"], b"xx", **{"Content-Range": f"bytes {first + 3}-{first + 4}/{size}"})
        if first > 0:
            assert wrong[0] == 409 and wrong[1]["Upload-Offset"] == str(first)
            assert meao.info(info["id"])["uploadProgress"] == {"received": first, "size": size}
        again = max(first - 2, 0)  # some of it once more: the reply may have been lost
        status, headers, body = meao.put(
            info["id"], octets[again:end], **{"Content-Range": f"bytes {again}-{end - 1}/{size}"})
        assert status == 202 and headers["Upload-Offset"] == str(end), body
        if first == 0:
            meao.kill()  # what was acknowledged is there
            meao.start()
    assert meao.settled(info["id"])["onboardingState"] == "ONBOARDED"
    assert meao.put(info["id"], octets)[0] == 409


def test_packages_are_fetched_from_where_the_operator_says(meao, package):
    octets = package.build()

    class Server(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/app.csar" else 404)
            self.send_header("Content-Length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

        def log_message(self, *_):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        base = f"http://127.0.0.1:{server.server_port}"
        info = meao.settled(meao.create(octets, appPkgPath=base + "/app.csar")["id"])
        assert info["onboardingState"] == "ONBOARDED", info
        info = meao.settled(meao.create(octets, appPkgPath=base + "/other")["id"])
        assert info["onboardingState"] == "CREATED"
        assert "answers 404" in info["onboardingFailureDetails"]["detail"]
    finally:
        server.shutdown()
        server.server_close()
    # Its own ports are never called, and neither is what is no web address.
    own = f"http://127.0.0.1:{meao.port}/healthz"
    info = meao.settled(meao.create(octets, appPkgPath=own)["id"])
    assert "not allowed" in info["onboardingFailureDetails"]["detail"]
    for path in ("file:///etc/passwd", "ftp://example/x", "http://user@example/"):
        status, _, body = meao.request("POST", f"{API}/app_packages", {
            "appPkgName": "a", "appPkgVersion": "1", "appPkgPath": path,
            "checksum": {"algorithm": "SHA-256", "hash": "0" * 64}})
        assert status == 400 and "appPkgPath" in body["detail"]


@pytest.mark.parametrize("words", [
    ("subscriptionType", "AppPackageOnBoardingSubscription", "AppPackageChangeSubscription",
     "AppPackageDeletionSubscription", "AppPackageEnabled", "AppPackageDisabled"),
    ("subsctiptionType", "AppPackageOnBoarding", "AppPacakgeOperationChange", "AppPackageDeletion",
     "AppPacakgeEnabled", "AppPacakgeDisabled")], ids=["3.1.1", "2.1.1"])
def test_subscribers_hear_in_the_words_of_their_edition(meao, signer, words):
    member, onboarding, change, deletion, enabled, disabled = words
    callbacks = CallbackServer()
    try:
        made = []
        for kind, path, only in ((onboarding, "/all", None), (change, "/all", None),
                                 (deletion, "/all", None),
                                 (onboarding, "/two", [{"appDId": "app-2"}]),
                                 (onboarding, "/string", ["(eq,appDId,app-2)"])):
            body = {"callbackUri": callbacks.uri(path), member: kind}
            if only:
                body["appPkgFilter"] = only
            status, headers, info = meao.request("POST", f"{API}/subscriptions", body)
            assert status == 201 and info["subscriptionType"] == kind, info
            assert info["_links"]["self"]["href"].endswith(info["id"])
            made.append(info)
        _, _, links = meao.request("GET", f"{API}/subscriptions")
        assert sorted(link[member] for link in links["_links"]["subscriptions"]) == sorted(
            info["subscriptionType"] for info in made)
        first, second = (meao.onboard(Package(signer, f"app-{n}").build()) for n in (1, 2))
        for state in ("DISABLED", "ENABLED"):
            meao.request("PATCH", f"{API}/app_packages/{first['id']}", {"operationalState": state})
        meao.request("DELETE", f"{API}/app_packages/{first['id']}")
        heard = callbacks.wait_for("/all", lambda n: len(n) >= 5)
        assert sorted((n["notificationType"], n["appDId"]) for n in heard) == sorted([
            ("AppPackageOnBoarded", "app-1"), ("AppPackageOnBoarded", "app-2"),
            (disabled, "app-1"), (enabled, "app-1"), ("AppPackageDeleted", "app-1")])
        by_id = {info["id"]: info["_links"]["self"]["href"] for info in made}
        for n in heard:
            assert n["_links"]["subscription"]["href"] == by_id[n["subscriptionId"]]
            assert n["timeStamp"]["seconds"] > 0 and n["operationalState"] in ("ENABLED", "DISABLED")
        for path in ("/two", "/string"):
            [n] = callbacks.wait_for(path, lambda n: n)
            assert n["appDId"] == "app-2" and n["appPkgId"] == second["id"]
        assert meao.request("DELETE", f"{API}/subscriptions/{made[0]['id']}")[0] == 204
        assert meao.request("GET", f"{API}/subscriptions/{made[0]['id']}")[0] == 404
    finally:
        callbacks.close()


class Endless(http.server.BaseHTTPRequestHandler):
    """A body without an end: fast with status 404, slow with 200."""

    def do_GET(self):
        slow = self.path == "/slow"
        self.send_response(200 if slow else 404)
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"x" * (100 if slow else 100_000))
                time.sleep(0.1 if slow else 0.01)
        except OSError:
            pass

    def log_message(self, *_):
        pass


def test_a_server_that_never_ends_is_left(tmp_path, signer):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endless)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    meao = Meao(str(tmp_path), signer.certificate)
    config = pathlib.Path(meao.directory, "meao.yaml")
    config.write_text(config.read_text().replace("fetch: {", "fetch: {stall_timeout_s: 1, "))
    try:
        meao.start()
        for path, why in (("/error", "answers 404"), ("/slow", "too slow")):
            source = f"http://127.0.0.1:{server.server_port}{path}"
            info = meao.settled(meao.create(b"x", appPkgPath=source)["id"])
            assert why in info["onboardingFailureDetails"]["detail"]
    finally:
        meao.close()
        server.shutdown()
        server.server_close()
