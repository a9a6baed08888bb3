#include <nlohmann/json.hpp>

#include "base/json_writer.h"
#include "traffic-rules/json.h"

namespace sluice::traffic_rules {
namespace {

using nlohmann::json;

// Builds a tree from what JsonWriter makes a text of.
class TreeWriter {
 public:
  explicit TreeWriter(json& root) { open_.push_back(&root); }

  void begin_object() { open_.push_back(&place(json::object())); }
  void begin_array() { open_.push_back(&place(json::array())); }
  void end_object() { open_.pop_back(); }
  void end_array() { open_.pop_back(); }
  void name(const char* name) { name_ = name; }
  template <typename T>
  void value(const T& value) {
    place(json(value));
  }

 private:
  json& place(json value) {
    json& parent = *open_.back();
    if (parent.is_array()) return parent.emplace_back(std::move(value));
    if (parent.is_object()) return parent[name_] = std::move(value);
    return parent = std::move(value);  // the root
  }

  std::vector<json*> open_;  // arrays grow only while their last element is not open
  const char* name_ = "";
};

template <typename Writer, typename T>
void put(Writer& out, const char* member, const T& value) {
  out.name(member);
  out.value(value);
}

template <typename Writer, typename T>
void put_list(Writer& out, const char* member, const std::vector<Spelled<T>>& list) {
  if (list.empty()) return;
  out.name(member);
  out.begin_array();
  for (const auto& item : list) out.value(item.text);
  out.end_array();
}

template <typename Writer, typename T>
void put_text(Writer& out, const char* member, const std::optional<Spelled<T>>& value) {
  if (value) put(out, member, value->text);
}

template <typename Writer, typename T>
void put_number(Writer& out, const char* member, const std::optional<T>& value) {
  if (value) put(out, member, *value);
}

template <typename Writer>
void write(Writer& out, const TrafficFilter& filter) {
  out.begin_object();
  put_list(out, "srcAddress", filter.src_address);
  put_list(out, "dstAddress", filter.dst_address);
  put_list(out, "srcPort", filter.src_port);
  put_list(out, "dstPort", filter.dst_port);
  put_list(out, "protocol", filter.protocol);
  if (!filter.tag.empty()) {
    out.name("tag");
    out.begin_array();
    for (const auto& tag : filter.tag) out.value(tag);
    out.end_array();
  }
  put_list(out, "srcTunnelAddress", filter.src_tunnel_address);
  put_list(out, "tgtTunnelAddress", filter.tgt_tunnel_address);
  put_list(out, "srcTunnelPort", filter.src_tunnel_port);
  put_list(out, "dstTunnelPort", filter.dst_tunnel_port);
  put_number(out, "qCI", filter.qci);
  put_number(out, "dSCP", filter.dscp);
  put_number(out, "tC", filter.tc);
  out.end_object();
}

template <typename Writer>
void write(Writer& out, const TunnelInfo& tunnel) {
  out.begin_object();
  put(out, "tunnelType", std::string_view(to_string(tunnel.tunnel_type)));
  put(out, "tunnelDstAddress", tunnel.tunnel_dst_address.text);
  put_text(out, "tunnelSrcAddress", tunnel.tunnel_src_address);
  if (const auto& data = tunnel.tunnel_specific_data) {
    out.name("tunnelSpecificData");
    out.begin_object();
    put_number(out, "teid", data->teid);
    put_number(out, "qfi", data->qfi);
    put_number(out, "key", data->key);
    out.end_object();
  }
  out.end_object();
}

template <typename Writer>
void write(Writer& out, const DestinationInterface& destination) {
  out.begin_object();
  put(out, "interfaceType", std::string_view(to_string(destination.interface_type)));
  if (destination.tunnel_info) {
    out.name("tunnelInfo");
    write(out, *destination.tunnel_info);
  }
  put_text(out, "srcMacAddress", destination.src_mac_address);
  put_text(out, "dstMacAddress", destination.dst_mac_address);
  put_text(out, "dstIpAddress", destination.dst_ip_address);
  out.end_object();
}

template <typename Writer>
void write_destinations(Writer& out, const TrafficRule& rule) {
  if (!rule.dst_interface_is_list && rule.dst_interface.empty()) return;
  out.name("dstInterface");
  if (rule.dst_interface_is_list) out.begin_array();
  for (const auto& destination : rule.dst_interface) write(out, destination);
  if (rule.dst_interface_is_list) out.end_array();
}

template <typename Writer>
void write_scope(Writer& out, const TrafficRule& rule) {
  if (rule.scope.empty()) return;
  out.name("scope");
  out.begin_array();
  for (const auto& scope : rule.scope) {
    out.begin_object();
    if (!scope.dnn.empty()) put(out, "dnn", scope.dnn);
    if (scope.snssai) {
      out.name("sNssai");
      out.begin_object();
      put(out, "sst", scope.snssai->sst);
      if (scope.snssai->sd) put(out, "sd", fmt::format("{:06x}", *scope.snssai->sd));
      out.end_object();
    }
    out.end_object();
  }
  out.end_array();
}

template <typename Writer>
void write(Writer& out, const TrafficRule& rule) {
  out.begin_object();
  put(out, "trafficRuleId", rule.traffic_rule_id);
  put(out, "filterType", std::string_view(to_string(rule.filter_type)));
  put(out, "priority", rule.priority);
  out.name("trafficFilter");
  out.begin_array();
  for (const auto& filter : rule.traffic_filter) write(out, filter);
  out.end_array();
  put(out, "action", std::string_view(to_string(rule.action)));
  write_destinations(out, rule);
  write_scope(out, rule);
  put(out, "state", std::string_view(to_string(rule.state)));
  out.end_object();
}

template <typename Writer>
void write(Writer& out, const DnsRule& rule) {
  out.begin_object();
  put(out, "dnsRuleId", rule.dns_rule_id);
  put(out, "domainName", rule.domain_name.text);
  put(out, "ipAddressType", std::string_view(to_string(rule.ip_address_type)));
  put(out, "ipAddress", rule.ip_address.text);
  put_number(out, "ttl", rule.ttl_s);
  put(out, "state", std::string_view(to_string(rule.state)));
  out.end_object();
}

template <typename Rule>
json tree_of(const Rule& rule) {
  json root;
  TreeWriter out(root);
  write(out, rule);
  return root;
}

}  // namespace

json to_json(const TrafficRule& rule) { return tree_of(rule); }
json to_json(const DnsRule& rule) { return tree_of(rule); }

void append_json(const TrafficFilter& filter, std::string& out) {
  JsonWriter writer(out);
  write(writer, filter);
}
void append_json(const TrafficRule& rule, std::string& out) {
  JsonWriter writer(out);
  write(writer, rule);
}
void append_json(const DnsRule& rule, std::string& out) {
  JsonWriter writer(out);
  write(writer, rule);
}

}  // namespace sluice::traffic_rules
