// The packages of app_pkgm (MEC 010-2 §7.3), by the resources of both editions.
#pragma once

#include "base/http/router.h"
#include "meao/catalogue/app_pkg_info.h"
#include "meao/catalogue/catalogue.h"

namespace sluice::meao {

// By operationId. `catalogue` must outlive them.
http::Handlers package_handlers(Catalogue& catalogue, const std::string& public_uri);
// For the uploads among them.
std::map<std::string, http::BodyOpener, std::less<>> package_body_openers(Catalogue& catalogue);

}  // namespace sluice::meao
