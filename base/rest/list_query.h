// The query parameters of MEC 009 for resources that are lists: `filter`, the attribute selectors
// and `nextpage_opaque_marker`. Documents declare them by api-specs/common/list_parameters.yaml.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/http/message.h"
#include "base/rest/attribute_filter.h"
#include "base/rest/attribute_selector.h"

namespace sluice::rest {

struct ListOptions {
  // The member that names an item among the others; lists are ordered by it, and it is in every
  // representation.
  std::string id_member;
  // Paths of what a client does not see unless it asks for it (`all_fields`, `fields`).
  std::vector<std::string> excluded_by_default = {};
};

struct ListQuery {
  std::optional<AttributeFilter> filter;
  AttributeSelector selector;
  std::string after;  // where the page begins: behind this id; empty: the first page

  // kInvalidArgument names the offending parameter. Parameters of other names are not looked at.
  static Result<ListQuery> parse(const http::Query& query, const ListOptions& options);
};

// All values of a parameter that is a list, whether it was repeated or has commas; a value with
// commas also as a whole.
std::vector<std::string> query_values(const http::Query& query, std::string_view name);

// The value of `nextpage_opaque_marker` for the page that begins behind that id. The position is an
// id and not a number, so that whatever comes and goes meanwhile, no item that stays is skipped or
// told twice.
std::string page_marker(std::string_view id);

}  // namespace sluice::rest
