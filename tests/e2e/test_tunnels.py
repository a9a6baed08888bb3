"""Tunnels and copies of MEC rules, switched by an app over Mp1: what the app's network then sees, as
tshark reads it, and what users notice.
"""

import subprocess

import pytest
from capture import capture

from lab import addresses, user
from lab.lab import Lab
from lab.processes import wait_for

APP = "probe-1"
APP_V4, CENTRE_V4 = addresses.APP[4], addresses.CENTRE[4]
UE_V4 = addresses.ue_address(1, 4)


def tunnel(kind, **data):
    return {"interfaceType": "TUNNEL", "tunnelInfo": {
        "tunnelType": kind, "tunnelDstAddress": APP_V4, "tunnelSpecificData": data}}


def rule(name, protocol, action, *destinations):
    return {"trafficRuleId": name, "filterType": "FLOW", "priority": 10, "state": "INACTIVE",
            "trafficFilter": [{"dstAddress": [CENTRE_V4], "protocol": [protocol]}],
            "action": action, "dstInterface": list(destinations)}


RULES = [
    rule("tunnel", "ICMP", "FORWARD_DECAPSULATED", tunnel("GRE", key=77)),
    rule("copies", "TCP", "DUPLICATE_DECAPSULATED",
         {"interfaceType": "IP", "dstIpAddress": APP_V4}, tunnel("GTP_U", teid=0x99)),
]


@pytest.fixture(scope="module")
def site(show_logs):
    with Lab(ues=1) as lab:
        show_logs(lab)
        lab.start_everything()
        lab.credentials = lab.operator().provision(APP, {"appName": "probe", "trafficRules": RULES})
        lab.probe = lab.app(APP, lab.credentials)
        lab.probe.confirm_ready()
        yield lab


def switch(lab, name, state, reported):
    lab.probe.switch_traffic_rule(name, state)
    wait_for(lambda: lab.operator().rule_status(APP)[name]["state"] == reported, f"{name} {reported}")


def count(path, display_filter):
    """Packets, but for those that the app's kernel, which knows no tunnels, quotes as unreachable."""
    shown = f"({display_filter}) && !(icmp.type == 3)"
    done = subprocess.run(["tshark", "-r", path, "-Y", shown, "-T", "fields", "-e",
                           "frame.number"], capture_output=True, text=True, check=True)
    return len(done.stdout.split())


def test_a_tunnel_takes_what_its_rule_names_and_nothing_else(site, tmp_path):
    path = str(tmp_path / "ldn.pcap")
    assert user.ping_ms(site.net.ue(), CENTRE_V4) is not None
    with capture(site.net.place("edge"), "ldn", path):
        switch(site, "tunnel", "ACTIVE", "STEERING")
        assert user.ping_ms(site.net.ue(), CENTRE_V4) is None  # nobody at the far end answers
        assert user.fetch(site.net.ue()).served_by == "centre"
        switch(site, "tunnel", "INACTIVE", "INACTIVE")
    assert user.ping_ms(site.net.ue(), CENTRE_V4) is not None
    ours = f"gre.key == 77 && ip.src == {UE_V4} && ip.dst == {CENTRE_V4} && icmp.type == 8"
    assert count(path, ours) == 3
    assert count(path, "gre && !icmp") == 0
    assert count(path, "_ws.malformed") == 0


def test_copies_go_to_two_and_the_user_notices_nothing(site, tmp_path):
    path = str(tmp_path / "ldn.pcap")
    with capture(site.net.place("edge"), "ldn", path):
        switch(site, "copies", "ACTIVE", "STEERING")
        fetched = user.fetch(site.net.ue(), "/bytes/20000")
        assert (fetched.served_by, fetched.size) == ("centre", 20000)
        switch(site, "copies", "INACTIVE", "INACTIVE")
    syn = "tcp.flags.syn == 1 && tcp.flags.ack == 0"
    plain = count(path, f"!gtp && {syn} && ip.dst == {CENTRE_V4}")
    assert plain >= 1 and count(path, f"gtp.teid == 0x99 && {syn}") == plain
    # Both directions: the centre's answers as well.
    answers = f"tcp.srcport == 80 && ip.src == {CENTRE_V4}"
    assert count(path, f"gtp.teid == 0x99 && {answers}") == count(path, f"!gtp && {answers}") >= 10
    assert count(path, "_ws.malformed") == 0
