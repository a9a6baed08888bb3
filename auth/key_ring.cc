#include "auth/key_ring.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/unique_fd.h"

namespace sluice::auth {
namespace {

namespace fs = std::filesystem;

// A token that is being issued while the key is replaced still gets its whole life.
constexpr int64_t kLeewayS = 5;
constexpr std::string_view kSuffix = ".pem";

template <typename Number>
bool read_number(std::string_view& text, char end, Number& out) {
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || at == text.data() + text.size() || *at != end) return false;
  text.remove_prefix(static_cast<size_t>(at - text.data()) + 1);
  return true;
}

// NUMBER-CREATED-LIFETIME.pem
std::optional<RingKey> parse_name(std::string_view name) {
  RingKey out;
  if (!name.ends_with(kSuffix)) return std::nullopt;
  if (!read_number(name, '-', out.number) || !read_number(name, '-', out.created) ||
      !read_number(name, '.', out.token_lifetime) || name != kSuffix.substr(1) || out.created < 0 ||
      out.token_lifetime < 0) {
    return std::nullopt;
  }
  return out;
}

// Sets when each key but the newest ends. Newest first.
void set_retirement(KeyRing::Keys& keys) {
  keys.front().retires.reset();
  for (size_t i = 1; i < keys.size(); ++i) {
    keys[i].retires = keys[i - 1].created + keys[i].token_lifetime + kLeewayS;
  }
}

}  // namespace

KeyRingOptions key_ring_in(const std::string& state_directory, std::chrono::seconds token_lifetime,
                           std::chrono::seconds max_age) {
  return {.directory = state_directory + "/token-keys",
          .single_key_file = state_directory + "/token-key.pem",
          .token_lifetime = token_lifetime,
          .max_age = max_age};
}

Result<std::unique_ptr<KeyRing>> KeyRing::open(KeyRingOptions options, const Clock& clock) {
  std::unique_ptr<KeyRing> out(new KeyRing(std::move(options), clock));
  if (auto ok = out->load(); !ok) return std::unexpected(ok.error());
  if (auto ok = out->maintain(); !ok) return std::unexpected(ok.error());
  return out;
}

int64_t KeyRing::seconds() const {
  return std::chrono::floor<std::chrono::seconds>(clock_.wall()).time_since_epoch().count();
}

std::string KeyRing::path_of(const RingKey& key) const {
  return fmt::format("{}/{}-{}-{}{}", options_.directory, key.number, key.created,
                     key.token_lifetime, kSuffix);
}

Result<void> KeyRing::load() {
  if (::mkdir(options_.directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return std::unexpected(errno_error("create " + options_.directory));
  }
  Keys keys;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(options_.directory, error)) {
    const auto name = entry.path().filename().string();
    if (name.contains(".new.")) {  // a rotation that a crash kept from happening
      fs::remove(entry.path(), error);
      continue;
    }
    auto key = parse_name(name);
    if (!key) return fail(ErrorCode::kInvalidArgument, "{} is no key file", entry.path().string());
    auto loaded = SigningKey::load(entry.path());
    if (!loaded) return std::unexpected(loaded.error());
    key->key = std::make_shared<const SigningKey>(std::move(*loaded));
    keys.push_back(std::move(*key));
  }
  if (error) return fail(ErrorCode::kInternal, "{}: {}", options_.directory, error.message());
  std::ranges::sort(keys, std::greater(), &RingKey::number);

  const bool adopt = keys.empty() && !options_.single_key_file.empty();
  auto single = adopt ? SigningKey::load(options_.single_key_file)
                      : Result<SigningKey>(fail(ErrorCode::kNotFound, "no single key"));
  if (!single && single.error().code != ErrorCode::kNotFound) {
    return std::unexpected(single.error());
  }
  if (keys.empty() || keys.front().token_lifetime != options_.token_lifetime.count()) {
    if (auto ok = add_key(keys, single ? &*single : nullptr); !ok) return ok;
  }
  if (!options_.single_key_file.empty()) ::unlink(options_.single_key_file.c_str());
  publish(std::move(keys));
  return {};
}

// Adds the newest key to the directory and to `keys`: a new one, or a copy of `existing`.
Result<void> KeyRing::add_key(Keys& keys, const SigningKey* existing) {
  RingKey added{nullptr, keys.empty() ? 1 : keys.front().number + 1, seconds(),
                options_.token_lifetime.count(), std::nullopt};
  if (existing == nullptr) {
    const auto made = SigningKey::generate();
    if (!made) return std::unexpected(made.error());
    if (auto ok = made->save(path_of(added)); !ok) return ok;
  } else if (auto ok = existing->save(path_of(added)); !ok) {
    return ok;
  }
  auto loaded = SigningKey::load(path_of(added));  // what is in the file is what will be read again
  if (!loaded) return std::unexpected(loaded.error());
  added.key = std::make_shared<const SigningKey>(std::move(*loaded));
  keys.insert(keys.begin(), std::move(added));
  return {};
}

// Durably: a key that came back with a crash would make its tokens good again.
Result<void> KeyRing::remove_files(std::span<const RingKey> keys) const {
  Result<void> out;
  for (const auto& key : keys) {
    if (::unlink(path_of(key).c_str()) == 0 || errno == ENOENT) continue;
    out = std::unexpected(errno_error("remove " + path_of(key)));
  }
  const UniqueFd folder(::open(options_.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0) {
    return std::unexpected(errno_error("sync " + options_.directory));
  }
  return out;
}

void KeyRing::publish(Keys keys) {
  set_retirement(keys);
  auto next = std::make_shared<const Keys>(std::move(keys));
  const std::lock_guard lock(mutex_);
  keys_ = std::move(next);
  ++version_;
}

std::shared_ptr<const KeyRing::Keys> KeyRing::keys() const {
  const std::lock_guard lock(mutex_);
  return keys_;
}

std::shared_ptr<const SigningKey> KeyRing::find(std::string_view key_id) const {
  const auto all = keys();
  const auto found =
      std::ranges::find_if(*all, [&](const RingKey& k) { return k.key->id() == key_id; });
  return found == all->end() ? nullptr : found->key;
}

Result<void> KeyRing::rotate(Old old) {
  const std::lock_guard lock(writer_);
  Keys next = *keys();
  if (auto ok = add_key(next); !ok) return ok;
  // The new key is there before the old ones go: a crash in between leaves old ones, which the
  // operator sees and drops again.
  Result<void> removed;
  if (old == Old::kDrop) {
    removed = remove_files(std::span(next).subspan(1));
    next.resize(1);
  }
  publish(std::move(next));
  return removed;
}

Result<void> KeyRing::maintain() {
  const auto now = seconds();
  const auto current = keys();
  const auto age = options_.max_age.count();
  if (age > 0 && now - current->front().created >= age) return rotate(Old::kKeep);
  const auto over = [now](const RingKey& k) { return k.retires && *k.retires <= now; };
  if (std::ranges::none_of(*current, over)) return {};

  const std::lock_guard lock(writer_);
  Keys next = *keys();
  Keys retired;
  std::ranges::copy_if(next, std::back_inserter(retired), over);
  // Those whose files cannot be removed now are tried again: they stay in the list.
  if (auto ok = remove_files(retired); !ok) return ok;
  std::erase_if(next, over);
  publish(std::move(next));
  return {};
}

nlohmann::json KeyRing::jwks() const {
  auto out = nlohmann::json::array();
  for (const auto& key : *keys()) out.push_back(key.key->public_jwk());
  return {{"keys", std::move(out)}};
}

}  // namespace sluice::auth
