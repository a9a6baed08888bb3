"""Mp1 over HTTP/1.1 and HTTP/2 beside bare Pistache and bare nghttp2, durable changes, fan-out.

get_ratio_to_bare is that of the version of HTTP where it is worse, put_per_s likewise. fanout_s_10000 is
from a service's change of state, as a client of sluice-mep asks for it, to the last notification of those
subscribers that answer; the worst of three.

Servers run on one core and their clients on another. Every GET of sluice-mep is routed, authenticated,
rate limited and checked against the OpenAPI document; every PUT is validated and on disk when its reply
is sent. The bare servers get the same requests, token included, and send the same body. A figure that is
null could not be measured.
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = pathlib.Path(os.environ.get("SLUICE_BUILD", ROOT / "build"))
sys.path.insert(0, str(ROOT / "tests/mep"))
os.environ["SLUICE_BUILD"] = str(BUILD)

import mp1_fanout  # noqa: E402
from mep_process import TRAFFIC_RULE, Mep  # noqa: E402
from service_process import free_port  # noqa: E402

APP = "/mec_app_support/v1/applications/bench"
RULES = 200  # that the writers change
SERVICES = 10_000
SUBSCRIBERS = 10_000
SILENT = 100  # of them never answer
# Rates are limited, and counted, but nobody gets there.
NO_RATE = "requests_per_s: 10000000, burst: 10000000"


def on_core(core: int) -> list:
    return ["taskset", "-c", str(core % (os.cpu_count() or 1))]


def run(command: list, text: str | None = None) -> str:
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=300,
                          check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


@contextlib.contextmanager
def bare(protocol: str, body: pathlib.Path):
    port = free_port()
    process = subprocess.Popen([*on_core(0), str(BUILD / "bench/mp1_bare"), "--protocol", protocol,
                                "--port", str(port), "--body", str(body)])
    try:
        while process.poll() is None:
            with contextlib.suppress(ConnectionRefusedError), \
                    socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.01)
        else:
            sys.exit("mp1_bare ended")
        yield f"http://127.0.0.1:{port}/rule"
    finally:
        process.kill()
        process.wait()


def milliseconds(text: str) -> float:
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * {"us": 1e-3, "ms": 1, "s": 1e3, "m": 6e4}[unit]


def wrk(url: str, seconds: float, connections: int, token: str = "", script: str = "",
        folder: pathlib.Path | None = None) -> dict:
    """Requests a second, p99 in ms; exits when a request failed."""
    command = [*on_core(1), "wrk", "-t", "1", "-c", str(connections), "-d", f"{seconds}s",
               "--latency", "--timeout", "20s", "-H", "Connection: Keep-Alive"]
    if token:
        command += ["-H", f"Authorization: Bearer {token}"]
    if script:
        file = folder / "wrk.lua"
        file.write_text(script)
        command += ["-s", str(file)]
    out = run([*command, url])
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)", out)
    if failed:
        sys.exit(f"wrk {url}: {failed.group(0)}")
    return {"per_s": float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1)),
            "p99_ms": milliseconds(re.search(r"99%\s+(\S+)", out).group(1))}


def h2load(url: str, seconds: float, token: str = "") -> float:
    command = [*on_core(1), "h2load", "-t", "1", "-c", "4", "-m", "32", "-D", str(seconds),
               "--warm-up-time", "1"]
    if token:
        command += ["-H", f"authorization: Bearer {token}"]
    out = run([*command, url])
    if not re.search(r" 0 4xx, 0 5xx", out):
        sys.exit(f"h2load {url}:\n{out}")
    return float(re.search(r"([\d.]+) req/s", out).group(1))


# Each request changes another of the rules, from one state to the other and back.
PUT_SCRIPT = """
local n = 0
local rule = [[RULE_TEMPLATE]]
request = function()
  n = n + 1
  local id = "rule" .. (n % {rules})
  local state = math.floor(n / {rules}) % 2 == 0 and "ACTIVE" or "INACTIVE"
  local body = rule:gsub("RULE_ID", id):gsub("RULE_STATE", state)
  body = body:gsub("198.51.100.0", "198.51.100." .. (n % {rules}) % 250)
  return wrk.format("PUT", "{path}/traffic_rules/" .. id, {{["Content-Type"] = "application/json",
    ["Authorization"] = "Bearer {token}", ["Connection"] = "Keep-Alive"}}, body)
end
"""

# Every client asks some ten times a second, whenever it likes.
PACED_SCRIPT = """
function delay() return math.random(50, 150) end
"""

SELECTIVE_SCRIPT = """
request = function()
  return wrk.format("GET", "/mec_service_mgmt/v1/services?ser_name=service" ..
    math.random(0, {services} - 1))
end
"""


def rule(identifier: str) -> dict:
    octet = int(re.sub(r"\D", "", identifier) or 0)
    return {**TRAFFIC_RULE, "trafficRuleId": identifier, "trafficFilter": [
        {**TRAFFIC_RULE["trafficFilter"][0], "dstAddress": [f"198.51.100.{octet % 250}"]}]}


def measure_puts_h2(port: int, token: str, seconds: float, folder: pathlib.Path) -> float:
    template = {**rule("rule0"), "trafficRuleId": "RULE_ID", "state": "RULE_STATE"}
    template["trafficFilter"][0]["dstAddress"] = ["RULE_ADDRESS"]
    (folder / "rule-template.json").write_text(json.dumps(template))
    (folder / "token").write_text(token)
    out = run([*on_core(1), str(BUILD / "bench/mp1_writer"), "--port", str(port), "--path",
               f"{APP}/traffic_rules/", "--token", str(folder / "token"), "--rule",
               str(folder / "rule-template.json"), "--rules", str(RULES), "--seconds",
               str(seconds)])
    result = json.loads(out)
    if result["refused"]:
        sys.exit(f"changes are refused: {out}")
    return result["per_s"]


def measure_puts(url: str, token: str, seconds: float, folder: pathlib.Path) -> float:
    body = json.dumps({**rule("rule0"), "trafficRuleId": "RULE_ID", "state": "RULE_STATE"})
    script = PUT_SCRIPT.format(rules=RULES, path=APP, token=token)
    script = script.replace("RULE_TEMPLATE", body)
    return wrk(url, seconds, 256, script=script, folder=folder)["per_s"]


def register_services(mep: Mep, token: str) -> bool:
    """False when this platform has no service registry."""
    path = "/mec_service_mgmt/v1/applications/bench/services"
    service = {"version": "1.0", "state": "ACTIVE", "serializer": "JSON", "transportInfo": {
        "id": "t", "name": "REST", "type": "REST_HTTP", "protocol": "HTTP", "version": "1.1",
        "endpoint": {"uris": ["http://10.9.0.2/"]}, "security": {}}}
    if mep.request("GET", path, token=token)[0] != 200:
        return False
    failures = []

    def register(worker: int) -> None:
        for i in range(worker, SERVICES, 8):
            status, _, body = mep.request("POST", path, {**service, "serName": f"service{i}"}, token)
            if status != 201:
                failures.append((status, body))
                return

    workers = [threading.Thread(target=register, args=(w,)) for w in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if failures:
        sys.exit(f"a service cannot be registered: {failures[0]}")
    return True


@contextlib.contextmanager
def sink():
    process = subprocess.Popen([*on_core(1), str(BUILD / "bench/notification_sink")],
                               stdout=subprocess.PIPE, text=True)
    try:
        yield int(process.stdout.readline())
    finally:
        process.terminate()
        process.wait()


def measure_engine() -> float:
    """The delivery alone, without the platform: seconds from a change to the last notification of
    those that answer; the worst of three."""
    with sink() as port:
        out = run([*on_core(0), str(BUILD / "bench/notification_fanout"), "--sink", str(port),
                   "--subscribers", str(SUBSCRIBERS), "--silent", str(SILENT)])
    return max(json.loads(line)["delivered_s"] for line in out.splitlines())


def measure_fanout() -> float | None:
    """The same through sluice-mep; None when not all were told."""
    with tempfile.TemporaryDirectory() as name, sink() as port:
        mep = Mep(name, more=f"limits: {{{NO_RATE}, subscriptions_per_app: 1000}}\n",
                  prefix=on_core(0))
        try:
            mep.start()
            token = mep.provision("bench", {"appName": "bench"})
            rounds = mp1_fanout.measure(mep, token, port, SUBSCRIBERS, SILENT)
        finally:
            mep.close()
    for done in rounds:
        print("  " + ", ".join(f"{key} {value if value is None else round(value, 3)}"
                               for key, value in done.items()))
    told = [done["told_s"] for done in rounds]
    return None if None in told else max(told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="shorter runs, under 40 s together")
    seconds = 2 if parser.parse_args().quick else 8

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        mep = Mep(name, more=f"limits: {{{NO_RATE}, services_per_app: 20000, services_bytes_per_app: 67108864}}\n",
                  prefix=on_core(0))
        try:
            mep.start()
            rules = [{**rule(f"rule{i}"), "state": "INACTIVE"} for i in range(RULES)]
            token = mep.provision("bench", {"appName": "bench", "trafficRules": rules})
            url = f"http://127.0.0.1:{mep.port}"
            body = folder / "rule.json"
            status, _, shown = mep.request("GET", f"{APP}/traffic_rules/rule0", token=token)
            assert status == 200, shown
            body.write_text(json.dumps(shown, separators=(",", ":")))

            target = f"{url}{APP}/traffic_rules/rule0"
            with bare("h1", body) as bare_url:
                h1_bare = wrk(bare_url, seconds, 32, token)["per_s"]
            h1 = wrk(target, seconds, 32, token)["per_s"]
            with bare("h2", body) as bare_url:
                h2_bare = h2load(bare_url, seconds, token)
            h2 = h2load(target, seconds, token)
            print(f"GET of one rule, HTTP/1.1   {h1:9.0f}/s   bare Pistache {h1_bare:9.0f}/s"
                  f"   ratio {h1 / h1_bare:.2f}")
            print(f"GET of one rule, HTTP/2     {h2:9.0f}/s   bare nghttp2  {h2_bare:9.0f}/s"
                  f"   ratio {h2 / h2_bare:.2f}", flush=True)

            paced = wrk(target, seconds, 1000, token, PACED_SCRIPT, folder)
            print(f"1,000 clients, ten requests a second each: {paced['per_s']:.0f}/s, "
                  f"p99 {paced['p99_ms']:.1f} ms", flush=True)
            puts = measure_puts(url, token, seconds, folder)
            puts_h2 = measure_puts_h2(mep.port, token, seconds, folder)
            print(f"PUT of rules, validated and durable, HTTP/1.1, 256 clients: {puts:.0f}/s")
            print(f"the same over HTTP/2, 4 clients with 64 each at a time: {puts_h2:.0f}/s",
                  flush=True)

            discover = None
            if register_services(mep, token):
                selective = SELECTIVE_SCRIPT.format(services=SERVICES)
                full = wrk(url, seconds, 8, token, selective, folder)
                print(f"one service among {SERVICES} by its name, as fast as it goes: "
                      f"{full['per_s']:.0f}/s, p99 {full['p99_ms']:.2f} ms", flush=True)
                discover = wrk(url, seconds, 1000, token, PACED_SCRIPT + selective, folder)
                print(f"the same by 1,000 clients, ten requests a second each: "
                      f"{discover['per_s']:.0f}/s, p99 {discover['p99_ms']:.2f} ms", flush=True)
        finally:
            mep.close()
        engine = measure_engine()
        print(f"one change to {SUBSCRIBERS} subscribers, {SILENT} of them silent, delivery alone: "
              f"{engine:.2f} s", flush=True)
        print("the same by sluice-mep, a service that changes its state:")
        fanout = measure_fanout()

    print(json.dumps({
        "get_ratio_to_bare": round(min(h1 / h1_bare, h2 / h2_bare), 2),
        "put_per_s": round(min(puts, puts_h2)),
        "get_ms_p99_1000_clients": round(paced["p99_ms"], 2),
        "discover_ms_p99_10000": round(discover["p99_ms"], 2) if discover and discover["per_s"] > 0 else None,
        "fanout_s_10000": fanout and round(fanout, 3),
    }))


if __name__ == "__main__":
    main()
