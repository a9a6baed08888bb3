// Bodies that have no place in memory: what takes the octets of a request as they come, and what
// gives those of a reply as the client reads them.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/error.h"

namespace sluice::http {

// Made when a request is admitted by its header (Admission::consumer). When the body is complete
// the handler gets the consumer in Request::consumer; one that is destroyed without that belongs to
// a client that gave up, or was too slow. Used by one thread at a time.
class BodyConsumer {
 public:
  virtual ~BodyConsumer() = default;

  // The next octets, never none. On the connection's thread, which others share: it may write to a
  // local disk and wait for nothing else. What is taken slowly holds the sender back. After an
  // error the request is refused with its status and no more is taken.
  virtual Result<void> take(std::string_view bytes) = 0;
};

// The body of a reply (Response::source). Used by one thread at a time.
class BodySource {
 public:
  virtual ~BodySource() = default;

  virtual uint64_t size() const = 0;  // octets of the whole body

  // The next octets: at least one and at most `most`. After an error the client gets no more, and
  // can tell by the length that the body is not complete.
  virtual Result<size_t> read(char* to, size_t most) = 0;
};

}  // namespace sluice::http
