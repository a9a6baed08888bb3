#include "app-package/manifest.h"

#include <fmt/format.h>

#include <array>

#include "app-package/file_path.h"
#include "app-package/key_values.h"

namespace sluice::app_package {
namespace {

constexpr std::string_view kBegin = "-----BEGIN CMS-----";
constexpr std::string_view kEnd = "-----END CMS-----";

int line_at(std::string_view text, size_t offset) {
  int line = 1;
  for (size_t i = 0; i < offset; ++i) line += text[i] == '\n' ? 1 : 0;
  return line;
}

// Collects the lines of one "Source" until the next.
class Entries {
 public:
  Entries(Manifest& out, Problems& problems) : out_(out), problems_(problems) {}

  void begin(const KeyValue& field) {
    finish();
    source_ = field;
  }
  void take(const KeyValue& field) {
    if (!source_) return complain(field, fmt::format("\"{}\" before any Source", field.key));
    auto& slot = field.key == "Algorithm" ? algorithm_ : hash_;
    if (slot) return complain(field, fmt::format("a second {} for {}", field.key, shown()));
    slot = field;
  }
  void finish() {
    if (source_) add();
    source_.reset();
    algorithm_.reset();
    hash_.reset();
  }

 private:
  void complain(const KeyValue& at, std::string message) {
    problems_.add(out_.path, at.line, std::move(message));
  }
  std::string shown() const { return printable(source_->value); }

  void add() {
    if (source_->value.find("://") != std::string::npos) {
      return complain(*source_, fmt::format("Source {} is outside of the package, which has to "
                                            "hold everything",
                                            shown()));
    }
    if (auto why = refuse_path(source_->value)) {
      return complain(*source_, fmt::format("Source {} {}", shown(), *why));
    }
    if (!algorithm_) return complain(*source_, fmt::format("{} has no Algorithm", shown()));
    if (!hash_) return complain(*source_, fmt::format("{} has no Hash", shown()));
    const auto algorithm = parse_hash_algorithm(algorithm_->value);
    if (!algorithm) {
      return complain(*algorithm_, fmt::format("Algorithm {} is none of SHA-256 and SHA-512",
                                               printable(algorithm_->value)));
    }
    auto hash = parse_hash(*algorithm, hash_->value);
    if (!hash) {
      return complain(*hash_,
                      fmt::format("Hash has to be {} hexadecimal digits", hex_size(*algorithm)));
    }
    const bool fresh =
        out_.entries.try_emplace(source_->value, ManifestEntry{*algorithm, *hash, source_->line})
            .second;
    if (!fresh) complain(*source_, fmt::format("{} is listed twice", shown()));
  }

  Manifest& out_;
  Problems& problems_;
  std::optional<KeyValue> source_, algorithm_, hash_;
};

// Splits the signature off.
std::string_view split(std::string_view text, Manifest& out, Problems& problems) {
  const auto begin = text.find(kBegin);
  if (begin == std::string_view::npos) {
    out.signed_size = text.size();
    return text;
  }
  out.signed_size = begin;
  const auto end = text.find(kEnd, begin);
  if ((begin > 0 && text[begin - 1] != '\n') || end == std::string_view::npos) {
    problems.add(out.path, line_at(text, begin), "the signature is not complete");
    return text.substr(0, begin);
  }
  out.signature = text.substr(begin, end + kEnd.size() - begin);
  const auto rest = text.substr(end + kEnd.size());
  if (const auto more = rest.find_first_not_of(" \t\r\n"); more != std::string_view::npos) {
    problems.add(out.path, line_at(text, end + kEnd.size() + more),
                 "something follows the signature, which does not cover it");
  }
  return text.substr(0, begin);
}

}  // namespace

Manifest Manifest::read(std::string path, std::string_view text, Problems& problems) {
  Manifest out;
  out.path = std::move(path);
  Entries entries(out, problems);
  bool in_metadata = false;
  bool has_metadata = false;
  for (const auto& field : read_key_values(split(text, out, problems))) {
    if (field.key == "metadata" && field.value.empty() && !field.nested) {
      in_metadata = has_metadata = true;
    } else if (field.key == "Source" || field.key == "Name") {
      in_metadata = false;
      entries.begin(field);
    } else if (field.key == "Algorithm" || field.key == "Hash") {
      entries.take(field);
    } else if (field.key == "Signature" || field.key == "Certificate") {
      problems.add(out.path, field.line,
                   "signatures of single files are not supported; sign the manifest");
    } else if (in_metadata && field.nested) {
      out.metadata[field.key] = field.value;
    } else if (field.key != "Content-Type") {
      problems.add(out.path, field.line,
                   fmt::format("\"{}\" is nothing that a manifest has here", printable(field.key)));
    }
  }
  entries.finish();
  if (!has_metadata) problems.add(out.path, 1, "there is no \"metadata:\" section");
  return out;
}

}  // namespace sluice::app_package
