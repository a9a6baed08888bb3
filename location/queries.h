// Who is where, and what there is: the queries of MEC 013 §7.3.2 to §7.3.7 and distance.
#pragma once

#include "base/http/router.h"
#include "location/answers.h"

namespace sluice::location {

// The operations of api-specs/location.yaml on queries. What they refer to must outlive them.
http::Handlers query_handlers(const feeds::RanFeed& feed, const Answers& answers);

}  // namespace sluice::location
