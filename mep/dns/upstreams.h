// Who answers what no rule answers.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/net/ip_address.h"
#include "mep/dns/answer.h"

namespace sluice::mep::dns {

// All that an answer depends on.
struct UpstreamQuestion {
  std::string name;  // wire format, lower case
  uint16_t type = 0;
  bool dnssec_ok = false;
  bool checking_disabled = false;
  bool authentic_data = false;           // wants to be told whether the answer was validated
  std::optional<ClientSubnet> subnet{};  // to be told; none: no option

  // Equal for equal questions.
  std::string key() const;
};

class Upstreams {
 public:
  virtual ~Upstreams() = default;
  // Once, not before ask() has returned, on the thread that asked; null: nobody answered.
  using Done = std::function<void(std::shared_ptr<const Answer>)>;
  // For a client at that address. False, and `done` is not called: too many questions are under
  // way.
  virtual bool ask(const UpstreamQuestion& question, const IpAddress& client, Done done) = 0;
};

}  // namespace sluice::mep::dns
