#include "base/http/http2_connection.h"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "base/http/http2_fields.h"
#include "base/http/reply_fields.h"

namespace sluice::http {
namespace {

constexpr uint32_t kStreamWindow = 256 * 1024;
constexpr int32_t kConnectionWindow = 1024 * 1024;
// Between two ticks. Browsers and gRPC clients ping every few seconds and reset a stream now and
// then; nobody who uses the platform comes near.
constexpr size_t kMaxNoise = 1000;
constexpr size_t kFrameNoise = 1;
constexpr size_t kResetNoise = 10;  // the request may have been served in vain (CVE-2023-44487)

std::string_view view(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

bool ends_stream(const nghttp2_frame& frame) {
  return (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
}

}  // namespace

enum class Http2Connection::StreamState : uint8_t {
  kHeader,    // arrives
  kBody,      // arrives
  kAwaiting,  // a deferred reply
  kReplying,  // is being sent; what still arrives is thrown away
  kReset,     // by us
};

struct Http2Connection::Stream {
  Stream(int32_t i, const ParserLimits& limits) : id(i), header(limits) {}

  int32_t id;
  Http2Request header;
  StreamState state = StreamState::kHeader;
  bool known = false;        // its client has an identity
  bool input_ended = false;  // nothing more comes
  size_t max_body = 0;
  Response response;
  size_t sent = 0;    // octets of the response's body
  TimePoint since{};  // the tick after which `state` or `sent` last changed; none yet: epoch
};

struct Http2Connection::Callbacks {
  static Http2Connection& self(void* user) { return *static_cast<Http2Connection*>(user); }

  // Runs `step`, which may call handlers: their exceptions must not pass through C.
  template <typename Step>
  static int guarded(void* user, Step step) {
    auto& c = self(user);
    try {
      step(c);
      return 0;
    } catch (...) {
      c.thrown_ = std::current_exception();
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
  }

  static int begin_frame(nghttp2_session*, const nghttp2_frame_hd* head, void* user) {
    if (head->type != NGHTTP2_CONTINUATION) self(user).in_header_ = false;
    return 0;
  }

  static int begin_headers(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    return guarded(user, [&](Http2Connection& c) {
      c.in_header_ = true;
      if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return;
      const int32_t id = frame->hd.stream_id;
      c.streams_.emplace(id, std::make_unique<Stream>(id, c.limits_.parser));
    });
  }

  static int header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                    size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                    void* user) {
    return guarded(user, [&](Http2Connection& c) {
      auto* s = c.find(frame->hd.stream_id);
      if (!s) return;
      const auto n = view(name, name_size);
      const auto v = view(value, value_size);
      const bool trailer = frame->headers.cat != NGHTTP2_HCAT_REQUEST;
      if (!(trailer ? s->header.add_trailer(n, v) : s->header.add(n, v)))
        c.count_noise(kFrameNoise);
    });
  }

  static int frame_received(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    return guarded(user, [&](Http2Connection& c) { c.on_frame(*frame); });
  }

  static int data(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* bytes, size_t size,
                  void* user) {
    return guarded(user, [&](Http2Connection& c) {
      if (auto* s = c.find(id)) c.on_data(*s, view(bytes, size));
      nghttp2_session_consume(session, id, size);
    });
  }

  static int stream_closed(nghttp2_session*, int32_t id, uint32_t, void* user) {
    return guarded(user, [&](Http2Connection& c) { c.on_closed(id); });
  }

  static int frame_sent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    return guarded(user, [&](Http2Connection& c) {
      const auto type = frame->hd.type;
      if (type == NGHTTP2_RST_STREAM && frame->rst_stream.error_code != NGHTTP2_NO_ERROR) {
        c.count_noise(kResetNoise);  // provoked by what the client sent
      }
      if (type != NGHTTP2_HEADERS && type != NGHTTP2_DATA) return;
      auto* s = c.find(frame->hd.stream_id);
      if (!s) return;
      s->since = c.now_;
      if (ends_stream(*frame)) c.on_sent(*s);
    });
  }

  static ssize_t read_body(nghttp2_session*, int32_t, uint8_t* buffer, size_t size, uint32_t* flags,
                           nghttp2_data_source* source, void* user) {
    auto& s = *static_cast<Stream*>(source->ptr);
    const size_t n = std::min(size, s.response.body.size() - s.sent);
    std::copy_n(s.response.body.data() + s.sent, n, buffer);
    s.sent += n;
    if (s.state == StreamState::kReplying) self(user).unread_ -= n;
    if (s.sent == s.response.body.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(n);
  }
};

Http2Connection::Http2Connection(const TransportLimits& limits, ConnectionHost host)
    : limits_(limits), host_(std::move(host)) {
  nghttp2_session_callbacks* callbacks = nullptr;
  nghttp2_option* option = nullptr;
  const bool made =
      nghttp2_session_callbacks_new(&callbacks) == 0 && nghttp2_option_new(&option) == 0;
  if (made) {
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, Callbacks::begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, Callbacks::begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::frame_received);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::stream_closed);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, Callbacks::frame_sent);
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_session_server_new2(&session_, callbacks, this, option);
  }
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_option_del(option);
  if (!session_) throw std::bad_alloc();
  const std::array settings = {
      nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
                             static_cast<uint32_t>(limits.max_streams)},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
      nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
                             static_cast<uint32_t>(limits.parser.max_header)},
  };
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
}

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
  const auto it = streams_.find(id);
  return it == streams_.end() ? nullptr : it->second.get();
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
        count_noise(kFrameNoise);
      }
      return;
    case NGHTTP2_SETTINGS:
      greeted_ = true;
      return count_noise(kFrameNoise);
    case NGHTTP2_PING:
    case NGHTTP2_PRIORITY:
      return count_noise(kFrameNoise);
    case NGHTTP2_RST_STREAM:
      return count_noise(kResetNoise);
    default:
      return;
  }
}

void Http2Connection::on_header_end(Stream& s) {
  if (s.header.refusal() != 0) return refuse(s, s.header.refusal(), s.header.detail());
  if (unread_ > limits_.max_unread) return reset(s, NGHTTP2_REFUSED_STREAM);
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
  auto& body = s.header.request().body;
  if (body.size() + bytes.size() > s.max_body) {
    return refuse(s, 413, "the body is larger than the platform takes here");
  }
  body.append(bytes);
  (s.known ? held_.known : held_.stranger) += bytes.size();
}

void Http2Connection::on_input_end(Stream& s) {
  if (s.state == StreamState::kBody) run(s);
}

void Http2Connection::run(Stream& s) {
  move_to(s, StreamState::kAwaiting);
  auto response = host_.service.handle(std::move(s.header.request()));
  if (response.pending) {
    host_.defer(static_cast<uint32_t>(s.id), std::move(response.pending));
  } else {
    reply(s, std::move(response));
  }
}

void Http2Connection::complete(uint32_t ticket, Response&& response) {
  auto* s = find(static_cast<int32_t>(ticket));
  if (s && s->state == StreamState::kAwaiting) reply(*s, std::move(response));
}

void Http2Connection::refuse(Stream& s, int status, std::string_view detail) {
  reply(s, transport_refusal(status, detail, s.header.request().method));
}

void Http2Connection::reply(Stream& s, Response&& response) {
  ++served_;
  move_to(s, StreamState::kReplying);
  s.response = std::move(response);
  auto& r = s.response;
  const bool own_length = r.headers.has("Content-Length");
  if (is_bodyless(r.status) || own_length) r.body.clear();
  Http2Fields fields(r.headers.size() + 3);
  fields.add(":status", std::to_string(r.status));
  fields.add("date", date_field());
  for (const auto& [name, value] : r.headers) fields.add(name, value);
  if (!is_bodyless(r.status) && !own_length) {
    fields.add("content-length", std::to_string(r.body.size()));
  }
  unread_ += r.body.size();
  nghttp2_data_provider body{{.ptr = &s}, Callbacks::read_body};
  if (nghttp2_submit_response(session_, s.id, fields.data(), fields.size(),
                              r.body.empty() ? nullptr : &body) != 0) {
    reset(s, NGHTTP2_INTERNAL_ERROR);
  }
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
  streams_.erase(id);
}

void Http2Connection::reset(Stream& s, uint32_t code) {
  move_to(s, StreamState::kReset);
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, s.id, code);
}

// Keeps the sums over all streams in step.
void Http2Connection::move_to(Stream& s, StreamState state) {
  if (s.state == StreamState::kBody) {
    --bodies_;
    (s.known ? held_.known : held_.stranger) -= s.header.request().body.size();
    if (state != StreamState::kAwaiting) s.header.request().body = {};
  }
  if (s.state == StreamState::kReplying) unread_ -= s.response.body.size() - s.sent;
  if (state == StreamState::kBody) ++bodies_;
  s.state = state;
  s.since = now_;
}

void Http2Connection::tick(TimePoint now) {
  now_ = now;
  noise_ = 0;
  for (auto& [id, s] : streams_) {
    if (s->since == TimePoint{}) s->since = now;
    const auto waited = now - s->since;
    if (s->state == StreamState::kBody && waited >= limits_.body_timeout) {
      refuse(*s, 408, "the request took too long to arrive");
    } else if (s->state == StreamState::kAwaiting && waited >= limits_.reply_timeout) {
      refuse(*s, 503, "the platform took too long to answer");
    } else if (s->state == StreamState::kReplying && waited >= limits_.write_timeout) {
      reset(*s, NGHTTP2_CANCEL);
    }
  }
}

void Http2Connection::time_out(std::string& out) {
  terminate(stage() == Stage::kIdle ? NGHTTP2_NO_ERROR : NGHTTP2_ENHANCE_YOUR_CALM);
  serve(out, static_cast<size_t>(-1));
}

void Http2Connection::overload(bool strangers_only, std::string& out) {
  for (auto& [id, s] : streams_) {
    if (s->state != StreamState::kBody || (strangers_only && s->known)) continue;
    refuse(*s, 503, "too many requests are arriving at once");
  }
  serve(out, static_cast<size_t>(-1));
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
