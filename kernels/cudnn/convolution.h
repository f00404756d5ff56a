#pragma once

#include <cstdint>
#include <string>

#include <sluice/core/size2d.h>

namespace sluice::cudnn {

enum class Direction : std::uint8_t { forward, backward_data, backward_filter };

/// One direction of a convolution, f32. x: [n,c,h,w] as NHWC; w: [k,c/groups,kernel] as KRSC (channels last); y:
/// [n,k,out] as NHWC.
struct Convolution {
  Direction direction = Direction::forward;
  std::int64_t n = 0, c = 0, k = 0, groups = 1;
  Size2d in = 1, kernel = 1, out = 1;
  Size2d stride = 1, padding = 0, dilation = 1;
  bool bias = false;  ///< forward: y += bias[k]
  bool relu = false;  ///< forward, behind the bias: y = max(y, 0), NaN stays NaN

  std::string str() const;
};

}  // namespace sluice::cudnn
