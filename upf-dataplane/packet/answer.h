// What the UPF answers itself, by turning the request into its reply in place.
#pragma once

#include "base/net/ip_address.h"
#include "upf-dataplane/packet/packet.h"

namespace sluice::upf {

// Each takes a whole frame whose Ethernet header was parsed and returns whether it now holds the
// reply, addressed to the asker. The caller has checked that the request is for one of the port's
// own addresses.

// `frame` holds an ARP request of is_ethernet_ipv4_arp() form.
void answer_arp(Packet& frame, const MacAddress& own);

// An ICMP or ICMPv6 echo request; `ip_offset` is where its IP header begins and `l4_offset` where
// the ICMP header does, from there. False when it is cut short.
bool answer_icmp_echo(Packet& frame, const MacAddress& own, size_t ip_offset, size_t l4_offset);

// A neighbour solicitation (RFC 4861 §7.2.4) for `target`, one of the own addresses.
bool answer_neighbour_solicitation(Packet& frame, const MacAddress& own, size_t ip_offset,
                                   const Ipv6Address& target);

// A GTP-U echo request (TS 29.281 §7.2.1); `gtp_offset` is where its GTP-U header begins.
bool answer_gtpu_echo(Packet& frame, const MacAddress& own, size_t ip_offset, size_t gtp_offset);

}  // namespace sluice::upf
