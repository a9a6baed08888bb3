#include "upf-dataplane/pfcp/pfd_values.h"

#include "upf-dataplane/pfcp/value_reader.h"

namespace sluice::upf::pfcp {
namespace {

constexpr uint8_t kFlow = 0x01;
constexpr uint8_t kAdditionalFlows = 0x20;
constexpr uint8_t kUrl = 0x02;
constexpr uint8_t kDomainName = 0x04;
constexpr uint8_t kCustom = 0x08;
constexpr uint8_t kDomainNameProtocol = 0x10;
constexpr uint8_t kAdditionalUrls = 0x40;
constexpr uint8_t kAdditionalDomainNames = 0x80;

std::string text_of(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

void write_text(const std::string& text, ByteWriter& out) {
  out.u16(static_cast<uint16_t>(text.size()));
  out.append(Bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}

}  // namespace

Read<ApplicationId> IeCodec<ApplicationId>::read(Bytes value) {
  if (value.empty()) return cut_off();
  return ApplicationId{text_of(value)};
}
void IeCodec<ApplicationId>::write(const ApplicationId& v, ByteWriter& out) {
  out.append(Bytes(reinterpret_cast<const uint8_t*>(v.name.data()), v.name.size()));
}

Read<PfdContents> IeCodec<PfdContents>::read(Bytes value) {
  ValueReader in(value);
  const uint8_t flags = in.u8();
  in.u8();  // spare
  PfdContents pfd;
  if ((flags & kFlow) != 0) pfd.flows.push_back(text_of(in.take(in.u16())));
  // The parts stand in the order of their flags.
  const auto skip = [&](uint8_t flag) {
    if ((flags & flag) == 0) return;
    in.take(in.u16());
    pfd.wants_inspection = true;
  };
  for (const uint8_t flag : {kUrl, kDomainName, kCustom, kDomainNameProtocol}) skip(flag);
  if ((flags & kAdditionalFlows) != 0) {
    ValueReader more(in.take(in.u16()));
    while (more.remaining() > 0) pfd.flows.push_back(text_of(more.take(more.u16())));
    if (more.failed()) return cut_off();
  }
  for (const uint8_t flag : {kAdditionalUrls, kAdditionalDomainNames}) skip(flag);
  return in.finish(std::move(pfd));
}
void IeCodec<PfdContents>::write(const PfdContents& v, ByteWriter& out) {
  const bool has_more = v.flows.size() > 1;
  out.u8(static_cast<uint8_t>((v.flows.empty() ? 0 : kFlow) | (has_more ? kAdditionalFlows : 0)));
  out.u8(0);
  if (!v.flows.empty()) write_text(v.flows.front(), out);
  if (!has_more) return;
  ByteWriter more;
  for (size_t i = 1; i < v.flows.size(); ++i) write_text(v.flows[i], more);
  const auto bytes = more.release();
  out.u16(static_cast<uint16_t>(bytes.size()));
  out.append(bytes);
}

}  // namespace sluice::upf::pfcp
