// The `dns` section of sluice-mep's configuration; its keys are documented in mep/README.md.
#pragma once

#include "base/config/config_node.h"
#include "mep/dns/dns_service.h"

namespace sluice::mep::dns {

DnsConfig read_dns_config(ConfigNode node);

}  // namespace sluice::mep::dns
