// What a descriptor must not say together, or of a package that has it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "app-package/descriptor.h"
#include "app-package/shape.h"

namespace sluice::app_package {

struct DescriptorPlace {
  const std::string& file;
  const Lines& lines;
  Problems& problems;

  // Adds a problem at the line of that path.
  void complain(const std::string& path, const std::string& what) const;
};

// `appd` has the form of appd_shape(); versions in mecVersion are split here, and the words of
// older editions become those of the newer one.
void check_descriptor(nlohmann::json& appd, const PackagedFiles& files,
                      const DescriptorPlace& place);

}  // namespace sluice::app_package
