// The frames that the control thread makes itself.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/net/ip_address.h"
#include "upf-dataplane/session/model.h"
#include "upf-dataplane/steer/forwarding_table.h"

namespace sluice::upf {

using Frame = std::vector<uint8_t>;

// Asks who has `target`: an ARP request or a neighbour solicitation from (own, own_mac), to
// everyone or, when it is known, to `known` alone. Both addresses are of one family.
Frame make_probe(const IpAddress& target, const IpAddress& own, const MacAddress& own_mac,
                 const std::optional<MacAddress>& known);

// A GTP-U message from the port to a peer, complete but for its destination MAC, which is zero.
// Nothing when the port has no address of the family.
std::optional<Frame> make_gtpu_frame(const Port& port, const IpAddress& peer, const Frame& message);

// A GTP-U End Marker (TS 29.281 §7.3.2) to the tunnel's far end, complete but for its destination
// MAC, which is zero. Nothing when the port has no address of the family.
std::optional<Frame> make_end_marker(const Port& port, const OuterHeader& tunnel);

// Who answered, and that they have which address.
struct Advertised {
  IpAddress address;
  MacAddress mac;
  bool overrides = true;  // may replace a MAC that is known (the Override flag of ND)
};
// From an ARP reply or a solicited neighbour advertisement with a MAC that a host can have; nothing
// when the frame is anything else.
std::optional<Advertised> parse_advertisement(std::span<const uint8_t> frame);

// The source and the destination of the IP packet in a frame; nothing when there is none.
std::optional<IpAddress> ip_source(std::span<const uint8_t> frame);
std::optional<IpAddress> ip_destination(std::span<const uint8_t> frame);

}  // namespace sluice::upf
