// Archives of images that say more of themselves than they may.
#include "mepm/vim/image_archive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>

#include "mepm/vim/testing/podman_service.h"

namespace sluice::mepm {
namespace {

using Files = std::vector<std::pair<std::string, std::string>>;

TEST(ImageArchive, only_one_image_and_no_name_of_ours) {
  constexpr const char* kOne = R"([{"Config": "c", "RepoTags": ["docker.io/library/app:1"]}])";
  const auto oci = [](const std::string& manifests) {
    return Files{{"oci-layout", "{}"}, {"index.json", R"({"manifests": [)" + manifests + "]}"}};
  };
  const auto named = [&](const std::string& name) {
    return oci(R"({"annotations": {"org.opencontainers.image.ref.name": ")" + name + R"("}})");
  };
  const struct {
    const char* what;
    Files files;
    const char* why;  // empty: nothing is wrong
  } cases[] = {
      {"docker", {{"manifest.json", kOne}, {"layer.tar", "x"}}, ""},
      {"no name", {{"manifest.json", R"([{"Config": "c"}])"}}, ""},
      {"names are null", {{"manifest.json", R"([{"RepoTags": null}])"}}, ""},
      {"oci", oci("{}"), ""},
      {"oci with a name", named("1.0"), ""},
      {"ours", {{"manifest.json", R"([{"RepoTags": ["localhost/sluice-site:a"]}])"}}, "not its"},
      {"ours, elsewhere", {{"./manifest.json", R"([{"RepoTags": ["sluice-site@b"]}])"}}, "not its"},
      {"ours, by oci", named("sluice-site:a"), "calls itself sluice-site:a"},
      {"ours, with a port", named("localhost:5000/sluice-site:a"), "not its to use"},
      {"two images", {{"manifest.json", "[{}, {}]"}}, "holds 2 images"},
      {"no image", {{"manifest.json", "[]"}}, "holds 0 images"},
      {"two oci images", oci("{}, {}"), "holds 2 images"},
      {"two names", {{"manifest.json", R"([{"RepoTags": ["a", "b"]}])"}}, "several names"},
      {"two indexes", {{"manifest.json", kOne}, {"./manifest.json", "[{}]"}}, "two of manifest"},
      {"one kind hides the other",
       {{"manifest.json", kOne}, {"index.json", R"({"manifests": [{}, {}]})"}},
       "holds 2 images"},
      {"a name is no text", {{"manifest.json", R"([{"RepoTags": [1]}])"}}, "no text"},
      {"no names", {{"manifest.json", R"([{"RepoTags": 5}])"}}, "names that are none"},
      {"no object", {{"manifest.json", "[1]"}}, "cannot be read"},
      {"no JSON", {{"manifest.json", "["}}, "cannot be read"},
      {"no index", {{"layer.tar", "x"}}, "neither"},
      {"large index", {{"manifest.json", std::string(2 << 20, ' ')}}, "1 MiB"},
  };
  const auto path = "/tmp/sluice-image-archive-" + std::to_string(getpid());
  for (const auto& c : cases) {
    write_tar(path, c.files);
    const auto done = check_image_archive(path, "sluice-site");
    EXPECT_EQ(done.has_value(), *c.why == '\0') << c.what << (done ? "" : done.error().message);
    EXPECT_THAT(done ? "" : done.error().message, testing::HasSubstr(c.why)) << c.what;
  }
  std::ofstream(path) << "no archive at all";
  EXPECT_FALSE(check_image_archive(path, "sluice-site"));
  ::unlink(path.c_str());
  EXPECT_FALSE(check_image_archive(path, "sluice-site"));
}

}  // namespace
}  // namespace sluice::mepm
