#include <sluice/core/shape.h>

#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/core/error.h>

namespace sluice::test {
namespace {

TEST(Shape, CountsItsElements) {
  EXPECT_EQ(Shape().rank(), 0);
  EXPECT_EQ(Shape().elements(), 1);
  EXPECT_EQ((Shape{7}).elements(), 7);
  EXPECT_EQ((Shape{2, 3, 5, 7}).elements(), 210);
  EXPECT_EQ((Shape{1, 1, 1, 1, 1, 1}).rank(), Shape::max_rank);
}

TEST(Shape, HoldsUpTo63BitsOfElements) {
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  EXPECT_EQ((Shape{most}).elements(), most);
  EXPECT_EQ((Shape{1, most, 1}).elements(), most);
  EXPECT_EQ((Shape{std::int64_t{1} << 31, std::int64_t{1} << 31}).elements(), std::int64_t{1} << 62);
  EXPECT_THROW((Shape{std::int64_t{1} << 32, std::int64_t{1} << 31}).elements(), ShapeError);
  EXPECT_THROW((Shape{most, 2}).elements(), ShapeError);
  EXPECT_THROW((Shape{1 << 16, 1 << 16, 1 << 16, 1 << 16}).elements(), ShapeError);  // 2^64, 0 when it wraps
}

TEST(Shape, RefusesSevenDimensionsAndEmptyOnes) {
  EXPECT_THROW((Shape{1, 2, 3, 4, 5, 6, 7}), ShapeError);
  EXPECT_THROW(Shape(std::vector<std::int64_t>(7, 1)), ShapeError);
  EXPECT_THROW((Shape{3, 0}), ShapeError);
  EXPECT_THROW((Shape{-1}), ShapeError);
}

TEST(Shape, GainsAndLosesALeadingExtent) {
  EXPECT_EQ((Shape{3, 4}).with_leading(8), (Shape{8, 3, 4}));
  EXPECT_EQ(Shape().with_leading(8), (Shape{8}));
  EXPECT_EQ((Shape{8, 3, 4}).without_leading(), (Shape{3, 4}));
  EXPECT_EQ((Shape{8}).without_leading(), Shape());
  EXPECT_THROW((Shape{1, 2, 3, 4, 5, 6}).with_leading(2), ShapeError);
  EXPECT_THROW((Shape{3}).with_leading(0), ShapeError);
  EXPECT_THROW(Shape().without_leading(), ShapeError);
}

TEST(Shape, ComparesRankAndExtents) {
  EXPECT_NE((Shape{3}), (Shape{3, 1}));
  EXPECT_NE((Shape{3, 4}), (Shape{4, 3}));
  EXPECT_EQ((Shape{8, 3}).without_leading(), (Shape{3}));  // what stood there before does not count
}

TEST(Shape, ReadsAsText) {
  EXPECT_EQ(Shape().str(), "[]");
  EXPECT_EQ((Shape{8, 3, 32, 32}).str(), "[8,3,32,32]");
  EXPECT_EQ(Shape().str(true), "[N]");
  EXPECT_EQ((Shape{3, 32, 32}).str(true), "[N,3,32,32]");
}

}  // namespace
}  // namespace sluice::test
