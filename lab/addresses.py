"""Who has which address in the lab. One place, so that configurations, programs and expectations
agree.

    UE --(GTP-U)-- ran ----n3---- site ----n6---- backhaul ---- core (the centre)
                    |              |  \\
                    +------n4------+   +--ldn/mp1-- edge (the app)
"""

import ipaddress

N3_UPF = {4: "192.168.3.1", 6: "fd03::1"}
N3_GNB = {4: "192.168.3.2", 6: "fd03::2"}
N4_UPF = "10.0.4.1"
N4_SMF = "10.0.4.2"
N6_UPF = {4: "192.168.6.1", 6: "fd06::1"}
N6_ROUTER = {4: "192.168.6.2", 6: "fd06::2"}
LDN_UPF = {4: "10.60.0.1", 6: "fd60::1"}
APP = {4: "10.60.0.10", 6: "fd60::10"}
MP1_MEP = "10.0.9.1"
MP1_APP = "10.0.9.2"
CENTRE = {4: "203.0.113.10", 6: "2001:db8:113::10"}
RESOLVER = {4: "203.0.113.53", 6: "2001:db8:113::53"}

UE_POOL = {4: "10.45.0.0/16", 6: "fd45::/48"}
VIDEO_NAME = "video.sluice.example"

MEP_PORT = 8080
MEP_METRICS_PORT = 9464
UPF_METRICS_PORT = 9465


def ue_address(number, family):
    """The address of UE `number`, as sluice-lab gives it (see lab/ran_config.h)."""
    if family == 4:
        return str(ipaddress.ip_network(UE_POOL[4])[number])
    prefix = int(ipaddress.ip_network(UE_POOL[6]).network_address)
    return str(ipaddress.ip_address(prefix + (number << 64) + 1))
