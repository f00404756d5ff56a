#pragma once

#include <cstdint>

#include <sluice/kernels/shared/pool_axis.h>

namespace sluice::cpu {

/// The windows over one map.
struct PoolWindows {
  PoolAxis rows, columns;
};

/// Row `i` of y and its indices from the map x: [h][w][inner]; y, indices: [w'][inner]. A NaN is larger than every
/// number.
void max_pool_row(const PoolWindows& windows, std::int64_t i, const float* x, float* y, std::uint8_t* indices,
                  std::int64_t inner);
void max_pool_row(const PoolWindows& windows, std::int64_t i, const float* x, float* y, std::int32_t* indices,
                  std::int64_t inner);

}  // namespace sluice::cpu
