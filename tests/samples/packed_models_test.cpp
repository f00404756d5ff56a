#include <algorithm>
#include <ostream>

#include <gtest/gtest.h>

#include <sluice/mbp/plan/make_run_plan.h>
#include <sluice/mbp/plan/micro_batches.h>
#include <sluice/mbp/plan/step_planner.h>
#include <sluice/sluice.h>

#include "models/catalog.h"

namespace sluice::samples {
namespace {

/// Where the part's packing ends, and the most bytes alive at one time, both counted from its lifetimes; no two
/// lifetimes may share a byte at one time.
struct Counted {
  std::size_t end = 0, alive = 0;
};
Counted counted(const PackedPart& packed) {
  Counted result;
  std::vector<std::size_t> alive(packed.part.instructions.size() + 1);
  for (std::size_t i = 0; i < packed.lifetimes.size(); ++i) {
    const Lifetime& l = packed.lifetimes[i];
    const std::size_t begin = packed.packing.offsets[i], end = begin + l.bytes;
    result.end = std::max(result.end, end);
    for (int when = l.first; when <= l.last; ++when) alive[static_cast<std::size_t>(when)] += l.bytes;
    for (std::size_t j = 0; j < i; ++j) {
      const Lifetime& other = packed.lifetimes[j];
      const bool together = l.first <= other.last && other.first <= l.last;
      const bool apart = end <= packed.packing.offsets[j] || packed.packing.offsets[j] + other.bytes <= begin;
      EXPECT_TRUE(!together || apart) << "lifetimes " << j << " and " << i;
    }
  }
  result.alive = *std::max_element(alive.begin(), alive.end());
  return result;
}

struct Case {
  const char* model;
  double most_over_bound;  ///< arena ÷ lower bound

  friend void PrintTo(const Case& c, std::ostream* out) { *out << c.model; }
};
class PackedModel : public testing::TestWithParam<Case> {};

// As trained without a budget, with a tail in every epoch: everything has the workspace it likes best.
TEST_P(PackedModel, TakesLittleMoreThanWhatIsAliveAtOnce) {
  for (const std::int64_t micro_batch : {7, 16, 32, 64, 128}) {
    SCOPED_TRACE(micro_batch);
    const ModelSetup setup = set_up_model(GetParam().model, {.samples = 1000});
    const Sgd sgd({.lr = 0.1, .momentum = 0.9});
    const StepPlanner planner(*setup.net, sgd, setup.step, setup.data,
                              {.batch = 256, .micro_batch = micro_batch, .device = Device::cpu()});
    const auto plan = planner.chosen();
    const Plan& summary = plan->summary;
    ASSERT_EQ(summary.stages, 1);
    ASSERT_EQ(summary.micro_batch, MicroBatches(256, micro_batch).size(0));
    ASSERT_NE(plan->peak_part, nullptr);
    ASSERT_GT(plan->peak_part->lifetimes.size(), 10u);
    const Counted peak = counted(*plan->peak_part);
    EXPECT_EQ(summary.arena_bytes, peak.end);
    EXPECT_EQ(summary.arena_lower_bound_bytes, peak.alive);
    EXPECT_LE(static_cast<double>(peak.end), GetParam().most_over_bound * static_cast<double>(peak.alive));
  }
}

INSTANTIATE_TEST_SUITE_P(Models, PackedModel,
                         testing::Values(Case{"fashion_cnn", 1}, Case{"resnet18_cifar", 1.0017},
                                         Case{"resnet50", 1.0014}, Case{"vgg16", 1}, Case{"unet", 1}),
                         [](const auto& info) { return std::string(info.param.model); });

}  // namespace
}  // namespace sluice::samples
