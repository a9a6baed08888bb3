// Replies to requests that change a store.
#pragma once

#include <functional>

#include "base/http/message.h"
#include "base/store/store.h"

namespace sluice::rest {

// Runs `edit` at once; the reply that it made is sent when what it did is durable, without a thread
// waiting for the disk, or the problem that it, or the write, returned.
http::Response change_and_reply(
    store::Store& store, const std::function<Result<http::Response>(store::Transaction&)>& edit);

}  // namespace sluice::rest
