// One stream of an Http2Connection. Only the files of that class need this.
#pragma once

#include "base/http/body_stream.h"
#include "base/http/http2_connection.h"

namespace sluice::http {

enum class Http2Connection::StreamState : uint8_t {
  kHeader,    // arrives
  kBody,      // arrives
  kAwaiting,  // a deferred reply
  kReplying,  // is being sent; what still arrives is thrown away
  kReset,     // by us
};

struct Http2Connection::Stream {
  explicit Stream(const ParserLimits& limits) : header(limits) {}

  // For another request; memory that is not much stays.
  void begin(int32_t stream_id) {
    id = stream_id;
    state = StreamState::kHeader;
    header.clear();
    known = false;
    input_ended = false;
    max_body = 0;
    consumer = nullptr;
    streamed = 0;
    response = {};
    sent = 0;
    since = {};
    reading_since = {};
  }

  // What it takes until its client has read it; of a body that has a source, nothing.
  size_t owed() const {
    const size_t rest = response.body.empty() ? 0 : response.body.size() - sent;
    return kCost + response.headers.octets() + rest;
  }
  // Of the stream here and in nghttp2, besides the reply.
  static constexpr size_t kCost = 1536;

  int32_t id = 0;
  size_t place = 0;  // in Http2Connection::streams_
  Http2Request header;
  StreamState state = StreamState::kHeader;
  bool known = false;        // its client has an identity
  bool input_ended = false;  // nothing more comes
  size_t max_body = 0;
  std::shared_ptr<BodyConsumer> consumer;  // of the body that arrives
  uint64_t streamed = 0;                   // octets that it has taken
  Response response;
  uint64_t sent = 0;  // octets of the response's body
  TimePoint since{};  // the tick after which `state` or `sent` last changed; none yet: epoch
  TimePoint reading_since{};  // the tick after which its client began to take the body
};

}  // namespace sluice::http
