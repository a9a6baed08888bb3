// What an archive of an image says of itself, before a service that believes it is given it.
#pragma once

#include <string>

#include "base/error.h"

namespace sluice::mepm {

// kInvalidArgument unless the file is a tar archive (maybe of gzip) of exactly one image, of the
// kinds of `docker save` or OCI, that has one name at most, and no name whose last part is
// `reserved` ("sluice-site"): images of other packages are called so.
Result<void> check_image_archive(const std::string& file, const std::string& reserved);

}  // namespace sluice::mepm
