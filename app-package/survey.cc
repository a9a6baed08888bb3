#include "app-package/survey.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "app-package/file_path.h"
#include "app-package/key_values.h"

namespace sluice::app_package {
namespace {

constexpr std::string_view kMeta = "TOSCA-Metadata/TOSCA.meta";
constexpr size_t kLargestText = 1 << 20;
constexpr size_t kLargestTexts = 16 << 20;  // together

std::string_view extension(std::string_view path) {
  const auto dot = path.rfind('.');
  const auto slash = path.rfind('/');
  if (dot == path.npos || (slash != path.npos && dot < slash)) return {};
  return path.substr(dot);
}

bool may_say_something(std::string_view path) {
  constexpr std::array kKinds = {".meta", ".yaml", ".yml", ".mf",  ".cert", ".cer",
                                 ".crt",  ".pem",  ".cms", ".sig", ".p7s"};
  return std::ranges::find(kKinds, extension(path)) != kKinds.end();
}

std::string stem(std::string_view path) {
  return std::string(path.substr(0, path.size() - extension(path).size()));
}

// What TOSCA.meta names, which has to be there.
std::optional<Parts> parts_of_meta(const Survey& survey, Problems& problems) {
  const auto* text = survey.text(kMeta);
  const std::string meta(kMeta);
  if (text == nullptr) {
    problems.add(meta, 0, "is longer than 1 MiB");
    return std::nullopt;
  }
  Parts out;
  out.meta = meta;
  const auto named = [&](const KeyValue& field, std::string& part) {
    if (!part.empty()) {
      problems.add(meta, field.line, fmt::format("a second {}", field.key));
    } else if (auto why = refuse_path(field.value)) {
      problems.add(meta, field.line,
                   fmt::format("{}: {} {}", field.key, printable(field.value), *why));
    } else if (!survey.sizes.contains(field.value)) {
      problems.add(meta, field.line,
                   fmt::format("{}: {} is not in the package", field.key, field.value));
    }
    part = field.value;
  };
  const auto before = problems.size();
  for (const auto& field : read_key_values(*text)) {
    if (field.key == "Entry-Definitions") named(field, out.descriptor);
    if (field.key == "ETSI-Entry-Manifest" || field.key == "Entry-Manifest") {
      named(field, out.manifest);
    }
    if (field.key == "ETSI-Entry-Certificate" || field.key == "Entry-Certificate") {
      named(field, out.certificate);
    }
  }
  if (out.descriptor.empty()) problems.add(meta, 1, "Entry-Definitions is missing");
  if (out.manifest.empty()) problems.add(meta, 1, "ETSI-Entry-Manifest is missing");
  if (problems.size() != before) return std::nullopt;
  return out;
}

std::optional<Parts> parts_of_root(const Survey& survey, Problems& problems) {
  const auto descriptors = survey.in_root({".yaml", ".yml"});
  if (descriptors.size() != 1) {
    problems.add(
        "", 0,
        descriptors.empty()
            ? "the package has neither TOSCA-Metadata/TOSCA.meta nor a YAML file in its root"
            : "the package has no TOSCA-Metadata/TOSCA.meta and several YAML files in its "
              "root; one of them has to be the descriptor");
    return std::nullopt;
  }
  Parts out;
  out.descriptor = descriptors.front();
  out.manifest = stem(out.descriptor) + ".mf";
  if (!survey.sizes.contains(out.manifest)) {
    problems.add("", 0, fmt::format("the package has no manifest {}", out.manifest));
    return std::nullopt;
  }
  if (auto certificate = stem(out.descriptor) + ".cert"; survey.sizes.contains(certificate)) {
    out.certificate = std::move(certificate);
  }
  return out;
}

// What plays one part cannot vouch for another: the manifest and the certificate are the only files
// that no manifest lists.
bool distinct(const Parts& parts, Problems& problems) {
  std::vector<std::string_view> taken;
  for (const auto* part : {&parts.meta, &parts.descriptor, &parts.manifest, &parts.certificate}) {
    if (part->empty()) continue;
    if (std::ranges::find(taken, *part) != taken.end()) {
      problems.add(parts.meta, 0, fmt::format("names {} for two parts of the package", *part));
      return false;
    }
    taken.push_back(*part);
  }
  return true;
}

}  // namespace

const std::string* Survey::text(std::string_view path) const {
  const auto at = texts.find(path);
  return at == texts.end() ? nullptr : &at->second;
}

std::vector<std::string> Survey::in_root(std::initializer_list<std::string_view> extensions) const {
  std::vector<std::string> out;
  for (const auto& [path, size] : sizes) {
    if (path.find('/') == path.npos &&
        std::ranges::find(extensions, extension(path)) != extensions.end()) {
      out.push_back(path);
    }
  }
  return out;
}

std::optional<Survey> survey(const std::string& archive, const ArchiveLimits& limits,
                             Problems& problems) {
  Survey out;
  size_t kept = 0;
  const bool ok =
      for_each_file(archive, limits, problems, [&](const ArchiveFile& file, FileReader& reader) {
        out.sizes.emplace(file.path, file.size);
        if (!may_say_something(file.path) || file.size > kLargestText || kept > kLargestTexts) {
          return true;
        }
        std::string text;
        bool fits = true;
        const bool read = reader.read([&](std::string_view bytes) {
          fits = text.size() + bytes.size() <= kLargestText;
          if (fits) text.append(bytes);
          return fits;
        });
        if (!fits) problems.add(file.path, 0, "is longer than the archive says");
        if (!read) return false;
        kept += text.size();
        out.texts.emplace(file.path, std::move(text));
        return true;
      });
  if (!ok) return std::nullopt;
  return out;
}

std::optional<Parts> find_parts(const Survey& survey, Problems& problems) {
  auto out = survey.sizes.contains(kMeta) ? parts_of_meta(survey, problems)
                                          : parts_of_root(survey, problems);
  if (!out) return out;
  if (!distinct(*out, problems)) return std::nullopt;
  for (const auto* part : {&out->descriptor, &out->manifest, &out->certificate}) {
    if (part->empty() || survey.text(*part) != nullptr) continue;
    problems.add(*part, 0, "is longer than 1 MiB, or of a kind that is not read");
    return std::nullopt;
  }
  return out;
}

std::optional<Envelope> find_envelope(const Survey& survey, Problems& problems) {
  if (survey.sizes.contains(kMeta)) return std::nullopt;
  const auto packages = survey.in_root({".csar", ".zip"});
  const auto signatures = survey.in_root({".cms", ".sig", ".p7s"});
  if (packages.size() != 1 || signatures.size() != 1) return std::nullopt;
  Envelope out{packages.front(), signatures.front(), {}};
  const auto certificates = survey.in_root({".cert", ".cer", ".crt", ".pem"});
  if (certificates.size() == 1) out.certificate = certificates.front();
  for (const auto& [path, size] : survey.sizes) {
    if (path == out.package || path == out.signature || path == out.certificate) continue;
    problems.add(path, 0, "is beside a signed package, and no signature covers it");
  }
  if (survey.text(out.signature) == nullptr) {
    problems.add(out.signature, 0, "is longer than 1 MiB");
  }
  return out;
}

}  // namespace sluice::app_package
