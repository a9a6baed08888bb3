#include "upf-dataplane/control/ctl_question.h"

#include <algorithm>
#include <set>

namespace sluice::upf {
namespace {

using nlohmann::json;

constexpr size_t kLargestFrame = 9 * 1024;

// Reads the members of an object; the first mistake stays.
class Members {
 public:
  explicit Members(const json& from) : from_(from) {}

  void number(const char* name, uint64_t low, uint64_t high, auto& to) {
    const json* value = take(name);
    if (value == nullptr) return;
    const bool is_number =
        value->is_number_unsigned() || (value->is_number_integer() && value->get<int64_t>() >= 0);
    if (!is_number || value->get<uint64_t>() < low || value->get<uint64_t>() > high) {
      return complain(name, fmt::format("is not a number from {} to {}", low, high));
    }
    assign(to, value->get<uint64_t>());
  }
  std::optional<std::string> text(const char* name) {
    const json* value = take(name);
    if (value == nullptr) return std::nullopt;
    if (!value->is_string()) {
      complain(name, "is not a text");
      return std::nullopt;
    }
    return value->get<std::string>();
  }
  template <typename T>
  std::optional<T> parsed(const char* name, Result<T> (*parse)(std::string_view)) {
    const auto value = text(name);
    if (!value) return std::nullopt;
    auto result = parse(*value);
    if (result) return *result;
    complain(name, result.error().message);
    return std::nullopt;
  }
  const json* take(const char* name) {
    known_.insert(name);
    const auto found = from_.find(name);
    return found == from_.end() ? nullptr : &*found;
  }
  void complain(const char* name, std::string what) {
    if (!error_) error_ = Error{ErrorCode::kInvalidArgument, std::move(what), name};
  }
  std::optional<Error> finish() {
    known_.insert("command");
    for (const auto& [name, value] : from_.items()) {
      if (!error_ && !known_.contains(name)) {
        error_ = Error{ErrorCode::kInvalidArgument, "is not known", name};
      }
    }
    return error_;
  }

 private:
  template <typename T>
  static void assign(T& to, uint64_t value) {
    to = static_cast<T>(value);
  }
  template <typename T>
  static void assign(std::optional<T>& to, uint64_t value) {
    to = static_cast<T>(value);
  }

  const json& from_;
  std::set<std::string> known_;
  std::optional<Error> error_;
};

void read_port(Members& in, const char* member, const std::vector<Port>& ports,
               std::optional<PortIndex>& to) {
  const auto name = in.text(member);
  if (!name) return;
  const auto port = find_port(*name, ports);
  if (port) {
    to = *port;
  } else {
    in.complain(member, port.error().message);
  }
}

}  // namespace

Result<PortIndex> find_port(const std::string& name, const std::vector<Port>& ports) {
  const auto found = std::ranges::find(ports, name, &Port::name);
  if (found != ports.end()) return static_cast<PortIndex>(found - ports.begin());
  std::string names;
  for (const auto& port : ports) names += (names.empty() ? "" : ", ") + port.name;
  return fail(ErrorCode::kNotFound, "there is no port '{}', only {}", name, names);
}

Result<PacketQuestion> read_packet_question(const json& from, const std::vector<Port>& ports) {
  Members in(from);
  PacketQuestion question;
  const auto ue = in.parsed("ue", &IpAddress::parse);
  const auto remote = in.parsed("remote", &IpAddress::parse);
  if (!ue) in.complain("ue", "is missing");
  if (!remote) in.complain("remote", "is missing");
  if (ue && remote && ue->is_v4() != remote->is_v4()) in.complain("remote", "is of another family");
  if (const auto direction = in.text("direction")) {
    question.uplink = *direction == "uplink";
    if (!question.uplink && *direction != "downlink") {
      in.complain("direction", "is neither uplink nor downlink");
    }
  }
  in.number("protocol", 0, 255, question.protocol);
  in.number("uePort", 0, 65535, question.ue_port);
  in.number("remotePort", 0, 65535, question.remote_port);
  in.number("tos", 0, 255, question.tos);
  in.number("qfi", 0, 63, question.qfi);
  in.number("teid", 1, 0xffffffff, question.teid);
  read_port(in, "port", ports, question.in_port);
  if (const auto error = in.finish()) return std::unexpected(*error);
  question.ue = *ue;
  question.remote = *remote;
  const auto is_from_ran = [](PortRole role) {
    return role == PortRole::kN3 || role == PortRole::kN3Ran;
  };
  if (question.in_port && is_from_ran(ports[*question.in_port].role) != question.uplink) {
    return bad_field("port", "{} packets do not come by {}",
                     question.uplink ? "uplink" : "downlink", ports[*question.in_port].name);
  }
  return question;
}

Result<CaptureQuestion> read_capture_question(const json& from, const std::vector<Port>& ports) {
  Members in(from);
  CaptureQuestion question;
  FrameFilter& filter = question.filter;
  if (const json* names = in.take("ports")) {
    filter.ports = 0;
    if (!names->is_array()) in.complain("ports", "is not a list");
    for (const auto& name : *names) {
      const auto port = name.is_string()
                            ? find_port(name.get<std::string>(), ports)
                            : fail(ErrorCode::kInvalidArgument, "holds what is no text");
      if (port) {
        filter.ports = static_cast<uint16_t>(filter.ports | 1U << *port);
      } else {
        in.complain("ports", port.error().message);
      }
    }
  }
  if (const auto direction = in.text("direction")) {
    filter.received = *direction != "sent";
    filter.sent = *direction != "received";
    if (filter.received == filter.sent && *direction != "both") {
      in.complain("direction", "is none of received, sent and both");
    }
  }
  filter.address = in.parsed("address", &IpPrefix::parse);
  in.number("teid", 0, 0xffffffff, filter.teid);
  in.number("protocol", 0, 255, filter.protocol);
  in.number("l4Port", 0, 65535, filter.l4_port);
  CaptureLimits& limits = question.limits;
  in.number("packets", 1, 10'000'000, limits.packets);
  in.number("bytes", 1024, uint64_t{4} << 30, limits.bytes);
  in.number("seconds", 1, 86'400, limits.seconds);
  in.number("snapLength", 14, 2048, limits.snap_length);
  if (const auto error = in.finish()) return std::unexpected(*error);
  return question;
}

Result<std::vector<uint8_t>> read_hex(const std::string& text) {
  std::vector<uint8_t> out;
  int high = -1;
  for (const char c : text) {
    if (c == ' ' || c == ':' || c == '\n' || c == '\t') continue;
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) return bad_field("frame", "holds '{}', which is no hexadecimal digit", c);
    if (high < 0) {
      high = digit;
      continue;
    }
    out.push_back(static_cast<uint8_t>(high << 4 | digit));
    high = -1;
    if (out.size() > kLargestFrame) return bad_field("frame", "is too long");
  }
  if (high >= 0) return bad_field("frame", "ends within a byte");
  return out;
}

}  // namespace sluice::upf
