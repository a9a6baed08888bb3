// Which APIs apps may be given.
#pragma once

#include <span>

#include "auth/scopes.h"
#include "base/error.h"
#include "base/http/contract.h"

namespace sluice::mep {

class AppApis {
 public:
  AppApis() = default;
  // The scopes that the operations of `contracts` ask for, but those of Mm5.
  static AppApis of(std::span<const http::Contract> contracts);

  // Every API that an app can have.
  const auth::Scopes& all() const { return all_; }
  // What an app has that is given none by name: to support its own running, and the registry of
  // services.
  const auth::Scopes& usual() const { return usual_; }

  // The names as scopes, with mec_app_support, without which an app cannot live. kInvalidArgument
  // names the element that is no API for apps.
  Result<auth::Scopes> read(const nlohmann::json& names, const std::string& path) const;

 private:
  auth::Scopes all_;
  auth::Scopes usual_;
};

}  // namespace sluice::mep
