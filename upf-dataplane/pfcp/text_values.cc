// The values that hold text: names and SDF filters.
#include <algorithm>

#include "upf-dataplane/pfcp/names.h"
#include "upf-dataplane/pfcp/value_reader.h"

namespace sluice::upf::pfcp {
namespace {

constexpr size_t kMaxLabel = 63;

bool is_printable(Bytes bytes) {
  return std::ranges::all_of(bytes, [](uint8_t c) { return c > 0x20 && c < 0x7f; });
}

std::string text_of(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace

std::optional<std::string> labels_to_name(Bytes bytes) {
  std::string name;
  for (ByteReader in(bytes); !in.empty();) {
    const size_t length = *in.u8();
    if (length == 0) {
      if (!in.empty() || name.empty()) return std::nullopt;
      break;
    }
    const auto label = in.take(length);
    if (length > kMaxLabel || !label || !is_printable(*label)) return std::nullopt;
    if (std::ranges::find(*label, uint8_t{'.'}) != label->end()) return std::nullopt;
    if (!name.empty()) name += '.';
    name += text_of(*label);
  }
  if (name.empty()) return std::nullopt;
  return name;
}

void write_labels(std::string_view name, ByteWriter& out) {
  while (!name.empty()) {
    const size_t dot = std::min(name.find('.'), name.size());
    const std::string_view label = name.substr(0, std::min(dot, kMaxLabel));
    out.u8(static_cast<uint8_t>(label.size()));
    out.append(Bytes(reinterpret_cast<const uint8_t*>(label.data()), label.size()));
    name.remove_prefix(std::min(dot + 1, name.size()));
  }
}

// §8.2.4 leaves the form open: a domain name as text or an APN as labels. A label's length is
// below the first printable character, or consistent to the last octet; text is neither.
Read<NetworkInstance> IeCodec<NetworkInstance>::read(Bytes value) {
  if (auto labels = labels_to_name(value)) return NetworkInstance{*std::move(labels)};
  if (value.empty()) return cut_off();
  if (!is_printable(value)) return incorrect("is neither printable text nor an APN");
  return NetworkInstance{text_of(value)};
}
void IeCodec<NetworkInstance>::write(const NetworkInstance& v, ByteWriter& out) {
  out.append(Bytes(reinterpret_cast<const uint8_t*>(v.name.data()), v.name.size()));
}

// Some SMFs send the name as text although the standard says labels: accepted.
Read<Dnn> IeCodec<Dnn>::read(Bytes value) {
  const auto name = IeCodec<NetworkInstance>::read(value);
  if (!name) return std::unexpected(name.error());
  return Dnn{name->name};
}
void IeCodec<Dnn>::write(const Dnn& v, ByteWriter& out) { write_labels(v.name, out); }

Read<SdfFilterValue> IeCodec<SdfFilterValue>::read(Bytes value) {
  ValueReader in(value);
  const uint8_t flags = in.u8();
  in.u8();  // spare
  SdfFilterValue f;
  if ((flags & 0x01) != 0) f.flow_description = text_of(in.take(in.u16()));
  if ((flags & 0x02) != 0) f.tos = in.u16();
  if ((flags & 0x04) != 0) f.spi = in.u32();
  if ((flags & 0x08) != 0) f.flow_label = in.u24() & 0xfffff;
  if ((flags & 0x10) != 0) f.filter_id = in.u32();
  return in.finish(std::move(f));
}
void IeCodec<SdfFilterValue>::write(const SdfFilterValue& v, ByteWriter& out) {
  out.u8(static_cast<uint8_t>((v.flow_description ? 0x01 : 0) | (v.tos ? 0x02 : 0) |
                              (v.spi ? 0x04 : 0) | (v.flow_label ? 0x08 : 0) |
                              (v.filter_id ? 0x10 : 0)));
  out.u8(0);
  if (v.flow_description) {
    const auto& text = *v.flow_description;
    out.u16(static_cast<uint16_t>(text.size()));
    out.append(Bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
  }
  if (v.tos) out.u16(*v.tos);
  if (v.spi) out.u32(*v.spi);
  if (v.flow_label) out.u24(*v.flow_label);
  if (v.filter_id) out.u32(*v.filter_id);
}

}  // namespace sluice::upf::pfcp
