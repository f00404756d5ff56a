#include <sluice/core/layout.h>

#include <functional>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

std::vector<std::int64_t> places(const Layout& layout, const Shape& dims) {
  std::vector<std::int64_t> places;
  layout.for_each(dims, [&](std::int64_t logical, std::int64_t physical) {
    EXPECT_EQ(logical, static_cast<std::int64_t>(places.size()));
    places.push_back(physical);
  });
  return places;
}

/// A formula for the place of element [n,c,h,w].
using Formula = std::function<std::int64_t(std::int64_t n, std::int64_t c, std::int64_t h, std::int64_t w)>;

void expect_places(const Layout& layout, const Shape& dims, const Formula& formula) {
  std::vector<std::int64_t> expected;
  for (std::int64_t n = 0; n < dims[0]; ++n)
    for (std::int64_t c = 0; c < dims[1]; ++c)
      for (std::int64_t h = 0; h < dims[2]; ++h)
        for (std::int64_t w = 0; w < dims[3]; ++w) expected.push_back(formula(n, c, h, w));
  EXPECT_EQ(places(layout, dims), expected) << layout.str(4);
}

constexpr std::int64_t N = 2, C = 21, H = 3, W = 5;
const Shape nchw{N, C, H, W};

TEST(Layout, PlacesElementsAsTheFormulasSay) {
  expect_places(Layout(), nchw, [](auto n, auto c, auto h, auto w) { return ((n * C + c) * H + h) * W + w; });
  expect_places(Layout::channels_last(), nchw,
                [](auto n, auto c, auto h, auto w) { return ((n * H + h) * W + w) * C + c; });
  expect_places(Layout({1, 0, 2, 3}, {}), nchw,
                [](auto n, auto c, auto h, auto w) { return ((c * N + n) * H + h) * W + w; });
  // 21 channels are two blocks of 16.
  expect_places(Layout::channel_blocked(16), nchw,
                [](auto n, auto c, auto h, auto w) { return (((n * 2 + c / 16) * H + h) * W + w) * 16 + c % 16; });
}

TEST(Layout, PlacesBlocksOfTwoDimensions) {
  // ABcd8b4a, oneDNN's way with weights: 8 of b around 4 of a.
  const Layout weights({0, 1, 2, 3}, {{1, 8}, {0, 4}});
  EXPECT_EQ(weights.str(4), "ABcd8b4a");
  EXPECT_EQ(weights.padded_elements({6, 9, 3, 3}), 8 * 16 * 3 * 3);
  expect_places(weights, {6, 9, 3, 3}, [](auto o, auto i, auto h, auto w) {
    return ((((o / 4 * 2 + i / 8) * 3 + h) * 3 + w) * 8 + i % 8) * 4 + o % 4;
  });
}

TEST(Layout, PlacesADimensionThatIsBlockedTwice) {
  // ABcd4b8a2b: 8 of b are 4 pairs with 8 of a between.
  const Layout weights({0, 1, 2, 3}, {{1, 4}, {0, 8}, {1, 2}});
  EXPECT_EQ(weights.str(4), "ABcd4b8a2b");
  EXPECT_EQ(weights.padded_elements({5, 10, 1, 1}), 8 * 16);
  expect_places(weights, {5, 10, 1, 1}, [](auto a, auto b, auto, auto) {
    return (((a / 8 * 2 + b / 8) * 4 + b % 8 / 2) * 8 + a % 8) * 2 + b % 2;
  });
}

TEST(Layout, SplitsTheWeightsOfGroups) {
  // 6 outputs in 2 groups; in each group 3 outputs, padded to a block of 4: aBcde4b of [2,3,5,1,2].
  const Layout grouped({0, 1, 2, 3, 4}, {{1, 4}}, 2);
  const Shape dims{6, 5, 1, 2};
  EXPECT_EQ(grouped.split(dims), (Shape{2, 3, 5, 1, 2}));
  EXPECT_EQ(grouped.padded_elements(dims), 2 * 4 * 5 * 2);
  expect_places(grouped, dims, [](auto o, auto i, auto, auto w) { return ((o / 3 * 5 + i) * 2 + w) * 4 + o % 3; });
  EXPECT_EQ(Layout::channels_last().split(dims), dims);
}

TEST(Layout, SplitsTheWeightsOfDepthwiseConvolutions) {
  // Abcde16a: 20 groups of one output and one input, 16 groups together.
  const Layout depthwise({0, 1, 2, 3, 4}, {{0, 16}}, 20);
  EXPECT_EQ(depthwise.padded_elements({20, 1, 3, 3}), 32 * 9);
  expect_places(depthwise, {20, 1, 3, 3},
                [](auto o, auto, auto h, auto w) { return ((o / 16 * 3 + h) * 3 + w) * 16 + o % 16; });
}

TEST(Layout, GivesEveryElementItsOwnPlace) {
  const std::vector<Layout> layouts{Layout(),
                                    Layout::channels_last(),
                                    Layout::channel_blocked(8),
                                    Layout({3, 1, 0, 2}, {}),
                                    Layout({1, 0, 3, 2}, {{1, 4}, {0, 16}, {1, 2}}),
                                    Layout({2, 0, 1, 3, 4}, {{1, 4}}, 3)};
  for (const Layout& layout : layouts)
    for (const Shape& dims : {Shape{6, 21, 3, 5}, Shape{12, 8, 1, 1}, Shape{3, 1, 7, 2}}) {
      const std::vector<std::int64_t> all = places(layout, dims);
      const std::set<std::int64_t> different(all.begin(), all.end());
      EXPECT_EQ(different.size(), static_cast<std::size_t>(dims.elements())) << layout.str(4) << dims.str();
      EXPECT_GE(*different.begin(), 0);
      EXPECT_LT(*different.rbegin(), layout.padded_elements(dims)) << layout.str(4) << dims.str();
    }
}

TEST(Layout, PadsOnlyToWholeBlocks) {
  EXPECT_EQ(Layout().padded_elements(nchw), N * C * H * W);
  EXPECT_EQ(Layout::channels_last().padded_elements(nchw), N * C * H * W);
  EXPECT_EQ(Layout::channel_blocked(16).padded_elements(nchw), N * 32 * H * W);
  EXPECT_EQ(Layout::channel_blocked(16).padded_elements({N, 32, H, W}), N * 32 * H * W);
  EXPECT_EQ(Layout::channel_blocked(16).bytes(nchw, DType::f64), static_cast<std::size_t>(N * 32 * H * W * 8));
  EXPECT_EQ(Layout().bytes({}, DType::i32), 4u);
}

TEST(Layout, HasOneFormForRowMajor) {
  EXPECT_TRUE(Layout().is_plain());
  EXPECT_EQ(Layout({0, 1, 2, 3}, {}), Layout());
  EXPECT_EQ(Layout({0, 1, 2, 3, 4}, {}, 4), Layout());  // splitting dimension 0 alone moves nothing
  EXPECT_EQ(Layout({0, 1, 2, 3, 4}, {}, 4).groups(), 1);
  EXPECT_FALSE(Layout::channels_last().is_plain());
  EXPECT_FALSE(Layout({0, 1, 2, 3}, {{1, 8}}).is_plain());
  EXPECT_NE(Layout::channel_blocked(8), Layout::channel_blocked(16));
  EXPECT_NE(Layout({0, 1, 2, 3, 4}, {{1, 4}}, 2), Layout({0, 1, 2, 3, 4}, {{1, 4}}, 3));
}

TEST(Layout, ReadsAsLetters) {
  EXPECT_EQ(Layout().str(4), "plain");
  EXPECT_EQ(Layout::channels_last().str(4), "acdb");
  EXPECT_EQ(Layout::channel_blocked(16).str(4), "aBcd16b");
  EXPECT_EQ(Layout({0, 1, 2, 3, 4}, {{1, 4}}, 2).str(4), "aBcde4b");  // the letters count the split dimensions
}

}  // namespace
}  // namespace sluice::test
