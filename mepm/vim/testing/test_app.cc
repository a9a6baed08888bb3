// What runs in the containers of tests: a web server on port 8080 that does what it is asked to.
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

extern char** environ;

namespace {

std::string environment() {
  std::string out;
  for (char** at = environ; *at != nullptr; ++at) out += std::string(*at) + "\n";
  return out;
}

// How many processes there may be besides this one.
std::string forks() {
  int count = 0;
  for (; count < 100; ++count) {
    const pid_t child = fork();
    if (child < 0) break;
    if (child == 0) {
      pause();
      _exit(0);
    }
  }
  signal(SIGTERM, SIG_IGN);
  kill(0, SIGTERM);
  while (wait(nullptr) > 0) {
  }
  signal(SIGTERM, SIG_DFL);
  return std::to_string(count);
}

std::string eat() {
  for (size_t i = 0; i < 256; ++i) {
    auto* bytes = static_cast<char*>(malloc(1 << 20));
    memset(bytes, 1, 1 << 20);
  }
  return "full";
}

std::string answer(const std::string& path) {
  if (path == "/env") return environment();
  if (path == "/forks") return forks();
  if (path == "/eat") return eat();
  if (path == "/exit") _exit(3);
  return "well";
}

void serve() {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(8080);
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) _exit(1);
  if (listen(listener, 64) != 0) _exit(1);
  std::puts("serving");
  std::fflush(stdout);
  for (;;) {
    const int client = accept(listener, nullptr, nullptr);
    char request[4096];
    const auto size = read(client, request, sizeof request);
    const std::string text(request, size > 0 ? static_cast<size_t>(size) : 0);
    const auto from = text.find(' ') + 1;
    const auto path = text.substr(from, text.find(' ', from) - from);
    const bool found = path != "/missing";
    const auto body = answer(path);
    const auto reply = std::string(found ? "HTTP/1.1 200 OK" : "HTTP/1.1 404 Not Found") +
                       "\r\nConnection: close\r\nContent-Length: " + std::to_string(body.size()) +
                       "\r\n\r\n" + body;
    if (write(client, reply.data(), reply.size()) < 0) std::puts("gone");
    close(client);
  }
}

}  // namespace

// "check N": ends with status N, for probes.
int main(int argc, char** argv) {
  if (argc > 2) return std::atoi(argv[2]);
  signal(SIGTERM, [](int) { _exit(0); });
  serve();
  return 0;
}
