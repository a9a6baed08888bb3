// The configuration of sluice-mepm.
#pragma once

#include <string>

#include "auth/token_service.h"
#include "base/config/config_node.h"
#include "base/http/json_text.h"
#include "base/http/pistache_transport.h"
#include "base/http/rate_limit.h"
#include "mepm/agent/agent.h"
#include "mepm/packages.h"
#include "mepm/vim/podman.h"

namespace sluice::mepm {

struct MepmConfig {
  http::TransportOptions http;
  std::string state_directory;
  auth::TokenOptions tokens;
  std::chrono::seconds key_max_age{0};
  PlatformOptions platform;
  PodmanOptions podman;
  AgentOptions agent;
  PackageLimits packages;
  size_t page_size = 1000;  // items of a list in one reply
  http::JsonLimits json;
  http::RateLimit rate;
  std::string log_level;
};

// Every key is documented in mepm/README.md.
Result<MepmConfig> read_mepm_config(const std::string& path);

}  // namespace sluice::mepm
