// What the catalogue writes down about a package that was read.
#pragma once

#include "meao/catalogue/package_record.h"
#include "meao/package/reader.h"

namespace sluice::meao {

// onboardingFailureDetails: a problem of RFC 7807 whose `detail` has every problem on a line of its
// own, and whose extension `problems` has them one by one.
nlohmann::json failure_details(const Problems& problems);

// What an onboarded package has of its content.
void fill_in(PackageRecord& record, PackageContent content);

}  // namespace sluice::meao
