#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include <sluice/core/kernel.h>
#include <sluice/kernels/shared/segments.h>

namespace sluice {

/// Makes the tensors of one parameter lie alike, in kernels of optimizers, whose inputs are `groups` lists of
/// `parameters` tensors (parameters, gradients, state). Returns each parameter's elements, padding included: it is
/// updated with the rest, and 0 stays 0.
std::vector<std::int64_t> share_update_layouts(LoweringContext& context, int groups, int parameters);

/// Where the tensors lie: `counts` as share_update_layouts returned them.
template <std::size_t groups>
Segments<float, groups> update_segments(const Addresses& addresses, const std::vector<std::int64_t>& counts) {
  Segments<float, groups> segments;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    std::array<float*, groups> at;
    for (std::size_t group = 0; group < groups; ++group)
      at[group] = static_cast<float*>(addresses.inputs[group * counts.size() + i]);
    segments.add(at, counts[i]);
  }
  return segments;
}

}  // namespace sluice
