// A podman of its own for tests: its storage, its service, and a network that nobody else sees.
#pragma once

#include <memory>
#include <string>

#include "mepm/vim/podman.h"

namespace sluice::mepm {

// A tar archive of those files, in that order: name, content.
void write_tar(const std::string& path,
               const std::vector<std::pair<std::string, std::string>>& files);

class PodmanService {
 public:
  // Why it cannot run on this machine; empty: it can.
  static std::string missing();

  // Moves the calling thread to a network namespace of its own, with a bridge "ldn" in it.
  PodmanService();
  PodmanService(const PodmanService&) = delete;
  PodmanService& operator=(const PodmanService&) = delete;
  ~PodmanService();

  PodmanOptions options() const;
  std::string path(const std::string& name) const { return directory_ + "/" + name; }
  // A Docker archive of an image with nothing but `program` in it; `tag` is its name.
  std::string image_archive(const std::string& program, const std::string& tag) const;

 private:
  void start();

  std::string directory_;
  pid_t pid_ = 0;
};

}  // namespace sluice::mepm
