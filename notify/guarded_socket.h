// Sockets of libcurl that lead only to where a policy lets them.
#pragma once

#include <curl/curl.h>

#include <string>

#include "notify/callback_policy.h"

namespace sluice::notify {

// For CURLOPT_OPENSOCKETFUNCTION: the last word about where a connection goes, when names are
// resolved. CURL_SOCKET_BAD where the policy refuses the address; `refusal` says why then.
curl_socket_t open_guarded_socket(const CallbackPolicy& policy, curlsocktype purpose,
                                  const curl_sockaddr& address, std::string& refusal);

}  // namespace sluice::notify
