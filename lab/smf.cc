#include "lab/smf.h"

#include <algorithm>

#include "base/log.h"
#include "upf-dataplane/pfcp/ie_access.h"

namespace sluice::lab {

namespace pfcp = upf::pfcp;
using pfcp::ie;
using pfcp::MessageType;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kTick{20};           // granularity of retransmission
constexpr milliseconds kHousekeeping{500};  // retries and progress
constexpr size_t kMaxDatagram = 65535;

pfcp::Message node_message(MessageType type, std::vector<pfcp::Ie> ies) {
  pfcp::Message message;
  message.header.type = type;
  message.ies = std::move(ies);
  return message;
}

std::optional<pfcp::RecoveryTimeStamp> recovery_of(const pfcp::Message& message) {
  const auto value = pfcp::read<pfcp::RecoveryTimeStamp>(message.ies);
  if (!value || !*value) return std::nullopt;
  return **value;
}

std::optional<pfcp::Cause> cause_of(const pfcp::Message& message) {
  const auto value = pfcp::read<pfcp::Cause>(message.ies);
  if (!value || !*value) return std::nullopt;
  return **value;
}

}  // namespace

std::string_view to_string(SessionState state) {
  switch (state) {
    case SessionState::kPending:
      return "pending";
    case SessionState::kEstablishing:
      return "establishing";
    case SessionState::kUp:
      return "up";
    case SessionState::kFailed:
      return "failed";
    case SessionState::kDeleting:
      return "deleting";
  }
  return "unknown";
}

Result<std::unique_ptr<Smf>> Smf::open(EventLoop& loop, const SmfConfig& config,
                                       OnTunnel on_tunnel) {
  const Endpoint own(config.own, pfcp::kPort);
  UniqueFd fd(socket(own.raw().ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return std::unexpected(errno_error("PFCP socket"));
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&own.raw()), own.size()) != 0) {
    return std::unexpected(
        errno_error(fmt::format("bind {} port {}", config.own.to_string(), pfcp::kPort)));
  }
  return std::unique_ptr<Smf>(new Smf(loop, config, std::move(on_tunnel), std::move(fd)));
}

Smf::Smf(EventLoop& loop, const SmfConfig& config, OnTunnel on_tunnel, UniqueFd fd)
    : loop_(loop),
      config_(config),
      on_tunnel_(std::move(on_tunnel)),
      fd_(std::move(fd)),
      upf_(config.upf, pfcp::kPort),
      recovery_{std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now())},
      requests_(config.timing, [this](Bytes message) { send(message); }) {
  loop_.watch(fd_.get(), EPOLLIN, [this](uint32_t) { receive(); });
  timers_ = {loop_.every(kTick, [this] { requests_.tick(EventLoop::Clock::now()); }),
             loop_.every(config_.heartbeat, [this] { beat(); }),
             loop_.every(kHousekeeping, [this] { housekeeping(); })};
  set_up_association();
}

Smf::~Smf() {
  for (const auto timer : timers_) loop_.cancel(timer);
  loop_.unwatch(fd_.get());
}

// --- messages ------------------------------------------------------------------------------------

void Smf::send(Bytes message) {
  // What is lost here is sent again like anything that is lost on the way.
  sendto(fd_.get(), message.data(), message.size(), MSG_DONTWAIT,
         reinterpret_cast<const sockaddr*>(&upf_.raw()), upf_.size());
}

void Smf::receive() {
  std::vector<uint8_t> buffer(kMaxDatagram);
  Endpoint from;
  for (int i = 0; i < 64; ++i) {
    socklen_t size = sizeof(sockaddr_storage);
    const auto n = recvfrom(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT,
                            reinterpret_cast<sockaddr*>(&from.raw()), &size);
    if (n < 0) return;
    if (from.address() != config_.upf) continue;
    const auto decoded = pfcp::decode(Bytes(buffer).first(static_cast<size_t>(n)));
    if (!decoded) {
      ++counters_.malformed;
      continue;
    }
    const auto& message = decoded->message;
    const auto* info = pfcp::find_message(message.header.type);
    if (info != nullptr && info->is_request) {
      answer(message);
    } else if (!requests_.complete(message)) {
      ++counters_.unexpected;
    }
  }
}

void Smf::answer(const pfcp::Message& request) {
  const auto* info = pfcp::find_message(request.header.type);
  pfcp::Message response;
  response.header = pfcp::response_header(request.header, std::nullopt);
  response.header.type = info->response;
  switch (request.header.type) {
    case MessageType::kHeartbeatRequest:
      response.ies = {ie(recovery_)};
      break;
    case MessageType::kAssociationSetupRequest:
      response.ies = {ie(pfcp::NodeId{.address = config_.own}), ie(pfcp::Cause::kRequestAccepted),
                      ie(recovery_)};
      break;
    case MessageType::kSessionReportRequest: {
      const auto session = std::ranges::find_if(sessions_, [&](const auto& entry) {
        return entry.second.plan.cp_seid == request.header.seid.value_or(0);
      });
      const bool known = session != sessions_.end();
      response.header.seid = known ? session->second.up_seid : 0;
      response.ies = {
          ie(known ? pfcp::Cause::kRequestAccepted : pfcp::Cause::kSessionContextNotFound)};
      break;
    }
    default:
      response.ies = {ie(pfcp::NodeId{.address = config_.own}), ie(pfcp::Cause::kRequestAccepted)};
  }
  if (const auto encoded = pfcp::encode(response)) send(*encoded);

  if (request.header.type == MessageType::kAssociationSetupRequest) {
    association_lost("the UPF sets the association up itself");
    association_up(request);
  } else if (request.header.type == MessageType::kAssociationReleaseRequest) {
    association_lost("the UPF released the association");
  }
}

void Smf::request(pfcp::Message message, PfcpRequests::Done done) {
  requests_.start(std::move(message), EventLoop::Clock::now(), std::move(done));
}

// --- association ---------------------------------------------------------------------------------

void Smf::set_up_association() {
  if (associated_ || setting_up_ || shut_down_done_) return;
  setting_up_ = true;
  request(node_message(MessageType::kAssociationSetupRequest,
                       {ie(pfcp::NodeId{.address = config_.own}), ie(recovery_)}),
          [this](const Result<pfcp::Message>& response) {
            setting_up_ = false;  // housekeeping() tries again
            if (!response) return;
            if (const auto accepted = check_cause(*response); !accepted) {
              spdlog::warn("the UPF refuses the association: {}", accepted.error().to_string());
              return;
            }
            association_up(*response);
          });
}

void Smf::association_up(const pfcp::Message& message) {
  associated_ = true;
  upf_recovery_ = recovery_of(message);
  ++counters_.associations;
  spdlog::info("association up upf={}", config_.upf.to_string());
  pump();
}

void Smf::association_lost(std::string_view why) {
  requests_.forget_all();
  setting_up_ = false;
  beating_ = false;
  in_flight_ = 0;
  std::erase_if(sessions_,
                [](const auto& entry) { return entry.second.state == SessionState::kDeleting; });
  for (auto& [ue, session] : sessions_) session.state = SessionState::kPending;
  if (associated_) {
    associated_ = false;
    ++counters_.association_losses;
    spdlog::warn("association lost upf={}: {}", config_.upf.to_string(), why);
  }
  finish_shut_down_if_empty();
}

void Smf::beat() {
  if (!associated_ || beating_) return;
  beating_ = true;
  request(node_message(MessageType::kHeartbeatRequest, {ie(recovery_)}),
          [this](const Result<pfcp::Message>& response) {
            beating_ = false;
            if (!response) {
              association_lost("heartbeats are not answered");
            } else if (recovery_of(*response) != upf_recovery_) {
              association_lost("the UPF has restarted");
            } else {
              return;
            }
            set_up_association();
          });
}

// --- sessions ------------------------------------------------------------------------------------

void Smf::add(UeNumber ue, SessionPlan plan) {
  plan.cp_seid = ue.value();
  plan.smf = config_.own;
  sessions_[ue] = Session{.plan = std::move(plan)};
  pump();
}

void Smf::remove(UeNumber ue) {
  const auto found = sessions_.find(ue);
  if (found == sessions_.end()) return;
  if (found->second.state == SessionState::kUp) {
    delete_session(ue, found->second);
  } else if (found->second.state == SessionState::kEstablishing) {
    // Its fate is not known yet; the response will find it in this state and delete it.
    found->second.state = SessionState::kDeleting;
  } else if (found->second.state != SessionState::kDeleting) {
    sessions_.erase(found);
  }
}

void Smf::pump() {
  if (!associated_ || shut_down_done_) return;
  for (auto& [ue, session] : sessions_) {
    if (in_flight_ >= config_.window) return;
    if (session.state == SessionState::kPending) establish(ue, session);
  }
}

void Smf::establish(UeNumber ue, Session& session) {
  session.state = SessionState::kEstablishing;
  ++in_flight_;
  request(establishment_request(session.plan), [this, ue](const Result<pfcp::Message>& response) {
    --in_flight_;
    if (response && cause_of(*response) == pfcp::Cause::kNoEstablishedAssociation) {
      association_lost("the UPF knows of none");
      set_up_association();
      return;
    }
    const auto found = sessions_.find(ue);
    if (found == sessions_.end()) return;
    auto& answered = found->second;
    const bool removed = answered.state == SessionState::kDeleting;
    auto established = response ? read_establishment(*response, answered.plan)
                                : Result<EstablishedSession>(std::unexpected(response.error()));
    if (established) {
      answered.state = SessionState::kUp;
      answered.up_seid = established->up_seid;
      answered.problem.clear();
      if (removed) {
        delete_session(ue, answered);
      } else {
        on_tunnel_(ue, established->tunnel);
      }
    } else if (removed) {
      sessions_.erase(found);
    } else {
      answered.state = SessionState::kFailed;
      answered.problem = established.error().to_string();
      ++counters_.establishments_refused;
    }
    if (up() == wanted()) housekeeping();  // says at once that all are up
    pump();
    finish_shut_down_if_empty();
  });
}

void Smf::delete_session(UeNumber ue, Session& session) {
  session.state = SessionState::kDeleting;
  request(deletion_request(session.up_seid), [this, ue](const Result<pfcp::Message>&) {
    sessions_.erase(ue);  // refused or unanswered: the UPF does not have it
    finish_shut_down_if_empty();
  });
}

size_t Smf::up() const {
  return static_cast<size_t>(std::ranges::count_if(
      sessions_, [](const auto& entry) { return entry.second.state == SessionState::kUp; }));
}

size_t Smf::wanted() const {
  return static_cast<size_t>(std::ranges::count_if(
      sessions_, [](const auto& entry) { return entry.second.state != SessionState::kDeleting; }));
}

std::optional<std::pair<SessionState, std::string>> Smf::session(UeNumber ue) const {
  const auto found = sessions_.find(ue);
  if (found == sessions_.end()) return std::nullopt;
  return std::pair(found->second.state, found->second.problem);
}

void Smf::housekeeping() {
  if (shut_down_done_) return;
  set_up_association();
  for (auto& [ue, session] : sessions_) {
    if (session.state != SessionState::kFailed) continue;
    spdlog::warn("session refused ue={}: {}", ue.value(), session.problem);
    session.state = SessionState::kPending;
  }
  if (const size_t now_up = up(); now_up != reported_up_) {
    reported_up_ = now_up;
    spdlog::info("{}/{} sessions", now_up, wanted());
  }
  pump();
}

// --- the end -------------------------------------------------------------------------------------

void Smf::shut_down(std::function<void()> done) {
  shut_down_done_ = std::move(done);
  std::vector<UeNumber> ues;
  for (const auto& [ue, session] : sessions_) ues.push_back(ue);
  for (const auto ue : ues) remove(ue);
  finish_shut_down_if_empty();
}

void Smf::finish_shut_down_if_empty() {
  if (!shut_down_done_ || !sessions_.empty()) return;
  const auto done = std::exchange(shut_down_done_, [] {});
  if (!associated_) return done();
  associated_ = false;
  request(node_message(MessageType::kAssociationReleaseRequest,
                       {ie(pfcp::NodeId{.address = config_.own})}),
          [done](const Result<pfcp::Message>&) { done(); });
}

}  // namespace sluice::lab
