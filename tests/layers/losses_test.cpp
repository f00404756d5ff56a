#include <sluice/layers/losses.h>

#include <cmath>

#include <gtest/gtest.h>

#include <sluice/core/differentiate.h>
#include <sluice/core/error.h>
#include <sluice/core/evaluate.h>
#include <sluice/kernels/reference/reference_backend.h>

#include "support/device_under_test.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

const std::vector<float> logits{0.5f, -1, 2, 0, 0, 0, 3, 1, -2, 1, 4, 0.25f};  // [4,3]
const std::vector<std::int32_t> labels{2, 1, 1, -100};

/// -log softmax(logits[n])[label].
double loss_of(std::size_t n, std::int32_t label) {
  double sum = 0;
  for (std::size_t c = 0; c < 3; ++c) sum += std::exp(static_cast<double>(logits[3 * n + c]));
  return std::log(sum) - static_cast<double>(logits[3 * n + static_cast<std::size_t>(label)]);
}

class Losses : public testing::TestWithParam<Device> {
 protected:
  void SetUp() override { register_reference_device(); }

  double value(Var var, const std::vector<float>& weights = {}) {
    std::map<std::string, Tensor> inputs{{"x", Tensor::of<float>({4, 3}, logits)},
                                         {"label", Tensor::of<std::int32_t>({4}, labels)}};
    if (!weights.empty()) inputs["weight"] = Tensor::of<float>({4}, weights);
    return doubles(evaluate(var, inputs, {.device = GetParam()}))[0];
  }

  Graph graph_;
  Var x_ = graph_.input("x", {3});
  Var label_ = graph_.input("label", {}, DType::i32);
};

TEST_P(Losses, CrossEntropyIsTheMeanOverWhatCounts) {
  EXPECT_NEAR(value(cross_entropy(x_, label_)), (loss_of(0, 2) + loss_of(1, 1) + loss_of(2, 1)) / 3, 1e-6);
  EXPECT_TRUE(std::isnan(value(cross_entropy(x_, label_, {.ignore_index = 1}))));  // -100 is no class
}

TEST_P(Losses, CrossEntropyWeighs) {
  const Parameter class_weights(Tensor::of<float>({3}, {1, 2, 0.5f}), "class_weights");
  const double by_class = (0.5 * loss_of(0, 2) + 2 * loss_of(1, 1) + 2 * loss_of(2, 1)) / 4.5;
  EXPECT_NEAR(value(cross_entropy(x_, label_, {}, graph_.parameter(class_weights))), by_class, 1e-6);

  const Var weight = graph_.input("weight", {});
  const std::vector<float> weights{3, 0, 1, 7};
  EXPECT_NEAR(value(cross_entropy(x_, label_, {}, {}, weight), weights), (3 * loss_of(0, 2) + loss_of(2, 1)) / 4, 1e-6);
  EXPECT_NEAR(value(cross_entropy(x_, label_, {}, graph_.parameter(class_weights), weight), weights),
              (1.5 * loss_of(0, 2) + 2 * loss_of(2, 1)) / 3.5, 1e-6);
}

TEST_P(Losses, GradientCarriesTheDenominator) {
  const Var gradient = differentiate(cross_entropy(x_, label_), std::span<const Var>(&x_, 1))[0];
  const std::vector<double> dx = doubles(
      evaluate(gradient, {{"x", Tensor::of<float>({4, 3}, logits)}, {"label", Tensor::of<std::int32_t>({4}, labels)}},
               {.device = GetParam()}));
  for (std::size_t n = 0; n < 4; ++n)
    for (std::int32_t c = 0; c < 3; ++c) {
      const double expected = n == 3 ? 0 : (std::exp(-loss_of(n, c)) - (c == labels[n] ? 1 : 0)) / 3;
      EXPECT_NEAR(dx[3 * n + static_cast<std::size_t>(c)], expected, 1e-6) << n << ' ' << c;
    }
}

TEST_P(Losses, AccuracyLeavesIgnoredLabelsOut) {
  EXPECT_NEAR(value(accuracy(x_, label_)), 1.0 / 3, 1e-6);  // right; a tie that class 0 wins; wrong; ignored
}

TEST_P(Losses, AreBatchScalarsUnderTheirNames) {
  const Var loss = cross_entropy(x_, label_);
  EXPECT_EQ(loss.scope(), Scope::batch);
  EXPECT_EQ(loss.shape(), Shape());
  EXPECT_EQ(graph_.node(0).layer, "cross_entropy");
  const Var wrong = graph_.input("wrong", {3}, DType::i32);
  EXPECT_THROW(cross_entropy(x_, wrong), ShapeError);
  EXPECT_THROW(accuracy(x_, wrong), ShapeError);
}

TEST_P(Losses, RefusalsNameTheCallAndTheFault) {
  const auto refusal = [](const auto& call) -> std::string {
    try {
      call();
    } catch (const ShapeError& error) {
      return error.what();
    }
    return "";
  };
  const Var bytes = graph_.input("bytes", {}, DType::u8), map = graph_.input("map", {3, 3}, DType::i32);
  const std::string of_dtype =
      ": labels are u8, not i32; got logits=f32[N,3], labels=u8[N]; expected labels of dtype i32 (convert them with "
      "Tensor::to(DType::i32))";
  EXPECT_EQ(refusal([&] { accuracy(x_, bytes); }), "accuracy" + of_dtype);
  EXPECT_EQ(refusal([&] { cross_entropy(x_, bytes); }), "cross_entropy" + of_dtype);
  const std::string of_shape = ": labels do not fit the logits; got logits=f32[N,3], labels=i32[N,3,3]";
  EXPECT_EQ(refusal([&] { accuracy(x_, map); }).find("accuracy" + of_shape), 0u);
  EXPECT_EQ(refusal([&] { cross_entropy(x_, map); }).find("cross_entropy" + of_shape), 0u);
}

INSTANTIATE_TEST_SUITE_P(UnderTest, Losses, testing::Values(device_under_test()));
INSTANTIATE_TEST_SUITE_P(Reference, Losses, testing::Values(Device::reference()));

}  // namespace
}  // namespace sluice::test
