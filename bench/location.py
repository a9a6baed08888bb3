"""Location under load: 20,000 position updates a second, 10,000 subscriptions, on one core.

The real sluice-mep on core 0, everything else on core 1: a feed over HTTP/2 that reports all users in turns,
receivers of the notifications, and a client that asks one query after the other. Every user has a position,
a measurement and a bearer. Half of the subscriptions are about areas, half about zones; their users go in and out
all the time. A notification's latency is from the making of the report to its arrival at the receiver.
"""

import argparse
import asyncio
import http.client
import json
import multiprocessing
import os
import pathlib
import re
import statistics
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
os.environ.setdefault("SLUICE_BUILD", str(ROOT / "build"))
sys.path.insert(0, str(ROOT / "tests/mep"))

from feed_client import Http2Feed, cell, feed_token, now_ms  # noqa: E402
from mep_process import DECLARED, Mep  # noqa: E402

USERS, CELLS, ZONES = 100_000, 1_000, 100
SUBSCRIPTIONS, APPS = 10_000, 10
RATE = 20_000  # position updates a second
STEP_S = 0.01
STAY = 4  # rounds that a user stays before it goes elsewhere
SETTINGS = ("limits: {requests_per_s: 0, subscriptions: 20000, subscriptions_per_app: 2000,"
            " subscriptions_bytes_per_app: 16777216}\n")


def address(user):
    return f"acr:10.{user >> 16}.{user >> 8 & 255}.{user & 255}"


def place(user, away):
    """(cell, latitude, longitude): some hundred metres apart, and in another zone."""
    at = (user * 7 + (537 if away else 0)) % CELLS
    return f"cell-{at}", 48 + at // 32 * 0.01 + user % 89 * 1e-5, 11 + at % 32 * 0.01 + user % 83 * 1e-5


def p99(values):
    return statistics.quantiles(values, n=100, method="inclusive")[98]


def receive(port, arrived):
    """Receivers of notifications: (milliseconds on the way) of each."""
    stamp = re.compile(rb'"timeStamp":\{"nanoSeconds":(\d+),"seconds":(\d+)\}')
    os.sched_setaffinity(0, {1})

    class Receiver(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport, self.input = transport, b""

        def data_received(self, data):
            self.input += data
            while (end := self.input.find(b"\r\n\r\n")) >= 0:
                length = int(re.search(rb"(?i)content-length: *(\d+)", self.input[:end]).group(1))
                if len(self.input) < end + 4 + length:
                    return
                now = time.time()
                told = stamp.search(self.input, end)
                arrived.append((now, 1000 * (now - int(told[2]) - int(told[1]) / 1e9)))
                self.input = self.input[end + 4 + length:]
                self.transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")

    async def serve():
        server = await asyncio.get_running_loop().create_server(Receiver, "127.0.0.1", 0)
        port.value = server.sockets[0].getsockname()[1]
        await server.serve_forever()

    class Pipe(list):
        """Hands what arrived on in lumps."""

        def append(self, one):
            super().append(one)
            if len(self) >= 100 or one[0] - self[0][0] > 0.2:
                pipe.send(list(self))
                self.clear()

    pipe, arrived = arrived, Pipe()
    asyncio.run(serve())


def ask(port, token, seconds, results):
    """One query after the other: (kind, milliseconds) of each."""
    os.sched_setaffinity(0, {1})
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    out, number, until = [], 0, time.monotonic() + seconds
    while time.monotonic() < until:
        number += 1
        user = number * 31 % USERS
        kind, path = [
            ("user", f"users?address={address(user)}"),
            ("users of a zone", f"users?zoneId=zone-{number % ZONES}"),
            ("users of an access point", f"users?accessPointId=cell-{number % CELLS}"),
            ("zones", "zones"),
            ("zone", f"zones/zone-{number % ZONES}"),
            ("access points", f"zones/zone-{number % ZONES}/accessPoints"),
            ("distance", f"distance?address={address(user)}&address={address((user + 1) % USERS)}"),
        ][number % 7]
        start = time.perf_counter()
        connection.request("GET", "/location/v3/queries/" + path, headers={"Authorization": f"Bearer {token}"})
        reply = connection.getresponse()
        body = reply.read()
        out.append((kind, 1000 * (time.perf_counter() - start)))
        assert reply.status == 200, (path, body)
        time.sleep(0.005)
    results.put(out)


def resident(pid):
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmRSS"))


def cpu_s(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def subscribe(mep, tokens, port):
    """Of every tenth user, one subscription: of areas and of zones in turns."""
    def some(worker):
        connection = http.client.HTTPConnection("127.0.0.1", mep.port, timeout=60)
        for number in range(worker, SUBSCRIPTIONS, APPS):
            user = number * (USERS // SUBSCRIPTIONS)
            cell_id, latitude, longitude = place(user, False)
            if number // APPS % 2:
                kind, name, what = "zones", "zoneLocationEventSubscription", {
                    "zoneId": f"zone-{int(cell_id[5:]) % ZONES}", "addressList": [address(user)],
                    "locationEventCriteria": ["ENTERING_AREA_EVENT"]}
            else:
                kind, name, what = "area", "userAreaSubscription", {
                    "areaDefine": {"shape": 1, "radius": 300, "points": [{"latitude": latitude, "longitude": longitude}]},
                    "addressList": [address(user)], "trackingAccuracy": 50}
            body = json.dumps({name: {"subscriptionType": name[0].upper() + name[1:],
                                      "callbackReference": f"http://127.0.0.1:{port}/{number}", **what}})
            connection.request("POST", f"/location/v3/subscriptions/{kind}", body,
                               {"Authorization": f"Bearer {tokens[worker]}", "Content-Type": "application/json"})
            reply = connection.getresponse()
            text = reply.read()
            assert reply.status == 201, text

    workers = [threading.Thread(target=some, args=(i,)) for i in range(APPS)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


def feed_all(stream):
    """The map, and of every user a first report of each kind."""
    stream.send(*(cell(f"cell-{i}", f"zone-{i % ZONES}", operationStatus="Serviceable") for i in range(CELLS)))
    for start in range(0, USERS, 500):
        now, lines = now_ms(), []
        for user in range(start, start + 500):
            cell_id, latitude, longitude = place(user, False)
            who = f'"timeMs":{now},"user":"{address(user)}"'
            lines.append(f'{{"type":"position",{who},"cellId":"{cell_id}","latitude":{latitude:.5f},'
                         f'"longitude":{longitude:.5f},"uncertaintyM":10}}\n'
                         f'{{"type":"measurement",{who},"rsrpDbm":-90,"rsrqDb":-10,"timingAdvance":5,'
                         f'"neighbours":[{{"cellId":"cell-1","rsrpDbm":-100}},{{"cellId":"cell-2","rsrpDbm":-101}}]}}\n'
                         f'{{"type":"bearer",{who},"bearerId":5,"state":"ACTIVE","qosClass":9}}\n')
        stream.send_octets("".join(lines).encode())


def feed_positions(stream, seconds):
    """Position updates at the rate, as far as they are taken; (how many, seconds that it took)."""
    lines = []
    for away in (False, True):
        lines.append([])
        for user in range(USERS):
            cell_id, latitude, longitude = place(user, away)
            lines[away].append(f',"user":"{address(user)}","cellId":"{cell_id}","latitude":{latitude:.5f},'
                               f'"longitude":{longitude:.5f},"uncertaintyM":10}}\n')
    batch, sent, start = round(RATE * STEP_S), 0, time.monotonic()
    while (passed := time.monotonic() - start) < seconds:
        due = passed * RATE - sent
        if due < batch:
            time.sleep(STEP_S / 4)
            continue
        turn, first = divmod(sent, USERS)
        head = f'{{"type":"position","timeMs":{now_ms()}'
        stream.send_octets("".join(
            head + lines[(turn + user) // STAY % 2][user] for user in range(first, first + batch)).encode())
        sent += batch
    return sent, time.monotonic() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="ten seconds of load")
    seconds = 10 if parser.parse_args().quick else 40
    os.sched_setaffinity(0, {1})
    processes = []
    with tempfile.TemporaryDirectory() as folder:
        mep = Mep(folder, more=SETTINGS, prefix=["taskset", "-c", "0"])
        try:
            port = multiprocessing.Value("i", 0)
            notes, told = multiprocessing.Pipe(duplex=False)
            processes.append(multiprocessing.Process(target=receive, args=(port, told)))
            processes[-1].start()
            mep.start()
            tokens = [mep.provision(f"app-{i}", {**DECLARED, "apis": ["location"]}) for i in range(APPS)]
            before = resident(mep.pid)
            stream = Http2Feed(mep, feed_token(mep))
            feed_all(stream)
            wait_for_users(mep)
            bytes_per_user = (resident(mep.pid) - before) / USERS
            subscribe(mep, tokens, port.value)
            results = multiprocessing.Queue()
            asker = multiprocessing.Process(target=ask, args=(mep.port, tokens[0], seconds, results))
            processes.append(asker)
            cpu, begun = cpu_s(mep.pid), time.time()
            asker.start()
            sent, took = feed_positions(stream, seconds)
            busy = (cpu_s(mep.pid) - cpu) / took
            queries = results.get(timeout=60)
            status, summary = stream.finish()
            assert status == 200 and summary["refused"] == 0, summary
            latencies = []
            while notes.poll(1):
                latencies += [late for when, late in notes.recv() if when > begun]
        finally:
            mep.close()
            for process in processes:
                process.kill()
                process.join()
    for kind in sorted({kind for kind, _ in queries}):
        mine = [late for other, late in queries if other == kind]
        print(f"{kind:28} {statistics.median(mine):7.2f} ms median {p99(mine):7.2f} ms p99")
    print(f"{len(latencies) / took:.0f} notifications a second, {statistics.median(latencies):.1f} ms median,"
          f" {p99(latencies):.1f} ms p99; {100 * busy:.0f} % of the core; late lines: {summary['late']}")
    print(json.dumps({"updates_per_s": round(sent / took), "notify_ms_p99": round(p99(latencies), 2),
                      "query_ms_p99": round(p99([late for _, late in queries]), 2),
                      "bytes_per_user": round(bytes_per_user)}))


def wait_for_users(mep):
    """Until all that was sent has been taken."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with urllib.request.urlopen(f"http://127.0.0.1:{mep.metrics_port}/metrics", timeout=20) as reply:
            text = reply.read().decode()
        taken = re.search(r'sluice_mep_feed_lines_total\{result="accepted"\} (\S+)', text)
        if taken and float(taken[1]) >= 3 * USERS + CELLS:
            return
        time.sleep(0.2)
    sys.exit("the platform does not take what it is fed")


if __name__ == "__main__":
    main()
