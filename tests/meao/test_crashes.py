"""kill -9 at any point of an upload or of processing, and what there is after the restart."""

import hashlib
import random
import socket
import time

import pytest

from csar import IMAGE, Package
from meao_process import API


@pytest.fixture
def octets(signer):
    # Does not compress, so that hashing and checking it takes some time.
    return Package(signer, image=random.Random(1).randbytes(12 << 20)).build()


def open_upload(meao, package_id, size, headers=""):
    connection = socket.create_connection(("127.0.0.1", meao.port), timeout=10)
    connection.sendall((f"PUT {API}/app_packages/{package_id}/package_content HTTP/1.1\r\nHost: x\r\n"
                        f"Authorization: Bearer {meao.operator_token()}\r\nContent-Type: application/zip\r\n"
                        f"{headers}Content-Length: {size}\r\n\r\n").encode())
    return connection


def wait_for_octets(meao, package_id, count):
    deadline = time.monotonic() + 20
    while meao.info(package_id).get("uploadProgress", {}).get("received", 0) < count:
        assert time.monotonic() < deadline, meao.info(package_id)
        time.sleep(0.01)


def test_an_upload_that_is_cut_off_goes_on_after_a_crash(meao, octets):
    info = meao.create(octets)
    half = len(octets) // 2
    with open_upload(meao, info["id"], len(octets)) as connection:
        connection.sendall(octets[:half])
        wait_for_octets(meao, info["id"], half)
        assert meao.put(info["id"], octets)[0] == 409  # one at a time
        meao.kill()
    meao.start()
    state = meao.info(info["id"])
    assert state["onboardingState"] == "UPLOADING"
    assert state["uploadProgress"] == {"received": half, "size": len(octets)}
    status, _, body = meao.put(info["id"], octets[half:], **{
        "Content-Range": f"bytes {half}-{len(octets) - 1}/{len(octets)}"})
    assert status == 202, body
    assert meao.settled(info["id"])["onboardingState"] == "ONBOARDED"
    assert len(meao.content_files()) == 1


def test_an_upload_whose_client_leaves_can_be_begun_anew_or_deleted(meao, octets):
    for again in (True, False):
        info = meao.create(octets)
        with open_upload(meao, info["id"], len(octets)) as connection:
            connection.sendall(octets[:100_000])
            wait_for_octets(meao, info["id"], 100_000)
        deadline = time.monotonic() + 20
        if again:
            while meao.put(info["id"], octets)[0] == 409:  # until it is seen that the client left
                assert time.monotonic() < deadline
            assert meao.settled(info["id"])["onboardingState"] == "ONBOARDED"
        assert meao.request("DELETE", f"{API}/app_packages/{info['id']}")[0] == 204
        assert meao.content_files() == []


def test_processing_that_is_killed_at_any_time_begins_again(meao, octets):
    """Kills later and later after the upload, until processing is over by then."""
    delay, over = 0.0, 0
    for _ in range(40):
        info = meao.create(octets)
        assert meao.put(info["id"], octets)[0] == 202
        time.sleep(delay)
        meao.kill()
        meao.start()
        found = meao.info(info["id"])
        assert found["onboardingState"] in ("PROCESSING", "ONBOARDED"), found
        over += found["onboardingState"] == "ONBOARDED"
        assert meao.settled(info["id"])["onboardingState"] == "ONBOARDED"
        assert len(meao.content_files()) == 1
        assert meao.request("DELETE", f"{API}/app_packages/{info['id']}")[0] == 204
        assert meao.content_files() == []
        delay = delay * 1.5 + 0.002
        if over >= 2:
            break
    assert over


def test_deleting_what_is_processed_ends_it(meao, octets):
    for _ in range(3):
        info = meao.create(octets)
        assert meao.put(info["id"], octets)[0] == 202
        assert meao.request("DELETE", f"{API}/app_packages/{info['id']}")[0] == 204
        assert meao.request("GET", f"{API}/app_packages/{info['id']}")[0] == 404
    assert meao.onboard(octets)["onboardingState"] == "ONBOARDED"
    meao.stop()
    meao.start()  # sweeps
    assert len(meao.content_files()) == 1


def test_files_that_belong_to_no_package_are_removed(meao, octets):
    assert meao.onboard(octets)["onboardingState"] == "ONBOARDED"
    [kept] = meao.content_files()
    meao.kill()
    for name in ("stranger.1", kept + ".scratch", kept[:-1] + "9"):
        with open(f"{meao.state}/packages/{name}", "wb") as file:
            file.write(b"x")
    meao.start()
    assert meao.content_files() == [kept]


def test_acknowledged_subscriptions_and_states_survive(meao, octets):
    info = meao.onboard(octets)
    meao.request("PATCH", f"{API}/app_packages/{info['id']}", {"operationalState": "DISABLED"})
    status, _, made = meao.request("POST", f"{API}/subscriptions", {
        "callbackUri": "http://192.0.2.1/x", "subscriptionType": "AppPackageChangeSubscription"})
    assert status == 201
    meao.kill()
    meao.start()
    assert meao.info(info["id"])["operationalState"] == "DISABLED"
    assert meao.request("GET", f"{API}/subscriptions/{made['id']}")[2] == made
    _, _, content = meao.request("GET", f"{API}/app_packages/{info['id']}/package_content", raw=True)
    assert hashlib.sha256(content).hexdigest() == hashlib.sha256(octets).hexdigest()
