// Ranges of octets (RFC 9110 §14).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/http/body_stream.h"
#include "base/http/message.h"

namespace sluice::http {

struct ByteRange {
  uint64_t first = 0;
  uint64_t last = 0;  // included
  uint64_t length() const { return last - first + 1; }
};

enum class RangeVerdict : uint8_t { kWhole, kPart, kNothing };

// What of a representation of `size` octets a Range header asks for: a part, or nothing that is
// there (416). kWhole without a header, and for what may be ignored: several ranges, other units,
// and headers that are no ranges (§14.2).
RangeVerdict parse_range(std::string_view header, uint64_t size, ByteRange& out);

// The octets of a file, from `first` on, `length` of them. kNotFound when it cannot be opened.
Result<std::shared_ptr<BodySource>> file_source(const std::string& path, uint64_t first,
                                                uint64_t length);

// The reply to a GET of a file of `size` octets: 200, 206, 304 or 416 with ETag and Accept-Ranges;
// 404 when it is not there. `etag` has its quotes and names the content.
Response file_response(const Request& request, const std::string& path, uint64_t size,
                       const std::string& media_type, const std::string& etag);

}  // namespace sluice::http
