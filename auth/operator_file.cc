#include "auth/operator_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/log.h"
#include "base/unique_fd.h"

namespace sluice::auth {
namespace {

using nlohmann::json;

struct Credentials {
  std::string client_id;
  std::string client_secret;
};

Result<Credentials> read_file(const std::string& path) {
  struct stat info{};
  if (stat(path.c_str(), &info) != 0) return std::unexpected(errno_error("stat " + path));
  if ((info.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
    return fail(ErrorCode::kInvalidArgument,
                "{} can be read by others; chmod 600 it, or remove it "
                "to get new credentials",
                path);
  }
  std::ifstream file(path);
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  if (!file.is_open() || file.bad()) return fail(ErrorCode::kInternal, "{} cannot be read", path);
  const auto value = json::parse(text, nullptr, /*allow_exceptions=*/false);
  const auto member = [&](const char* name) -> std::string {
    if (!value.is_object() || !value.contains(name) || !value[name].is_string()) return {};
    return value[name].get<std::string>();
  };
  Credentials out{member("client_id"), member("client_secret")};
  if (out.client_id.empty() || out.client_secret.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "{} does not hold client_id and client_secret; remove it to get new ones", path);
  }
  return out;
}

// Complete or not at all, and never readable by others.
Result<void> write_file(const std::string& path, const Credentials& credentials) {
  const auto text =
      json{{"client_id", credentials.client_id}, {"client_secret", credentials.client_secret}}.dump(
          2) +
      "\n";
  const auto temporary = path + ".new";
  unlink(temporary.c_str());
  const UniqueFd fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  const bool written =
      fd && write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      fsync(fd.get()) == 0 && rename(temporary.c_str(), path.c_str()) == 0;
  if (!written) return std::unexpected(errno_error("write " + path));
  return {};
}

Client client_of(const Credentials& credentials, const Scopes& scopes) {
  Client out;
  out.client_id = credentials.client_id;
  out.secret_hash = SecretHash::of(credentials.client_secret);
  out.scopes = scopes;
  out.name = "operator";
  return out;
}

// The one operator client of the store becomes this one.
Result<void> adopt(store::Store& store, store::Collection<Client> clients,
                   const Credentials& credentials, const Scopes& scopes) {
  return store.change([&](store::Transaction& change) -> Result<void> {
    const auto before = change.view();
    for (const auto& [id, client] : before.of(clients)) {
      if (client.value.scopes == scopes) change.erase(clients, id);
    }
    change.put(clients, credentials.client_id, client_of(credentials, scopes));
    return {};
  });
}

}  // namespace

Result<void> ensure_operator(const std::string& path, store::Store& store,
                             store::Collection<Client> clients, const Scopes& scopes) {
  if (!std::filesystem::exists(path)) {
    const Credentials fresh{"operator-" + new_secret().substr(0, 16), new_secret()};
    // The file first: if the store misses it, the next start finds the file and adopts it.
    if (auto ok = write_file(path, fresh); !ok) return ok;
    spdlog::info("auth operator credentials written file={}", path);
    return adopt(store, clients, fresh, scopes);
  }
  const auto credentials = read_file(path);
  if (!credentials) return std::unexpected(credentials.error());
  const auto state = store.snapshot();
  const auto* known = state.find(clients, credentials->client_id);
  if (known != nullptr && known->value.scopes == scopes &&
      known->value.secret_hash.matches(credentials->client_secret)) {
    return {};
  }
  return adopt(store, clients, *credentials, scopes);
}

}  // namespace sluice::auth
