// DNS messages for tests, made and read by ldns instead of our own code.
#pragma once

#include <ldns/ldns.h>

#include <memory>
#include <string>
#include <vector>

#include "mep/dns/client_subnet.h"
#include "mep/dns/wire.h"

namespace sluice::mep::dns {

using Message = std::vector<uint8_t>;

struct Asked {
  const char* name = "a.example";
  uint16_t type = type::kA;
  bool edns = false;
  uint16_t payload = 1232;
  bool dnssec_ok = false;
  bool recursive = true;
  Message options = {};  // of EDNS, with their codes and lengths
};

inline Message query(const Asked& asked) {
  Message out = {0xbe, 0xef, static_cast<uint8_t>(asked.recursive ? 1 : 0), 0, 0, 1, 0, 0, 0, 0};
  put_u16(out, asked.edns ? 1 : 0);
  ldns_rdf* name = ldns_dname_new_frm_str(asked.name);
  put_bytes(out, Bytes(ldns_rdf_data(name), ldns_rdf_size(name)));
  ldns_rdf_deep_free(name);
  put_u16(out, asked.type);
  put_u16(out, kClassIn);
  if (!asked.edns) return out;
  out.push_back(0);
  put_u16(out, type::kOpt);
  put_u16(out, asked.payload);
  put_u16(out, 0);
  put_u16(out, asked.dnssec_ok ? kDnssecOk : 0);
  put_u16(out, static_cast<uint16_t>(asked.options.size()));
  put_bytes(out, asked.options);
  return out;
}

// A response with the records given in zone file form.
struct Told {
  const char* name = "a.example";
  uint16_t type = type::kA;
  int rcode = 0;
  std::vector<const char*> answers = {};
  std::vector<const char*> authority = {};
  Message options = {};
};

inline Message response(const Told& told) {
  ldns_pkt* packet = ldns_pkt_new();
  ldns_pkt_set_qr(packet, true);
  ldns_pkt_set_rcode(packet, static_cast<uint8_t>(told.rcode));
  ldns_pkt_push_rr(packet, LDNS_SECTION_QUESTION, [&] {
    ldns_rr* question = ldns_rr_new();
    ldns_rr_set_owner(question, ldns_dname_new_frm_str(told.name));
    ldns_rr_set_type(question, static_cast<ldns_rr_type>(told.type));
    ldns_rr_set_class(question, LDNS_RR_CLASS_IN);
    ldns_rr_set_question(question, true);
    return question;
  }());
  const auto push = [&](ldns_pkt_section section, const char* text) {
    ldns_rr* record = nullptr;
    if (ldns_rr_new_frm_str(&record, text, 0, nullptr, nullptr) != LDNS_STATUS_OK) abort();
    ldns_pkt_push_rr(packet, section, record);
  };
  for (const auto* text : told.answers) push(LDNS_SECTION_ANSWER, text);
  for (const auto* text : told.authority) push(LDNS_SECTION_AUTHORITY, text);
  ldns_pkt_set_edns_udp_size(packet, 1232);
  if (!told.options.empty()) {
    ldns_pkt_set_edns_data(packet, ldns_rdf_new_frm_data(LDNS_RDF_TYPE_UNKNOWN, told.options.size(),
                                                         told.options.data()));
  }
  uint8_t* raw = nullptr;
  size_t size = 0;
  if (ldns_pkt2wire(&raw, packet, &size) != LDNS_STATUS_OK) abort();
  Message out(raw, raw + size);
  free(raw);
  ldns_pkt_free(packet);
  return out;
}

inline Message option(const ClientSubnet& subnet) {
  Message out;
  put_client_subnet(out, subnet);
  return out;
}

// "NOERROR qr rd ra | a.example. 5 IN A 192.0.2.1 | edns 1232 do": without the question.
inline std::string shown(Bytes message) {
  ldns_pkt* packet = nullptr;
  if (ldns_wire2pkt(&packet, message.data(), message.size()) != LDNS_STATUS_OK) return "malformed";
  const std::unique_ptr<ldns_pkt, decltype(&ldns_pkt_free)> owner(packet, &ldns_pkt_free);
  const int rcode = ldns_pkt_get_rcode(packet) | ldns_pkt_edns_extended_rcode(packet) << 4;
  const auto* word = ldns_lookup_by_id(ldns_rcodes, rcode);
  std::string out = word != nullptr ? word->name : "rcode " + std::to_string(rcode);
  if (ldns_pkt_aa(packet)) out += " aa";
  if (ldns_pkt_tc(packet)) out += " tc";
  if (ldns_pkt_ad(packet)) out += " ad";
  const ldns_rr_list* sections[] = {ldns_pkt_answer(packet), ldns_pkt_authority(packet),
                                    ldns_pkt_additional(packet)};
  for (const auto* section : sections) {
    for (size_t i = 0; i < ldns_rr_list_rr_count(section); ++i) {
      char* text = ldns_rr2str(ldns_rr_list_rr(section, i));
      std::string line = text;
      free(text);
      line.pop_back();
      for (char& c : line) c = c == '\t' ? ' ' : c;
      out += " | " + line;
    }
  }
  if (ldns_pkt_edns(packet)) {
    out += " | edns " + std::to_string(ldns_pkt_edns_udp_size(packet));
    if (ldns_pkt_edns_do(packet)) out += " do";
  }
  return out;
}

}  // namespace sluice::mep::dns
