// The transports that the platform itself provides (MEC 011 §8.2.5).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mep/registry/model.h"

namespace sluice::mep::registry {

class Transports {
 public:
  // REST over HTTP as this platform serves it at `base_uri` ("https://mec.example", no final
  // slash): one transport for each version of HTTP. Tokens come from its own token endpoint.
  explicit Transports(const std::string& base_uri);

  // Null for an unknown id.
  const TransportInfo* find(std::string_view id) const;
  const std::vector<TransportInfo>& all() const { return all_; }  // in the order of ids

 private:
  std::vector<TransportInfo> all_;
};

inline constexpr std::string_view kRestTransport = "rest-http1";  // what the platform's own use

}  // namespace sluice::mep::registry
