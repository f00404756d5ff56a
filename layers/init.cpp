#include <sluice/layers/init.h>

#include <cmath>
#include <numbers>

#include <sluice/core/error.h>
#include <sluice/core/philox.h>

namespace sluice {
namespace {

/// Keeps these numbers apart from the streams of ops, whose ids are small.
constexpr std::uint32_t init_id = 0x494E4954;

/// value(i) of the four words of its block, for every element i of an f32 or f64 tensor.
template <class T, class Make>
void fill(std::span<T> values, std::uint64_t seed, std::uint32_t stream, const Make& make) {
  Philox::Block block{};
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i % 4 == 0) block = Philox::at(seed, stream, init_id, 0, static_cast<std::uint32_t>(i / 4));
    values[i] = static_cast<T>(make(block, i % 4));
  }
}

template <class Make>
void fill(Tensor& value, std::uint64_t seed, std::uint32_t stream, const Make& make) {
  if (value.dtype() == DType::f64)
    fill(value.values<double>(), seed, stream, make);
  else
    fill(value.values<float>(), seed, stream, make);
}

/// In [0, 1), 32 bits.
double unit(std::uint32_t word) { return static_cast<double>(word) * 0x1p-32; }

/// Words 0 and 1 make elements 0 and 1, words 2 and 3 the other two.
double standard_normal(const Philox::Block& block, std::size_t element) {
  const std::size_t pair = element & ~std::size_t{1};
  const double radius = std::sqrt(-2 * std::log(1 - unit(block.v[pair])));  // 1 - [0,1) is never 0
  const double angle = 2 * std::numbers::pi * unit(block.v[pair + 1]);
  return radius * (element % 2 == 0 ? std::cos(angle) : std::sin(angle));
}

/// An initializer whose standard deviation follows from the shape.
template <class StdOf>
Initializer scaled_normal(StdOf std_of) {
  return [=](Tensor& value, std::uint64_t seed, std::uint32_t stream) {
    init::normal(0, std_of(fans_of(value.shape())))(value, seed, stream);
  };
}

template <class StdOf>
Initializer scaled_uniform(StdOf std_of) {
  return [=](Tensor& value, std::uint64_t seed, std::uint32_t stream) {
    const double bound = std::numbers::sqrt3 * std_of(fans_of(value.shape()));
    init::uniform(-bound, bound)(value, seed, stream);
  };
}

auto kaiming_std(double gain) {
  return [gain](const Fans& fans) { return gain / std::sqrt(static_cast<double>(fans.in)); };
}

auto xavier_std(double gain) {
  return [gain](const Fans& fans) { return gain * std::sqrt(2.0 / static_cast<double>(fans.in + fans.out)); };
}

}  // namespace

Fans fans_of(const Shape& weight) {
  if (weight.rank() < 2)
    throw UsageError("init: weight has no fans; got " + weight.str() + "; expected [out, in, ...]");
  const std::int64_t taps = weight.elements() / (weight[0] * weight[1]);
  return {.in = weight[1] * taps, .out = weight[0] * taps};
}

namespace init {

void None::operator()(Tensor& value, std::uint64_t, std::uint32_t) const {
  throw UsageError("init: a parameter of init::none() has no first values; got " + value.shape().str() +
                   "; expected Parameter::write()");
}

Initializer constant(double number) {
  return [=](Tensor& value, std::uint64_t seed, std::uint32_t stream) {
    fill(value, seed, stream, [&](const Philox::Block&, std::size_t) { return number; });
  };
}

Initializer uniform(double low, double high) {
  return [=](Tensor& value, std::uint64_t seed, std::uint32_t stream) {
    fill(value, seed, stream,
         [&](const Philox::Block& block, std::size_t i) { return low + (high - low) * unit(block.v[i]); });
  };
}

Initializer normal(double mean, double std) {
  return [=](Tensor& value, std::uint64_t seed, std::uint32_t stream) {
    fill(value, seed, stream,
         [&](const Philox::Block& block, std::size_t i) { return mean + std * standard_normal(block, i); });
  };
}

Initializer kaiming_normal(double gain) { return scaled_normal(kaiming_std(gain)); }
Initializer kaiming_uniform(double gain) { return scaled_uniform(kaiming_std(gain)); }
Initializer xavier_normal(double gain) { return scaled_normal(xavier_std(gain)); }
Initializer xavier_uniform(double gain) { return scaled_uniform(xavier_std(gain)); }

}  // namespace init
}  // namespace sluice
