#include "lab/send_batch.h"

#include <algorithm>
#include <array>

namespace sluice::lab {

size_t send_batch(int socket, std::span<const Bytes> packets, const sockaddr_storage* to,
                  socklen_t to_size) {
  std::array<mmsghdr, kMaxSendBatch> messages{};
  std::array<iovec, kMaxSendBatch> vectors;
  const size_t count = std::min(packets.size(), messages.size());
  for (size_t i = 0; i < count; ++i) {
    // The kernel only reads what it sends; its interface cannot say so.
    vectors[i] = {.iov_base = const_cast<uint8_t*>(packets[i].data()),
                  .iov_len = packets[i].size()};
    messages[i].msg_hdr.msg_iov = &vectors[i];
    messages[i].msg_hdr.msg_iovlen = 1;
    messages[i].msg_hdr.msg_name = const_cast<sockaddr_storage*>(to);
    messages[i].msg_hdr.msg_namelen = to_size;
  }
  size_t sent = 0;
  while (sent < count) {
    const int n =
        sendmmsg(socket, &messages[sent], static_cast<unsigned>(count - sent), MSG_DONTWAIT);
    if (n <= 0) break;
    sent += static_cast<size_t>(n);
  }
  return sent;
}

}  // namespace sluice::lab
