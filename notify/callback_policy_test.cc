#include "notify/callback_policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "notify/callback_uri.h"

namespace sluice::notify {
namespace {

using testing::HasSubstr;

TEST(CallbackUri, HasOneReadingOrNone) {
  struct Case {
    const char* text;
    const char* host;  // null: refused
    uint16_t port;
  };
  const Case cases[] = {
      {"http://192.0.2.1/a", "192.0.2.1", 80},
      {"https://App.Example:8443/a?b=c", "app.example", 8443},
      {"HTTP://app.example", "app.example", 80},
      {"https://[2001:DB8::1]:81/", "2001:db8::1", 81},
      {"http://app.example.:65535?x", "app.example.", 65535},
      {"http://x_y-z/", "x_y-z", 80},
      {"", nullptr, 0},
      {"/path", nullptr, 0},
      {"ftp://192.0.2.1/", nullptr, 0},
      {"file:///etc/passwd", nullptr, 0},
      {"gopher://192.0.2.1/", nullptr, 0},
      {"http:/192.0.2.1/", nullptr, 0},
      {"http://", nullptr, 0},
      {"http:///a", nullptr, 0},
      {"http://:80/", nullptr, 0},
      {"http://user@192.0.2.1/", nullptr, 0},
      {"http://user:pass@192.0.2.1/", nullptr, 0},
      {"http://192.0.2.1\\@127.0.0.1/", nullptr, 0},
      {"http://192.0.2.1#@127.0.0.1/", nullptr, 0},
      {"http://192.0.2.1/a#b", nullptr, 0},
      {"http://192.0.2.1:/", nullptr, 0},
      {"http://192.0.2.1:0/", nullptr, 0},
      {"http://192.0.2.1:65536/", nullptr, 0},
      {"http://192.0.2.1:+80/", nullptr, 0},
      {"http://192.0.2.1:80:80/", nullptr, 0},
      {"http://[::1/", nullptr, 0},
      {"http://[::1]80/", nullptr, 0},
      {"http://[fe80::1%25eth0]/", nullptr, 0},
      {"http://2130706433/", nullptr, 0},
      {"http://0x7f.0.0.1/", nullptr, 0},
      {"http://0x7f000001/", nullptr, 0},
      {"http://127.1/", nullptr, 0},
      {"http://0177.0.0.1/", nullptr, 0},
      {"http://app.0x10./", nullptr, 0},
      {"http://a..b/", nullptr, 0},
      {"http://.a/", nullptr, 0},
      {"http://%31%32%37.0.0.1/", nullptr, 0},
      {"http://app.example/a b", nullptr, 0},
      {"http://app.example/\r\nX: y", nullptr, 0},
      {"http://\xc3\xa4.example/", nullptr, 0},
  };
  for (const auto& c : cases) {
    const auto uri = CallbackUri::parse(c.text);
    ASSERT_EQ(uri.has_value(), c.host != nullptr) << c.text;
    if (!uri) continue;
    EXPECT_EQ(uri->host, c.host) << c.text;
    EXPECT_EQ(uri->port, c.port) << c.text;
  }
  EXPECT_TRUE(CallbackUri::parse("http://a/" + std::string(kMaxCallbackUri - 9, 'x')));
  EXPECT_FALSE(CallbackUri::parse("http://a/" + std::string(kMaxCallbackUri - 8, 'x')));
  EXPECT_FALSE(CallbackUri::parse("http://" + std::string(254, 'x') + "/"));
}

TEST(CallbackPolicy, KeepsCallbacksAwayFromThePlatformAndItsNeighbours) {
  const CallbackPolicy policy({});
  const char* refused[] = {
      "127.0.0.1",
      "127.255.255.254",
      "0.0.0.0",
      "0.1.2.3",
      "169.254.169.254",
      "169.254.0.1",
      "224.0.0.1",
      "239.255.255.250",
      "255.255.255.255",
      "240.0.0.1",
      "::1",
      "::",
      "fe80::1",
      "febf::1",
      "fec0::1",
      "ff02::1",
      "::ffff:127.0.0.1",
      "64:ff9b::127.0.0.1",
      "2002:7f00:1::",
      "64:ff9b::169.254.169.254",
      "fd00:ec2::254",
      "100.100.100.200",
      "::127.0.0.1",
      "64:ff9b:1::192.0.2.1",
      "64:ff9b:1:ffff::1",
  };
  for (const auto* text : refused) {
    const auto ok = policy.check_address(*IpAddress::parse(text), 80);
    ASSERT_FALSE(ok) << text;
    EXPECT_EQ(ok.error().code, ErrorCode::kPermissionDenied) << text;
  }
  for (const auto* text : {"10.0.0.1", "192.168.1.1", "192.0.2.1", "2001:db8::1", "fd12::1",
                           "64:ff9b::192.0.2.1", "172.16.0.1", "100.64.0.1"}) {
    EXPECT_TRUE(policy.check_address(*IpAddress::parse(text), 80)) << text;
  }
}

TEST(CallbackPolicy, LetsTheOperatorAllowAndDeny) {
  const CallbackPolicy policy(
      {.allow = {*IpPrefix::parse("127.0.0.0/8")},
       .deny = {*IpPrefix::parse("127.0.0.9"), *IpPrefix::parse("10.0.0.0/8")},
       .own_ports = {8080}});
  const auto allowed = [&](const char* address, uint16_t port) {
    return policy.check_address(*IpAddress::parse(address), port).has_value();
  };
  EXPECT_TRUE(allowed("127.0.0.1", 9000));
  EXPECT_FALSE(allowed("127.0.0.9", 9000)) << "denied";
  EXPECT_FALSE(allowed("10.0.0.1", 9000)) << "denied";
  EXPECT_FALSE(allowed("127.0.0.1", 8080)) << "the platform's own port";
  EXPECT_FALSE(allowed("127.1.2.3", 8080)) << "the platform's own port";
  EXPECT_TRUE(allowed("192.0.2.1", 8080)) << "another host's";
  EXPECT_FALSE(allowed("::1", 9000)) << "not what was allowed";
}

TEST(CallbackPolicy, RefusesAllWhileTheAddressesOfThisHostAreUnknown) {
  std::optional<std::vector<IpAddress>> own;
  const CallbackPolicy policy(
      {.allow = {*IpPrefix::parse("10.0.0.0/8")}, .deny = {}, .own_ports = {8080}},
      [&] { return own; });
  const auto allowed = [&](const char* address, uint16_t port) {
    return policy.check_address(*IpAddress::parse(address), port).has_value();
  };
  EXPECT_FALSE(allowed("192.0.2.1", 80));
  EXPECT_TRUE(allowed("10.0.0.1", 80)) << "the operator's word";
  EXPECT_FALSE(allowed("10.0.0.1", 8080)) << "may be the platform";
  own = {*IpAddress::parse("192.0.2.2")};
  EXPECT_TRUE(allowed("192.0.2.1", 80)) << "asked again";
  own.reset();
  EXPECT_TRUE(allowed("192.0.2.1", 80)) << "as read last";
  EXPECT_FALSE(allowed("192.0.2.2", 80)) << "as read last";
}

TEST(CallbackPolicy, JudgesUrisByWhatTheySay) {
  const CallbackPolicy policy({});
  struct Case {
    const char* uri;
    std::optional<ErrorCode> error;
  };
  const Case cases[] = {
      {"http://192.0.2.1/", std::nullopt},
      {"http://app.example/", std::nullopt},  // judged when it is called
      {"http://localhost:8080/", ErrorCode::kPermissionDenied},
      {"http://LOCALHOST./", ErrorCode::kPermissionDenied},
      {"http://x.localhost/", ErrorCode::kPermissionDenied},
      {"http://[::ffff:127.0.0.1]/", ErrorCode::kPermissionDenied},
      {"http://169.254.169.254/latest/meta-data", ErrorCode::kPermissionDenied},
      {"not a uri", ErrorCode::kInvalidArgument},
  };
  for (const auto& c : cases) {
    const auto ok = policy.check_uri(c.uri);
    ASSERT_EQ(ok.has_value(), !c.error) << c.uri;
    if (ok) continue;
    EXPECT_EQ(ok.error().code, *c.error) << c.uri;
    EXPECT_EQ(ok.error().field, "callbackReference");
  }
  EXPECT_THAT(policy.check_uri("http://127.0.0.1/").error().message, HasSubstr("loopback"));
}

}  // namespace
}  // namespace sluice::notify
