// The `notifications` section of a program's configuration.
#pragma once

#include "base/config/config_node.h"
#include "notify/notifications.h"

namespace sluice::notify {

// Reads it; every key is documented in mep/README.md. Without a `websocket` section there is no
// WebSocket server. `callbacks.own_ports` gets the port of that; the caller adds its others.
NotificationOptions read_notification_options(ConfigNode node);

// A scheme (one of `schemes`), an authority and perhaps a path, without a "/" at its end:
// "https://mep.example". Empty is allowed; anything else is a problem at `key`.
std::string read_public_uri(ConfigNode& node, std::string_view key,
                            const std::vector<std::string>& schemes);

}  // namespace sluice::notify
