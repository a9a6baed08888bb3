#include "notify/guarded_socket.h"

#include <netinet/in.h>
#include <sys/socket.h>

namespace sluice::notify {
namespace {

IpAddress address_of(const sockaddr& address, uint16_t& port) {
  if (address.sa_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    port = ntohs(v4.sin_port);
    return Ipv4Address(ntohl(v4.sin_addr.s_addr));
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
  port = ntohs(v6.sin6_port);
  return Ipv6Address::from_bytes(v6.sin6_addr.s6_addr);
}

}  // namespace

curl_socket_t open_guarded_socket(const CallbackPolicy& policy, curlsocktype purpose,
                                  const curl_sockaddr& address, std::string& refusal) {
  if (purpose != CURLSOCKTYPE_IPCXN || (address.family != AF_INET && address.family != AF_INET6)) {
    return CURL_SOCKET_BAD;
  }
  uint16_t port = 0;
  const auto ip = address_of(address.addr, port);
  if (auto ok = policy.check_address(ip, port); !ok) {
    refusal = ok.error().message;
    return CURL_SOCKET_BAD;
  }
  return ::socket(address.family, address.socktype | SOCK_CLOEXEC, address.protocol);
}

}  // namespace sluice::notify
