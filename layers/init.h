#pragma once

#include <cstdint>
#include <functional>

#include <sluice/core/tensor.h>

namespace sluice {

/// Fills a parameter with its first values. They depend only on shape, seed and stream (the parameter's number in its
/// model).
using Initializer = std::function<void(Tensor& value, std::uint64_t seed, std::uint32_t stream)>;

/// Fan-in and fan-out of a weight: [O,I,kh,kw] has fan_in I·kh·kw and fan_out O·kh·kw; [O,I] has
/// I and O.
struct Fans {
  std::int64_t in = 1, out = 1;
};
/// Throws UsageError for a shape of fewer than two dimensions.
Fans fans_of(const Shape& weight);

/// Initialisers. They draw from Philox in double and round. The values of a parameter depend only on its shape, seed
/// and stream.
namespace init {

/// The gain of a layer before a ReLU: √2 (He et al. 2015, section 2.2).
inline constexpr double relu_gain = 1.4142135623730951;

/// No first values: the parameter has no value before Parameter::write(), as in a program that loads it. Training,
/// evaluation and prediction throw until then. Calling it throws UsageError.
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

/// Normal, with variance gain² / fan_in, so that activations keep their scale in the forward pass. Source: He, Zhang,
/// Ren and Sun, "Delving Deep into Rectifiers", ICCV 2015, equation 10.
Initializer kaiming_normal(double gain = relu_gain);
/// Uniform, with the same variance.
Initializer kaiming_uniform(double gain = relu_gain);

/// Normal, with variance 2 · gain² / (fan_in + fan_out), a compromise between forward and backward pass. Source: Glorot
/// and Bengio, "Understanding the difficulty of training deep feedforward neural networks", AISTATS 2010, equation 16.
Initializer xavier_normal(double gain = 1);
/// Uniform, with the same variance.
Initializer xavier_uniform(double gain = 1);

}  // namespace init
}  // namespace sluice
