// Windows and elements of poolings along one axis: the windows over an element are those that it is in.

#include <sluice/kernels/shared/pool_axis.h>

#include <gtest/gtest.h>

#include <sluice/core/size2d.h>
#include <sluice/kernels/adaptive_avg_pool2d/adaptive_avg_pool2d.h>

namespace sluice::test {
namespace {

TEST(PoolAxis, WindowsHoldTheTapsInsideX) {
  const PoolAxis axis{.extent = 5, .windows = 3, .kernel = 3, .stride = 2, .padding = 1};
  const std::int64_t expected[3][2] = {{0, 2}, {1, 4}, {3, 5}};
  for (std::int64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(axis.of_window(i).begin, expected[i][0]);
    EXPECT_EQ(axis.of_window(i).end, expected[i][1]);
  }
  EXPECT_EQ(axis.first(0), -1);
}

TEST(PoolAxis, WindowsOverAnElementAreThoseItIsIn) {
  for (std::int64_t extent = 1; extent <= 9; ++extent)
    for (std::int64_t kernel = 1; kernel <= 5; ++kernel)
      for (std::int64_t stride = 1; stride <= 6; ++stride)
        for (std::int64_t padding = 0; padding <= kernel / 2; ++padding) {
          const PoolAxis axis{extent, window_positions(extent, kernel, stride, padding), kernel, stride, padding};
          for (std::int64_t p = 0; p < extent; ++p)
            for (std::int64_t i = 0; i < axis.windows; ++i) {
              const PoolRange elements = axis.of_window(i), windows = axis.over(p);
              EXPECT_EQ(i >= windows.begin && i < windows.end, p >= elements.begin && p < elements.end)
                  << "window " << i << ", element " << p << " of " << extent << ", kernel " << kernel << ", stride "
                  << stride << ", padding " << padding;
            }
        }
}

TEST(AdaptiveWindow, IsItsOwnTranspose) {
  for (std::int64_t extent = 1; extent <= 12; ++extent)
    for (std::int64_t count = 1; count <= 12; ++count)
      for (std::int64_t p = 0; p < extent; ++p)
        for (std::int64_t i = 0; i < count; ++i) {
          const AdaptiveWindow elements(i, count, extent), windows(p, extent, count);
          EXPECT_EQ(i >= windows.begin && i < windows.end, p >= elements.begin && p < elements.end)
              << "window " << i << " of " << count << ", element " << p << " of " << extent;
        }
}

}  // namespace
}  // namespace sluice::test
