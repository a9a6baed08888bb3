// Everything that the platform keeps. A part that keeps something names its collections in a struct
// with add_to(), and gets a member and a line here.
#pragma once

#include "bandwidth/records.h"
#include "base/store/schema.h"
#include "location/records.h"
#include "mep/app-enablement/records.h"
#include "mep/clients/records.h"
#include "mep/metering/usage_records.h"
#include "mep/registry/records.h"
#include "mep/store/records.h"
#include "notify/outbox.h"

namespace sluice::mep {

struct Collections {
  Records apps;
  registry::Records services;
  AppSupportRecords app_support;
  ClientRecords clients;
  notify::Records notifications;
  UsageCollections usage;
  bandwidth::Records bandwidth;
  location::Records location;

  static Collections add_to(store::Schema& schema) {
    Collections out;
    out.apps = Records::add_to(schema);
    out.services = registry::Records::add_to(schema);
    out.app_support = AppSupportRecords::add_to(schema);
    out.clients = ClientRecords::add_to(schema);
    out.notifications = notify::Records::add_to(schema);
    out.usage = UsageCollections::add_to(schema);
    out.bandwidth = bandwidth::Records::add_to(schema);
    out.location = location::Records::add_to(schema);
    return out;
  }
};

}  // namespace sluice::mep
