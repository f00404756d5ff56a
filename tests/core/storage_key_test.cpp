#include <sluice/core/storage_key.h>

#include <gtest/gtest.h>

#include <string>

#include <sluice/core/error.h>

namespace sluice::test {
namespace {

TEST(StorageKey, IsReadBackFromItsText) {
  for (const std::string& text : {std::string(), std::string("features.0.weight"), std::string("a/b %\n\0 ä", 9),
                                  std::string("f32[3,4] in {0 1}")})
    for (int kind = 0; kind <= static_cast<int>(StorageKind::reordered); ++kind) {
      const StorageKey key{.kind = static_cast<StorageKind>(kind), .name = text, .detail = text + "x", .number = kind};
      EXPECT_EQ(StorageKey::parse(key.str()), key) << key.str();
      EXPECT_EQ(key.str().find_first_of(" \n"), std::string::npos) << key.str();
    }
  EXPECT_EQ((StorageKey{.kind = StorageKind::state, .name = "features.0.weight", .detail = "velocity"}.str()),
            "state/features.0.weight/velocity/0");
}

TEST(StorageKey, DifferentKeysHaveDifferentTexts) {
  const StorageKey a{.kind = StorageKind::state, .name = "w/v", .detail = ""};
  const StorageKey b{.kind = StorageKind::state, .name = "w", .detail = "v"};
  EXPECT_NE(a.str(), b.str());
}

TEST(StorageKey, RefusesOtherTexts) {
  for (const char* const text :
       {"", "state", "state/w/v", "state/w/v/0/1", "weight/w//0", "state/w/v/-1", "state/w/v/01", "state/w/v/",
        "state/w/v/1x", "state/a b/v/0", "state/%4/v/0", "state/%zz/v/0", "state/%41/v/0", "state/w/v/99999999999"})
    EXPECT_THROW(StorageKey::parse(text), DataError) << text;
}

}  // namespace
}  // namespace sluice::test
