// The configuration of sluice-mep.
#pragma once

#include <string>

#include "auth/token_service.h"
#include "bandwidth/bandwidth_service.h"
#include "base/config/config_node.h"
#include "base/http/pistache_transport.h"
#include "feeds/ran_feed.h"
#include "location/location_service.h"
#include "mep/app-enablement/timing.h"
#include "mep/dns/dns_service.h"
#include "mep/metering/usage_meter.h"
#include "mep/provisioning/handlers.h"
#include "mep/registry/service_management.h"
#include "mep/steering/reconciler.h"
#include "notify/notifications.h"
#include "notify/subscription_resource.h"

namespace sluice::mep {

struct MepConfig {
  http::TransportOptions http;
  std::string state_directory;
  ReconcilerConfig steering;
  IpAddress metrics_address;
  uint16_t metrics_port = 0;
  auth::TokenOptions tokens;
  std::chrono::seconds key_max_age{0};  // of the key that signs tokens; zero: until asked
  TimingOptions timing;
  registry::ServiceOptions services;
  notify::NotificationOptions notifications;
  notify::SubscriptionBounds subscriptions;
  UsageOptions usage;
  bandwidth::BandwidthOptions bandwidth;
  feeds::FeedOptions feed;
  location::LocationOptions location;
  ProvisioningLimits limits;
  size_t page_size = 1000;  // items of a list in one reply
  http::JsonLimits json;
  http::RateLimit rate;
  dns::DnsConfig dns;
  std::string log_level;
};

// Every key is documented in mep/README.md.
Result<MepConfig> read_mep_config(const std::string& path);

}  // namespace sluice::mep
