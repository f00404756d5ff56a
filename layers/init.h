#pragma once

#include <cstdint>
#include <functional>

#include <sluice/core/tensor.h>

namespace sluice {

/// Fills a parameter with its first values: the same for the same shape, seed and stream (the parameter's number in its
/// model).
using Initializer = std::function<void(Tensor& value, std::uint64_t seed, std::uint32_t stream)>;

/// Inputs and outputs of one element of a layer's result: [O,I,kh,kw] has fan_in I·kh·kw and fan_out O·kh·kw; [O,I] has
/// I and O.
struct Fans {
  std::int64_t in = 1, out = 1;
};
/// Throws UsageError for a shape of fewer than two dimensions.
Fans fans_of(const Shape& weight);

/// First values from Philox, in double, then rounded: what a parameter gets depends on nothing but its shape, seed and
/// stream.
namespace init {

/// What ReLU needs of a layer before it: √2 (He et al. 2015, section 2.2).
inline constexpr double relu_gain = 1.4142135623730951;

/// No first values: the parameter has none until somebody calls Parameter::write(), as a program does that loads it.
/// Training, evaluation and prediction refuse it until then. Throws UsageError when it is called.
struct None {
  void operator()(Tensor& value, std::uint64_t seed, std::uint32_t stream) const;
};
inline Initializer none() { return None{}; }

/// Every element the same.
Initializer constant(double value);
/// Every element 0.
inline Initializer zeros() { return constant(0); }
/// In [low, high).
Initializer uniform(double low, double high);
/// Box and Muller's method.
Initializer normal(double mean, double std);

/// Variance gain² / fan_in, so that activations keep their scale on the way forward. Source: He, Zhang, Ren and Sun,
/// "Delving Deep into Rectifiers", ICCV 2015, equation 10.
Initializer kaiming_normal(double gain = relu_gain);
/// The same variance, evenly spread.
Initializer kaiming_uniform(double gain = relu_gain);

/// Variance 2 · gain² / (fan_in + fan_out), a compromise between the way forward and back. Source: Glorot and Bengio,
/// "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010, equation 16.
Initializer xavier_normal(double gain = 1);
/// The same variance, evenly spread.
Initializer xavier_uniform(double gain = 1);

}  // namespace init
}  // namespace sluice
