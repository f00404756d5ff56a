#include <sluice/core/philox.h>

#include <array>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

using Words = std::array<std::uint32_t, 4>;

Words words(const Philox::Block& block) { return {block.v[0], block.v[1], block.v[2], block.v[3]}; }

TEST(Philox, GivesTheKnownAnswersOfRandom123) {
  constexpr std::uint32_t ones = 0xFFFFFFFF;
  EXPECT_EQ(words(Philox::generate({{0, 0, 0, 0}}, 0, 0)), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(words(Philox::generate({{ones, ones, ones, ones}}, ones, ones)),
            (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(words(Philox::generate({{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}}, 0xa4093822, 0x299f31d0)),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, StreamsDifferInEveryCoordinate) {
  std::set<Words> streams;
  const auto add = [&](std::uint64_t seed, std::uint64_t step, std::uint32_t op, std::uint32_t position,
                       std::uint32_t block) { streams.insert(words(Philox::at(seed, step, op, position, block))); };
  add(0, 0, 0, 0, 0);
  add(1, 0, 0, 0, 0);
  add(std::uint64_t{1} << 32, 0, 0, 0, 0);  // the seed's upper half counts
  add(0, 1, 0, 0, 0);
  add(0, 0, 1, 0, 0);
  add(0, 0, 0, 1, 0);
  add(0, 0, 0, 0, 1);
  EXPECT_EQ(streams.size(), 7u);
  EXPECT_EQ(words(Philox::at(0, 0, 0, 0, 0)), words(Philox::generate({{0, 0, 0, 0}}, 0, 0)));
}

TEST(Philox, UniformLiesInTheHalfOpenUnitInterval) {
  EXPECT_EQ(Philox::uniform(0), 0.0f);
  EXPECT_EQ(Philox::uniform(0xFF), 0.0f);  // 24 bits count
  EXPECT_EQ(Philox::uniform(0x80000000), 0.5f);
  EXPECT_EQ(Philox::uniform(0xFFFFFFFF), 1.0f - 1.0f / 16777216.0f);
}

TEST(Philox, UniformIsEven) {
  std::vector<int> bins(16);
  for (std::uint32_t block = 0; block < 4000; ++block)
    for (const std::uint32_t word : words(Philox::at(1, 2, 3, 4, block)))
      ++bins[static_cast<std::size_t>(Philox::uniform(word) * 16)];
  double chi_squared = 0;
  for (const int count : bins) chi_squared += (count - 1000.0) * (count - 1000.0) / 1000.0;
  EXPECT_LT(chi_squared, 37.7);  // 0.999 quantile of 15 degrees of freedom; the numbers are fixed
}

}  // namespace
}  // namespace sluice::test
