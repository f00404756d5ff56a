#include <algorithm>

#include <gtest/gtest.h>

#include <sluice/kernels/reference/reference_backend.h>

#include <sluice/mbp/plan/micro_batches.h>

#include "mbp/small_net.h"

namespace sluice::test {
namespace {

constexpr std::int64_t n = 80;

StepFunction plain_step(SmallNet& net) {
  return [&net](const Batch& b) { return mean_cross_entropy(net(b["image"]), b["label"]); };
}

class Gradient : public testing::Test {
 protected:
  void SetUp() override { register_reference_device(); }
};

TEST_F(Gradient, OfAnySplitEqualsTheWholeBatchOnReference) {
  SmallNet net;
  const TensorDataset data = small_data(n, 8);  // at µ = 1, 3 and 7 whole micro-batches weigh 0
  const auto whole = gradients(net, plain_step(net), data, {.device = Device::reference()});
  for (const std::int64_t micro_batch : {1, 3, 7, 64})
    EXPECT_LE(
        worst_error(gradients(net, plain_step(net), data, {.micro_batch = micro_batch, .device = Device::reference()}),
                    whole),
        1e-12)
        << "micro-batch " << micro_batch;
}

/// Samples [first, first + count) of `data` as a data set of their own.
TensorDataset part_of(const TensorDataset& data, std::int64_t first, std::int64_t count) {
  std::vector<TensorDataset::Field> fields;
  for (std::size_t f = 0; f < data.spec().fields.size(); ++f) {
    const FieldSpec& spec = data.spec().fields[f];
    std::vector<std::byte> values(spec.sample_bytes() * static_cast<std::size_t>(count));
    for (std::int64_t i = 0; i < count; ++i)
      data.read(first + i, f, values.data() + spec.sample_bytes() * static_cast<std::size_t>(i));
    fields.emplace_back(spec, std::move(values));
  }
  return TensorDataset("part", std::move(fields));
}

/// A convolution whose weights `positive()` also pushes down, by a relu that waits for the samples.
class PositiveWeights final : public Module {
 public:
  Var forward(Var x) override {
    x = conv2d(x, x.graph().parameter(stem_), {.padding = 1});
    const Var y = conv2d(x, x.graph().parameter(weight_), {.padding = 1});
    return linear(flatten(y), x.graph().parameter(head_));
  }
  Var positive(Var total) const {
    const Var w = total.graph().parameter(weight_);
    return scale(sum_per_sample(relu(mul(w, total))), 1e-3);
  }
  void parameters(const ParameterVisitor& visit) override {
    visit("stem", stem_), visit("weight", weight_), visit("head", head_);
  }

 private:
  Parameter stem_{random_tensor({16, 2, 3, 3}, DType::f32, -0.4, 0.4, 3)};
  Parameter weight_{random_tensor({20, 16, 3, 3}, DType::f32, -0.1, 0.1, 1)};
  Parameter head_{random_tensor({SmallNet::classes, 20 * 64}, DType::f32, -0.1, 0.1, 2)};
};

// Its mask is a batch value, which lives in a storage of its own.
TEST_F(Gradient, ThroughTheReluOfABatchValue) {
  PositiveWeights net;
  const TensorDataset data = small_data(n, 8);
  const StepFunction step = [&net](const Batch& b) {
    const Var total = batch_sum(cross_entropy_weight(b["label"]));
    return add(mean_cross_entropy(net(b["image"]), b["label"]), net.positive(total));
  };
  const auto expected = gradients(net, step, data, {.device = Device::reference()});
  EXPECT_LE(worst_error(gradients(net, step, data, {.micro_batch = 7, .device = Device::cpu()}), expected), 1e-5);
}

TEST_F(Gradient, DividedByTheNumberOfMicroBatchesFailsTheSameTest) {
  // What a training loop does that averages the gradients of k micro-batch means.
  SmallNet net;
  net.dropout_rate = 0;  // its numbers depend on the position in the logical batch, which the parts do not know
  const TensorDataset data = small_data(n, 5);
  const auto whole = gradients(net, plain_step(net), data, {.device = Device::reference()});
  const MicroBatches split(n, 7);
  std::vector<Tensor> mean;
  for (std::int64_t i = 0; i < split.replays; ++i) {
    const auto part =
        gradients(net, plain_step(net), part_of(data, split.first(i), split.size(i)), {.device = Device::reference()});
    for (std::size_t p = 0; p < part.size(); ++p) {
      if (i == 0) mean.emplace_back(part[p].shape(), DType::f64);
      for (std::size_t e = 0; e < part[p].values<double>().size(); ++e)
        mean[p].values<double>()[e] += part[p].values<double>()[e] / static_cast<double>(split.replays);
    }
  }
  EXPECT_LE(
      worst_error(gradients(net, plain_step(net), data, {.micro_batch = 7, .device = Device::reference()}), whole),
      1e-12);
  EXPECT_GT(worst_error(mean, whole), 1e-3);
}

TEST_F(Gradient, OnCpuErrsNoMoreThanTwiceTheWholeBatch) {
  std::map<std::int64_t, std::vector<double>> errors;
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SmallNet net(seed * 10);
    const TensorDataset data = small_data(n, 8, seed * 100);
    const auto exact = gradients(net, plain_step(net), data, {.device = Device::reference(), .seed = seed});
    for (const std::int64_t micro_batch : {1, 3, 7, 64, 80})
      errors[micro_batch].push_back(worst_error(
          gradients(net, plain_step(net), data, {.micro_batch = micro_batch, .device = Device::cpu(), .seed = seed}),
          exact));
  }
  const auto median = [](std::vector<double> v) {
    std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2), v.end());
    return v[v.size() / 2];
  };
  const double whole = median(errors[80]);
  EXPECT_LT(whole, 1e-5);
  for (const std::int64_t micro_batch : {1, 3, 7, 64})
    EXPECT_LE(median(errors[micro_batch]), 2 * whole) << "micro-batch " << micro_batch;
}

TEST_F(Gradient, TestVectorGivesNinePointTwo) {
  // (sum, weight) = (2,1), (90,9): the mean is 92/10, not the mean of 2 and 10.
  class Gain final : public Module {
   public:
    Var forward(Var x) override { return mul(x, x.graph().parameter(gain_)); }
    void parameters(const ParameterVisitor& visit) override { visit("gain", gain_); }

   private:
    Parameter gain_{Tensor::of<float>({}, {1.0f})};
  } net;
  const TensorDataset data("vector",
                           {{"sum", Tensor::of<float>({2}, {2, 90})}, {"weight", Tensor::of<float>({2}, {1, 9})}});
  for (const Device device : {Device::reference(), Device::cpu()}) {
    NoUpdate none;
    Trainer trainer(net, none, [&](const Batch& b) { return div(batch_sum(net(b["sum"])), batch_sum(b["weight"])); },
                    data.spec(), {.batch = 2, .micro_batch = 1, .device = device, .shuffle = false});
    EXPECT_NEAR(trainer.step(data).loss, 9.2, 1e-6);
  }
}

TEST_F(Gradient, OfTwoDenominatorsEqualsTheWholeBatchInTwoStagesAndFolded) {
  SmallNet net;
  const TensorDataset data = small_data(n, 8);
  const StepFunction two = [&](const Batch& b) {
    const Var logits = net(b["image"]);
    return add(mean_cross_entropy(logits, b["label"]), scale(mean_cross_entropy(logits, b["second"]), 0.4));
  };
  const auto whole = gradients(net, two, data, {.device = Device::reference()});
  for (const bool fold : {false, true})
    for (const std::int64_t micro_batch : {1, 3, 7, 64})
      EXPECT_LE(worst_error(gradients(net, two, data,
                                      {.micro_batch = micro_batch, .device = Device::reference(), .fold = fold}),
                            whole),
                1e-12)
          << "micro-batch " << micro_batch << (fold ? ", folded" : "");
}

/// How many stages the plan of a step has.
int stages(Module& net, const StepFunction& step, const Dataset& data, bool fold) {
  NoUpdate none;
  return Trainer(net, none, step, data.spec(),
                 {.batch = n, .micro_batch = 7, .device = Device::reference(), .fold = fold})
      .plan()
      .stages;
}

/// Two nets that share nothing.
class TwoNets final : public Module {
 public:
  Var forward(Var x) override { return first(x); }
  void children(const ChildVisitor& visit) override {
    visit("first", first);
    visit("second", second);
  }

  SmallNet first, second{50};
};

TEST_F(Gradient, LabelDependentDenominatorsCostAStageOnlyWhereTheyMeet) {
  TwoNets nets;
  SmallNet& net = nets.first;
  const TensorDataset data = small_data(n, 8);
  EXPECT_EQ(stages(net, plain_step(net), data, true), 1);
  EXPECT_EQ(stages(net, plain_step(net), data, false), 2);  // a labels-only stage
  // Two denominators whose gradients meet in one trunk cannot be folded.
  const StepFunction shared = [&](const Batch& b) {
    const Var logits = net(b["image"]);
    return add(mean_cross_entropy(logits, b["label"]), mean_cross_entropy(logits, b["second"]));
  };
  EXPECT_EQ(stages(net, shared, data, true), 2);
  // In two nets that share nothing they can.
  const StepFunction apart = [&](const Batch& b) {
    return add(mean_cross_entropy(net(b["image"]), b["label"]),
               mean_cross_entropy(nets.second(b["image"]), b["second"]));
  };
  EXPECT_EQ(stages(nets, apart, data, true), 1);
  EXPECT_EQ(stages(nets, apart, data, false), 2);
  const auto whole = gradients(nets, apart, data, {.device = Device::reference()});
  for (const bool fold : {false, true})
    for (const std::int64_t micro_batch : {1, 3, 7, 64})
      EXPECT_LE(worst_error(gradients(nets, apart, data,
                                      {.micro_batch = micro_batch, .device = Device::reference(), .fold = fold}),
                            whole),
                1e-12);
}

TEST_F(Gradient, AcrossABarrierIsTheSameKeptOrRecomputed) {
  // Non-linear in a batch_sum of predictions: the backward pass waits for the whole forward pass.
  SmallNet net;
  const TensorDataset data = small_data(n, 8);
  const StepFunction squared = [&](const Batch& b) {
    const Var loss = mean_cross_entropy(net(b["image"]), b["label"]);
    const Var total = batch_sum(sum_per_sample(net(b["image"])));
    return add(loss, mul(div(total, total.graph().sample_count()), div(total, total.graph().sample_count())));
  };
  const auto whole = gradients(net, squared, data, {.device = Device::reference()});
  for (const Crossing crossing : {Crossing::store, Crossing::recompute})
    for (const std::int64_t micro_batch : {1, 3, 7, 64}) {
      EXPECT_LE(
          worst_error(gradients(net, squared, data,
                                {.micro_batch = micro_batch, .device = Device::reference(), .crossing = crossing}),
                      whole),
          1e-12);
      EXPECT_LE(worst_error(gradients(net, squared, data,
                                      {.micro_batch = micro_batch, .device = Device::cpu(), .crossing = crossing}),
                            whole),
                1e-4);
    }
}

}  // namespace
}  // namespace sluice::test
