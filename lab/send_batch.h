// Packets to a socket, many in one system call.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <span>

#include "base/bytes.h"

namespace sluice::lab {

inline constexpr size_t kMaxSendBatch = 64;

// Sends without waiting, at most kMaxSendBatch of `packets`: to `to`, or, when it is null, to where
// the socket is bound or connected. Returns how many the kernel took, the first ones.
size_t send_batch(int socket, std::span<const Bytes> packets, const sockaddr_storage* to = nullptr,
                  socklen_t to_size = 0);

}  // namespace sluice::lab
