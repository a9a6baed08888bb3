#include "upf-dataplane/pfcp/ie.h"

#include <fmt/format.h>

#include <limits>

namespace sluice::upf::pfcp {
namespace {

std::unexpected<Rejection> refuse(Cause cause, IeType type, std::string reason) {
  return std::unexpected(Rejection{cause, type, {}, std::move(reason)});
}

class TreeDecoder {
 public:
  // `parent` is named when not even an element's header fits.
  std::expected<std::vector<Ie>, Rejection> decode(Bytes bytes, unsigned depth, IeType parent) {
    if (depth > kMaxIeDepth) {
      return refuse(Cause::kNoResourcesAvailable, parent, "elements are nested too deeply");
    }
    std::vector<Ie> ies;
    for (ByteReader reader(bytes); !reader.empty();) {
      if (++count_ > kMaxIeCount) {
        return refuse(Cause::kNoResourcesAvailable, parent, "too many elements");
      }
      auto ie = decode_one(reader, depth, parent);
      if (!ie) return std::unexpected(std::move(ie.error()));
      ies.push_back(*std::move(ie));
    }
    return ies;
  }

 private:
  std::expected<Ie, Rejection> decode_one(ByteReader& reader, unsigned depth, IeType parent) {
    const auto number = reader.u16();
    const auto length = reader.u16();
    if (!number || !length) {
      return refuse(Cause::kInvalidLength, parent, "an element's header is cut off");
    }
    Ie ie{.type = static_cast<IeType>(*number)};
    const auto body = reader.take(*length);
    if (!body) {
      return refuse(Cause::kInvalidLength, ie.type,
                    fmt::format("says {} bytes, {} are left", *length, reader.remaining()));
    }
    ByteReader value(*body);
    if (is_vendor_specific(ie.type)) {
      ie.enterprise_id = value.u16();
      if (!ie.enterprise_id) {
        return refuse(Cause::kInvalidLength, ie.type, "has no room for its Enterprise ID");
      }
    }
    const auto* info = find_ie(ie.type);
    if (info == nullptr || info->form == IeForm::kPlain) {
      ie.value.assign(value.rest().begin(), value.rest().end());
      return ie;
    }
    auto children = decode(value.rest(), depth + 1, ie.type);
    if (!children) return std::unexpected(std::move(children.error()));
    ie.children = *std::move(children);
    return ie;
  }

  size_t count_ = 0;
};

}  // namespace

std::expected<std::vector<Ie>, Rejection> decode_ies(Bytes bytes) {
  return TreeDecoder().decode(bytes, 0, IeType{});
}

bool encode_ies(std::span<const Ie> ies, ByteWriter& out) {
  for (const Ie& ie : ies) {
    out.u16(static_cast<uint16_t>(ie.type));
    const size_t length_at = out.size();
    out.u16(0);
    if (ie.enterprise_id) out.u16(*ie.enterprise_id);
    out.append(ie.value);
    if (!encode_ies(ie.children, out)) return false;
    const size_t length = out.size() - length_at - 2;
    if (length > std::numeric_limits<uint16_t>::max()) return false;
    out.patch_u16(length_at, static_cast<uint16_t>(length));
  }
  return true;
}

}  // namespace sluice::upf::pfcp
