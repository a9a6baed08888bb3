#include "notify/time_stamp.h"

#include <nlohmann/json.hpp>
#include <optional>

namespace sluice::notify {
namespace {

constexpr int64_t kNanosecondsASecond = 1'000'000'000;

std::optional<int64_t> member(const nlohmann::json& value, const char* name, int64_t limit) {
  const auto found = value.find(name);
  if (found == value.end() || !found->is_number_integer()) return std::nullopt;
  if (found->is_number_unsigned() && found->get<uint64_t>() >= static_cast<uint64_t>(limit)) {
    return std::nullopt;
  }
  const auto number = found->get<int64_t>();
  if (number < 0 || number >= limit) return std::nullopt;
  return number;
}

}  // namespace

nlohmann::json time_stamp(WallTime time) {
  const auto ns =
      std::chrono::duration_cast<std::chrono::nanoseconds>(time.time_since_epoch()).count();
  return {{"seconds", ns / kNanosecondsASecond}, {"nanoSeconds", ns % kNanosecondsASecond}};
}

Result<WallTime> parse_time_stamp(const nlohmann::json& value, const std::string& field) {
  if (!value.is_object()) return bad_field(field, "must be an object");
  const auto seconds = member(value, "seconds", int64_t{1} << 32);
  if (!seconds) return bad_field(field + ".seconds", "must be an integer from 0 to 4294967295");
  const auto nanoseconds = member(value, "nanoSeconds", kNanosecondsASecond);
  if (!nanoseconds) {
    return bad_field(field + ".nanoSeconds", "must be an integer from 0 to 999999999");
  }
  return WallTime(std::chrono::duration_cast<WallTime::duration>(
      std::chrono::seconds(*seconds) + std::chrono::nanoseconds(*nanoseconds)));
}

}  // namespace sluice::notify
