"""A bandwidth allocation of MEC 015 holds on a congested port, through crashes of either program, and is
gone when it is given back: real programs, real packets."""

import time

import pytest

from contention import USERS, Traffic, platforms
from wire_site import inside, network

GRANT = 12_000_000
PATIENCE_S = 10


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    with network() as name, inside(name), platforms(tmp_path_factory.mktemp("bandwidth")) as running:
        yield running


@pytest.fixture(scope="module")
def traffic(site):
    """The first user's cameras want 13 Mb/s; three others send all they can, 36 Mb/s together."""
    flows = [site.flow(0, "cameras", 7000, 13_000_000, 1000)]
    flows += [site.flow(user, "bulk", 80, 12_000_000, 1400) for user in (1, 2, 3)]
    with Traffic(flows) as running:
        yield running


def until(traffic, holds, what):
    """Waits for a while of which holds(rates) is true: the machine has other work, too."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        rates = traffic.rates()
        if holds(rates):
            return
        assert time.monotonic() < deadline, f"{what}: {[round(r / 1e6, 2) for r in rates]} Mb/s"


def is_fair(rates):
    return all(0.75 * sum(rates) / 4 < rate < 1.25 * sum(rates) / 4 for rate in rates) and sum(rates) > 15e6


def is_kept(rates):
    return rates[0] >= 0.98 * GRANT and sum(rates) < 20.5e6


def test_an_allocation_holds_through_crashes_and_ends_when_it_is_given_back(site, traffic):
    until(traffic, is_fair, "without an allocation all users get the same")
    allocation = site.allocate("cameras", GRANT)
    until(traffic, is_kept, "with an allocation")

    site.mep.kill()
    until(traffic, is_kept, "without the platform")
    site.mep.start()
    until(traffic, is_kept, "after a restart of the platform")
    status, _, info = site.call("cameras", "GET", f"/bw_allocations/{allocation}")
    assert (status, info["fixedAllocation"]) == (200, str(GRANT))
    status, _, problem = site.call("bulk", "POST", "/bw_allocations", {
        "appInsId": "bulk", "requestType": 0, "fixedAllocation": "3000001", "allocationDirection": "01"})
    assert status == 403 and "3000000 are left" in problem["detail"]

    site.upf.kill()
    site.start_upf()
    until(traffic, is_kept, "after a restart of the user plane")

    site.release("cameras", allocation)
    until(traffic, is_fair, "after it was given back")


def test_a_session_has_what_was_allocated_to_it_and_the_user_s_other_traffic_has_not(site, traffic):
    other = site.flow(0, "cameras", 7001, 13_000_000, 1000)
    traffic.flows.append(other)
    try:
        allocation = site.allocate("cameras", GRANT, {
            "sourceIp": USERS[0], "dstPort": "7000", "protocol": "UDP"})
        until(traffic, lambda rates: rates[0] >= 0.98 * GRANT and rates[4] < 0.3 * GRANT, "by session")
        site.release("cameras", allocation)
        until(traffic, lambda rates: rates[0] < 0.5 * GRANT, "after it was given back")
    finally:
        traffic.flows.remove(other)
