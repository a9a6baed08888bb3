// A connection whose first bytes tell which version of HTTP it speaks: the preface of HTTP/2 with
// prior knowledge (RFC 9113 §3.4), or else HTTP/1.1. Both share one port, its limits and timeouts.
#pragma once

#include "base/http/server_connection.h"
#include "base/http/transport_limits.h"

namespace sluice::http {

// `limits` must outlive it.
std::unique_ptr<ServerConnection> make_negotiating_connection(const TransportLimits& limits,
                                                              ConnectionHost host);

}  // namespace sluice::http
