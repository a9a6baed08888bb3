// What a site or the centre takes for a package, as configured.
#pragma once

#include "app-package/reader.h"
#include "base/config/config_node.h"

namespace sluice::app_package {

// Reads `signatures`, `trusted_certificates`, `revocation_lists` and the bounds of archives:
// `max_files`, `max_unpacked_bytes`, `max_ratio`. What is wrong becomes a problem of the node.
void read_reader_options(ConfigNode& node, ReaderOptions& out);

}  // namespace sluice::app_package
