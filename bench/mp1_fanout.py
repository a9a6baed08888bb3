"""One change of a service, told to thousands of subscribers by a real sluice-mep."""

import http.client
import json
import sys
import threading
import time
import urllib.request

APPS = 100  # that the subscribers belong to
ROUNDS = 3

SERVICE = {"serName": "changing", "version": "1.0", "state": "ACTIVE", "serializer": "JSON",
           "transportInfo": {"id": "t", "name": "REST", "type": "REST_HTTP", "protocol": "HTTP",
                             "version": "1.1", "endpoint": {"uris": ["http://10.9.0.2/"]},
                             "security": {}}}


def subscribe(mep, app: str, token: str, callbacks: list) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", mep.port, timeout=60)
    for callback in callbacks:
        body = {"subscriptionType": "SerAvailabilityNotificationSubscription",
                "callbackReference": callback}
        connection.request("POST", f"/mec_service_mgmt/v1/applications/{app}/subscriptions",
                           json.dumps(body), {"Authorization": f"Bearer {token}",
                                              "Content-Type": "application/json"})
        reply = connection.getresponse()
        text = reply.read()
        if reply.status != 201:
            sys.exit(f"a subscription is refused: {reply.status} {text.decode()}")
    connection.close()


def subscribe_all(mep, sink: int, subscribers: int, silent: int) -> None:
    spacing = subscribers // max(silent, 1)
    callbacks = [f"http://127.0.0.1:{sink}/{'silent' if i % spacing == 0 else 'n'}/{i}"
                 for i in range(subscribers)]
    apps = [(f"listener{i}", mep.provision(f"listener{i}", {"appName": "listener"}))
            for i in range(APPS)]

    def work(worker: int, workers: int) -> None:
        for i in range(worker, APPS, workers):
            subscribe(mep, *apps[i], callbacks[i::APPS])

    threads = [threading.Thread(target=work, args=(w, 4)) for w in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def stats(sink: int, path: str = "stats") -> dict:
    with urllib.request.urlopen(f"http://127.0.0.1:{sink}/{path}", timeout=30) as reply:
        text = reply.read()
    return json.loads(text) if text else {}


def measure(mep, token: str, sink: int, subscribers: int, silent: int) -> list:
    """For each of some changes: seconds from before it is asked for to its reply, and to the last
    notification of the subscribers that answer; None when not all of them were told in a minute."""
    path = "/mec_service_mgmt/v1/applications/bench/services"
    status, _, service = mep.request("POST", path, SERVICE, token)
    if status != 201:
        sys.exit(f"the service is refused: {service}")
    subscribe_all(mep, sink, subscribers, silent)
    out = []
    for round_ in range(ROUNDS):
        time.sleep(1.5)  # what the last change was written down with is over
        stats(sink, "reset")
        state = "INACTIVE" if round_ % 2 == 0 else "ACTIVE"
        start = time.time_ns()
        status, _, body = mep.request("PUT", f"{path}/{service['serInstanceId']}",
                                      {**service, "state": state}, token)
        replied = time.time_ns()
        if status != 200:
            sys.exit(f"the change is refused: {body}")
        deadline = time.monotonic() + 60
        now = stats(sink)
        while now["paths"] < subscribers - silent and time.monotonic() < deadline:
            time.sleep(0.05)
            now = stats(sink)
        told = now["paths"] >= subscribers - silent
        out.append({"replied_s": (replied - start) / 1e9,
                    "told_s": (now["last_ns"] - start) / 1e9 if told else None,
                    "told": now["paths"], "repeated": now["received"] - now["paths"]})
    return out
