#include <sluice/kernels/reduce/reduce_mean.h>

#include <sluice/kernels/arithmetic/arithmetic.h>
#include <sluice/kernels/reduce/reduce.h>

namespace sluice {

Var mean_per_sample(Var x) { return scale(sum_per_sample(x), 1.0 / static_cast<double>(x.shape().elements())); }

}  // namespace sluice
