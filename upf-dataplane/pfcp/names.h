// Names as length-prefixed labels (RFC 1035 §3.1 without the root; TS 23.003 §9.1 for APNs).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace sluice::upf::pfcp {

// "a.b" from 01 'a' 01 'b'; a closing root label is accepted. nullopt unless the labels fill
// `bytes` exactly and hold only printable characters, none of them a dot.
std::optional<std::string> labels_to_name(Bytes bytes);

// Appends the labels of a dotted name; a label longer than 63 bytes is cut to that.
void write_labels(std::string_view name, ByteWriter& out);

}  // namespace sluice::upf::pfcp
