"""The edge-streaming case: what the video app's package declares, and switching all of it."""

import json

from lab import addresses

APP_INSTANCE_ID = "video-cache-1"
DNS_TTL_S = 30


def _traffic_rule(family):
    return {
        "trafficRuleId": f"to-app-v{family}",
        "filterType": "FLOW",
        "priority": 10,
        "trafficFilter": [{"dstAddress": [addresses.APP[family]]}],
        "action": "FORWARD_DECAPSULATED",
        "dstInterface": [{"interfaceType": "IP", "dstIpAddress": addresses.APP[family]}],
        "state": "INACTIVE",
    }


def _dns_rule(family):
    return {
        "dnsRuleId": f"name-v{family}",
        "domainName": addresses.VIDEO_NAME,
        "ipAddressType": f"IP_V{family}",
        "ipAddress": addresses.APP[family],
        "ttl": DNS_TTL_S,
        "state": "INACTIVE",
    }


TRAFFIC_RULES = ("to-app-v4", "to-app-v6")
DNS_RULES = ("name-v4", "name-v6")


def declaration():
    """The body of Mm5's PUT: everything switched off, for the app itself to switch on."""
    return {
        "appName": "video-cache",
        "trafficRules": [_traffic_rule(4), _traffic_rule(6)],
        "dnsRules": [_dns_rule(4), _dns_rule(6)],
    }


def deploy(lab):
    """Provisions the app as its platform manager does; returns the app, which then reports ready
    with its own token. Its credentials are left for later in the lab's directory."""
    credentials = lab.operator().provision(APP_INSTANCE_ID, declaration())
    with open(lab.net.path("app.json"), "w") as file:
        json.dump(credentials, file)
    app = lab.app(APP_INSTANCE_ID, credentials)
    app.confirm_ready()
    return app


def switch(app, on):
    """Steers the video's users to the edge, or lets them go. Traffic first when switching on and
    last when switching off: nobody is sent to an address that does not lead anywhere."""
    state = "ACTIVE" if on else "INACTIVE"
    steps = [(app.switch_traffic_rule, TRAFFIC_RULES), (app.switch_dns_rule, DNS_RULES)]
    for switch_one, rules in steps if on else reversed(steps):
        for rule in rules:
            switch_one(rule, state)
