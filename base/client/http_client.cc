#include "base/client/http_client.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>

namespace sluice::client {
namespace {

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) {
    return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  });
  return out;
}

std::string part_of(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return {};
  std::string out(text);
  curl_free(text);
  return out;
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

// Scheme and authority alone.
Result<std::string> checked(const ServerOptions& options) {
  const std::unique_ptr<CURLU, FreeUrl> url(curl_url());
  const bool good = curl_url_set(url.get(), CURLUPART_URL, options.uri.c_str(), 0) == CURLUE_OK;
  const auto scheme = good ? part_of(url.get(), CURLUPART_SCHEME) : "";
  if (scheme != "http" && scheme != "https") {
    return fail(ErrorCode::kInvalidArgument,
                "'{}' is no server: give its scheme, name and port (https://meao.example:8443)",
                options.uri);
  }
  const auto host = part_of(url.get(), CURLUPART_HOST);
  if (scheme == "http" && !options.plain_http && !is_loopback(host)) {
    return fail(ErrorCode::kInvalidArgument,
                "{} would get the credentials unencrypted: use https, or allow plain HTTP",
                options.uri);
  }
  const auto port = part_of(url.get(), CURLUPART_PORT);
  return fmt::format("{}://{}{}{}", scheme, host, port.empty() ? "" : ":", port);
}

std::string hint(CURLcode code, const ServerOptions& options) {
  // A server of TLS 1.3 refuses who shows no certificate after the handshake, by closing.
  const bool bare = options.uri.starts_with("https") && options.certificate.empty();
  switch (code) {
    case CURLE_COULDNT_CONNECT:
      return "; is the program running there?";
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_OPERATION_TIMEDOUT:
      return "";
    case CURLE_PEER_FAILED_VERIFICATION:
      return options.ca_file.empty()
                 ? "; ca_file (--ca-file) names who signs the server's certificate"
                 : "; ca_file (--ca-file) names another signer";
    default:
      return bare ? "; if the server wants to see a certificate, --client-cert names it" : "";
  }
}

}  // namespace

std::string HttpReply::header(const std::string& name) const {
  const auto at = headers.find(name);
  return at == headers.end() ? std::string() : at->second;
}

std::string percent_encoded(std::string_view text) {
  char* encoded = curl_easy_escape(nullptr, text.data(), static_cast<int>(text.size()));
  std::string out(encoded);
  curl_free(encoded);
  return out;
}

// One request and its reply, as libcurl's callbacks see it.
struct HttpClient::Exchange {
  const HttpRequest& request;
  CURL* easy;
  size_t max_reply;
  HttpReply reply = {};
  std::string ended = {};  // by us, and why

  static Exchange& self(void* data) { return *static_cast<Exchange*>(data); }

  static size_t on_header(char* bytes, size_t size, size_t count, void* data) {
    const std::string_view line(bytes, size * count);
    auto& headers = self(data).reply.headers;
    if (line.starts_with("HTTP/")) headers.clear();  // those of a 100 before
    if (const auto colon = line.find(':'); colon != std::string_view::npos) {
      auto value = line.substr(colon + 1);
      while (value.starts_with(' ')) value.remove_prefix(1);
      while (!value.empty() && (value.back() == '\r' || value.back() == '\n'))
        value.remove_suffix(1);
      headers[lower(line.substr(0, colon))] = value;
    }
    return size * count;
  }

  static size_t on_body(char* bytes, size_t size, size_t count, void* data) {
    auto& x = self(data);
    const std::string_view text(bytes, size * count);
    long status = 0;
    curl_easy_getinfo(x.easy, CURLINFO_RESPONSE_CODE, &status);
    if (x.request.sink && status >= 200 && status < 300) {
      if (x.request.sink(text)) return text.size();
      x.ended = "what came could not be stored";
      return 0;
    }
    if (x.reply.body.size() + text.size() > x.max_reply) {
      x.ended = "the reply is too long";
      return 0;
    }
    x.reply.body.append(text);
    return text.size();
  }

  static size_t on_source(char* to, size_t size, size_t count, void* data) {
    auto& x = self(data);
    const size_t n = x.request.source(to, size * count);
    if (n > 0) return n;
    x.ended = "what is to be sent could not be read";
    return CURL_READFUNC_ABORT;
  }

  static int on_progress(void* data, curl_off_t, curl_off_t down, curl_off_t, curl_off_t up) {
    auto& x = self(data);
    const auto octets = static_cast<uint64_t>(x.request.source ? up : down);
    if (x.request.progress(octets)) return 0;
    x.ended = "interrupted";
    return 1;
  }
};

void HttpClient::Free::operator()(void* easy) const { curl_easy_cleanup(easy); }
HttpClient::HttpClient(ServerOptions options)
    : options_(std::move(options)), easy_(curl_easy_init()) {}
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient::~HttpClient() = default;

Result<HttpClient> HttpClient::open(ServerOptions options) {
  static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
  auto uri = checked(options);
  if (!uri) return std::unexpected(uri.error());
  options.uri = std::move(*uri);
  HttpClient out(std::move(options));
  if (global != CURLE_OK || !out.easy_) return fail(ErrorCode::kInternal, "libcurl does not start");
  return out;
}

void HttpClient::set_up(const HttpRequest& request) {
  CURL* easy = easy_.get();
  const auto set = [&](CURLoption option, auto value) { curl_easy_setopt(easy, option, value); };
  curl_easy_reset(easy);  // the connection stays
  const auto uri = options_.uri + request.target;
  set(CURLOPT_URL, uri.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_NOSIGNAL, 1L);
  if (!options_.unix_socket.empty()) {
    set(CURLOPT_UNIX_SOCKET_PATH, options_.unix_socket.c_str());
    set(CURLOPT_PROXY, "");  // whatever the environment says
  }
  set(CURLOPT_USERAGENT, options_.user_agent.c_str());
  set(CURLOPT_CONNECTTIMEOUT, options_.connect_timeout_s);
  set(CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(CURLOPT_LOW_SPEED_TIME, options_.stall_timeout_s);
  set(CURLOPT_TIMEOUT, options_.longest_s);
  set(CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});
  if (!options_.ca_file.empty()) {
    set(CURLOPT_CAINFO, options_.ca_file.c_str());
    set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  }
  if (!options_.certificate.empty()) {
    set(CURLOPT_SSLCERT, options_.certificate.c_str());
    set(CURLOPT_SSLKEY, (options_.key.empty() ? options_.certificate : options_.key).c_str());
  }
  set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  if (request.source) {
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.length));
    set(CURLOPT_READFUNCTION, &Exchange::on_source);
    set(CURLOPT_UPLOAD_BUFFERSIZE, 256L * 1024);
  } else if (!request.body.empty()) {
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    set(CURLOPT_POSTFIELDS, request.body.data());
  }
  set(CURLOPT_HEADERFUNCTION, &Exchange::on_header);
  set(CURLOPT_WRITEFUNCTION, &Exchange::on_body);
  if (request.progress) {
    set(CURLOPT_NOPROGRESS, 0L);
    set(CURLOPT_XFERINFOFUNCTION, &Exchange::on_progress);
  }
}

Result<HttpReply> HttpClient::send(const HttpRequest& request) {
  if (!request.target.starts_with('/')) {  // it would change the host, which gets the token
    return fail(ErrorCode::kInvalidArgument, "'{}' is no path at {}", request.target, options_.uri);
  }
  Exchange exchange{request, easy_.get(), options_.max_reply};
  set_up(request);
  std::unique_ptr<curl_slist, FreeList> fields;
  for (const auto& [name, value] : request.headers) {
    fields.reset(curl_slist_append(fields.release(), fmt::format("{}: {}", name, value).c_str()));
  }
  std::array<char, CURL_ERROR_SIZE> error{};
  const auto set = [&](CURLoption option, auto value) {
    curl_easy_setopt(easy_.get(), option, value);
  };
  set(CURLOPT_HTTPHEADER, fields.get());
  set(CURLOPT_ERRORBUFFER, error.data());
  set(CURLOPT_READDATA, &exchange);
  set(CURLOPT_HEADERDATA, &exchange);
  set(CURLOPT_WRITEDATA, &exchange);
  set(CURLOPT_XFERINFODATA, &exchange);
  const auto code = curl_easy_perform(easy_.get());
  long status = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
  set(CURLOPT_ERRORBUFFER, static_cast<char*>(nullptr));
  if (!exchange.ended.empty()) return fail(ErrorCode::kInternal, "{}", exchange.ended);
  exchange.reply.status = static_cast<int>(status);
  // A server that refuses a body may close before it has taken all of it.
  const bool refused = status >= 400 && (code == CURLE_SEND_ERROR || code == CURLE_RECV_ERROR);
  if (code != CURLE_OK && !refused) {
    return fail(ErrorCode::kUnavailable, "{}: {}{}", options_.uri,
                error[0] != '\0' ? error.data() : curl_easy_strerror(code), hint(code, options_));
  }
  return std::move(exchange.reply);
}

}  // namespace sluice::client
