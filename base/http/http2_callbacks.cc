// What nghttp2 calls while it takes in and gives out octets.
#include <algorithm>
#include <array>
#include <cstring>

#include "base/http/http2_stream.h"

namespace sluice::http {
namespace {

constexpr uint32_t kStreamWindow = 256 * 1024;
constexpr int32_t kConnectionWindow = 1024 * 1024;

std::string_view view(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace

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
      c.open(frame->hd.stream_id);
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
      if (!(trailer ? s->header.add_trailer(n, v) : s->header.add(n, v))) c.count_noise();
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
    return guarded(user, [&](Http2Connection& c) { c.on_frame_sent(*frame); });
  }

  static ssize_t read_source(Stream& s, uint8_t* buffer, size_t size, uint32_t* flags,
                             Http2Connection& c) {
    const uint64_t left = s.response.source->size() - s.sent;
    Result<size_t> got(0);
    const int failed = guarded(&c, [&](Http2Connection&) {
      got = s.response.source->read(reinterpret_cast<char*>(buffer),
                                    static_cast<size_t>(std::min<uint64_t>(size, left)));
    });
    if (failed != 0) return NGHTTP2_ERR_CALLBACK_FAILURE;
    if (!got || *got == 0) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // resets the stream
    c.on_read(s, *got);
    if (*got == left) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(*got);
  }

  static ssize_t read_body(nghttp2_session*, int32_t, uint8_t* buffer, size_t size, uint32_t* flags,
                           nghttp2_data_source* source, void* user) {
    auto& s = *static_cast<Stream*>(source->ptr);
    if (s.response.source) return read_source(s, buffer, size, flags, self(user));
    const auto rest = s.response.content().substr(s.sent);
    const size_t n = std::min(size, rest.size());
    if (n > 0) std::memcpy(buffer, rest.data(), n);
    self(user).on_read(s, n);
    if (n == rest.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return static_cast<ssize_t>(n);
  }
};

bool Http2Connection::submit(Stream& s, const nghttp2_nv* fields, size_t count, bool with_body) {
  nghttp2_data_provider body{{.ptr = &s}, Callbacks::read_body};
  return nghttp2_submit_response(session_, s.id, fields, count, with_body ? &body : nullptr) == 0;
}

Http2Connection::Http2Connection(const TransportLimits& limits, ConnectionHost host)
    : limits_(limits), host_(std::move(host)), account_(host_.replies) {
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
    auto memory = memory_.functions();  // copied
    nghttp2_session_server_new3(&session_, callbacks, this, option, &memory);
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
      nghttp2_settings_entry{NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1},  // RFC 9218 §2.1
  };
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kConnectionWindow);
}

}  // namespace sluice::http
