"""Notifications of a real sluice-mep: over HTTP and WebSocket, through crashes, judged by clients that
share no code with it."""

import asyncio
import http.server
import json
import socket
import ssl
import subprocess
import threading
import time

import pytest
import websockets

from callback_server import CallbackServer
from mep_process import Mep
from service_process import free_port

API = "/mec_service_mgmt/v1/applications"


@pytest.fixture
def site(tmp_path):
    """A platform that tries again quickly, with a WebSocket port."""
    process = Mep(str(tmp_path))
    with open(process._config) as file:
        lines = [line for line in file if not line.startswith("notifications:")]
    lines.append(f"notifications: {{allow: [127.0.0.0/8], retry_first_ms: 20, retry_longest_s: 1,"
                 f" test_attempts: 2, ca_file: {tmp_path}/ca.pem,"
                 f" websocket: {{port: {free_port()}, idle_s: 5}}}}\n")
    make_certificate(tmp_path, "ca")
    with open(process._config, "w") as file:
        file.writelines(lines)
    try:
        process.start()
        yield process
    finally:
        process.close()


def make_certificate(directory, name):
    """A self-signed certificate for 127.0.0.1: NAME.pem, NAME.key."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-keyout", f"{directory}/{name}.key", "-out", f"{directory}/{name}.pem",
                    "-subj", "/CN=callback", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"],
                   check=True, capture_output=True)


class Apps:
    """One app that offers services and one that wants to know of them."""

    def __init__(self, mep):
        self.mep = mep
        self.producer = mep.provision("producer")
        self.consumer = mep.provision("consumer")

    def subscribe(self, expected=201, **more):
        status, headers, body = self.mep.request(
            "POST", f"{API}/consumer/subscriptions",
            {"subscriptionType": "SerAvailabilityNotificationSubscription", **more}, self.consumer)
        assert status == expected, body
        return body

    def read(self, subscription):
        path = "/" + subscription["_links"]["self"]["href"].split("/", 3)[3]
        return self.mep.request("GET", path, token=self.consumer)

    def register(self, name):
        status, _, body = self.mep.request("POST", f"{API}/producer/services", {
            "serName": name, "version": "1", "state": "ACTIVE", "serializer": "JSON",
            "transportInfo": {"id": "t", "name": "REST", "type": "REST_HTTP", "protocol": "HTTP",
                              "version": "2.0", "endpoint": {"uris": ["http://10.9.0.2/"]},
                              "security": {}}}, self.producer)
        assert status == 201, body

    def delivery(self):
        """What the operator sees of the only subscription."""
        status, _, body = self.mep.request("GET", "/mm5/v1/subscriptions",
                                           token=self.mep.operator_token())
        assert status == 200 and len(body) == 1, body
        return body[0]["delivery"]


def names(notifications):
    return [r["serName"] for n in notifications for r in n.get("serviceReferences", [])]


def eventually(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def in_order(found, wanted):
    """At least once each, first times in order."""
    return list(dict.fromkeys(found)) == wanted


def test_every_acknowledged_change_is_told_whenever_the_platform_dies(site, callbacks):
    apps = Apps(site)
    apps.subscribe(callbackReference=callbacks.uri("/n"))
    wanted = []
    for round_ in range(4):
        for i in range(5):
            apps.register(f"s{round_}-{i}")
            wanted.append(f"s{round_}-{i}")
        site.kill()
        site.start()
    told = callbacks.wait_for("/n", lambda n: set(names(n)) >= set(wanted))
    assert in_order(names(told), wanted)


def test_what_could_not_be_delivered_is_delivered_after_a_crash(site):
    apps = Apps(site)
    with socket.socket() as nobody:  # bound, not listening: refuses
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        apps.subscribe(callbackReference=f"http://127.0.0.1:{port}/n")
        wanted = [f"s{i}" for i in range(5)]
        for name in wanted:
            apps.register(name)
        eventually(lambda: apps.delivery()["failedAttempts"] > 0)
        assert apps.delivery()["queued"] == 5
        site.kill()
    server = CallbackServer(port)
    try:
        site.start()
        told = server.wait_for("/n", lambda n: len(names(n)) >= 5)
        assert names(told) == wanted
    finally:
        server.close()


async def receive(uri, enough):
    """Notifications, until enough(all so far)."""
    async with websockets.connect(uri) as client:
        out = []
        while not enough(out):
            text = await asyncio.wait_for(client.recv(), 20)
            assert isinstance(text, str), "a text frame"
            out.append(json.loads(text))
        return out


def test_a_websocket_is_told_what_it_missed(site):
    apps = Apps(site)
    made = apps.subscribe(websockNotifConfig={"requestWebsocketUri": True})
    assert "callbackReference" not in made
    uri = made["websockNotifConfig"]["websocketUri"]
    apps.register("before")
    first = asyncio.run(receive(uri, lambda n: n))
    assert names(first) == ["before"]
    assert first[0]["_links"]["subscription"]["href"] == made["_links"]["self"]["href"]
    apps.register("while-away")
    site.kill()
    site.start()
    # What the client had not confirmed when it went, or was told just before the crash, comes again.
    missed = asyncio.run(receive(uri, lambda n: "while-away" in names(n)))
    assert names(missed) in (["while-away"], ["before", "while-away"])
    with pytest.raises(websockets.exceptions.InvalidStatusCode) as refused:
        asyncio.run(receive(uri[:-1] + ("A" if uri[-1] != "A" else "B"), bool))
    assert refused.value.status_code == 404


def test_the_newest_connection_of_a_subscription_wins(site):
    apps = Apps(site)
    uri = apps.subscribe(websockNotifConfig={"requestWebsocketUri": True})[
        "websockNotifConfig"]["websocketUri"]

    async def run():
        async with websockets.connect(uri) as old:
            async with websockets.connect(uri) as new:
                with pytest.raises(websockets.exceptions.ConnectionClosed):
                    await asyncio.wait_for(old.recv(), 20)
                assert old.close_code == 1008
                await asyncio.get_running_loop().run_in_executor(None, apps.register, "s")
                return json.loads(await asyncio.wait_for(new.recv(), 20))

    assert names([asyncio.run(run())]) == ["s"]


def test_a_websocket_takes_over_when_the_callback_cannot_be_reached(site):
    apps = Apps(site)
    made = apps.subscribe(callbackReference=f"http://127.0.0.1:{free_port()}/",
                          websockNotifConfig={"requestWebsocketUri": True},
                          requestTestNotification=True)
    assert "websockNotifConfig" not in made
    eventually(lambda: "websockNotifConfig" in apps.read(made)[2])
    now = apps.read(made)[2]
    assert "callbackReference" not in now
    apps.register("s")
    test, event = asyncio.run(receive(now["websockNotifConfig"]["websocketUri"],
                                      lambda n: len(n) == 2))
    assert test["notificationType"] == "TestNotification"
    assert names([event]) == ["s"]


def test_a_subscription_ends_at_its_deadline_with_notice(site, callbacks):
    apps = Apps(site)
    made = apps.subscribe(callbackReference=callbacks.uri("/n"), requestTestNotification=True,
                          expiryDeadline={"seconds": int(time.time()) + 4, "nanoSeconds": 0})
    told = callbacks.wait_for("/n", lambda n: len(n) == 2)
    assert [n["notificationType"] for n in told] == ["TestNotification", "ExpiryNotification"]
    assert told[1]["expiryDeadline"] == made["expiryDeadline"]
    assert apps.read(made)[0] == 200
    eventually(lambda: apps.read(made)[0] == 404)


def test_callbacks_do_not_lead_into_the_platform(site):
    apps = Apps(site)
    for host in ("169.254.169.254", "[::1]", "0.0.0.0", "[fe80::1]", "224.0.0.1",
                 f"localhost:{site.port}", f"127.0.0.1:{site.port}",
                 f"127.0.0.1:{site.metrics_port}", f"[::ffff:127.0.0.1]:{site.port}"):
        problem = apps.subscribe(403, callbackReference=f"http://{host}/")
        assert problem["detail"].startswith("callbackReference"), problem


def serve_tls(certificate, key):
    arrived = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()
            arrived.set()

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, arrived


def test_certificates_of_receivers_are_verified(site, tmp_path):
    apps = Apps(site)
    make_certificate(tmp_path, "impostor")
    trusted, arrived = serve_tls(tmp_path / "ca.pem", tmp_path / "ca.key")
    impostor, fooled = serve_tls(tmp_path / "impostor.pem", tmp_path / "impostor.key")
    try:
        made = apps.subscribe(callbackReference=f"https://127.0.0.1:{impostor.server_port}/")
        apps.register("s")
        eventually(lambda: "certificate" in apps.delivery().get("lastError", ""))
        assert not fooled.is_set()
        path = "/" + made["_links"]["self"]["href"].split("/", 3)[3]
        status, _, body = site.request("PUT", path, {
            "subscriptionType": "SerAvailabilityNotificationSubscription",
            "callbackReference": f"https://127.0.0.1:{trusted.server_port}/"}, apps.consumer)
        assert status == 200, body
        assert arrived.wait(20)
    finally:
        trusted.shutdown()
        impostor.shutdown()
