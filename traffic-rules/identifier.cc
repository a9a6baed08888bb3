#include "traffic-rules/identifier.h"

#include <algorithm>

#include "traffic-rules/model.h"

namespace sluice::traffic_rules {
namespace {

bool allowed(char c) {
  return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || ('0' <= c && c <= '9') ||
         std::string_view("-_.~:@+").find(c) != std::string_view::npos;
}

}  // namespace

Result<void> check_identifier(std::string_view id) {
  const bool valid = !id.empty() && id.size() <= kMaxIdLength && id != "." && id != ".." &&
                     std::all_of(id.begin(), id.end(), allowed);
  if (!valid) {
    return fail(ErrorCode::kInvalidArgument,
                "must be 1 to {} letters, digits or characters of -_.~:@+", kMaxIdLength);
  }
  return {};
}

std::string rule_key(std::string_view app_instance_id, std::string_view rule_id) {
  std::string key;
  key.reserve(app_instance_id.size() + 1 + rule_id.size());
  return key.append(app_instance_id).append(1, '/').append(rule_id);
}

}  // namespace sluice::traffic_rules
