"""An edge that was put into the wire between a gNB and a core that knows nothing of it."""

import pytest
from numbered_stream import NumberedStream

from lab import addresses, streaming_case, user
from lab.lab import Lab
from lab.processes import wait_for
from lab.web_server import content_hash

BYTES = 500_000
RULES = {*streaming_case.TRAFFIC_RULES, *streaming_case.DNS_RULES}


@pytest.fixture(scope="module")
def lab(show_logs):
    with Lab(ues=2, inline=True) as lab:
        show_logs(lab)
        lab.start_everything()
        lab.the_app = streaming_case.deploy(lab)
        yield lab


def switch(lab, on):
    streaming_case.switch(lab.the_app, on)
    wanted = "STEERING" if on else "INACTIVE"

    def settled():
        status = lab.operator().rule_status(streaming_case.APP_INSTANCE_ID)
        return all(status.get(rule, {}).get("state") == wanted for rule in RULES)
    wait_for(settled, f"rules {wanted}", timeout_s=10)


def expect_from(lab, place, family, number=1):
    fetched = user.fetch(lab.net.ue(number), f"/bytes/{BYTES}", family)
    assert (fetched.served_by, fetched.sha256) == (place, content_hash(BYTES))


def is_connected(lab):
    try:
        return lab.upf_metrics().total("sluice_upf_mep_connected") == 1
    except OSError:
        return False


@pytest.mark.parametrize("family", [4, 6])
def test_a_rule_moves_the_video_to_the_edge_and_back(lab, family):
    expect_from(lab, "centre", family)
    hits = lab.upf_metrics().total("sluice_upf_rule_hits_total")
    switch(lab, on=True)
    expect_from(lab, "edge", family)
    assert user.fetch(lab.net.ue(1), family=family).connect_ms < 20
    assert lab.upf_metrics().total("sluice_upf_rule_hits_total") > hits + 100
    switch(lab, on=False)
    expect_from(lab, "centre", family)


def test_without_the_process_the_wire_is_a_wire(lab):
    switch(lab, on=True)
    user.fetch_until(lab.net.ue(1), "edge")
    inline = lab.processes["inline"]
    inline.kill()
    user.fetch_until(lab.net.ue(1), "centre")
    for family in (4, 6):
        expect_from(lab, "centre", family, number=2)
    # Not a packet of what passes is lost by an edge that is not there.
    core = lab.net.place("core")
    with NumberedStream(source=(lab.net.ue(2), addresses.ue_address(2, 4)),
                        sink=(core, addresses.CENTRE[4])) as stream:
        wait_for(lambda: stream.sent > 300, "300 packets")
    assert not stream.lost()
    inline.start()
    wait_for(lambda: is_connected(lab), "the platform back at the user plane", watched=[inline])
    user.fetch_until(lab.net.ue(1), "edge", timeout_s=10)
    switch(lab, on=False)
    expect_from(lab, "centre", 4)
