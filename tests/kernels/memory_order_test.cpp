#include <sluice/kernels/reorder/reorder_cuda_memory_order.h>

#include <vector>

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

using cuda::MemoryOrder;

/// Both ways at every place, against what the layout says of every element.
void expect_places_of(const Layout& layout, const Shape& dims) {
  SCOPED_TRACE(layout.str(dims.rank()) + " of " + dims.str());
  const MemoryOrder order(layout, dims);
  std::vector<std::int64_t> element_at(static_cast<std::size_t>(layout.padded_elements(dims)), -1);
  layout.for_each(dims, [&](std::int64_t element, std::int64_t place) {
    element_at[static_cast<std::size_t>(place)] = element;
    ASSERT_EQ(order.place(element), place) << "element " << element;
  });
  for (std::size_t place = 0; place < element_at.size(); ++place)
    ASSERT_EQ(order.element(static_cast<std::int64_t>(place)), element_at[place]) << "place " << place;
}

TEST(MemoryOrder, IsTheLayoutsOrderOfActivations) {
  for (const Layout& layout : {Layout(), Layout::channels_last(), Layout::channel_blocked(4),
                               Layout::channel_blocked(16), Layout({3, 1, 0, 2}, {})})
    for (const Shape& dims : {Shape{1, 1, 1, 1}, Shape{2, 21, 3, 5}, Shape{3, 16, 1, 1}, Shape{1, 33, 7, 1}})
      expect_places_of(layout, dims);
}

TEST(MemoryOrder, IsTheLayoutsOrderOfBlockedWeights) {
  const Layout twice({1, 0, 2, 3}, {{1, 4}, {0, 8}, {1, 2}});  // dimension 1 is blocked twice
  for (const Layout& layout : {Layout({0, 1, 2, 3}, {{1, 8}, {0, 4}}), Layout({0, 2, 3, 1}, {{0, 16}}), twice})
    for (const Shape& dims : {Shape{1, 1, 1, 1}, Shape{5, 10, 1, 1}, Shape{16, 8, 3, 3}, Shape{17, 9, 2, 3}})
      expect_places_of(layout, dims);
}

TEST(MemoryOrder, SplitsTheWeightsOfGroups) {
  expect_places_of(Layout({0, 1, 2, 3, 4}, {{1, 4}}, 2), {6, 5, 1, 2});     // 3 outputs a group, padded to 4
  expect_places_of(Layout({0, 1, 2, 3, 4}, {{0, 16}}, 20), {20, 1, 3, 3});  // depthwise: 20 groups, padded to 32
  expect_places_of(Layout({2, 0, 1, 3, 4}, {{1, 4}, {2, 2}}, 3), {12, 3, 2, 2});
}

TEST(MemoryOrder, TakesAnyRank) {
  expect_places_of(Layout(), {});
  expect_places_of(Layout(), {7});
  expect_places_of(Layout({0}, {{0, 4}}), {7});
  expect_places_of(Layout({1, 0}, {{1, 4}}), {3, 6});
  expect_places_of(Layout({5, 3, 1, 0, 2, 4}, {{5, 2}, {0, 3}, {1, 2}, {2, 2}, {3, 4}, {4, 3}}), {2, 3, 2, 5, 1, 3});
}

TEST(MemoryOrder, RefusesMoreBlocksThanItHasRoomFor) {
  const Layout layout({0, 1, 2, 3, 4, 5}, {{0, 2}, {1, 2}, {2, 2}, {3, 2}, {4, 2}, {5, 2}, {0, 2}});
  try {
    const MemoryOrder order(layout, {4, 2, 2, 2, 2, 2});
    FAIL() << "no error";
  } catch (const BackendError& error) {
    EXPECT_NE(std::string(error.what()).find("too many blocks"), std::string::npos) << error.what();
  }
}

}  // namespace
}  // namespace sluice::test
