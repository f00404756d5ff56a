#pragma once

#include <cmath>

namespace sluice::cuda {

/// A sum of floats and of their products that keeps what rounding cuts off: about 48 bits. Consumer GPUs do double
/// arithmetic at a 32nd or 64th of the rate of float's, so kernels that sum everything they read collect short runs in
/// pairs and only add these up in double.
///
/// Not exact where a sum or a product overflows a float (the value is then infinite or NaN) or a product is below
/// 1e-31. Source: Ogita, Rump and Oishi, "Accurate Sum and Dot Product", SIAM J. Sci. Comput. 26(6), 2005, algorithms
/// 3.1, 3.5 and 4.1.
struct FloatPair {
  float sum = 0, rest = 0;

  __device__ void add(float x) {
    const float next = sum + x, added = next - sum;
    rest += (sum - (next - added)) + (x - added);
    sum = next;
  }

  __device__ void add_product(float a, float b) {
    const float product = __fmul_rn(a, b);  // by name: the compiler would fuse a plain one into the sum
    rest += fmaf(a, b, -product);
    add(product);
  }

  /// Once the sum is not finite, what it cuts off is inf − inf.
  __device__ double value() const {
    return static_cast<double>(sum) + (sum - sum == 0 ? static_cast<double>(rest) : 0.0);
  }
};

}  // namespace sluice::cuda
