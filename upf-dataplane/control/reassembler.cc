#include "upf-dataplane/control/reassembler.h"

#include <algorithm>

#include "upf-dataplane/packet/checksum.h"
#include "upf-dataplane/packet/ethernet.h"
#include "upf-dataplane/packet/fragment.h"
#include "upf-dataplane/packet/ip.h"

namespace sluice::upf {
namespace {

constexpr size_t kL3 = sizeof(EthernetHeader);

IpAddress address_at(const uint8_t* at, bool is_v6) {
  return is_v6 ? IpAddress(Ipv6Address::from_bytes(at)) : IpAddress(Ipv4Address::from_bytes(at));
}

// The headers of a whole datagram with `bytes` of data, from those of its first fragment.
std::vector<uint8_t> whole_head(std::span<const uint8_t> frame, const FragmentPlace& place) {
  const bool is_v6 = frame[kL3] >> 4 == 6;
  const size_t end = kL3 + place.data_offset - (is_v6 ? sizeof(Ipv6FragmentHeader) : 0);
  std::vector<uint8_t> head(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(end));
  if (!is_v6) return head;
  // What points to the fragment header points to what is behind it now.
  uint8_t* next = &reinterpret_cast<Ipv6Header*>(head.data() + kL3)->next_header;
  for (size_t at = kL3 + sizeof(Ipv6Header); *next != kProtoFragment && at < end;) {
    next = &head[at];
    at += (size_t{head[at + 1]} + 1) * 8;
  }
  *next = place.protocol;
  return head;
}

void set_length(std::vector<uint8_t>& frame) {
  uint8_t* ip = frame.data() + kL3;
  const size_t total = frame.size() - kL3;
  if (ip[0] >> 4 == 6) {
    reinterpret_cast<Ipv6Header*>(ip)->payload_length =
        static_cast<uint16_t>(total - sizeof(Ipv6Header));
    return;
  }
  auto* v4 = reinterpret_cast<Ipv4Header*>(ip);
  v4->total_length = static_cast<uint16_t>(total);
  v4->flags_fragment = 0;
  v4->checksum = 0;
  v4->checksum = ip_checksum(ip, v4->header_bytes());
}

}  // namespace

std::optional<std::vector<uint8_t>> Reassembler::add(PortIndex port,
                                                     std::span<const uint8_t> frame) {
  const auto packet = frame.subspan(kL3);
  const auto place = fragment_place(packet);
  if (!place || place->total_bytes > packet.size()) {
    count(DropReason::kMalformedFrame);
    return std::nullopt;
  }
  const bool is_v6 = packet[0] >> 4 == 6;
  const Key key{.port = port,
                .source = address_at(packet.data() + (is_v6 ? 8 : 12), is_v6),
                .destination = address_at(packet.data() + (is_v6 ? 24 : 16), is_v6),
                .identification = place->identification,
                .protocol = place->protocol};
  Datagram* datagram = find_or_make(key);
  if (datagram == nullptr) {
    count(DropReason::kFragmentNoRoom);
    return std::nullopt;
  }
  const auto data =
      packet.subspan(place->data_offset, size_t{place->total_bytes} - place->data_offset);
  const auto bytes = static_cast<uint32_t>(data.size());
  if (!fits(*datagram, place->offset, bytes, place->more)) {
    count(DropReason::kFragmentIncomplete);
    discard(key, DropReason::kFragmentIncomplete);
    return std::nullopt;
  }
  if (place->offset == 0) datagram->head = whole_head(frame, *place);
  if (!place->more) datagram->total = place->offset + bytes;
  datagram->parts.emplace(place->offset, std::vector<uint8_t>(data.begin(), data.end()));
  datagram->there += bytes;
  bytes_ += bytes;
  if (datagram->total == 0 || datagram->there != datagram->total) {
    while (bytes_ > limits_.bytes) {
      discard(Key(by_age_.begin()->second), DropReason::kFragmentNoRoom);
    }
    return std::nullopt;
  }
  std::vector<uint8_t> whole = std::move(datagram->head);
  for (const auto& [offset, part] : datagram->parts) {
    whole.insert(whole.end(), part.begin(), part.end());
  }
  forget(key);
  if (whole.size() - kL3 > 0xffff) {
    count(DropReason::kMalformedFrame);
    return std::nullopt;
  }
  set_length(whole);
  return whole;
}

bool Reassembler::fits(const Datagram& datagram, uint32_t offset, uint32_t bytes, bool more) const {
  if (datagram.parts.size() >= limits_.fragments) return false;
  if (datagram.total != 0 && (!more || offset + bytes > datagram.total)) return false;
  const auto after = datagram.parts.lower_bound(offset);
  if (after != datagram.parts.end() && (!more || after->first < offset + bytes)) return false;
  if (after == datagram.parts.begin()) return true;
  const auto before = std::prev(after);
  return before->first + before->second.size() <= offset;
}

Reassembler::Datagram* Reassembler::find_or_make(const Key& key) {
  if (const auto found = datagrams_.find(key); found != datagrams_.end()) return &found->second;
  size_t& of_source = by_source_[key.source];
  if (of_source >= limits_.datagrams_per_source) return nullptr;
  ++of_source;
  if (datagrams_.size() >= limits_.datagrams) {
    discard(Key(by_age_.begin()->second), DropReason::kFragmentNoRoom);
  }
  Datagram& made = datagrams_[key];
  made.order = ++last_order_;
  made.expires = clock_.now() + limits_.lifetime;
  by_age_.emplace(made.order, key);
  return &made;
}

void Reassembler::discard(const Key& key, DropReason reason) {
  count(reason, datagrams_.at(key).parts.size());
  forget(key);
}

void Reassembler::forget(const Key& key) {
  const auto found = datagrams_.find(key);
  bytes_ -= found->second.there;
  by_age_.erase(found->second.order);
  const auto source = by_source_.find(key.source);
  if (--source->second == 0) by_source_.erase(source);
  datagrams_.erase(found);
}

void Reassembler::expire() {
  while (!by_age_.empty()) {
    const Key oldest = by_age_.begin()->second;
    if (datagrams_.at(oldest).expires > clock_.now()) return;
    discard(oldest, DropReason::kFragmentIncomplete);
  }
}

}  // namespace sluice::upf
