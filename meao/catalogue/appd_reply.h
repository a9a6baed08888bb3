// The descriptor of a package, in the form that a client asks for.
#pragma once

#include "base/http/message.h"
#include "meao/catalogue/package_record.h"

namespace sluice::meao {

// JSON, cut down as `fields` and the like say (404 where `filter` does not admit it), or if Accept
// prefers it the file itself, bare or in a ZIP archive. Of an onboarded package.
http::Response appd_reply(const http::Request& request, const PackageRecord& record);

}  // namespace sluice::meao
