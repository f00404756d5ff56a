#include <sluice/mbp/plan/recompute.h>

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include <sluice/core/rearrange.h>
#include <sluice/kernels/reference/reference_backend.h>
#include <sluice/layers/batch_norm2d.h>
#include <sluice/layers/conv2d.h>
#include <sluice/layers/linear.h>
#include <sluice/optim/sgd.h>

#include "mbp/made_up_part.h"
#include "mbp/small_net.h"

namespace sluice::test {
namespace {

constexpr std::size_t kib = 1024;

TEST(Recompute, FitsAChainIntoLessForLittleTime) {
  const Part part = chain(64, 100);
  const PartModel model(part, {});
  const double plain = model.seconds(as_they_are(part));
  EXPECT_EQ(model.peak(as_they_are(part)), 65u * 100 * kib);
  // Checkpoints every 8 values and one stretch of 8: each value computed at most twice.
  const std::vector<int> sequence = sequence_that_fits(model, 20 * 100 * kib, false);
  ASSERT_FALSE(sequence.empty());
  EXPECT_LE(model.peak(sequence), 20 * 100 * kib);
  EXPECT_LE(model.seconds(sequence), 1.5 * plain);
  EXPECT_EQ(live_by_lifetimes(rearranged(part, sequence)), model.live(sequence));
}

TEST(Recompute, ChangesNothingWhereEverythingFits) {
  const Part part = chain(10, 100);
  const PartModel model(part, {});
  EXPECT_EQ(sequence_that_fits(model, model.peak(as_they_are(part)), false), as_they_are(part));
}

TEST(Recompute, SaysWhenNothingFits) {
  const PartModel model(chain(10, 100), {});
  EXPECT_TRUE(sequence_that_fits(model, 250 * kib, false).empty());
}

TEST(Recompute, TakesTheCheapValue) {
  PartBuilder b;  // two values of a size, needed again at the end; one takes 100 times as long to make
  const int x = b.value(1), dear = b.value(100), cheap = b.value(100), middle = b.value(60), end = b.value(1);
  b.step({}, {x});
  b.step({x}, {dear}, 1e10);
  b.step({x}, {cheap}, 1e8);
  std::vector<int> between{b.value(1)};
  b.step({dear, cheap}, {between[0]});
  for (int i = 0; i < 6; ++i) {
    between.push_back(b.value(1));
    b.step({between[between.size() - 2]}, {between.back()});
  }
  b.step({between.back()}, {middle});
  between.push_back(b.value(1));
  b.step({middle}, {between.back()});
  b.step({between.back(), x, dear}, {});
  b.step({x, cheap}, {end});
  b.step({end}, {});
  const Part part = b.finish();
  const PartModel model(part, {});
  const std::vector<int> sequence = sequence_that_fits(model, 210 * kib, false);
  ASSERT_FALSE(sequence.empty());
  EXPECT_EQ(std::count(sequence.begin(), sequence.end(), 1), 1);
  EXPECT_EQ(std::count(sequence.begin(), sequence.end(), 2), 2);
}

/// The least time in which at most `limit` bytes are alive, over every choice of values to drop after their early uses
/// and recompute at their first late one.
TEST(Recompute, IsNotFarFromTheBestOfAllChoices) {
  int feasible = 0, found = 0;
  double worst = 1;
  for (const int layers : {4, 5, 6, 7, 8, 9, 10}) {
    const Part part = chain(layers, 10);
    const PartModel model(part, {});
    for (std::size_t limit = 40; limit <= static_cast<std::size_t>(layers) * 10; limit += 10) {
      double least = INFINITY;  // which values (all but the last) are kept: 2^(layers-1) choices
      for (unsigned kept = 0; kept < (1u << (layers - 1)); ++kept) {
        std::vector<int> sequence;
        std::vector<bool> at_hand(static_cast<std::size_t>(layers), false);
        for (int i = 0; i < layers; ++i) sequence.push_back(i);
        for (int i = 0; i < layers; ++i) at_hand[static_cast<std::size_t>(i)] = i == layers - 1 || (kept >> i & 1);
        sequence.push_back(layers);
        for (int i = layers - 2; i >= 0; --i) {
          int from = i;
          while (from >= 0 && !at_hand[static_cast<std::size_t>(from)]) --from;
          for (int j = from + 1; j <= i; ++j) {
            sequence.push_back(j);
            at_hand[static_cast<std::size_t>(j)] = true;
          }
          sequence.push_back(layers + 1 + (layers - 2 - i));
        }
        sequence.push_back(2 * layers);
        if (model.peak(sequence) <= limit * kib) least = std::min(least, model.seconds(sequence));
      }
      if (!std::isfinite(least)) continue;
      ++feasible;
      const std::vector<int> sequence = sequence_that_fits(model, limit * kib, false);
      if (sequence.empty()) continue;
      ++found;
      worst = std::max(worst, model.seconds(sequence) / least);
    }
  }
  EXPECT_GE(feasible, 20);
  EXPECT_EQ(found, feasible);
  EXPECT_LE(worst, 1.10);
}

/// Convolutions, normalisation, dropout, a residual sum, pooling: everything that must not notice a repetition.
class MixedNet final : public Module {
 public:
  explicit MixedNet(BatchNormMode mode = BatchNormMode::local)
      : conv1_({.in = 2, .out = 6, .kernel = 3, .padding = 1, .bias = false}),
        conv2_({.in = 6, .out = 6, .kernel = 3, .padding = 1, .bias = false}),
        conv3_({.in = 6, .out = 6, .kernel = 3, .padding = 1}),
        bn1_({.channels = 6, .mode = mode}),
        bn2_({.channels = 6, .mode = mode}),
        head_({.in = 6 * 16, .out = SmallNet::classes}) {
    initialize(*this, 3);
  }
  Var forward(Var x) override {
    x = relu(bn1_(conv1_(x)));
    x = relu(add(bn2_(conv2_(x)), x));
    x = relu(conv3_(dropout(x, 0.25f)));
    return head_(flatten(max_pool2d(x, {.kernel = 2})));
  }
  void children(const ChildVisitor& visit) override {
    visit("conv1", conv1_);
    visit("conv2", conv2_);
    visit("conv3", conv3_);
    visit("bn1", bn1_);
    visit("bn2", bn2_);
    visit("head", head_);
  }
  std::vector<double> statistics() const {
    std::vector<double> values;
    for (const BatchNorm2d* bn : {&bn1_, &bn2_})
      for (const Parameter& p : {bn->running_mean(), bn->running_variance()})
        for (const double v : doubles(p.read())) values.push_back(v);
    return values;
  }

 private:
  Conv2d conv1_, conv2_, conv3_;
  BatchNorm2d bn1_, bn2_;
  Linear head_;
};

struct Trained {
  std::vector<Tensor> gradients;
  std::vector<double> statistics;
  Plan plan;
};

/// Gradients of one step, and running statistics after it and an evaluation.
Trained trained(Device device, Recompute recompute, std::size_t budget) {
  constexpr std::int64_t n = 20;
  MixedNet net;
  NoUpdate none;
  const TensorDataset data = small_data(n, 0);
  Trainer trainer(net, none, [&](const Batch& b) { return mean_cross_entropy(net(b["image"]), b["label"]); },
                  data.spec(),
                  {.batch = n,
                   .micro_batch = 7,
                   .budget = budget,
                   .device = device,
                   .shuffle = false,
                   .verify_memory = true,
                   .keep_gradients = true,
                   .recompute = recompute});
  trainer.step(data);
  Trained result{.gradients = {}, .statistics = net.statistics(), .plan = trainer.plan()};
  trainer.evaluate(data);
  EXPECT_EQ(net.statistics(), result.statistics);
  for (const Parameter& p : all_parameters(net))
    if (p.trainable()) result.gradients.push_back(trainer.gradient(p));
  const MemoryReport report = trainer.memory_report();
  EXPECT_EQ(report.measured_peak_bytes, report.planned_peak_bytes);
  return result;
}

void expect_equal_bits(const Trained& a, const Trained& b) {
  ASSERT_EQ(a.gradients.size(), b.gradients.size());
  for (std::size_t i = 0; i < a.gradients.size(); ++i) EXPECT_EQ(doubles(a.gradients[i]), doubles(b.gradients[i]));
  EXPECT_EQ(a.statistics, b.statistics);
}

TEST(Recompute, GivesBitwiseTheSameGradientsAndStatistics) {
  register_reference_device();
  for (const Device device : {Device::reference(), Device::cpu()}) {
    const Trained stored = trained(device, Recompute::none, 0);
    const Trained cheap = trained(device, Recompute::cheap, 0);
    EXPECT_EQ(stored.plan.recomputed, 0);
    EXPECT_GT(cheap.plan.recomputed, 0);
    EXPECT_LT(cheap.plan.arena_bytes, stored.plan.arena_bytes);
    expect_equal_bits(stored, cheap);

    const std::size_t fixed = stored.plan.planned_peak_bytes() - stored.plan.arena_bytes;
    const Trained tight = trained(device, Recompute::automatic, fixed + stored.plan.arena_bytes * 9 / 10);
    EXPECT_GT(tight.plan.recomputed, 0);
    EXPECT_LE(tight.plan.planned_peak_bytes(), fixed + stored.plan.arena_bytes * 9 / 10);
    expect_equal_bits(stored, tight);
  }
}

}  // namespace
}  // namespace sluice::test
