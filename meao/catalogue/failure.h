// What the catalogue writes down about a package that was read.
#pragma once

#include "app-package/reader.h"
#include "meao/catalogue/package_record.h"

namespace sluice::meao {

// onboardingFailureDetails: a problem of RFC 7807 whose `detail` has every problem on a line of its
// own, and whose extension `problems` has them one by one.
nlohmann::json failure_details(const app_package::Problems& problems);

// What an onboarded package has of its content.
void fill_in(PackageRecord& record, app_package::PackageContent content);

}  // namespace sluice::meao
