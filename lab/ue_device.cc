#include "lab/ue_device.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/ipv6.h>
#include <linux/ipv6_route.h>
#include <linux/route.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>
#include <fstream>

#include "base/netns.h"

namespace sluice::lab {
namespace {

// A socket whose only use is to carry interface requests into the current namespace.
class Configurator {
 public:
  explicit Configurator(int family) : fd_(socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {}

  template <typename Request>
  Result<void> apply(unsigned long command, Request* request, std::string_view what) const {
    if (ioctl(fd_.get(), command, request) == 0) return {};
    return std::unexpected(errno_error(what));
  }

 private:
  UniqueFd fd_;
};

ifreq request_for(const std::string& name) {
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  return request;
}

sockaddr_in socket_address(Ipv4Address address) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_addr.s_addr = htonl(address.value());
  return out;
}

void put(sockaddr& to, const sockaddr_in& from) { std::memcpy(&to, &from, sizeof from); }

Result<void> bring_up(const Configurator& inet, const std::string& name) {
  auto request = request_for(name);
  if (auto got = inet.apply(SIOCGIFFLAGS, &request, name + ": get flags"); !got) return got;
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  return inet.apply(SIOCSIFFLAGS, &request, name + ": set up");
}

Result<void> configure_v4(const Configurator& inet, const UeDevice& device) {
  auto address = request_for(device.name);
  put(address.ifr_addr, socket_address(device.v4));
  if (auto set = inet.apply(SIOCSIFADDR, &address, device.name + ": IPv4 address"); !set) {
    return set;
  }
  auto mask = request_for(device.name);
  put(mask.ifr_netmask, socket_address(Ipv4Address(0xffffffff)));
  if (auto set = inet.apply(SIOCSIFNETMASK, &mask, device.name + ": IPv4 mask"); !set) return set;

  std::string name = device.name;
  rtentry route{};
  put(route.rt_dst, socket_address(Ipv4Address()));
  put(route.rt_genmask, socket_address(Ipv4Address()));
  route.rt_flags = RTF_UP;
  route.rt_dev = name.data();
  return inet.apply(SIOCADDRT, &route, device.name + ": IPv4 default route");
}

Result<void> configure_v6(const Configurator& inet, const UeDevice& device) {
  auto index = request_for(device.name);
  if (auto got = inet.apply(SIOCGIFINDEX, &index, device.name + ": index"); !got) return got;

  const Configurator inet6(AF_INET6);
  in6_ifreq address{};
  std::memcpy(&address.ifr6_addr, device.v6.address().v6().bytes().data(), 16);
  address.ifr6_prefixlen = device.v6.length();
  address.ifr6_ifindex = index.ifr_ifindex;
  if (auto set = inet6.apply(SIOCSIFADDR, &address, device.name + ": IPv6 address"); !set) {
    return set;
  }
  in6_rtmsg route{};
  route.rtmsg_metric = 1;
  route.rtmsg_flags = RTF_UP;
  route.rtmsg_ifindex = index.ifr_ifindex;
  return inet6.apply(SIOCADDRT, &route, device.name + ": IPv6 default route");
}

// A real UE gets its prefix from the SMF and asks no router on this link; without this the kernel
// would send router solicitations and use an address of its own making as well.
void silence_autoconfiguration(const std::string& name) {
  const std::string base = "/proc/sys/net/ipv6/conf/" + name + "/";
  for (const auto& [key, value] : {std::pair{"addr_gen_mode", "1"},
                                   {"accept_ra", "0"},
                                   {"router_solicitations", "0"},
                                   {"disable_ipv6", "0"}}) {
    std::ofstream(base + key) << value;
  }
}

}  // namespace

Result<UniqueFd> open_ue_device(const UeDevice& device) {
  if (device.name.empty() || device.name.size() >= IFNAMSIZ) {
    return bad_field("device", "an interface name has 1 to {} characters", IFNAMSIZ - 1);
  }
  const auto inside = NetnsScope::enter(device.netns);
  if (!inside) return std::unexpected(inside.error());

  // A TUN device belongs to the namespace in which its descriptor was opened.
  UniqueFd tun(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!tun) return std::unexpected(errno_error("open /dev/net/tun"));
  auto create = request_for(device.name);
  create.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (ioctl(tun.get(), TUNSETIFF, &create) != 0) {
    return std::unexpected(errno_error("create TUN device " + device.name));
  }
  silence_autoconfiguration(device.name);

  const Configurator inet(AF_INET);
  auto mtu = request_for(device.name);
  mtu.ifr_mtu = device.mtu;
  auto queue = request_for(device.name);
  queue.ifr_qlen = 1000;
  const auto steps = {
      inet.apply(SIOCSIFMTU, &mtu, device.name + ": MTU"),
      inet.apply(SIOCSIFTXQLEN, &queue, device.name + ": queue length"),
      bring_up(inet, "lo"),
      bring_up(inet, device.name),
      configure_v4(inet, device),
      configure_v6(inet, device),
  };
  for (const auto& step : steps) {
    if (!step) return std::unexpected(step.error());
  }
  return tun;
}

}  // namespace sluice::lab
