// The query parameters of a services list (MEC 011 §8.2.3.3.1).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/http/message.h"
#include "mep/registry/records.h"

namespace sluice::mep::registry {

struct ServiceQuery {
  // At most one of these three is given; any of its values will do.
  std::vector<std::string> ids;
  std::vector<std::string> names;
  std::vector<std::string> categories;  // ids of categories
  std::optional<Locality> scope_of_locality;
  std::optional<bool> consumed_local_only;
  std::optional<bool> is_local;

  // Takes what it knows; the OpenAPI document has sorted out the rest. Values may be repeated or
  // separated by commas; one that holds a comma also stands for itself, as names may.
  // kInvalidArgument when two of ser_instance_id, ser_name and ser_category_id are given.
  static Result<ServiceQuery> parse(const http::Query& query);

  bool has_identity() const { return !ids.empty() || !names.empty() || !categories.empty(); }
  bool empty() const {
    return !has_identity() && !scope_of_locality && !consumed_local_only && !is_local;
  }
};

// What queries compare of a service.
struct ServiceFacets {
  std::string name;
  std::string category;  // its id; empty: none
  Locality scope_of_locality = Locality::kMecHost;
  bool consumed_local_only = true;
  bool is_local = true;

  explicit ServiceFacets(const ServiceInfo& info);
};

bool matches(const ServiceQuery& query, std::string_view id, const ServiceFacets& service);

}  // namespace sluice::mep::registry
