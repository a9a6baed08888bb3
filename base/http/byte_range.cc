#include "base/http/byte_range.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>

#include "base/http/etag.h"
#include "base/http/problem.h"
#include "base/unique_fd.h"

namespace sluice::http {
namespace {

bool parse_number(std::string_view text, uint64_t& out) {
  const auto* end = text.data() + text.size();
  const auto [at, code] = std::from_chars(text.data(), end, out);
  return code == std::errc() && at == end;
}

class FileSource final : public BodySource {
 public:
  FileSource(UniqueFd fd, uint64_t first, uint64_t length)
      : fd_(std::move(fd)), length_(length), at_(first), end_(first + length) {}

  uint64_t size() const override { return length_; }

  Result<size_t> read(char* to, size_t most) override {
    const auto wanted = static_cast<size_t>(std::min<uint64_t>(most, end_ - at_));
    for (;;) {
      const auto n = ::pread(fd_.get(), to, wanted, static_cast<off_t>(at_));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return fail(ErrorCode::kInternal, "the file ends early");
      at_ += static_cast<uint64_t>(n);
      return static_cast<size_t>(n);
    }
  }

 private:
  const UniqueFd fd_;
  const uint64_t length_;
  uint64_t at_;
  const uint64_t end_;
};

}  // namespace

RangeVerdict parse_range(std::string_view header, uint64_t size, ByteRange& out) {
  constexpr std::string_view kUnit = "bytes=";
  if (header.size() < kUnit.size() || !equal_ignoring_case(header.substr(0, kUnit.size()), kUnit)) {
    return RangeVerdict::kWhole;
  }
  const auto range = header.substr(kUnit.size());
  const auto dash = range.find('-');
  if (dash == std::string_view::npos) return RangeVerdict::kWhole;
  const auto from = range.substr(0, dash);
  const auto to = range.substr(dash + 1);
  uint64_t number = 0;
  if (from.empty()) {  // the last so many
    if (!parse_number(to, number)) return RangeVerdict::kWhole;
    if (number == 0 || size == 0) return RangeVerdict::kNothing;
    out = {size - std::min(number, size), size - 1};
    return RangeVerdict::kPart;
  }
  if (!parse_number(from, out.first)) return RangeVerdict::kWhole;
  out.last = size - 1;
  if (!to.empty()) {
    if (!parse_number(to, number) || number < out.first) return RangeVerdict::kWhole;
    out.last = std::min(number, size - 1);
  }
  return out.first < size ? RangeVerdict::kPart : RangeVerdict::kNothing;
}

Result<std::shared_ptr<BodySource>> file_source(const std::string& path, uint64_t first,
                                                uint64_t length) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail(ErrorCode::kNotFound, "the content is not there");
  return std::make_shared<FileSource>(std::move(fd), first, length);
}

Response file_response(const Request& request, const std::string& path, uint64_t size,
                       const std::string& media_type, const std::string& etag) {
  if (client_has(request, etag)) return Response{304, {}, {}}.with("ETag", etag);
  ByteRange range{0, size == 0 ? 0 : size - 1};
  auto verdict = RangeVerdict::kWhole;
  // With If-Range, only of the content that it names (RFC 9110 §13.1.5).
  const auto condition = request.headers.get("If-Range");
  if (!condition || *condition == etag) {
    if (const auto header = request.headers.joined("Range")) {
      verdict = parse_range(*header, size, range);
    }
  }
  if (verdict == RangeVerdict::kNothing) {
    return Response::problem(416, fmt::format("the content has {} octets", size))
        .with("Content-Range", fmt::format("bytes */{}", size));
  }
  if (verdict == RangeVerdict::kWhole) range = {0, size == 0 ? 0 : size - 1};
  auto source = file_source(path, range.first, size == 0 ? 0 : range.length());
  if (!source) return to_response(source.error());
  Response out{verdict == RangeVerdict::kPart ? 206 : 200, {}, {}};
  out.headers.add("Content-Type", media_type);
  out.headers.add("ETag", etag);
  out.headers.add("Accept-Ranges", "bytes");
  if (verdict == RangeVerdict::kPart) {
    out.headers.add("Content-Range", fmt::format("bytes {}-{}/{}", range.first, range.last, size));
  }
  out.source = std::move(*source);
  return out;
}

}  // namespace sluice::http
