#include <nlohmann/json.hpp>

#include "traffic-rules/json.h"

namespace sluice::traffic_rules {
namespace {

using nlohmann::json;

template <typename T>
void put_list(json& out, const char* member, const std::vector<Spelled<T>>& list) {
  if (list.empty()) return;
  auto& array = out[member] = json::array();
  for (const auto& item : list) array.push_back(item.text);
}

template <typename T>
void put_text(json& out, const char* member, const std::optional<Spelled<T>>& value) {
  if (value) out[member] = value->text;
}

template <typename T>
void put_number(json& out, const char* member, const std::optional<T>& value) {
  if (value) out[member] = *value;
}

json filter_to_json(const TrafficFilter& filter) {
  json out = json::object();
  put_list(out, "srcAddress", filter.src_address);
  put_list(out, "dstAddress", filter.dst_address);
  put_list(out, "srcPort", filter.src_port);
  put_list(out, "dstPort", filter.dst_port);
  put_list(out, "protocol", filter.protocol);
  if (!filter.tag.empty()) out["tag"] = filter.tag;
  put_list(out, "srcTunnelAddress", filter.src_tunnel_address);
  put_list(out, "tgtTunnelAddress", filter.tgt_tunnel_address);
  put_list(out, "srcTunnelPort", filter.src_tunnel_port);
  put_list(out, "dstTunnelPort", filter.dst_tunnel_port);
  put_number(out, "qCI", filter.qci);
  put_number(out, "dSCP", filter.dscp);
  put_number(out, "tC", filter.tc);
  return out;
}

json destination_to_json(const DestinationInterface& destination) {
  json out = {{"interfaceType", to_string(destination.interface_type)}};
  if (const auto& tunnel = destination.tunnel_info) {
    auto& info = out["tunnelInfo"] = {{"tunnelType", to_string(tunnel->tunnel_type)},
                                      {"tunnelDstAddress", tunnel->tunnel_dst_address.text}};
    put_text(info, "tunnelSrcAddress", tunnel->tunnel_src_address);
    if (const auto& data = tunnel->tunnel_specific_data) {
      auto& specific = info["tunnelSpecificData"] = json::object();
      put_number(specific, "teid", data->teid);
      put_number(specific, "qfi", data->qfi);
      put_number(specific, "key", data->key);
    }
  }
  put_text(out, "srcMacAddress", destination.src_mac_address);
  put_text(out, "dstMacAddress", destination.dst_mac_address);
  put_text(out, "dstIpAddress", destination.dst_ip_address);
  return out;
}

}  // namespace

json to_json(const TrafficRule& rule) {
  json out = {{"trafficRuleId", rule.traffic_rule_id},
              {"filterType", to_string(rule.filter_type)},
              {"priority", rule.priority},
              {"action", to_string(rule.action)},
              {"state", to_string(rule.state)}};
  auto& filters = out["trafficFilter"] = json::array();
  for (const auto& filter : rule.traffic_filter) filters.push_back(filter_to_json(filter));
  if (rule.dst_interface_is_list) out["dstInterface"] = json::array();
  for (const auto& destination : rule.dst_interface) {
    if (rule.dst_interface_is_list) {
      out["dstInterface"].push_back(destination_to_json(destination));
    } else {
      out["dstInterface"] = destination_to_json(destination);
    }
  }
  return out;
}

json to_json(const DnsRule& rule) {
  json out = {{"dnsRuleId", rule.dns_rule_id},
              {"domainName", rule.domain_name.text},
              {"ipAddressType", to_string(rule.ip_address_type)},
              {"ipAddress", rule.ip_address.text},
              {"state", to_string(rule.state)}};
  put_number(out, "ttl", rule.ttl_s);
  return out;
}

}  // namespace sluice::traffic_rules
