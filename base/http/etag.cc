#include "base/http/etag.h"

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

namespace sluice::http {
namespace {

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// Whether a list of entity tags names `etag`. Ours have no comma inside the quotes, so that a tag
// that has one cannot be ours and may be torn apart.
bool names(std::string_view list, std::string_view etag, bool weak) {
  if (trimmed(list) == "*") return true;
  while (!list.empty()) {
    const auto comma = list.find(',');
    auto tag = trimmed(list.substr(0, comma));
    if (weak && tag.starts_with("W/")) tag.remove_prefix(2);
    if (tag == etag) return true;
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
  }
  return false;
}

}  // namespace

std::string etag_of(uint64_t revision) {
  std::array<char, 22> text;  // 20 digits and two quotes
  text.front() = '"';
  const auto end = std::to_chars(text.data() + 1, text.data() + text.size() - 1, revision).ptr;
  *end = '"';
  return {text.data(), end + 1};
}

Result<void> check_if_match(const Request& request, std::string_view etag) {
  const auto condition = request.headers.joined("If-Match");
  if (!condition || names(*condition, etag, /*weak=*/false)) return {};
  return fail(ErrorCode::kPreconditionFailed,
              "If-Match does not name the current version; read the resource again");
}

Result<void> check_if_none_match(const Request& request, std::string_view etag) {
  if (!client_has(request, etag)) return {};
  return fail(ErrorCode::kPreconditionFailed, "If-None-Match excludes the current version");
}

bool client_has(const Request& request, std::string_view etag) {
  const auto condition = request.headers.joined("If-None-Match");
  return condition && names(*condition, etag, /*weak=*/true);
}

Response tagged_response(const Request& request, const nlohmann::json& body,
                         std::string_view etag) {
  if (client_has(request, etag)) {
    return Response{304, {}, {}}.with("ETag", std::string(etag));
  }
  return Response::json(200, body).with("ETag", std::string(etag));
}

}  // namespace sluice::http
