// The enumerations of MEC 011 §8.1.6 as words.
#include <array>

#include "mep/registry/model.h"

namespace sluice::mep::registry {
namespace {

// A table's index is the enumerator's value.
constexpr std::array<std::string_view, 3> kStates = {"ACTIVE", "INACTIVE", "SUSPENDED"};
constexpr std::array<std::string_view, 3> kSerializers = {"JSON", "XML", "PROTOBUF3"};
constexpr std::array<std::string_view, 6> kLocalities = {"MEC_SYSTEM", "MEC_HOST",   "NFVI_POP",
                                                         "ZONE",       "ZONE_GROUP", "NFVI_NODE"};
constexpr std::array<std::string_view, 7> kTransports = {
    "REST_HTTP", "MB_TOPIC_BASED", "MB_ROUTING", "MB_PUBSUB", "RPC", "RPC_STREAMING", "WEBSOCKET"};

template <typename Enum, size_t N>
std::optional<Enum> parse(const std::array<std::string_view, N>& words, std::string_view word) {
  for (size_t i = 0; i < N; ++i) {
    if (words[i] == word) return static_cast<Enum>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view to_string(ServiceState state) { return kStates[static_cast<size_t>(state)]; }
std::string_view to_string(Serializer s) { return kSerializers[static_cast<size_t>(s)]; }
std::string_view to_string(Locality locality) { return kLocalities[static_cast<size_t>(locality)]; }
std::string_view to_string(TransportType type) { return kTransports[static_cast<size_t>(type)]; }

std::optional<ServiceState> parse_service_state(std::string_view word) {
  return parse<ServiceState>(kStates, word);
}
std::optional<Serializer> parse_serializer(std::string_view word) {
  return parse<Serializer>(kSerializers, word);
}
std::optional<Locality> parse_locality(std::string_view word) {
  return parse<Locality>(kLocalities, word);
}
std::optional<TransportType> parse_transport_type(std::string_view word) {
  return parse<TransportType>(kTransports, word);
}

}  // namespace sluice::mep::registry
