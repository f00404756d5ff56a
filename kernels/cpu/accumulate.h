#pragma once

#include <cstdint>

namespace sluice::cpu {

/// sum[i] += part[i] for i < count, on all threads.
void accumulate(float* sum, const float* part, std::int64_t count);

}  // namespace sluice::cpu
