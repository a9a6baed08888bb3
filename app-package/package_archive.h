// The files of a ZIP archive, one after the other, through libarchive; whatever else such an
// archive may hold is a problem.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "app-package/problems.h"

namespace sluice::app_package {

struct ArchiveLimits {
  size_t files = 10'000;
  uint64_t unpacked = 64ULL << 30;  // octets of all files together
  // What all files together may unpack to for each octet of the archive, beyond the first 16 MiB.
  uint64_t ratio = 100;
};

struct ArchiveFile {
  std::string path;   // checked by refuse_path()
  uint64_t size = 0;  // octets, as the directory of the archive says
};

// Takes what a file holds, piece by piece; false ends the reading of the archive.
using Sink = std::function<bool(std::string_view bytes)>;

// What the visitor of a file asks for.
class FileReader {
 public:
  virtual ~FileReader() = default;
  // Unpacks the file into `sink`. False when it is damaged or too large, which is in the problems
  // then, or the sink said so.
  virtual bool read(const Sink& sink) = 0;
};

// Visits the files in the order of the archive. Every entry that may not be there is a problem and
// not visited: names that refuse_path() refuses, two of one name, links, devices, encrypted files.
// What a file holds is unpacked only if the visitor reads it. False when the archive could not be
// read to its end, which is in `problems` then, or the visitor returned false.
bool for_each_file(const std::string& archive, const ArchiveLimits& limits, Problems& problems,
                   const std::function<bool(const ArchiveFile&, FileReader&)>& visit);

}  // namespace sluice::app_package
