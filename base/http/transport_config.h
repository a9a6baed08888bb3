// The sections `http` and `limits` of a program's configuration, as far as they are the
// transport's.
#pragma once

#include <string>

#include "base/config/config_node.h"
#include "base/http/json_text.h"
#include "base/http/pistache_transport.h"
#include "base/http/rate_limit.h"

namespace sluice::http {

// `http`: address, port, threads, trusted_proxies. Takes no other key.
TransportOptions read_transport(ConfigNode& node, uint16_t default_port);

// Of `limits`: what concerns requests, of whatever API. Every key is documented in mep/README.md.
void read_request_limits(ConfigNode& node, TransportLimits& transport, JsonLimits& json,
                         RateLimit& rate);

// Scheme and authority by which clients reach a server that listens there, where nobody says
// otherwise: of a wildcard address the name of this host.
std::string default_public_uri(const IpAddress& address, uint16_t port);

}  // namespace sluice::http
