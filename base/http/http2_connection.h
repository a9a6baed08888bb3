// One server-side HTTP/2 connection (RFC 9113) without its socket; nghttp2 does framing, HPACK and
// flow control.
#pragma once

#include <nghttp2/nghttp2.h>

#include <exception>
#include <memory>
#include <optional>
#include <vector>

#include "base/http/http2_memory.h"
#include "base/http/http2_request.h"
#include "base/http/server_connection.h"
#include "base/http/transport_limits.h"

namespace sluice::http {

// Requests of several streams are under way at a time and are answered as their replies come. A
// stream's ticket is its number. Each stream has the timeouts of an HTTP/1.1 request; those of its
// body and of a reply that its client does not read end the stream alone.
//
// What a client can have us do for nothing (resets, pings, settings, empty frames, fields that are
// thrown away) is counted between two ticks; beyond a bound the connection ends
// (ENHANCE_YOUR_CALM).
class Http2Connection final : public ServerConnection {
 public:
  // `limits` must outlive it.
  Http2Connection(const TransportLimits& limits, ConnectionHost host);
  ~Http2Connection() override;

  void feed(std::string_view bytes) override;
  bool serve(std::string& out, size_t enough) override;
  void complete(uint32_t ticket, Response&& response) override;
  void tick(TimePoint now) override;
  void time_out(std::string& out) override;
  void overload(bool strangers_only, std::string& out) override;
  void go_away() override;

  bool finished() const override;
  bool wants_input() const override { return true; }
  Stage stage() const override;
  size_t served() const override { return served_; }
  Held held() const override { return held_; }
  bool reading_body() const override { return bodies_ > 0; }
  size_t owed() const override { return unread_; }
  uint64_t streamed() const override { return streamed_; }

 private:
  enum class StreamState : uint8_t;
  struct Stream;
  struct Callbacks;  // nghttp2's, in http2_connection.cc

  Stream* find(int32_t id);
  void open(int32_t id);
  void on_frame(const nghttp2_frame& frame);
  void on_header_end(Stream& s);
  void on_input_end(Stream& s);
  void on_data(Stream& s, std::string_view bytes);
  void on_read(Stream& s, size_t octets);
  void on_frame_sent(const nghttp2_frame& frame);
  void stream(Stream& s, std::string_view bytes);
  void on_sent(Stream& s);
  void on_closed(int32_t id);
  void read_body(Stream& s);
  void move_to(Stream& s, StreamState state);
  void run(Stream& s);
  void refuse(Stream& s, int status, std::string_view detail);
  void reply(Stream& s, Response&& response);
  void reset(Stream& s, uint32_t code);
  bool submit(Stream& s, const nghttp2_nv* fields, size_t count, bool with_body);
  void owe(size_t unread);
  bool is_left_unread(const Stream& s, TimePoint::duration waited) const;
  void count_noise(size_t weight = 1);
  void terminate(uint32_t code);

  const TransportLimits& limits_;
  const ConnectionHost host_;
  Http2Memory memory_;
  nghttp2_session* session_ = nullptr;
  std::vector<std::unique_ptr<Stream>> streams_;  // in no order
  std::vector<std::unique_ptr<Stream>> spare_;    // closed ones, to be used again
  bool greeted_ = false;                          // the client's SETTINGS are here
  bool in_header_ = false;                        // some of a header is here
  bool failed_ = false;
  std::exception_ptr thrown_;  // by a handler, on its way through nghttp2
  TimePoint now_{};            // of the last tick
  size_t noise_ = 0;
  size_t served_ = 0;
  Held held_;
  size_t bodies_ = 0;  // streams whose bodies arrive
  uint64_t streamed_ = 0;
  size_t unread_ = 0;  // what replies take here that were not sent yet
  ReplyAccount account_;
  size_t served_before_ = 0;  // of the last tick
  TimePoint sent_at_{};       // the tick after which a body was last being sent
};

}  // namespace sluice::http
