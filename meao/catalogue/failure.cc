#include "meao/catalogue/failure.h"

namespace sluice::meao {

using nlohmann::json;

namespace {

json checksum(const app_package::PackagedFile& file) {
  return {{"algorithm", to_string(file.algorithm)}, {"hash", file.hash}};
}

}  // namespace

json failure_details(const app_package::Problems& problems) {
  auto list = json::array();
  for (const auto& problem : problems.list()) {
    json one = {{"message", problem.message}};
    if (!problem.file.empty()) one["file"] = problem.file;
    if (problem.line > 0) one["line"] = problem.line;
    list.push_back(std::move(one));
  }
  return {{"type", "about:blank"},
          {"title", "The package was refused"},
          {"status", 422},
          {"detail", problems.to_string()},
          {"problems", std::move(list)}};
}

void fill_in(PackageRecord& record, app_package::PackageContent content) {
  record.failure = nullptr;
  record.appd = std::move(content.descriptor.appd);
  record.appd_path = std::move(content.descriptor_path);
  record.appd_text = std::move(content.descriptor_text);
  record.certificate = content.signer ? content.signer->certificate : "";
  record.images = json::array();
  record.artifacts = json::array();
  std::map<std::string, const json*> images;
  for (const auto& image : record.appd["swImageDescriptor"]) {
    images.emplace(image["swImage"].get<std::string>(), &image);
  }
  for (const auto& [path, file] : content.files) {
    const auto image = images.find(path);
    json entry = {{"checksum", checksum(file)}};
    if (image == images.end()) {
      if (path == record.appd_path) continue;
      entry["artifactPath"] = path;
      record.artifacts.push_back(std::move(entry));
      continue;
    }
    for (const auto* member : {"id", "name", "version", "containerFormat"}) {
      entry[member] = image->second->at(member);
    }
    entry["imagePath"] = path;
    entry["size"] = file.size;
    record.images.push_back(std::move(entry));
  }
}

}  // namespace sluice::meao
