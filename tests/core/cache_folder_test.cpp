#include <sluice/core/cache_folder.h>

#include <cstdlib>
#include <map>
#include <optional>
#include <string>

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <sluice/core/error.h>

#include "data/idx_files.h"

namespace sluice::test {
namespace {

namespace fs = std::filesystem;

/// The variables that tell where caches are, put back at the end.
class CacheFolder : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* const name : {"SLUICE_CACHE_DIR", "XDG_CACHE_HOME", "HOME"}) {
      const char* const value = std::getenv(name);
      before_[name] = value ? std::optional<std::string>(value) : std::nullopt;
      unsetenv(name);
    }
  }
  void TearDown() override {
    for (const auto& [name, value] : before_) value ? setenv(name.c_str(), value->c_str(), 1) : unsetenv(name.c_str());
  }
  static void set(const char* name, const char* value) { setenv(name, value, 1); }

 private:
  std::map<std::string, std::optional<std::string>> before_;
};

TEST_F(CacheFolder, IsTheFirstThatIsSet) {
  EXPECT_EQ(cache_folder(), fs::path());
  set("HOME", "/home/somebody");
  EXPECT_EQ(cache_folder(), fs::path("/home/somebody/.cache/sluice"));
  set("XDG_CACHE_HOME", "/caches");
  EXPECT_EQ(cache_folder(), fs::path("/caches/sluice"));
  set("SLUICE_CACHE_DIR", "/own");
  EXPECT_EQ(cache_folder(), fs::path("/own"));
}

TEST_F(CacheFolder, IgnoresRelativeAndEmptyPlaces) {
  set("SLUICE_CACHE_DIR", "");
  set("XDG_CACHE_HOME", "relative");
  EXPECT_EQ(cache_folder(), fs::path());
  set("HOME", "home/somebody");
  EXPECT_EQ(cache_folder(), fs::path());
  set("HOME", "");
  EXPECT_EQ(cache_folder(), fs::path());
  set("HOME", "/home/somebody");
  EXPECT_EQ(cache_folder(), fs::path("/home/somebody/.cache/sluice"));
  set("XDG_CACHE_HOME", "");
  EXPECT_EQ(cache_folder(), fs::path("/home/somebody/.cache/sluice"));
}

TEST_F(CacheFolder, OfOnesOwnMayBeRelative) {
  set("SLUICE_CACHE_DIR", "mine");
  EXPECT_EQ(cache_folder(), fs::current_path() / "mine");
}

TEST_F(CacheFolder, IsMadeForTheUserAlone) {
  const TempDirectory place;
  const mode_t before = umask(0);
  const fs::path folder = fs::path(place.path()) / "one" / "two";
  make_private_folder(folder);
  make_private_folder(folder);  // it may be there
  umask(before);
  for (const fs::path& made : {folder, folder.parent_path()})
    EXPECT_EQ(fs::status(made).permissions(), fs::perms::owner_all) << made;
  const std::string file = place.write("file", {});
  expect_error<Error>([&] { make_private_folder(fs::path(file) / "below"); }, {"cannot create the folder '" + file});
  expect_error<Error>([&] { make_private_folder(file); }, {"cannot create the folder '" + file});
}

}  // namespace
}  // namespace sluice::test
