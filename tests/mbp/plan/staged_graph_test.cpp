#include <random>

#include <gtest/gtest.h>

#include <sluice/kernels/reference/reference_backend.h>

#include "mbp/small_net.h"

namespace sluice::test {
namespace {

/// Random mixtures of both scopes on four features; the same for the same seed.
class RandomModel final : public Module {
 public:
  explicit RandomModel(unsigned seed) : seed_(seed) {}

  Var forward(Var x) override {
    Graph& g = x.graph();
    std::mt19937 engine(seed_);
    std::vector<Var> values{x, g.parameter(v_), linear(x, g.parameter(w_))};
    const auto any = [&] { return values[engine() % values.size()]; };
    const auto sample = [&] {
      for (;;)
        if (const Var v = any(); v.is_sample()) return v;
    };
    const auto mean = [&](Var of) { return div(batch_sum(of), g.sample_count()); };
    const int nodes = 4 + static_cast<int>(seed_ % 14);
    for (int i = 0; i < nodes; ++i) {
      const auto kind = engine() % 6;
      const Var a = kind >= 3 ? sample() : any(), b = any();
      if (kind == 0) values.push_back(scale(add(a, b), 0.7));
      if (kind == 1) values.push_back(mul(a, b));
      if (kind == 2) values.push_back(relu(sub(a, b)));
      if (kind == 3) values.push_back(linear(a, g.parameter(w_)));
      if (kind == 4) values.push_back(mean(a));
      if (kind == 5) values.push_back(sub(a, mean(a)));
    }
    Var loss;
    for (std::size_t i = values.size() - 4; i < values.size(); ++i) {
      const Var sum = sum_per_sample(values[i]);
      const Var term = sum.is_sample() ? mean(sum) : sum;
      loss = loss ? add(loss, mul(term, term)) : term;
    }
    return loss;
  }
  void parameters(const ParameterVisitor& visit) override {
    visit("v", v_);
    visit("w", w_);
  }

 private:
  unsigned seed_;
  Parameter v_{random_tensor({4}, DType::f32, -1, 1, 1)}, w_{random_tensor({4, 4}, DType::f32, -0.5, 0.5, 2)};
};

TEST(StagedGraph, OfRandomModelsGivesTheGradientOfTheWholeBatch) {
  register_reference_device();
  const TensorDataset data("random", {{"x", random_tensor({11, 4}, DType::f32, -1, 1, 3)}});
  int most = 0;
  for (unsigned seed = 0; seed < 30 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    RandomModel net(seed);
    const StepFunction step = [&](const Batch& b) {
      return add(net(b["x"]), scale(sum_per_sample(b["x"].graph().parameter(all_parameters(net)[1])), 1e-3));
    };
    const auto whole = gradients(net, step, data, {.device = Device::reference(), .fold = false});
    for (const Crossing crossing : {Crossing::store, Crossing::recompute})
      for (const bool fold : {false, true}) {
        const auto split = gradients(
            net, step, data, {.micro_batch = 4, .device = Device::reference(), .fold = fold, .crossing = crossing});
        for (std::size_t p = 0; p < whole.size(); ++p)
          EXPECT_LE(relative_error(split[p], whole[p]), 1e-9) << "parameter " << p << (fold ? ", folded" : "");
      }
    NoUpdate none;
    most = std::max(most,
                    Trainer(net, none, step, data.spec(), {.batch = 11, .device = Device::reference()}).plan().stages);
  }
  EXPECT_GE(most, 4);
}

}  // namespace
}  // namespace sluice::test
