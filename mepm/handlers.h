// Mm3 (api-specs/mepm/mm3.yaml).
#pragma once

#include "base/http/router.h"
#include "mepm/agent/agent.h"
#include "mepm/packages.h"

namespace sluice::mepm {

struct SiteContext {
  store::Store& store;
  AgentRecords records;
  Agent& agent;
  SitePackages& packages;
  WorkQueue& logs;  // where podman is waited for
};

// `context` must outlive them.
http::Handlers site_handlers(const SiteContext& context);
std::map<std::string, http::BodyOpener, std::less<>> site_body_openers(const SiteContext& context);

}  // namespace sluice::mepm
