// What runs in a replay where sums and relus stand behind batch normalisations: in training, evaluation and prediction.

#include <map>

#include <gtest/gtest.h>

#include <sluice/core/structural.h>
#include <sluice/kernels/reference/reference_backend.h>
#include <sluice/mbp/plan/make_run_plan.h>
#include <sluice/mbp/plan/run_plan.h>

#include "mbp/residual_net.h"

namespace sluice::test {
namespace {

using Counts = std::map<std::string, int>;

constexpr std::int64_t n = 20;

/// The result of a normalisation goes through a relu and, if asked to, around it.
class Normalised final : public Module {
 public:
  explicit Normalised(BatchNormMode mode, bool around)
      : around_(around),
        conv_({.in = 2, .out = 6, .kernel = 3, .padding = 1, .bias = false}),
        bn_({.channels = 6, .mode = mode}),
        head_({.in = std::int64_t{6} * 64, .out = SmallNet::classes}) {
    initialize(*this, 3);
  }

  Var forward(Var x) override {
    result = bn_(conv_(x));
    return head_(flatten(around_ ? add(relu(result), result) : relu(result)));
  }
  void children(const ChildVisitor& visit) override {
    visit("conv", conv_);
    visit("bn", bn_);
    visit("head", head_);
  }

  Var result;  ///< of the normalisation, where forward() was called last

 private:
  bool around_;
  Conv2d conv_;
  BatchNorm2d bn_;
  Linear head_;
};

StepFunction step_of(Module& net) {
  return [&net](const Batch& b) {
    const Var logits = net(b["image"]);
    b.output("logits", logits);
    return mean_cross_entropy(logits, b["label"]);
  };
}

struct Kernels {
  Counts train, evaluate, predict;
};

Counts kernels_of(const Program& program) {
  Counts counts;
  for (const PackedPart& part : program.replayed.begin()->second)
    for (const Instruction& instruction : part.part.instructions) {
      const std::string& name = instruction.name;
      const bool counted = name == "add" || name == "batch_norm" || name.find("relu") != std::string::npos;
      if (counted) ++counts[name];
    }
  return counts;
}

/// What a replay of a step on the CPU runs that adds, normalises or does something with a relu.
Kernels kernels_of(Module& net, const StepFunction& step) {
  const DataSpec data = small_data(n, 0).spec();
  Backend& cpu = Device::cpu().backend();
  const StepGraph training = make_training_graph(trace(net, step, data), NoUpdate(), cpu, true, true);
  const StepGraph evaluation = make_evaluation_graph(trace_evaluation(net, step, data), cpu);
  const auto plan = make_run_plan({.training = &training,
                                   .evaluation = &evaluation,
                                   .data = &data,
                                   .batch = n,
                                   .micro_batch = 10,
                                   .evaluation_samples = n,
                                   .backend = &cpu});
  return {kernels_of(plan->train), kernels_of(plan->evaluate), kernels_of(plan->predict)};
}

TEST(FusionTraining, OfAResidualNet) {
  ResidualNet net(BatchNormMode::local);
  const Kernels kernels = kernels_of(net, step_of(net));
  EXPECT_EQ(kernels.train, (Counts{{"batch_norm", 3}, {"relu_grad", 1}, {"add", 1}}))
      << "a mask for the sum alone; the sum of two gradients";
  EXPECT_EQ(kernels.evaluate, (Counts{{"batch_norm", 3}}));
  EXPECT_EQ(kernels.predict, (Counts{{"batch_norm", 3}}));
}

TEST(FusionTraining, NormalisesOnceWhereOthersReadTheResult) {
  Normalised net(BatchNormMode::local, true);
  const Kernels kernels = kernels_of(net, step_of(net));
  EXPECT_EQ(kernels.train, (Counts{{"batch_norm", 1}, {"relu", 1}, {"relu_grad", 1}, {"add", 2}}));
  EXPECT_EQ(kernels.evaluate, (Counts{{"batch_norm", 1}, {"relu", 1}, {"add", 1}}));
  EXPECT_EQ(kernels.predict, kernels.evaluate);
}

TEST(FusionTraining, GradientsWhereOthersReadTheResultOfAnySplit) {
  register_reference_device();
  const TensorDataset data = small_data(n, 3);
  Normalised net(BatchNormMode::exact, true);
  const StepFunction step = step_of(net);
  const auto whole = gradients(net, step, data, {.device = Device::reference()});
  for (const std::int64_t micro_batch : {1, 7}) {
    const auto split = gradients(net, step, data, {.micro_batch = micro_batch, .device = Device::reference()});
    EXPECT_LE(worst_error(split, whole), 1e-12) << "micro-batch " << micro_batch;
  }
  EXPECT_LE(worst_error(gradients(net, step, data, {.micro_batch = 7}), whole), 1e-4) << "on the CPU";
}

// A prediction is an output of evaluation alone: training fuses as if it had no name.
TEST(FusionTraining, APredictionKeepsWhatItReads) {
  Normalised net(BatchNormMode::local, false);
  const StepFunction step = [&](const Batch& b) {
    const Var logits = net(b["image"]);
    b.output("normalised", net.result);
    return mean_cross_entropy(logits, b["label"]);
  };
  const Kernels kernels = kernels_of(net, step);
  EXPECT_EQ(kernels.train, (Counts{{"batch_norm", 1}}));
  EXPECT_EQ(kernels.evaluate, (Counts{{"batch_norm", 1}, {"relu", 1}}));
  EXPECT_EQ(kernels.predict, (Counts{{"batch_norm", 1}}));
}

}  // namespace
}  // namespace sluice::test
