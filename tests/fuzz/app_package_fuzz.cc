// Any octets as an app package: onboarded, or refused with at least one problem that has words; and
// whatever it holds, nothing is written beside its scratch file.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

#include "app-package/manifest.h"
#include "app-package/reader.h"
#include "app-package/yaml_text.h"

using namespace sluice::app_package;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

const std::string& scratch_folder() {
  static const std::string kFolder = [] {
    char name[] = "/tmp/sluice-fuzz-XXXXXX";
    require(::mkdtemp(name) != nullptr);
    std::atexit([] { ::rmdir(scratch_folder().c_str()); });
    return std::string(name);
  }();
  return kFolder;
}

void read_archive(const uint8_t* data, size_t size) {
  const int fd = ::memfd_create("package", MFD_CLOEXEC);
  require(fd >= 0 && ::write(fd, data, size) == static_cast<ssize_t>(size));
  const auto path = "/proc/self/fd/" + std::to_string(fd);
  ReaderOptions options;
  options.archive = {.files = 100, .unpacked = 1 << 20, .ratio = 100};
  options.signature = SignaturePolicy::kIgnored;
  Problems problems;
  const std::atomic<bool> stop{false};
  const auto content =
      read_package(path, scratch_folder() + "/inner", options, {}, stop, problems);
  ::close(fd);
  require(content.has_value() == problems.empty());
  for (const auto& problem : problems.list()) require(!problem.message.empty());
  if (content) require(!content->descriptor.text("appDId").empty());
}

void read_texts(const std::string& text) {
  Problems problems;
  const auto manifest = Manifest::read("m", text, problems);
  require(manifest.signed_size <= text.size());
  Problems of_descriptor;
  const auto descriptor = read_descriptor("d", text, false, {}, of_descriptor);
  require(descriptor || !of_descriptor.empty());
}

}  // namespace

// The first octet says whether the rest is an archive or a text of one.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  if (data[0] == 'P') {
    read_archive(data, size);
  } else {
    read_texts({reinterpret_cast<const char*>(data) + 1, size - 1});
  }
  return 0;
}
