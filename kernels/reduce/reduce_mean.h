#pragma once

#include <sluice/core/graph.h>

namespace sluice {

/// sum_per_sample(x) / number of elements per sample.
Var mean_per_sample(Var x);

}  // namespace sluice
