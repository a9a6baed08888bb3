#include "base/rest/operand.h"

#include <charconv>
#include <chrono>
#include <nlohmann/json.hpp>

namespace sluice::rest {
namespace {

using nlohmann::json;

// All of the text as a number of that type.
template <typename T>
std::optional<T> number(std::string_view text) {
  T out{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

// Takes exactly `digits` digits and the character after them off the text.
std::optional<int> field(std::string_view& text, size_t digits, std::string_view terminators) {
  if (text.size() < digits || text[0] == '-' || text[0] == '+') return std::nullopt;
  const auto out = number<int>(text.substr(0, digits));
  text.remove_prefix(digits);
  if (terminators.empty()) return out;
  if (text.empty() || terminators.find(text[0]) == std::string_view::npos) return std::nullopt;
  text.remove_prefix(1);
  return out;
}

// ".25" as nanoseconds; digits beyond the ninth do not count.
std::optional<int64_t> fraction(std::string_view& text) {
  if (!text.starts_with('.')) return 0;
  text.remove_prefix(1);
  int64_t out = 0;
  int64_t unit = 100'000'000;
  size_t digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
    out += (text[digits] - '0') * unit;
    unit /= 10;
  }
  text.remove_prefix(digits);
  if (digits == 0) return std::nullopt;
  return out;
}

// "Z" or "+02:00", in seconds east of UTC.
std::optional<int64_t> offset(std::string_view text) {
  if (text == "Z" || text == "z") return 0;
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-')) return std::nullopt;
  const int sign = text[0] == '-' ? -1 : 1;
  text.remove_prefix(1);
  const auto hours = field(text, 2, ":");
  const auto minutes = hours ? field(text, 2, "") : std::nullopt;
  if (!minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  return sign * (*hours * 3600 + *minutes * 60);
}

template <typename A, typename B>
std::partial_ordering compare_numbers(A a, B b) {
  if constexpr (std::is_floating_point_v<A> || std::is_floating_point_v<B>) {
    return static_cast<double>(a) <=> static_cast<double>(b);
  } else {
    if (std::cmp_less(a, b)) return std::partial_ordering::less;
    return std::cmp_equal(a, b) ? std::partial_ordering::equivalent
                                : std::partial_ordering::greater;
  }
}

}  // namespace

std::optional<int64_t> parse_date_time(std::string_view text) {
  const auto year = field(text, 4, "-");
  const auto month = year ? field(text, 2, "-") : std::nullopt;
  const auto day = month ? field(text, 2, "Tt ") : std::nullopt;
  const auto hour = day ? field(text, 2, ":") : std::nullopt;
  const auto minute = hour ? field(text, 2, ":") : std::nullopt;
  const auto second = minute ? field(text, 2, "") : std::nullopt;
  const auto nanoseconds = second ? fraction(text) : std::nullopt;
  const auto east = nanoseconds ? offset(text) : std::nullopt;
  if (!east || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  if (*year < 1678 || *year > 2261) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok()) return std::nullopt;
  const int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const int64_t seconds = days * 86'400 + *hour * 3600 + *minute * 60 + *second - *east;
  return seconds * 1'000'000'000 + *nanoseconds;
}

Operand::Operand(std::string text) : text_(std::move(text)), instant_(parse_date_time(text_)) {
  if (const auto n = number<int64_t>(text_)) {
    number_ = *n;
  } else if (const auto u = number<uint64_t>(text_)) {
    number_ = *u;
  } else if (const auto d = number<double>(text_)) {
    number_ = *d;
  }
}

std::partial_ordering Operand::compare(const json& member) const {
  constexpr auto kUnordered = std::partial_ordering::unordered;
  if (member.is_string()) {
    const auto& text = member.get_ref<const std::string&>();
    const auto instant = instant_ ? parse_date_time(text) : std::nullopt;
    if (instant) return *instant <=> *instant_;
    return text <=> text_;
  }
  if (member.is_boolean()) {
    return text_ == (member.get<bool>() ? "true" : "false") ? std::partial_ordering::equivalent
                                                            : kUnordered;
  }
  if (!member.is_number()) return kUnordered;
  return std::visit(
      [&](auto value) {
        if constexpr (std::is_same_v<decltype(value), std::monostate>) {
          return kUnordered;
        } else {
          if (member.is_number_float()) return compare_numbers(member.get<double>(), value);
          if (member.is_number_unsigned()) return compare_numbers(member.get<uint64_t>(), value);
          return compare_numbers(member.get<int64_t>(), value);
        }
      },
      number_);
}

}  // namespace sluice::rest
