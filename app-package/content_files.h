// The files that hold the contents of packages.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/error.h"

namespace sluice::app_package {

// One directory, one file for each attempt to get a content, "ID.ATTEMPT", from its first octet to
// its removal. The store says which of them count: whatever else is there after a crash is swept.
class ContentFiles {
 public:
  // Makes the directory (0700) if it is missing.
  static Result<ContentFiles> open(std::string directory);

  std::string path(std::string_view id, uint64_t attempt) const;
  // Beside it, for what is unpacked while it is processed.
  std::string scratch_path(std::string_view id, uint64_t attempt) const;

  uint64_t size(std::string_view id, uint64_t attempt) const;  // 0 when there is none
  void remove(std::string_view id, uint64_t attempt) const;    // with its scratch file

  // Removes every file of which keep(name) does not hold; returns how many.
  size_t sweep(const std::function<bool(const std::string& name)>& keep) const;
  static std::string name(std::string_view id, uint64_t attempt);

 private:
  explicit ContentFiles(std::string directory) : directory_(std::move(directory)) {}
  std::string directory_;
};

}  // namespace sluice::app_package
