// TrafficRule and DnsRule as JSON, the form of Mp1, Mm5 and Mp2.
//
// Reading names what is wrong and where ("trafficFilter[0].dstPort[1]: '70000' is not a port
// (0..65535)"); `path` is put in front when the rule is part of something larger. Members that are
// not of the standard are ignored (MEC 009), except inside trafficFilter: there a misspelt member
// would silently widen the rule, so it is refused.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/error.h"
#include "base/json_text.h"
#include "traffic-rules/model.h"

namespace sluice::traffic_rules {

Result<TrafficRule> traffic_rule_from_json(const nlohmann::json& json,
                                           const std::string& path = {});
Result<TrafficRule> traffic_rule_from_json(const JsonNode& json);
nlohmann::json to_json(const TrafficRule& rule);

Result<DnsRule> dns_rule_from_json(const nlohmann::json& json, const std::string& path = {});
Result<DnsRule> dns_rule_from_json(const JsonNode& json);
nlohmann::json to_json(const DnsRule& rule);

// One element of trafficFilter.
Result<TrafficFilter> traffic_filter_from_json(const nlohmann::json& json,
                                               const std::string& path = {});
Result<TrafficFilter> traffic_filter_from_json(const JsonNode& json);

// Appends the same as text.
void append_json(const TrafficFilter& filter, std::string& out);
void append_json(const TrafficRule& rule, std::string& out);
void append_json(const DnsRule& rule, std::string& out);

}  // namespace sluice::traffic_rules
