// sluice-lab: stand-ins for the parts of a 5G network around an edge site.
#include <iostream>

#include "base/command_line.h"
#include "base/event_loop.h"
#include "base/log.h"
#include "lab/backhaul.h"
#include "lab/control_socket.h"
#include "lab/ran.h"

namespace sluice::lab {
namespace {

constexpr std::chrono::seconds kPatienceAtTheEnd{3};

int report(const Error& error) {
  std::cerr << "sluice-lab: " << error.to_string() << "\n";
  return 1;
}

int run_ran(const std::string& config_file) {
  const auto config = read_ran_config(config_file);
  if (!config) return report(config.error());
  start_logging("sluice-lab", config->log_level);
  EventLoop loop;
  loop.stop_on_signals();
  const auto ran = Ran::start(loop, *config);
  if (!ran) return report(ran.error());
  loop.run();

  bool over = false;
  (*ran)->shut_down([&over] { over = true; });
  const auto deadline = EventLoop::Clock::now() + kPatienceAtTheEnd;
  while (!over && EventLoop::Clock::now() < deadline) {
    loop.run_once(std::chrono::milliseconds(50));
  }
  spdlog::info("stopped");
  return 0;
}

int run_backhaul(const std::string& a, const std::string& b, int delay_ms, size_t capacity) {
  start_logging("sluice-lab", "info");
  EventLoop loop;
  loop.stop_on_signals();
  const auto backhaul = Backhaul::open(loop, a, b, std::chrono::milliseconds(delay_ms), capacity);
  if (!backhaul) return report(backhaul.error());
  spdlog::info("simulated backhaul up a={} b={} delay_ms={}", a, b, delay_ms);
  loop.run();
  for (const auto& [way, counters] :
       {std::pair{"a-to-b", (*backhaul)->a_to_b()}, {"b-to-a", (*backhaul)->b_to_a()}}) {
    spdlog::info("{} forwarded={} dropped_full={} dropped_send={}", way, counters.forwarded,
                 counters.dropped_full, counters.dropped_send);
  }
  return 0;
}

int run_ctl(const std::string& socket, const std::string& command, const uint32_t* number) {
  nlohmann::json request = {{"command", command}};
  if (number != nullptr) request["number"] = *number;
  const auto reply = ask(socket, request);
  if (!reply) return report(reply.error());
  std::cout << reply->dump(2) << "\n";
  return reply->contains("error") ? 1 : 0;
}

int run(int argc, char** argv) {
  CommandLine line(
      "sluice-lab",
      "Stand-ins for the parts of a 5G network around an edge site, speaking real GTP-U and PFCP.\n"
      "Everything here is a simulation of a network, for demos, tests and benchmarks.");

  std::string config_file;
  auto ran = line.command("ran", "A gNB, its UEs (one TUN device each) and a minimal SMF");
  ran.option("--config", &config_file, "YAML file, see lab/ran.example.yaml").required();

  std::string a;
  std::string b;
  int delay_ms = 20;
  size_t capacity = 8192;
  auto backhaul = line.command(
      "backhaul", "Simulates a long line: forwards frames between two interfaces with a delay");
  backhaul.option("--a", &a, "One interface").required();
  backhaul.option("--b", &b, "The other interface").required();
  backhaul.option("--delay-ms", &delay_ms, "Delay of each direction, milliseconds")
      .between(0, 10'000);
  backhaul.option("--capacity", &capacity, "Frames under way per direction; more are dropped")
      .between(1, 1 << 20);

  std::string socket;
  std::string command;
  uint32_t number = 0;
  auto ctl = line.command("ctl", "Asks a running 'sluice-lab ran', prints its JSON reply");
  ctl.option("--socket", &socket, "control.socket of its configuration").required();
  ctl.option("command", &command, "status, ues, ue N, add-ue N or remove-ue N").required();
  const auto number_option = ctl.option("N", &number, "The UE's number");

  if (const auto code = line.parse(argc, argv)) return *code;
  if (ran.chosen()) return run_ran(config_file);
  if (backhaul.chosen()) return run_backhaul(a, b, delay_ms, capacity);
  return run_ctl(socket, command, number_option.given() ? &number : nullptr);
}

}  // namespace
}  // namespace sluice::lab

int main(int argc, char** argv) {
  try {
    return sluice::lab::run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "sluice-lab: " << error.what() << "\n";
    return 1;
  }
}
