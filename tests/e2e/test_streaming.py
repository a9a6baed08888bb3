"""The edge site as its users and operators meet it: real programs, real packets, 200 UEs."""

import concurrent.futures
import hashlib
import json
import threading

import pytest
from numbered_stream import NumberedStream

from lab import addresses, metrics, streaming_case, user
from lab.lab import Lab
from lab.processes import wait_for
from lab.web_server import content_hash

UES = 200
BYTES = 2_000_000
NOISE_BYTES = 200_000  # DNS, ARP, ND and probes may take the other path
RULES = {*streaming_case.TRAFFIC_RULES, *streaming_case.DNS_RULES}


class Site:
    """The running lab with its deployed app."""

    def __init__(self, lab):
        self.lab = lab
        self.operator = lab.operator()
        self.app = streaming_case.deploy(lab)

    def ue(self, number=1):
        return self.lab.net.ue(number)

    def rule_states(self):
        status = self.operator.rule_status(streaming_case.APP_INSTANCE_ID)
        return {rule: entry["state"] for rule, entry in status.items()}

    def wait_for_rules(self, state, rules=frozenset(RULES), timeout_s=5):
        wait_for(lambda: all(self.rule_states().get(rule) == state for rule in rules),
                 f"rules {state}", timeout_s)

    def switch(self, on):
        streaming_case.switch(self.app, on)
        self.wait_for_rules("STEERING" if on else "INACTIVE")

    def paths(self):
        return metrics.bytes_by_path(self.lab.upf_metrics())


@pytest.fixture(scope="module")
def site(show_logs):
    with Lab(ues=UES) as lab:
        show_logs(lab)
        lab.start_everything()
        yield Site(lab)


@pytest.fixture
def steering(site):
    """The site with all rules in effect; they are off again afterwards."""
    site.switch(on=True)
    yield site
    site.switch(on=False)


def expect_path(site, family, here, number=1):
    """A UE's download comes unchanged from where it should, and by the path it should take."""
    there = {"edge": "centre", "centre": "edge"}[here]
    address = {"edge": addresses.APP, "centre": addresses.CENTRE}[here][family]
    before = site.paths()
    assert user.resolve(site.ue(number), kind={4: "A", 6: "AAAA"}[family]) == [address]
    fetched = user.fetch(site.ue(number), f"/bytes/{BYTES}", family)
    after = site.paths()
    assert (fetched.served_by, fetched.address) == (here, address)
    assert fetched.sha256 == content_hash(BYTES)
    assert after[here] - before[here] >= BYTES
    assert after[there] - before[there] <= NOISE_BYTES


@pytest.mark.parametrize("family", [4, 6])
def test_before_during_and_after_the_rule(site, family):
    expect_path(site, family, "centre")
    site.switch(on=True)
    expect_path(site, family, "edge")
    site.switch(on=False)
    expect_path(site, family, "centre")


@pytest.mark.parametrize("family", [4, 6])
def test_the_edge_is_near(steering, family):
    ue = steering.ue(2)
    assert user.fetch(ue, family=family).connect_ms < 20
    assert user.ping_ms(ue, addresses.APP[family]) < 20
    assert user.ping_ms(ue, addresses.CENTRE[family]) >= 40


def every_user(site, path, family):
    """All UEs fetch `path`, eight at a time; yields each number with what it got."""
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        numbers = range(1, UES + 1)
        yield from zip(numbers, pool.map(lambda n: user.fetch(site.ue(n), path, family), numbers))


@pytest.mark.parametrize("family", [4, 6])
def test_all_users_go_to_the_edge_and_back_and_lose_no_byte(site, family):
    size = 100_000
    for on, here in ((False, "centre"), (True, "edge"), (False, "centre")):
        site.switch(on)
        for number, fetched in every_user(site, f"/bytes/{size}", family):
            assert (number, fetched.served_by, fetched.sha256) == (number, here,
                                                                   content_hash(size))


@pytest.mark.parametrize("family", [4, 6])
def test_the_app_sees_each_user_by_their_own_address(steering, family):
    for number, fetched in every_user(steering, "/", family):
        assert json.loads(fetched.start) == {"served_by": "edge",
                                             "to": addresses.ue_address(number, family)}


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("where", ["edge", "centre"])
def test_uploads_arrive_unchanged(steering, tmp_path, where, family):
    data = bytes(range(256)) * 8000
    (tmp_path / "upload").write_bytes(data)
    host = {"edge": addresses.APP, "centre": addresses.CENTRE}[where][family]
    url = f"http://{host}" if family == 4 else f"http://[{host}]"
    fetched = user.fetch(steering.ue(3), "/upload", family, url=url,
                         options=["--data-binary", f"@{tmp_path}/upload"])
    answer = json.loads(fetched.start)
    assert answer == {"served_by": where, "bytes": len(data),
                      "sha256": hashlib.sha256(data).hexdigest()}


def test_what_no_rule_names_takes_its_normal_path(steering):
    ue = steering.ue(4)
    assert user.resolve(ue, "other.example") == ["198.51.100.1"]
    assert user.resolve(ue, kind="MX") == []
    centre = user.fetch(ue, url=f"http://{addresses.CENTRE[4]}")
    assert centre.served_by == "centre"


def out_of_order_segments(ue):
    """TCP segments that arrived out of order in a UE's namespace so far."""
    lines = [line.split() for line in ue.run("cat", "/proc/net/netstat").splitlines()]
    names, values = (line for line in lines if line[0] == "TcpExt:")
    return int(values[names.index("TCPOFOQueue")])


def applied_rule_sets(lab):
    return lab.upf_metrics().total("sluice_upf_rule_sets_applied_total")


class Downloading:
    """A user who fetches one thing after the other, from before the block starts until it ends."""

    SIZE = 2_000_000
    RATE = 2_000_000

    def __init__(self, ue, family):
        self.results = []
        self._over = threading.Event()
        self._pool = concurrent.futures.ThreadPoolExecutor(1)
        self._ue = ue
        self._family = family

    def _download(self):
        while not self._over.is_set():
            self.results.append(user.fetch(self._ue, f"/bytes/{self.SIZE}?rate={self.RATE}",
                                           self._family, 60))

    def __enter__(self):
        self._running = self._pool.submit(self._download)
        return self

    def __exit__(self, *_):
        self._over.set()
        self._pool.shutdown()
        self._running.result()  # raises what went wrong


@pytest.mark.parametrize("family", [4, 6])
def test_a_thousand_rule_switches_do_not_touch_other_traffic(site, family):
    """1,000 switches, each in effect before the next, while traffic that the rule does not steer
    flows in both directions. The rates are modest: a port's ring must outlast the pauses that a
    busy test machine makes, or it would be the machine that loses packets."""
    lab = site.lab
    path = (f"/mec_app_support/v1/applications/{streaming_case.APP_INSTANCE_ID}"
            f"/traffic_rules/to-app-v{family}")
    core = lab.net.place("core")
    before = out_of_order_segments(site.ue(6))
    applied = applied_rule_sets(lab)
    with Downloading(site.ue(6), family) as downloads, \
            NumberedStream(source=(site.ue(5), addresses.ue_address(5, family)),
                           sink=(core, addresses.CENTRE[family])) as uplink, \
            NumberedStream(source=(core, addresses.RESOLVER[family]),
                           sink=(site.ue(7), addresses.ue_address(7, family))) as downlink:
        current = site.app.request("GET", path)
        for number in range(1, 1001):
            state = "ACTIVE" if number % 2 else "INACTIVE"
            current = site.app.request("PUT", path, {**current.body, "state": state},
                                       if_match=current.etag)
            wait_for(lambda: applied_rule_sets(lab) >= applied + number,
                     f"rule set {number} in the user plane", interval_s=0.001)
    assert applied_rule_sets(lab) == applied + 1000
    for stream in (uplink, downlink):
        assert stream.sent > 500
        assert not stream.lost()
        assert not stream.out_of_order()
    assert downloads.results
    for fetched in downloads.results:
        assert (fetched.served_by, fetched.sha256) == ("centre", content_hash(downloads.SIZE))
    assert out_of_order_segments(site.ue(6)) == before
    site.wait_for_rules("INACTIVE")


def cut_link(site):
    site.lab.net.set_app_link(up=False)
    return lambda: site.lab.net.set_app_link(up=True)


def silence_app(site):
    """The link is there, but nobody answers ARP and ND."""
    site.lab.net.set_app_arp(on=False)
    return lambda: site.lab.net.set_app_arp(on=True)


@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("fail", [cut_link, silence_app])
def test_users_of_a_dead_app_are_back_at_the_centre_within_a_second(steering, fail, family):
    repair = []
    try:
        silence = user.longest_silence_s(steering.ue(8), addresses.APP[family], during_s=3,
                                         act=lambda: repair.append(fail(steering)))
        assert silence <= 1.0
        rules = {f"to-app-v{family}", f"name-v{family}"}
        steering.wait_for_rules("SUSPENDED", rules)
        status = steering.operator.rule_status(streaming_case.APP_INSTANCE_ID)
        assert all(status[rule]["reason"] for rule in rules)
        expect_path(steering, family, "centre", number=8)
    finally:
        repair[0]()
    steering.wait_for_rules("STEERING")
    expect_path(steering, family, "edge", number=8)


def test_users_of_a_withdrawn_app_are_back_at_the_centre_within_a_second(steering):
    try:
        silence = user.longest_silence_s(
            steering.ue(9), addresses.APP[4], during_s=3,
            act=lambda: steering.operator.withdraw(streaming_case.APP_INSTANCE_ID))
        assert silence <= 1.0
        assert user.fetch(steering.ue(9)).served_by == "centre"
    finally:
        steering.app = streaming_case.deploy(steering.lab)
    streaming_case.switch(steering.app, on=True)
    steering.wait_for_rules("STEERING")


class Fetching:
    """Users who fetch all the time, whatever happens."""

    def __init__(self, site, numbers):
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._fetch, args=(site.ue(number),))
                         for number in numbers]

    def _fetch(self, ue):
        while not self._stop.is_set():
            try:
                user.fetch(ue, "/bytes/100000", timeout_s=1)
            except RuntimeError:
                pass  # during an outage

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()


@pytest.mark.parametrize("killed, started", [
    (["upf"], ["upf"]),
    (["mep"], ["mep"]),
    (["upf", "mep"], ["upf", "mep"]),
    (["mep", "upf"], ["mep", "upf"]),
    (["upf", "mep"], ["mep", "upf"]),
], ids=lambda names: "+".join(names))
def test_killed_programs_come_back_to_where_they_were(steering, killed, started):
    with Fetching(steering, range(10, 14)):
        for name in killed:
            steering.lab.processes[name].kill()
        for name in started:
            steering.lab.processes[name].start()
        wait_for(lambda: steering_again(steering), "steering again", timeout_s=20,
                 watched=[steering.lab.processes[name] for name in started], interval_s=0.2)
    for family in (4, 6):
        expect_path(steering, family, "edge", number=10)
    # The app's credentials and what it switched on survived; it can switch off as before.
    steering.switch(on=False)
    expect_path(steering, 4, "centre", number=10)


def steering_again(site):
    try:
        sessions = site.lab.ran("status")["sessions"]
        return (sessions["up"] == UES and set(site.rule_states().values()) == {"STEERING"}
                and user.fetch(site.ue(11), timeout_s=1).served_by == "edge")
    except (OSError, RuntimeError):
        return False
