// Entity tags, under the names that the platform's handlers use.
#pragma once

#include "base/http/etag.h"

namespace sluice::mep {

using http::check_if_match;
using http::check_if_none_match;
using http::client_has;
using http::etag_of;
using http::tagged_response;

}  // namespace sluice::mep
