#include <sluice/kernels/cuda/grid_index.h>

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

using cuda::Extents;
using cuda::GridIndex;

// Every thread of grids below, at and above the extents, against dividing at each element.
TEST(GridIndex, StepsAsDivisionWould) {
  for (const Extents<4>& extents : {Extents<4>{{3, 4, 5, 2}}, Extents<4>{{2, 1, 7, 3}}, Extents<4>{{5, 1, 1, 1}}}) {
    const std::int64_t count = extents.of[0] * extents.of[1] * extents.of[2] * extents.of[3];
    for (const std::int64_t threads : {1, 2, 7, 10, 40, 64, 200})
      for (std::int64_t thread = 0; thread < threads; ++thread) {
        GridIndex<4> at(extents, thread, threads);
        for (std::int64_t i = thread; i < count; i += threads, at.advance(extents)) {
          std::int64_t place = 0;
          for (int d = 0; d < 4; ++d) {
            ASSERT_GE(at[d], 0);
            ASSERT_LT(at[d], extents.of[d]);
            place = place * extents.of[d] + at[d];
          }
          ASSERT_EQ(place, i) << thread << " of " << threads;
        }
      }
  }
}

TEST(GridIndex, CountsBeyond32Bits) {
  const Extents<2> extents{{1, std::int64_t{1} << 33}};
  GridIndex<2> at(extents, (std::int64_t{5} << 33) - 1, (std::int64_t{1} << 33) + 2);
  at.advance(extents);
  EXPECT_EQ(at[0], 6);
  EXPECT_EQ(at[1], 1);
}

}  // namespace
}  // namespace sluice::test
