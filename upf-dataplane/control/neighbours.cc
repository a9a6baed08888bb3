#include "upf-dataplane/control/neighbours.h"

#include "base/log.h"

namespace sluice::upf {
namespace {

// Frames that wait for one neighbour's first answer; the kernel keeps about as many.
constexpr size_t kMaxWaiting = 16;
constexpr size_t kMaxWaitingTogether = 1024;

}  // namespace

Neighbours::Neighbours(std::vector<Port> ports, const std::vector<Gateways>& gateways,
                       SharedState& shared, Reclaimer& reclaimer, const Clock& clock,
                       FrameSender& sender, NeighbourPolicy policy)
    : ports_(std::move(ports)),
      shared_(shared),
      reclaimer_(reclaimer),
      clock_(clock),
      sender_(sender),
      policy_(policy),
      free_(std::make_shared<std::vector<NextHopId>>()) {
  for (auto id = static_cast<uint32_t>(shared.next_hops.capacity()); id > 0; --id) {
    free_->push_back(NextHopId(id));
  }
  for (size_t i = 0; i < ports_.size(); ++i) {
    ports_[i].prepare();
    const auto port = static_cast<PortIndex>(i);
    const auto resolve = [&](const std::optional<IpAddress>& gateway, NextHopId& id) {
      if (!gateway) return;
      if (const auto hop = track(port, *gateway)) {
        id = *hop;
        hold(id);
      }
    };
    resolve(gateways[i].v4, ports_[i].gateway_v4);
    resolve(gateways[i].v6, ports_[i].gateway_v6);
  }
  dirty_ = true;
  flush();
}

Neighbours::~Neighbours() { shared_.forwarding.store(nullptr, std::memory_order_release); }

Result<NextHopId> Neighbours::next_hop(PortIndex port, const IpAddress& destination) {
  const Port& out = ports_[port];
  if (out.owns(destination)) {
    return fail(ErrorCode::kInvalidArgument, "{} is the UPF's own address on {}",
                destination.to_string(), out.name);
  }
  if (out.on_link(destination) != nullptr) return track(port, destination);
  const NextHopId gateway = destination.is_v4() ? out.gateway_v4 : out.gateway_v6;
  if (gateway != kNoNextHop) return gateway;
  return fail(ErrorCode::kInvalidArgument, "no route to {} by port {}", destination.to_string(),
              out.name);
}

Result<NextHopId> Neighbours::fixed(PortIndex port, const MacAddress& mac) {
  if (const auto known = by_mac_.find({port, mac}); known != by_mac_.end()) return known->second;
  const auto id = add({.address = {}, .port = port, .is_fixed = true, .mac = mac});
  if (!id) return id;
  by_mac_[{port, mac}] = *id;
  set_reachable(*id, entries_.at(*id), true);
  return id;
}

Result<NextHopId> Neighbours::track(PortIndex port, const IpAddress& address) {
  if (const auto known = by_address_.find({port, address}); known != by_address_.end()) {
    return known->second;
  }
  const auto id = add({.address = address, .port = port});
  if (!id) return id;
  by_address_[{port, address}] = *id;
  // Asked for in flush(), when the workers know that its answer is wanted.
  dirty_ = true;
  return id;
}

Result<NextHopId> Neighbours::add(Entry entry) {
  if (free_->empty()) {
    return fail(ErrorCode::kResourceExhausted, "all {} neighbours are in use (limits.neighbours)",
                shared_.next_hops.capacity());
  }
  const NextHopId id = free_->back();
  free_->pop_back();
  entries_.emplace(id, std::move(entry));
  ++unheld_;
  return id;
}

void Neighbours::forget(NextHopId id) {
  const auto found = entries_.find(id);
  const Entry& entry = found->second;
  if (entry.is_fixed) {
    by_mac_.erase({entry.port, entry.mac});
  } else {
    by_address_.erase({entry.port, entry.address});
  }
  if (entry.holds == 0) --unheld_;
  waiting_frames_ -= entry.waiting.size();
  entries_.erase(found);
  shared_.next_hops.set(id, {});
  forgotten_.push_back(id);
  dirty_ = true;
}

void Neighbours::hold(NextHopId id) {
  if (entries_.at(id).holds++ == 0) --unheld_;
}

void Neighbours::release(NextHopId id) {
  Entry& entry = entries_.at(id);
  if (--entry.holds > 0) return;
  ++unheld_;
  if (entry.is_fixed || !entry.reachable) forget(id);
}

void Neighbours::watch(NextHopId id) {
  Entry& entry = entries_.at(id);
  hold(id);
  ++entry.watches;
  entry.next_probe = std::min(entry.next_probe, clock_.now() + policy_.probe_interval);
}

void Neighbours::unwatch(NextHopId id) {
  --entries_.at(id).watches;
  release(id);
}

bool Neighbours::is_reachable(NextHopId id) const {
  const auto found = entries_.find(id);
  return found != entries_.end() && found->second.reachable;
}

std::string Neighbours::why_unreachable(NextHopId id) const {
  const auto found = entries_.find(id);
  if (found == entries_.end()) return "its next hop is not known";
  const Entry& entry = found->second;
  return fmt::format("no {} answer from {} on port {}",
                     entry.address.is_v4() ? "ARP" : "neighbour discovery",
                     entry.address.to_string(), ports_[entry.port].name);
}

void Neighbours::learn(PortIndex port, std::span<const uint8_t> frame) {
  const auto advertised = parse_advertisement(frame);
  if (!advertised) return;
  // Only answers to our own questions count; anything else would let a stranger redirect traffic.
  const auto known = by_address_.find({port, advertised->address});
  if (known == by_address_.end()) return;
  Entry& entry = entries_.at(known->second);
  if (entry.unanswered == 0 || advertised->mac == ports_[port].mac) return;
  const bool moved = entry.mac != advertised->mac;
  // Who answers for a neighbour that still does is a stranger. One that moved is asked for by
  // everyone after the first missed probe.
  const bool may_move = advertised->overrides && entry.unanswered > 1;
  if (entry.reachable && moved && !may_move) return;
  entry.unanswered = 0;
  entry.mac = advertised->mac;
  if (!entry.reachable || moved) set_reachable(known->second, entry, true);
  for (auto& waiting : entry.waiting) {
    std::memcpy(waiting.data(), entry.mac.bytes().data(), 6);
    sender_.send(port, waiting);
  }
  drop_waiting(entry);
}

void Neighbours::drop_waiting(Entry& entry) {
  waiting_frames_ -= entry.waiting.size();
  entry.waiting.clear();
}

void Neighbours::resolve_and_send(PortIndex port, Frame frame) {
  const auto destination = ip_destination(frame);
  if (!destination) return;
  // Users may scan addresses; the room for base stations, gateways and apps is not theirs.
  const bool is_known = by_address_.contains({port, *destination});
  if (!is_known && unheld_ >= shared_.next_hops.capacity() / 4) return;
  const auto id = next_hop(port, *destination);
  if (!id) return;  // no route, or no room: the packet has nowhere to go
  Entry& entry = entries_.at(*id);
  if (entry.reachable) {
    std::memcpy(frame.data(), entry.mac.bytes().data(), 6);
    sender_.send(port, frame);
  } else if (entry.waiting.size() < kMaxWaiting && waiting_frames_ < kMaxWaitingTogether) {
    entry.waiting.push_back(std::move(frame));
    ++waiting_frames_;
  }
}

void Neighbours::flush() {
  if (!dirty_) return;
  publish();
  for (auto& [id, entry] : entries_) {
    if (!entry.is_fixed && entry.next_probe == std::chrono::steady_clock::time_point{})
      probe(entry);
  }
}

void Neighbours::tick() {
  flush();
  const auto now = clock_.now();
  std::vector<NextHopId> silent;
  for (auto& [id, entry] : entries_) {
    if (entry.is_fixed || entry.next_probe > now) continue;
    const uint32_t misses = entry.watches > 0 ? policy_.misses : policy_.idle_misses;
    if (entry.unanswered >= misses) silent.push_back(id);
    probe(entry);
  }
  for (const auto id : silent) {
    Entry& entry = entries_.at(id);
    drop_waiting(entry);
    if (entry.reachable) set_reachable(id, entry, false);
    if (entry.holds == 0) forget(id);
  }
}

void Neighbours::probe(Entry& entry) {
  const Port& port = ports_[entry.port];
  const IpPrefix* own = port.on_link(entry.address);
  const bool only_it = entry.reachable && entry.unanswered == 0;
  const auto known = only_it ? std::optional(entry.mac) : std::nullopt;
  // Someone who never answered is looked for at the fast pace at first: a packet may be waiting.
  const bool fast = entry.watches > 0 || (!entry.reachable && entry.unanswered < 10);
  entry.next_probe = clock_.now() + (fast ? policy_.probe_interval : policy_.idle_interval);
  const auto frame = make_probe(entry.address, own->address(), port.mac, known);
  // What the workers had no room for was not asked.
  if (sender_.send(entry.port, frame)) ++entry.unanswered;
}

void Neighbours::set_reachable(NextHopId id, Entry& entry, bool reachable) {
  const bool was = entry.reachable;
  entry.reachable = reachable;
  shared_.next_hops.set(id, NextHop(entry.mac, entry.port, reachable));
  if (was == reachable || entry.is_fixed) return;
  spdlog::info("neighbour {} address={} port={} mac={}", reachable ? "answers" : "lost",
               entry.address.to_string(), ports_[entry.port].name, entry.mac.to_string());
  changed_ |= entry.watches > 0;
  follow_path(id, entry);
}

void Neighbours::follow_path(NextHopId id, Entry& entry) {
  const Port& port = ports_[entry.port];
  const bool is_peer = port.role == PortRole::kN3 && entry.holds > 0 && id != port.gateway_v4 &&
                       id != port.gateway_v6;
  if (!is_peer || (entry.reachable && !entry.has_failed)) return;
  entry.has_failed = !entry.reachable;
  paths_.push_back({entry.address, entry.reachable});
}

bool Neighbours::has_failed(PortIndex port, const IpAddress& peer) const {
  const auto known = by_address_.find({port, peer});
  return known != by_address_.end() && entries_.at(known->second).has_failed;
}

void Neighbours::publish() {
  auto next = std::make_unique<ForwardingTable>();
  next->ports = ports_;
  next->neighbours.resize(ports_.size());
  for (const auto& [key, id] : by_address_) next->neighbours[key.first].emplace(key.second, id);
  shared_.forwarding.store(next.get(), std::memory_order_release);
  if (published_) reclaimer_.retire([old = std::move(published_)]() mutable { old.reset(); });
  published_ = std::move(next);
  // No table names them any more; when no worker holds an older one, they may be somebody else's.
  for (const auto id : std::exchange(forgotten_, {})) {
    reclaimer_.retire([free = free_, id] { free->push_back(id); });
  }
  dirty_ = false;
}

}  // namespace sluice::upf
