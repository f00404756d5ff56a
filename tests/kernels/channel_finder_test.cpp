#include <sluice/kernels/shared/channel_finder_cuda.h>

#include <vector>

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

using cuda::ChannelFinder;
using cuda::wide;

LoweredValue activation(const Shape& dims, const Layout& layout) { return {.dims = dims, .layout = layout}; }

/// The channel of what lies at each place; −1: padding.
std::vector<std::int64_t> channels_by_place(const LoweredValue& value) {
  std::vector<std::int64_t> channels(static_cast<std::size_t>(value.padded_elements()), -1);
  std::int64_t spatial = 1;
  for (int d = 2; d < value.dims.rank(); ++d) spatial *= value.dims[d];
  value.layout.for_each(value.dims, [&](std::int64_t element, std::int64_t place) {
    channels[static_cast<std::size_t>(place)] = element / spatial % value.dims[1];
  });
  return channels;
}

/// Whether one load serves every four places side by side: all of one channel, or of channels that follow one another
/// from a multiple of four on, or all padding.
bool fours_are_alike(const std::vector<std::int64_t>& channels) {
  if (channels.size() % wide != 0) return false;
  for (std::size_t first = 0; first < channels.size(); first += wide) {
    const std::int64_t c = channels[first];
    bool same = true, following = c % wide == 0;
    for (std::size_t k = 1; k < wide; ++k) {
      same = same && channels[first + k] == c;
      following = following && channels[first + k] == c + static_cast<std::int64_t>(k);
    }
    if (!same && !following) return false;
  }
  return true;
}

const std::vector<Layout> layouts_of_maps = {Layout(), Layout::channels_last(), Layout::channel_blocked(4),
                                             Layout::channel_blocked(8), Layout::channel_blocked(16)};

void check(const LoweredValue& value) {
  SCOPED_TRACE(value.layout.str(value.dims.rank()) + " of " + value.dims.str());
  const std::optional<ChannelView> view = channel_view(value);
  ASSERT_TRUE(view);
  const ChannelFinder channel(*view);
  const std::vector<std::int64_t> expected = channels_by_place(value);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const std::int64_t got = channel(static_cast<std::int64_t>(i));
    if (expected[i] >= 0)
      ASSERT_EQ(got, expected[i]) << "place " << i;
    else
      ASSERT_GE(got, value.dims[1]) << "padding at place " << i;
  }
  EXPECT_TRUE(!channel.finds_wide() || fours_are_alike(expected));
}

TEST(ChannelFinder, FindsTheChannelOfEveryPlace) {
  for (const Layout& layout : layouts_of_maps)
    for (const Shape& dims : {Shape{1, 1, 1, 1}, Shape{2, 3, 5, 7}, Shape{3, 21, 2, 3}, Shape{2, 16, 4, 1},
                              Shape{1, 32, 3, 3}, Shape{5, 12, 1, 1}, Shape{2, 40, 2, 2}})
      check(activation(dims, layout));
}

TEST(ChannelFinder, FindsThemWithoutMapsAndInVolumes) {
  for (const Shape& dims : {Shape{1, 1}, Shape{3, 10}, Shape{4, 64}, Shape{2, 6, 5}, Shape{2, 5, 3, 2, 3}})
    check(activation(dims, Layout()));
}

// A kernel that never took its fast path would be right as well.
TEST(ChannelFinder, IsWideWhereItCanBe) {
  const auto finds_wide = [](const Shape& dims, const Layout& layout) {
    return ChannelFinder(*channel_view(activation(dims, layout))).finds_wide();
  };
  EXPECT_TRUE(finds_wide({2, 3, 4, 5}, Layout()));   // whole maps of 20
  EXPECT_FALSE(finds_wide({2, 4, 3, 3}, Layout()));  // maps of 9: four elements lie in two channels
  EXPECT_TRUE(finds_wide({2, 8, 3, 3}, Layout::channels_last()));
  EXPECT_FALSE(finds_wide({2, 6, 3, 3}, Layout::channels_last()));
  EXPECT_TRUE(finds_wide({2, 20, 3, 3}, Layout::channel_blocked(16)));
  EXPECT_FALSE(finds_wide({2, 21, 3, 3}, Layout::channel_blocked(16)));  // padding begins inside of four
  EXPECT_TRUE(finds_wide({3, 12}, Layout()));
  EXPECT_FALSE(finds_wide({3, 10}, Layout()));
}

}  // namespace
}  // namespace sluice::test
