// The smallest edge app: answers every HTTP request with its own name, on port 8080 or $PORT.
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

int main() {
  const char* port = std::getenv("PORT");
  const char* name = std::getenv("APP_INSTANCE_ID");
  char reply[512];
  char body[256];
  const int length = std::snprintf(body, sizeof body, "hello from the edge, this is %s\n",
                                   name != nullptr ? name : "an instance without a name");
  const int size = std::snprintf(reply, sizeof reply,
                                 "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                                 "Content-Length: %d\r\nConnection: close\r\n\r\n%s",
                                 length, body);
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(std::atoi(port != nullptr ? port : "8080")));
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener, 64) != 0) {
    std::perror("hello");
    return 1;
  }
  for (;;) {
    const int client = accept(listener, nullptr, nullptr);
    if (client < 0) continue;
    char request[4096];
    if (read(client, request, sizeof request) > 0) {
      for (int sent = 0; sent < size;) {
        const auto n = write(client, reply + sent, static_cast<size_t>(size - sent));
        if (n <= 0) break;
        sent += static_cast<int>(n);
      }
    }
    close(client);
  }
}
