// The configuration of sluice-meao.
#pragma once

#include <string>

#include "auth/token_service.h"
#include "base/config/config_node.h"
#include "base/http/json_text.h"
#include "base/http/pistache_transport.h"
#include "base/http/rate_limit.h"
#include "meao/catalogue/catalogue.h"
#include "notify/notifications.h"

namespace sluice::meao {

struct MeaoConfig {
  http::TransportOptions http;
  std::string state_directory;
  IpAddress metrics_address;
  uint16_t metrics_port = 0;
  auth::TokenOptions tokens;
  std::chrono::seconds key_max_age{0};
  notify::NotificationOptions notifications;
  CatalogueOptions packages;
  notify::CallbackRules fetch_rules;  // where packages may be fetched from
  size_t subscriptions_per_client = 100;
  size_t page_size = 1000;  // items of a list in one reply
  http::JsonLimits json;
  http::RateLimit rate;
  std::string log_level;
};

// Every key is documented in meao/README.md.
Result<MeaoConfig> read_meao_config(const std::string& path);

}  // namespace sluice::meao
