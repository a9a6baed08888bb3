// Telling a UE's browser to go elsewhere, without a server: TCP and HTTP as far as a redirection
// takes them, by what the packet in hand says and nothing else. Nothing is remembered.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "upf-dataplane/packet/flow_key.h"
#include "upf-dataplane/packet/packet.h"

namespace sluice::upf {

// The response that leads to `url`, complete: 302 Found.
std::string redirect_response(std::string_view url);

// `packet` holds just a user's TCP segment over IP. Turns it into what its destination would answer
// if it were a server that redirects whatever it is asked: on port 80 a handshake, `response` to a
// request, and the end of the connection; elsewhere, where no such answer would be understood
// (TLS), the connection is refused. False when there is nothing to answer (an acknowledgement, a
// reset, a fragment, options or extensions of IP) or no room.
bool answer_http(Packet& packet, const InnerLayout& layout, std::string_view response);

}  // namespace sluice::upf
