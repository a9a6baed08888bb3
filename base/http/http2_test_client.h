// For tests: the client's end of an HTTP/2 connection, by nghttp2, without sockets.
#pragma once

#include <nghttp2/nghttp2.h>

#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/http/message.h"

namespace sluice::http {

class Http2TestClient {
 public:
  struct Reply {
    std::vector<int> informational;  // statuses before the final one
    int status = 0;
    Headers headers;
    std::string body;
    bool complete = false;
    std::optional<uint32_t> reset;  // RST_STREAM
  };
  using Fields = std::vector<std::pair<std::string, std::string>>;

  // `raw`: sends whatever it is told, valid or not.
  explicit Http2TestClient(bool raw = false) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_option* option = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_option_new(&option);
    nghttp2_option_set_no_http_messaging(option, raw ? 1 : 0);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame);
    nghttp2_session_client_new2(&session, callbacks, this, option);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, nullptr, 0);
  }
  ~Http2TestClient() { nghttp2_session_del(session); }
  Http2TestClient(const Http2TestClient&) = delete;
  Http2TestClient& operator=(const Http2TestClient&) = delete;

  static Fields head(std::string method, std::string path, const Fields& more = {}) {
    Fields out = {{":method", std::move(method)},
                  {":scheme", "http"},
                  {":authority", "mep.example"},
                  {":path", std::move(path)}};
    out.insert(out.end(), more.begin(), more.end());
    return out;
  }

  // Asks; the stream's number. With `open` the request does not end: see send() and end().
  int32_t ask(const Fields& fields, std::string body = "", bool open = false) {
    std::vector<nghttp2_nv> nv;
    for (const auto& f : fields) nv.push_back(field(f));
    auto& source = bodies_.emplace_back(new Body{std::move(body), 0, open, {}});
    nghttp2_data_provider provider{{.ptr = source.get()}, read_body};
    const bool has_body = open || !source->text.empty();
    const int32_t id = nghttp2_submit_request(session, nullptr, nv.data(), nv.size(),
                                              has_body ? &provider : nullptr, nullptr);
    if (id < 0) throw std::runtime_error(nghttp2_strerror(id));
    by_stream_[id] = source.get();
    return id;
  }
  // The rest of an open request; with trailer fields behind it if there are any.
  void end(int32_t id, std::string_view text, const Fields& trailer = {}) {
    auto& body = *by_stream_.at(id);
    body.text.append(text);
    body.open = false;
    body.trailer = trailer;
    nghttp2_session_resume_data(session, id);
  }

  // What it has to say.
  std::string output() {
    std::string out;
    const uint8_t* bytes = nullptr;
    ssize_t n = 0;
    while ((n = nghttp2_session_mem_send(session, &bytes)) > 0) {
      out.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(n));
    }
    return out;
  }
  void input(std::string_view bytes) {
    nghttp2_session_mem_recv(session, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  }

  nghttp2_session* session = nullptr;
  std::map<int32_t, Reply> replies;
  std::optional<uint32_t> goaway;  // the last one's code

 private:
  struct Body {
    std::string text;
    size_t sent;
    bool open;
    Fields trailer;
  };

  static nghttp2_nv field(const std::pair<std::string, std::string>& f) {
    return {reinterpret_cast<uint8_t*>(const_cast<char*>(f.first.data())),
            reinterpret_cast<uint8_t*>(const_cast<char*>(f.second.data())), f.first.size(),
            f.second.size(), NGHTTP2_NV_FLAG_NONE};
  }
  static Http2TestClient& self(void* user) { return *static_cast<Http2TestClient*>(user); }
  static std::string text(const uint8_t* data, size_t size) {
    return {reinterpret_cast<const char*>(data), size};
  }

  static ssize_t read_body(nghttp2_session* session, int32_t id, uint8_t* buffer, size_t size,
                           uint32_t* flags, nghttp2_data_source* source, void*) {
    auto& body = *static_cast<Body*>(source->ptr);
    const size_t n = std::min(size, body.text.size() - body.sent);
    if (n == 0 && body.open) return NGHTTP2_ERR_DEFERRED;
    std::copy_n(body.text.data() + body.sent, n, buffer);
    body.sent += n;
    if (body.sent == body.text.size() && !body.open) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (!body.trailer.empty()) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        std::vector<nghttp2_nv> nv;
        for (const auto& f : body.trailer) nv.push_back(field(f));
        nghttp2_submit_trailer(session, id, nv.data(), nv.size());
      }
    }
    return static_cast<ssize_t>(n);
  }
  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                       size_t name_size, const uint8_t* value, size_t value_size, uint8_t,
                       void* user) {
    auto& reply = self(user).replies[frame->hd.stream_id];
    if (text(name, name_size) == ":status") {
      if (reply.status != 0) reply.informational.push_back(reply.status);
      reply.status = std::stoi(text(value, value_size));
    } else {
      reply.headers.add(text(name, name_size), text(value, value_size));
    }
    return 0;
  }
  static int on_data(nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size,
                     void* user) {
    self(user).replies[id].body.append(text(data, size));
    return 0;
  }
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    auto& c = self(user);
    if (frame->hd.type == NGHTTP2_GOAWAY) c.goaway = frame->goaway.error_code;
    if (frame->hd.type == NGHTTP2_RST_STREAM) {
      c.replies[frame->hd.stream_id].reset = frame->rst_stream.error_code;
    }
    if ((frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA) &&
        (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0) {
      c.replies[frame->hd.stream_id].complete = true;
    }
    return 0;
  }

  std::vector<std::unique_ptr<Body>> bodies_;
  std::map<int32_t, Body*> by_stream_;
};

}  // namespace sluice::http
