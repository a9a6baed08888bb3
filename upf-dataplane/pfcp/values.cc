#include "upf-dataplane/pfcp/values.h"

#include <fmt/format.h>

#include "upf-dataplane/pfcp/value_reader.h"

namespace sluice::upf::pfcp {
namespace {

// Between the NTP era (1900) and ours (1970).
constexpr std::chrono::seconds kNtpOffset{2'208'988'800};

Read<Interface> read_interface(Bytes value, Interface last) {
  ValueReader in(value);
  const uint8_t number = in.u8() & 0x0f;
  if (in.failed()) return in.error();
  if (number > static_cast<uint8_t>(last)) {
    return unsupported(fmt::format("no interface of kind {} here", number));
  }
  return static_cast<Interface>(number);
}

}  // namespace

Read<Cause> IeCodec<Cause>::read(Bytes value) {
  ValueReader in(value);
  return in.finish(static_cast<Cause>(in.u8()));
}
void IeCodec<Cause>::write(const Cause& v, ByteWriter& out) { out.u8(static_cast<uint8_t>(v)); }

Read<PdrId> IeCodec<PdrId>::read(Bytes value) {
  ValueReader in(value);
  return in.finish(PdrId(in.u16()));
}
void IeCodec<PdrId>::write(const PdrId& v, ByteWriter& out) { out.u16(v.value()); }

Read<FarId> IeCodec<FarId>::read(Bytes value) {
  ValueReader in(value);
  return in.finish(FarId(in.u32()));
}
void IeCodec<FarId>::write(const FarId& v, ByteWriter& out) { out.u32(v.value()); }

Read<QerId> IeCodec<QerId>::read(Bytes value) {
  ValueReader in(value);
  return in.finish(QerId(in.u32()));
}
void IeCodec<QerId>::write(const QerId& v, ByteWriter& out) { out.u32(v.value()); }

Read<Qfi> IeCodec<Qfi>::read(Bytes value) {
  ValueReader in(value);
  return in.finish(Qfi(in.u8() & 0x3f));
}
void IeCodec<Qfi>::write(const Qfi& v, ByteWriter& out) { out.u8(v.value()); }

Read<Precedence> IeCodec<Precedence>::read(Bytes value) {
  ValueReader in(value);
  return in.finish(Precedence{in.u32()});
}
void IeCodec<Precedence>::write(const Precedence& v, ByteWriter& out) { out.u32(v.value); }

Read<SourceInterface> IeCodec<SourceInterface>::read(Bytes value) {
  const auto interface = read_interface(value, Interface::kCpFunction);
  if (!interface) return std::unexpected(interface.error());
  return SourceInterface{*interface};
}
void IeCodec<SourceInterface>::write(const SourceInterface& v, ByteWriter& out) {
  out.u8(static_cast<uint8_t>(v.value));
}

Read<DestinationInterface> IeCodec<DestinationInterface>::read(Bytes value) {
  const auto interface = read_interface(value, Interface::kLiFunction);
  if (!interface) return std::unexpected(interface.error());
  return DestinationInterface{*interface};
}
void IeCodec<DestinationInterface>::write(const DestinationInterface& v, ByteWriter& out) {
  out.u8(static_cast<uint8_t>(v.value));
}

Read<OuterHeaderRemoval> IeCodec<OuterHeaderRemoval>::read(Bytes value) {
  ValueReader in(value);
  const uint8_t what = in.u8();
  if (in.failed()) return in.error();
  if (what > static_cast<uint8_t>(OuterHeaderKind::kTwoVlanTags)) {
    return incorrect(fmt::format("no outer header of kind {}", what));
  }
  // The second octet came with Release 15.3; absent, nothing more is asked for.
  return OuterHeaderRemoval{static_cast<OuterHeaderKind>(what),
                            in.remaining() > 0 ? in.u8() : uint8_t{0}};
}
void IeCodec<OuterHeaderRemoval>::write(const OuterHeaderRemoval& v, ByteWriter& out) {
  out.u8(static_cast<uint8_t>(v.what));
  if (v.delete_extensions != 0) out.u8(v.delete_extensions);
}

Read<ApplyAction> IeCodec<ApplyAction>::read(Bytes value) {
  ValueReader in(value);
  uint16_t actions = in.u8();
  if (in.failed()) return in.error();
  if (in.remaining() > 0) actions = static_cast<uint16_t>(actions | in.u8() << 8);
  return ApplyAction{actions};
}
void IeCodec<ApplyAction>::write(const ApplyAction& v, ByteWriter& out) {
  out.u8(static_cast<uint8_t>(v.actions));
  out.u8(static_cast<uint8_t>(v.actions >> 8));
}

// Two bits a direction: 0 open, 1 closed; the others are spare and close, so that what was
// forbidden in a way we do not know is not let through.
Read<GateStatus> IeCodec<GateStatus>::read(Bytes value) {
  ValueReader in(value);
  const uint8_t gates = in.u8();
  return in.finish(
      GateStatus{.uplink_open = (gates >> 2 & 3) == 0, .downlink_open = (gates & 3) == 0});
}
void IeCodec<GateStatus>::write(const GateStatus& v, ByteWriter& out) {
  out.u8(static_cast<uint8_t>((v.uplink_open ? 0 : 1) << 2 | (v.downlink_open ? 0 : 1)));
}

Read<RecoveryTimeStamp> IeCodec<RecoveryTimeStamp>::read(Bytes value) {
  ValueReader in(value);
  const std::chrono::seconds ntp{in.u32()};
  return in.finish(RecoveryTimeStamp{std::chrono::sys_seconds(ntp - kNtpOffset)});
}
void IeCodec<RecoveryTimeStamp>::write(const RecoveryTimeStamp& v, ByteWriter& out) {
  out.u32(static_cast<uint32_t>((v.time.time_since_epoch() + kNtpOffset).count()));
}

Read<AssociationSetupResponseFlags> IeCodec<AssociationSetupResponseFlags>::read(Bytes value) {
  ValueReader in(value);
  return in.finish(AssociationSetupResponseFlags{.sessions_retained = (in.u8() & 0x01) != 0});
}
void IeCodec<AssociationSetupResponseFlags>::write(const AssociationSetupResponseFlags& v,
                                                   ByteWriter& out) {
  out.u8(v.sessions_retained ? 0x01 : 0x00);
}

Read<OffendingIe> IeCodec<OffendingIe>::read(Bytes value) {
  ValueReader in(value);
  return in.finish(OffendingIe{static_cast<IeType>(in.u16())});
}
void IeCodec<OffendingIe>::write(const OffendingIe& v, ByteWriter& out) {
  out.u16(static_cast<uint16_t>(v.type));
}

Read<FailedRuleId> IeCodec<FailedRuleId>::read(Bytes value) {
  ValueReader in(value);
  const uint8_t type = in.u8() & 0x1f;
  if (in.failed()) return in.error();
  if (type > static_cast<uint8_t>(RuleType::kMar)) {
    return incorrect(fmt::format("no rule of type {}", type));
  }
  FailedRuleId rule{static_cast<RuleType>(type), 0};
  switch (rule.type) {
    case RuleType::kPdr:
    case RuleType::kMar:
      rule.id = in.u16();
      break;
    case RuleType::kBar:
      rule.id = in.u8();
      break;
    case RuleType::kFar:
    case RuleType::kQer:
    case RuleType::kUrr:
      rule.id = in.u32();
      break;
  }
  return in.finish(rule);
}
void IeCodec<FailedRuleId>::write(const FailedRuleId& v, ByteWriter& out) {
  out.u8(static_cast<uint8_t>(v.type));
  switch (v.type) {
    case RuleType::kPdr:
    case RuleType::kMar:
      out.u16(static_cast<uint16_t>(v.id));
      break;
    case RuleType::kBar:
      out.u8(static_cast<uint8_t>(v.id));
      break;
    case RuleType::kFar:
    case RuleType::kQer:
    case RuleType::kUrr:
      out.u32(v.id);
      break;
  }
}

Read<PdnType> IeCodec<PdnType>::read(Bytes value) {
  ValueReader in(value);
  return in.finish(PdnType{static_cast<uint8_t>(in.u8() & 0x07)});
}
void IeCodec<PdnType>::write(const PdnType& v, ByteWriter& out) { out.u8(v.value); }

namespace {
constexpr uint32_t kNoSd = 0xffffff;
}  // namespace

Read<SNssai> IeCodec<SNssai>::read(Bytes value) {
  ValueReader in(value);
  SNssai out{{.sst = in.u8()}};
  const uint32_t sd = in.u24();
  if (sd != kNoSd) out.value.sd = sd;
  return in.finish(out);
}
void IeCodec<SNssai>::write(const SNssai& v, ByteWriter& out) {
  out.u8(v.value.sst);
  out.u24(v.value.sd.value_or(kNoSd));
}

}  // namespace sluice::upf::pfcp
