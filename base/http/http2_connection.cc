#include "base/http/http2_connection.h"

#include <algorithm>
#include <stdexcept>

#include "base/http/http2_fields.h"
#include "base/http/http2_stream.h"
#include "base/http/problem.h"
#include "base/http/reply_fields.h"

namespace sluice::http {
namespace {

// Between two ticks. Browsers and gRPC clients ping every few seconds and reset a stream now and
// then; nobody who uses the platform comes near.
constexpr size_t kMaxNoise = 1000;
constexpr size_t kResetNoise = 10;  // the request may have been served in vain (CVE-2023-44487)
// Streams that wait to be used again: what clients usually have at one time.
constexpr size_t kMaxSpare = 32;
// Room for refusals, before the output is looked at again: a long reply may have its turn, too.
constexpr size_t kLastWords = 64 * 1024;

std::string_view view(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

bool ends_stream(const nghttp2_frame& frame) {
  return (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
}

}  // namespace

Http2Connection::~Http2Connection() { nghttp2_session_del(session_); }

void Http2Connection::feed(std::string_view bytes) {
  const auto n = nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(bytes.data()),
                                          bytes.size());
  if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
  if (n < 0) failed_ = true;  // beyond a GOAWAY
}

bool Http2Connection::serve(std::string& out, size_t enough) {
  while (!failed_) {
    if (out.size() >= enough) return false;
    const uint8_t* bytes = nullptr;
    const auto n = nghttp2_session_mem_send(session_, &bytes);
    if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
    if (n == 0) break;
    if (n < 0) {
      failed_ = true;
    } else {
      out.append(view(bytes, static_cast<size_t>(n)));
    }
  }
  return true;
}

bool Http2Connection::finished() const {
  return failed_ ||
         (nghttp2_session_want_read(session_) == 0 && nghttp2_session_want_write(session_) == 0);
}

ServerConnection::Stage Http2Connection::stage() const {
  if (!greeted_ || in_header_) return Stage::kHeader;
  return streams_.empty() ? Stage::kIdle : Stage::kBusy;
}

Http2Connection::Stream* Http2Connection::find(int32_t id) {
  return static_cast<Stream*>(nghttp2_session_get_stream_user_data(session_, id));
}

void Http2Connection::open(int32_t id) {
  auto stream =
      spare_.empty() ? std::make_unique<Stream>(limits_.parser) : std::move(spare_.back());
  if (!spare_.empty()) spare_.pop_back();
  stream->begin(id);
  stream->place = streams_.size();
  streams_.push_back(std::move(stream));
  nghttp2_session_set_stream_user_data(session_, id, streams_.back().get());
}

void Http2Connection::on_frame(const nghttp2_frame& frame) {
  auto* s = find(frame.hd.stream_id);
  switch (frame.hd.type) {
    case NGHTTP2_HEADERS:
      in_header_ = false;
      if (!s) return;
      if (ends_stream(frame)) s->input_ended = true;
      if (frame.headers.cat == NGHTTP2_HCAT_REQUEST) {
        on_header_end(*s);
      } else if (s->input_ended) {
        on_input_end(*s);
      }
      return;
    case NGHTTP2_DATA:
      if (s && ends_stream(frame)) {
        s->input_ended = true;
        on_input_end(*s);
      } else if (frame.hd.length == 0) {
        count_noise();
      }
      return;
    case NGHTTP2_SETTINGS:
      greeted_ = true;
      return count_noise();
    case NGHTTP2_PING:
    case NGHTTP2_PRIORITY:
      return count_noise();
    case NGHTTP2_RST_STREAM:
      return count_noise(kResetNoise);
    default:
      return;
  }
}

void Http2Connection::on_header_end(Stream& s) {
  if (s.header.refusal() != 0) return refuse(s, s.header.refusal(), s.header.detail());
  if (unread_ > limits_.max_unread || (host_.replies && unread_ > host_.replies->share())) {
    return reset(s, NGHTTP2_REFUSED_STREAM);
  }
  host_.identify(s.header.request());
  if (s.input_ended) {
    run(s);
  } else {
    read_body(s);
  }
}

void Http2Connection::read_body(Stream& s) {
  Admission admission;
  if (host_.service.admit) admission = host_.service.admit(s.header.request());
  if (admission.refusal) return reply(s, std::move(*admission.refusal));
  s.known = admission.known;
  s.consumer = std::move(admission.consumer);
  s.max_body = std::min(admission.max_body, limits_.parser.max_body);
  move_to(s, StreamState::kBody);
  if (!s.header.expects_continue()) return;
  Http2Fields fields(1);
  fields.add(":status", "100");
  nghttp2_submit_headers(session_, NGHTTP2_FLAG_NONE, s.id, nullptr, fields.data(), fields.size(),
                         nullptr);
}

void Http2Connection::on_data(Stream& s, std::string_view bytes) {
  if (s.state != StreamState::kBody) return;
  if (s.consumer) return stream(s, bytes);
  auto& body = s.header.request().body;
  if (body.size() + bytes.size() > s.max_body) {
    return refuse(s, 413, "the body is larger than the platform takes here");
  }
  body.append(bytes);
  (s.known ? held_.known : held_.stranger) += bytes.size();
}

void Http2Connection::stream(Stream& s, std::string_view bytes) {
  if (bytes.empty()) return;
  s.streamed += bytes.size();
  if (s.streamed > limits_.parser.max_streamed_body) {
    return refuse(s, 413, "the body is larger than the platform takes here");
  }
  if (auto ok = s.consumer->take(bytes); !ok) {
    return refuse(s, status_of(ok.error().code), ok.error().to_string());
  }
  streamed_ += bytes.size();
  s.since = now_;
}

void Http2Connection::on_input_end(Stream& s) {
  if (s.state == StreamState::kBody) run(s);
}

void Http2Connection::run(Stream& s) {
  s.header.request().consumer = std::move(s.consumer);
  move_to(s, StreamState::kAwaiting);
  auto response = host_.handle(std::move(s.header.request()));
  if (response.pending) {
    const auto method = s.header.request().method;
    s.header.clear();  // what the reply needs of it was copied
    s.header.request().method = method;
    host_.defer(static_cast<uint32_t>(s.id), std::move(response.pending));
  } else {
    reply(s, std::move(response));
  }
}

void Http2Connection::complete(uint32_t ticket, Response&& response) {
  auto* s = find(static_cast<int32_t>(ticket));
  if (!s || s->state != StreamState::kAwaiting) return;
  host_.fit(response, s->header.request().method);
  reply(*s, std::move(response));
}

void Http2Connection::refuse(Stream& s, int status, std::string_view detail) {
  reply(s, transport_refusal(status, detail, s.header.request().method));
}

void Http2Connection::reply(Stream& s, Response&& response) {
  ++served_;
  s.response = std::move(response);
  auto& r = s.response;
  const bool own_length = r.headers.has("Content-Length");
  if (is_bodyless(r.status) || own_length) r.drop_content();
  move_to(s, StreamState::kReplying);
  s.header.clear();
  const auto length = r.length();
  Http2Fields fields(r.headers.size() + 3);
  fields.add_status(r.status);
  fields.add("date", date_field());
  for (const auto& [name, value] : r.headers) fields.add(name, value);
  const bool with_body = !is_bodyless(r.status) && !own_length;
  if (with_body) fields.add_length(length);
  if (!submit(s, fields.data(), fields.size(), length > 0)) {
    reset(s, NGHTTP2_INTERNAL_ERROR);
  }
}

void Http2Connection::on_read(Stream& s, size_t octets) {
  const size_t before = s.owed();
  if (s.sent == 0) s.reading_since = now_;
  s.sent += octets;
  sent_at_ = now_;
  if (s.state == StreamState::kReplying) owe(unread_ - before + s.owed());
}

void Http2Connection::owe(size_t unread) {
  unread_ = unread;
  account_.set(unread);
}

void Http2Connection::on_frame_sent(const nghttp2_frame& frame) {
  const auto type = frame.hd.type;
  if (type == NGHTTP2_RST_STREAM && frame.rst_stream.error_code != NGHTTP2_NO_ERROR) {
    count_noise(kResetNoise);  // provoked by what the client sent
  }
  if (type != NGHTTP2_HEADERS && type != NGHTTP2_DATA) return;
  auto* s = find(frame.hd.stream_id);
  if (!s) return;
  s->since = now_;
  if (ends_stream(frame)) on_sent(*s);
}

void Http2Connection::on_sent(Stream& s) {
  // The rest of the request is of no use to anybody (RFC 9113 §8.1).
  if (!s.input_ended)
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, s.id, NGHTTP2_NO_ERROR);
}

void Http2Connection::on_closed(int32_t id) {
  auto* s = find(id);
  if (!s) return;
  move_to(*s, StreamState::kReset);
  auto last = std::move(streams_.back());
  streams_.pop_back();
  const size_t place = s->place;
  if (last.get() != s) {
    last->place = place;
    std::swap(last, streams_[place]);
  }
  last->response = {};
  if (spare_.size() < kMaxSpare) spare_.push_back(std::move(last));
}

void Http2Connection::reset(Stream& s, uint32_t code) {
  move_to(s, StreamState::kReset);
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, s.id, code);
}

// Keeps the sums over all streams in step.
void Http2Connection::move_to(Stream& s, StreamState state) {
  if (s.state == StreamState::kBody) {
    --bodies_;
    s.consumer.reset();
    (s.known ? held_.known : held_.stranger) -= s.header.request().body.size();
    if (state != StreamState::kAwaiting) s.header.request().body = {};
  }
  if (s.state == StreamState::kReplying) owe(unread_ - s.owed());
  if (state == StreamState::kBody) ++bodies_;
  if (state == StreamState::kReplying) {
    owe(unread_ + s.owed());
  }
  s.state = state;
  s.since = now_;
}

void Http2Connection::tick(TimePoint now) {
  now_ = now;
  noise_ = 0;
  if (served_ == std::exchange(served_before_, served_)) {
    spare_.clear();
    memory_.release();
  }
  for (auto& s : streams_) {
    if (s->since == TimePoint{}) s->since = now;
    if (s->reading_since == TimePoint{} && s->sent > 0) s->reading_since = now;
    const auto waited = now - s->since;
    if (s->state == StreamState::kBody && waited >= limits_.body_timeout) {
      refuse(*s, 408, "the request took too long to arrive");
    } else if (s->state == StreamState::kAwaiting && waited >= limits_.reply_timeout) {
      refuse(*s, 503, "the platform took too long to answer");
    } else if (s->state == StreamState::kReplying && is_left_unread(*s, waited)) {
      reset(*s, NGHTTP2_CANCEL);
    }
  }
}

// By its client: a reply that waits until others of the connection are through is not.
bool Http2Connection::is_left_unread(const Stream& s, TimePoint::duration waited) const {
  if (s.sent > 0 && limits_.reads_too_slowly(s.sent, now_ - s.reading_since)) return true;
  if (waited < limits_.write_timeout) return false;
  return nghttp2_session_get_stream_remote_window_size(session_, s.id) <= 0 ||
         now_ - sent_at_ >= limits_.write_timeout;
}

void Http2Connection::time_out(std::string& out) {
  terminate(stage() == Stage::kIdle ? NGHTTP2_NO_ERROR : NGHTTP2_ENHANCE_YOUR_CALM);
  serve(out, out.size() + kLastWords);
}

void Http2Connection::overload(bool strangers_only, std::string& out) {
  for (auto& s : streams_) {
    if (s->state != StreamState::kBody || s->consumer || (strangers_only && s->known)) continue;
    refuse(*s, 503, "too many requests are arriving at once");
  }
  serve(out, out.size() + kLastWords);
}

void Http2Connection::go_away() {
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR,
                        nullptr, 0);
}

void Http2Connection::count_noise(size_t weight) {
  noise_ += weight;
  if (noise_ > kMaxNoise) terminate(NGHTTP2_ENHANCE_YOUR_CALM);
}

void Http2Connection::terminate(uint32_t code) {
  nghttp2_session_terminate_session(session_, code);
}

}  // namespace sluice::http
