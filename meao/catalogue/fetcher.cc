#include "meao/catalogue/fetcher.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>

#include "base/sync_folder.h"
#include "base/unique_fd.h"
#include "notify/guarded_socket.h"

namespace sluice::meao {
namespace {

constexpr uint64_t kSlowest = 16 * 1024;  // octets a second

struct CloseCurl {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};

struct Transfer {
  const notify::CallbackPolicy& policy;
  const std::atomic<bool>& stop;
  uint64_t max_size;
  int fd;
  CURL* easy;
  uint64_t received = 0;
  std::string refusal;
};

curl_socket_t open_socket(void* data, curlsocktype purpose, curl_sockaddr* address) {
  auto& transfer = *static_cast<Transfer*>(data);
  return notify::open_guarded_socket(transfer.policy, purpose, *address, transfer.refusal);
}

size_t on_body(char* bytes, size_t size, size_t count, void* data) {
  auto& t = *static_cast<Transfer*>(data);
  const size_t all = size * count;
  long status = 0;
  curl_easy_getinfo(t.easy, CURLINFO_RESPONSE_CODE, &status);
  if (status != 200) return 0;  // the page of an error, which may have no end
  t.received += all;
  if (t.received > t.max_size) {
    t.refusal = fmt::format("the content is larger than the {} octets that are taken", t.max_size);
    return 0;
  }
  for (size_t done = 0; done < all;) {
    const auto n = ::write(t.fd, bytes + done, all - done);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      t.refusal = "the content cannot be stored: " + errno_error("write").message;
      return 0;
    }
    done += static_cast<size_t>(n);
  }
  return all;
}

int on_progress(void* data, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<Transfer*>(data)->stop ? 1 : 0;
}

}  // namespace

Result<void> fetch(const std::string& uri, const std::string& path,
                   const notify::CallbackPolicy& policy, const FetchOptions& options,
                   const std::atomic<bool>& stop) {
  static const CURLcode global = curl_global_init(CURL_GLOBAL_DEFAULT);
  const std::unique_ptr<CURL, CloseCurl> easy(curl_easy_init());
  const UniqueFd fd(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (global != CURLE_OK || !easy || !fd) {
    return fail(ErrorCode::kUnavailable, "the content cannot be stored or fetched now");
  }
  Transfer transfer{policy, stop, options.max_size, fd.get(), easy.get(), 0, {}};
  std::array<char, CURL_ERROR_SIZE> error{};
  const auto set = [&](CURLoption option, auto value) {
    curl_easy_setopt(easy.get(), option, value);
  };
  set(CURLOPT_URL, uri.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
  set(CURLOPT_FOLLOWLOCATION, 0L);
  set(CURLOPT_PROXY, "");  // whatever the environment says
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_USERAGENT, options.user_agent.c_str());
  set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(options.connect_timeout.count()));
  set(CURLOPT_LOW_SPEED_LIMIT, static_cast<long>(kSlowest));
  set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(options.stall_timeout.count()));
  // Bursts now and then keep above the lowest speed; together they have to keep it, too.
  const auto longest = options.connect_timeout.count() + options.stall_timeout.count() +
                       static_cast<int64_t>(options.max_size / kSlowest);
  constexpr int64_t kMonth = 30LL * 24 * 3600;
  set(CURLOPT_TIMEOUT, static_cast<long>(std::min(longest, kMonth)));
  set(CURLOPT_SSLVERSION, long{CURL_SSLVERSION_TLSv1_2});
  if (!options.ca_file.empty()) {
    set(CURLOPT_CAINFO, options.ca_file.c_str());
    set(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  }
  set(CURLOPT_ERRORBUFFER, error.data());
  set(CURLOPT_OPENSOCKETFUNCTION, &open_socket);
  set(CURLOPT_OPENSOCKETDATA, &transfer);
  set(CURLOPT_WRITEFUNCTION, &on_body);
  set(CURLOPT_WRITEDATA, &transfer);
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &on_progress);
  set(CURLOPT_XFERINFODATA, &transfer);
  const auto code = curl_easy_perform(easy.get());
  long status = 0;
  curl_easy_getinfo(easy.get(), CURLINFO_RESPONSE_CODE, &status);
  if (!transfer.refusal.empty()) {
    return fail(ErrorCode::kUnavailable, "{}", transfer.refusal);
  }
  const bool refused = code == CURLE_WRITE_ERROR && status != 200;  // by on_body()
  if (code != CURLE_OK && !refused) {
    return fail(ErrorCode::kUnavailable, "{}",
                error[0] != '\0' ? error.data() : curl_easy_strerror(code));
  }
  if (status != 200) {
    return fail(ErrorCode::kUnavailable, "the server answers {}{}", status,
                status >= 300 && status < 400 ? "; redirects are not followed" : "");
  }
  if (::fsync(fd.get()) != 0) {
    return fail(ErrorCode::kUnavailable, "{}", errno_error("fsync").message);
  }
  return sync_entry(path);
}

}  // namespace sluice::meao
