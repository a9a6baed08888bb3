#include "upf-dataplane/ctl_command.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "base/command_line.h"
#include "base/unique_fd.h"

namespace sluice::upf {
namespace {

using nlohmann::json;

constexpr auto kSocketHelp = "Control socket of the running user plane (control.socket)";

// What the options say.
struct Options {
  std::string socket = "/run/sluice/upf.sock";
  bool as_json = false;
  json request = json::object();
  std::string output = "-";
};

[[noreturn]] void give_up(const std::string& why) {
  std::cerr << "sluice-upf ctl: " << why << '\n';
  std::exit(1);
}

UniqueFd connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) give_up("the socket's path is too long");
  std::memcpy(address.sun_path, path.data(), path.size());
  UniqueFd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd || connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    give_up(path + ": " + std::strerror(errno));
  }
  return fd;
}

// Reads up to and without the newline; `rest` gets what came behind it.
std::string read_line(int fd, std::string& rest) {
  std::string in;
  char buffer[65536];
  while (true) {
    if (const auto end = in.find('\n'); end != std::string::npos) {
      rest = in.substr(end + 1);
      in.resize(end);
      return in;
    }
    const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) give_up("the user plane closed the connection");
    in.append(buffer, static_cast<size_t>(n));
  }
}

json ask(const Options& options, UniqueFd& fd, std::string& rest) {
  fd = connect_to(options.socket);
  const std::string line = options.request.dump() + "\n";
  if (send(fd.get(), line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size())) {
    give_up(std::strerror(errno));
  }
  auto reply = json::parse(read_line(fd.get(), rest), nullptr, false);
  if (reply.contains("error")) give_up(reply["error"].get<std::string>());
  if (!reply.contains("answer")) give_up("this is no control socket of sluice-upf");
  return reply["answer"];
}

int show(const Options& options) {
  UniqueFd fd;
  std::string rest;
  const json answer = ask(options, fd, rest);
  if (!options.as_json && answer.is_object() && answer.contains("text")) {
    for (const auto& line : answer["text"]) std::cout << line.get<std::string>() << '\n';
  } else {
    std::cout << answer.dump(2) << '\n';
  }
  return 0;
}

int capture(const Options& options) {
  UniqueFd fd;
  std::string rest;
  ask(options, fd, rest);
  std::ofstream file;
  if (options.output != "-") {
    file.open(options.output, std::ios::binary | std::ios::trunc);
    if (!file) give_up(options.output + ": " + std::strerror(errno));
  }
  std::ostream& out = options.output == "-" ? std::cout : file;
  out.write(rest.data(), static_cast<std::streamsize>(rest.size())).flush();
  char buffer[65536];
  ssize_t n = 0;
  while (out && (n = recv(fd.get(), buffer, sizeof buffer, 0)) > 0) {
    out.write(buffer, n).flush();
  }
  if (!out) give_up("cannot write " + options.output);
  return n == 0 ? 0 : 1;
}

// A command whose options go into the request as they are, when they are given.
class Command {
 public:
  Command(CommandLine& ctl, const std::string& name, const std::string& about)
      : line_(ctl.command(name, about)), name_(name) {}

  void text(const std::string& flag, const std::string& member, const std::string& help) {
    std::string& value = texts_.emplace_back();
    members_.push_back({line_.option(flag, &value, help), member, &value, nullptr});
  }
  // `usual` is what the user plane takes without it.
  void number(const std::string& flag, const std::string& member, const std::string& help,
              uint64_t usual = 0) {
    uint64_t& value = numbers_.emplace_back(usual);
    members_.push_back({line_.option(flag, &value, help), member, nullptr, &value});
  }
  CommandLine& line() { return line_; }

  bool chosen() const { return line_.chosen(); }
  json request() const {
    json out = {{"command", name_}};
    for (const auto& member : members_) {
      if (!member.option.given()) continue;
      out[member.name] = member.text != nullptr ? json(*member.text) : json(*member.number);
    }
    return out;
  }

 private:
  struct Member {
    CommandLine::Option option;
    std::string name;
    const std::string* text;
    const uint64_t* number;
  };
  CommandLine line_;
  std::string name_;
  std::deque<std::string> texts_;  // which do not move
  std::deque<uint64_t> numbers_;
  std::vector<Member> members_;
};

// What people write in place of what the socket takes: a protocol's name, ports in a list.
void resolve(json& request) {
  if (request.contains("protocol")) {
    const std::map<std::string, int> names = {
        {"icmp", 1}, {"tcp", 6}, {"udp", 17}, {"icmpv6", 58}, {"sctp", 132}};
    const auto word = request["protocol"].get<std::string>();
    const auto name = names.find(word);
    const bool is_number = !word.empty() && word.size() <= 3 &&
                           word.find_first_not_of("0123456789") == std::string::npos;
    if (name == names.end() && !is_number) give_up(word + " is no protocol");
    request["protocol"] = name != names.end() ? name->second : std::stoi(word);
  }
  if (request.contains("ports")) {
    std::istringstream list(request["ports"].get<std::string>());
    request["ports"] = json::array();
    for (std::string port; std::getline(list, port, ',');) request["ports"].push_back(port);
  }
}

constexpr auto kProtocolHelp = "tcp, udp, icmp, icmpv6, sctp or a number";

void add_why_options(Command& why) {
  why.text("--ue", "ue", "The user's address");
  why.text("--remote", "remote", "The other end's address");
  why.text("--direction", "direction", "uplink (default) or downlink");
  why.text("--protocol", "protocol", kProtocolHelp);
  why.number("--ue-port", "uePort", "The user's port");
  why.number("--remote-port", "remotePort", "The other end's port");
  why.number("--tos", "tos", "ToS or traffic class, all eight bits");
  why.number("--qfi", "qfi", "QoS flow, uplink");
  why.number("--teid", "teid", "Tunnel, uplink; default: the session's first");
  why.text("--port", "port", "The port of the UPF by which the packet comes");
  why.text("--frame", "frame", "A whole frame in hexadecimal, in place of all but --port");
}

void add_capture_options(Command& dump) {
  dump.text("--port", "ports", "Only frames of these ports of the UPF, separated by commas");
  dump.text("--direction", "direction", "received, sent or both (default)");
  dump.text("--address", "address",
            "Only packets to or from this address or prefix, inside tunnels too");
  dump.number("--teid", "teid", "Only packets in this tunnel");
  dump.text("--protocol", "protocol", kProtocolHelp);
  dump.number("--l4-port", "l4Port", "Only packets from or to this port");
  dump.number("--packets", "packets", "At most so many", 10000);
  dump.number("--bytes", "bytes", "At most so many bytes written", 67108864);
  dump.number("--seconds", "seconds", "For at most so long", 60);
  dump.number("--snap-length", "snapLength", "Bytes kept of a frame", 2048);
}

}  // namespace

int run_ctl_command(int argc, char** argv) {
  Options options;
  CommandLine line("sluice-upf ctl", "Asks a running user plane.");
  line.option("-s,--socket", &options.socket, kSocketHelp);
  line.flag("--json", &options.as_json, "JSON also where there is text for people");
  Command status(line, "status", "Ports, drops by reason, own answers");
  Command rules(line, "rules", "MEC rules: their state, hits and bytes");
  Command sessions(line, "sessions", "Sessions and what they used, at most 1000");
  sessions.text("--ue", "ue", "Only the session with this address");
  Command tunnels(line, "tunnels", "In the mode inline: what is known of users, at most 1000");
  tunnels.text("--ue", "ue", "Only of this address");
  Command why(line, "why",
              "What happens to a packet, and which PDR, FAR and MEC rule decide.\n"
              "Example: sluice-upf ctl why --ue 10.45.0.2 --remote 203.0.113.10 --remote-port 80");
  add_why_options(why);
  Command dump(line, "capture",
               "Captures packets as pcapng until a limit is reached or the reader goes.\n"
               "Example: sluice-upf ctl capture --address 10.45.0.2 | tshark -r -");
  dump.line().option("-o,--output", &options.output, "File to write; -: standard output");
  add_capture_options(dump);
  if (const auto code = line.parse(argc, argv)) return *code;

  for (const Command* command : {&status, &rules, &sessions, &tunnels, &why, &dump}) {
    if (command->chosen()) options.request = command->request();
  }
  resolve(options.request);
  return dump.chosen() ? capture(options) : show(options);
}

}  // namespace sluice::upf
