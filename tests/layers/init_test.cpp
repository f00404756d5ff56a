#include <sluice/layers/init.h>

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include <sluice/core/error.h>

#include "support/tensors.h"

namespace sluice::test {
namespace {

Tensor filled(const Initializer& initializer, const Shape& shape, std::uint64_t seed = 1, std::uint32_t stream = 0) {
  Tensor value(shape);
  initializer(value, seed, stream);
  return value;
}

struct Moments {
  double mean = 0, std = 0, kurtosis = 0, low = 0, high = 0, neighbours = 0;
};

Moments moments(const Tensor& tensor) {
  const std::vector<double> x = doubles(tensor);
  const auto n = static_cast<double>(x.size());
  Moments m{.low = *std::min_element(x.begin(), x.end()), .high = *std::max_element(x.begin(), x.end())};
  for (const double v : x) m.mean += v / n;
  double second = 0, fourth = 0, product = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double d = x[i] - m.mean;
    second += d * d / n;
    fourth += d * d * d * d / n;
    if (i) product += d * (x[i - 1] - m.mean) / n;
  }
  m.std = std::sqrt(second);
  m.kurtosis = fourth / (second * second);
  m.neighbours = product / second;
  return m;
}

const Shape weight{200, 50, 3, 3};  // fan_in 450, fan_out 1800, 90 000 elements

TEST(Init, Fans) {
  EXPECT_EQ(fans_of(weight).in, 450);
  EXPECT_EQ(fans_of(weight).out, 1800);
  EXPECT_EQ(fans_of({10, 128}).in, 128);
  EXPECT_EQ(fans_of({10, 128}).out, 10);
  EXPECT_THROW(fans_of({10}), UsageError);
  EXPECT_THROW(fans_of({}), UsageError);
}

TEST(Init, NormalDistributionsHaveTheirMoments) {
  for (const auto& [initializer, std] : {std::pair{init::normal(0, 2), 2.0},
                                         {init::kaiming_normal(), std::sqrt(2.0 / 450)},
                                         {init::kaiming_normal(1), std::sqrt(1.0 / 450)},
                                         {init::xavier_normal(), std::sqrt(2.0 / 2250)}}) {
    const Moments m = moments(filled(initializer, weight));
    EXPECT_NEAR(m.mean, 0, 0.012 * std);  // 3.6 standard errors
    EXPECT_NEAR(m.std, std, 0.01 * std);
    EXPECT_NEAR(m.kurtosis, 3, 0.1);
    EXPECT_NEAR(m.neighbours, 0, 0.013);
    EXPECT_GT(m.high, 3.5 * std);
  }
  EXPECT_NEAR(moments(filled(init::normal(5, 0.1), weight)).mean, 5, 0.01);
}

TEST(Init, UniformDistributionsHaveTheirMoments) {
  for (const auto& [initializer, std] :
       {std::pair{init::kaiming_uniform(), std::sqrt(2.0 / 450)}, {init::xavier_uniform(), std::sqrt(2.0 / 2250)}}) {
    const Moments m = moments(filled(initializer, weight));
    const double bound = std::sqrt(3.0) * std;
    EXPECT_NEAR(m.mean, 0, 0.012 * std);
    EXPECT_NEAR(m.std, std, 0.01 * std);
    EXPECT_NEAR(m.neighbours, 0, 0.013);
    EXPECT_GE(m.low, -bound);
    EXPECT_LE(m.high, bound * (1 + 1e-7));
    EXPECT_LT(m.low, -0.999 * bound);
    EXPECT_GT(m.high, 0.999 * bound);
  }
}

TEST(Init, Constants) {
  EXPECT_EQ(moments(filled(init::zeros(), {7})).high, 0);
  const Moments m = moments(filled(init::constant(1.5), {3, 3}));
  EXPECT_EQ(m.low, 1.5);
  EXPECT_EQ(m.high, 1.5);
}

TEST(Init, DependsOnSeedAndStreamAlone) {
  const auto values = [](std::uint64_t seed, std::uint32_t stream) {
    return doubles(filled(init::kaiming_normal(), {5, 7}, seed, stream));
  };
  EXPECT_EQ(values(1, 0), values(1, 0));
  EXPECT_NE(values(1, 0), values(2, 0));
  EXPECT_NE(values(1, 0), values(std::uint64_t{1} << 40, 0));
  EXPECT_NE(values(1, 0), values(1, 1));
}

TEST(Init, IsTheSameOnEveryMachine) {
  const Tensor u = filled(init::uniform(0, 1), {5}, 42, 3);
  const Tensor n = filled(init::normal(0, 1), {5}, 42, 3);
  // Box and Muller from Philox's words, worked out apart from this code.
  const std::vector<float> uniforms{0.0212555667f, 0.768558332f, 0.0475727729f, 0.324671624f, 0.864537596f};
  const std::vector<float> normals{0.0241164862f, -0.205883058f, -0.141171959f, 0.278484527f, 1.40510225f};
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_FLOAT_EQ(u.values<float>()[i], uniforms[i]) << i;
    EXPECT_FLOAT_EQ(n.values<float>()[i], normals[i]) << i;
  }
}

}  // namespace
}  // namespace sluice::test
