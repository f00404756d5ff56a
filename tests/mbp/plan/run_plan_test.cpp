#include <sluice/core/device_run.h>
#include <sluice/mbp/plan/run_plan.h>

#include <algorithm>
#include <limits>
#include <set>

#include <gtest/gtest.h>

#include <sluice/core/device.h>

#include "mbp/planned.h"

namespace sluice::test {
namespace {

std::set<std::int64_t> sizes(const Program& program) {
  std::set<std::int64_t> sizes;
  for (const auto& [size, parts] : program.replayed) sizes.insert(size);
  return sizes;
}

TEST(RunPlan, HasAProgramForEverySizeThatOccurs) {
  const Planned planned({});  // 40 by 7: 7 and 6; the tail of 10: 5; evaluation of 90: 7 and 6, of others 1
  EXPECT_EQ(sizes(planned.plan->train), (std::set<std::int64_t>{7, 6, 5}));
  EXPECT_EQ(sizes(planned.plan->evaluate), (std::set<std::int64_t>{7, 6, 1}));
  EXPECT_EQ(sizes(planned.plan->predict), (std::set<std::int64_t>{7, 6, 1}));
  EXPECT_EQ(planned.summary().sizes, (std::vector<std::int64_t>{7, 6, 5, 1}));
  EXPECT_EQ(planned.summary().micro_batch, 7);
  EXPECT_EQ(planned.summary().replays, 6);
  EXPECT_EQ(planned.summary().tail, 10);
  EXPECT_EQ(planned.summary().steps_per_epoch, 3);
}

TEST(RunPlan, SaysTheMicroBatchThatIsReallyUsed) {
  const Planned planned({.samples = 80, .batch = 80, .micro_batch = 79});
  EXPECT_EQ(planned.summary().micro_batch, 40);
  EXPECT_EQ(planned.summary().replays, 2);
  EXPECT_EQ(planned.summary().tail, 0);
  EXPECT_EQ(planned.summary().steps_per_epoch, 1);
}

/// The instruction of that name in a part; the test fails where there is no such one.
int instruction_of(const Part& part, const std::string& name) {
  for (std::size_t i = 0; i < part.instructions.size(); ++i)
    if (part.instructions[i].name == name) return static_cast<int>(i);
  ADD_FAILURE() << part.name << " has no " << name;
  return 0;
}

// The gradient of a relu reads its mask: in front of a pooling, which keeps places, y is not alive behind that.
TEST(RunPlan, KeepsAMaskInsteadOfTheOutputOfARelu) {
  const Planned planned({.samples = 80, .batch = 80, .micro_batch = 40});
  const PackedPart& packed = planned.plan->train.replayed.at(40)[0];
  const Part& part = packed.part;
  const int relu = instruction_of(part, "relu"), pool = instruction_of(part, "max_pool2d");
  const int grad = instruction_of(part, "relu_grad");
  const std::vector<int>& outputs = part.instructions[static_cast<std::size_t>(relu)].outputs;
  ASSERT_EQ(outputs.size(), 2u);
  const int y = part.root(outputs[0]), mask = part.root(outputs[1]);
  EXPECT_EQ(part.values[static_cast<std::size_t>(y)].last, pool);
  EXPECT_EQ(part.values[static_cast<std::size_t>(mask)].last, grad);
  const std::size_t y_bytes = part.values[static_cast<std::size_t>(y)].bytes();
  EXPECT_EQ(part.values[static_cast<std::size_t>(mask)].bytes(), y_bytes / 32);

  // Between the pooling and the gradient y is gone. (Whether the arena's peak lies there depends on workspaces.)
  EXPECT_EQ(planned.summary().arena_bytes, packed.packing.peak_bytes);
  for (const Lifetime& lifetime : packed.lifetimes)
    if (lifetime.value == y) {
      EXPECT_LT(lifetime.last, grad);
    }
}

TEST(RunPlan, ArenaIsTheMaximumOverAllPrograms) {
  // Evaluation with larger micro-batches than training, a tail, and values stored across stages.
  for (const PlanOptions& options :
       {PlanOptions{}, PlanOptions{.samples = 3, .batch = 2, .micro_batch = 64, .evaluation_samples = 64},
        PlanOptions{.squared = true}}) {
    const Planned planned(options);
    RunPlan& plan = *planned.plan;
    std::size_t peak = 0, stored = 0;
    for (Program* program : {&plan.train, &plan.evaluate, &plan.predict})
      program->for_each_part([&](PackedPart& part) {
        peak = std::max(peak, part.packing.peak_bytes);
        ASSERT_EQ(part.packing.offsets.size(), part.lifetimes.size());
      });
    for (int id = 0; id < plan.storages.size(); ++id)
      if (region_of(plan.storages[id].category) == Region::arena) stored += plan.storages.bytes(id);
    EXPECT_EQ(stored > 0, options.squared);
    EXPECT_EQ(plan.summary.arena_bytes, stored + peak);
    EXPECT_GE(plan.summary.arena_bytes, plan.summary.arena_lower_bound_bytes);
    ASSERT_NE(plan.peak_part, nullptr);
    EXPECT_EQ(plan.peak_part->packing.peak_bytes, peak);
  }
}

TEST(RunPlan, LargerEvaluationsCountToo) {
  const std::size_t small =
      Planned({.samples = 4, .batch = 2, .micro_batch = 40, .evaluation_samples = 2}).summary().arena_bytes;
  const std::size_t large =
      Planned({.samples = 4, .batch = 2, .micro_batch = 40, .evaluation_samples = 40}).summary().arena_bytes;
  EXPECT_GT(large, 3 * small);
}

TEST(RunPlan, PlacesStoragesApartBelowTheArena) {
  const Planned planned({.squared = true});
  const RunPlan& plan = *planned.plan;
  std::vector<std::pair<std::size_t, std::size_t>> ranges;
  for (int id = 0; id < plan.storages.size(); ++id) {
    const std::size_t begin = plan.storage_offsets[static_cast<std::size_t>(id)];
    EXPECT_EQ(begin % slab_alignment, 0u);
    ranges.emplace_back(begin, begin + plan.storages.bytes(id));
  }
  std::sort(ranges.begin(), ranges.end());
  std::size_t end = 0;
  for (const auto& [begin, stop] : ranges) {
    EXPECT_EQ(begin, end);  // without gaps
    end = stop;
  }
  EXPECT_EQ(plan.arena_offset, end);
  EXPECT_EQ(plan.arena_offset + plan.peak_part->packing.peak_bytes, planned.summary().planned_peak_bytes());
}

TEST(RunPlan, ParametersAndGradientsAreFlat) {
  const Planned planned({});
  const RunPlan& plan = *planned.plan;
  for (const Category category : {Category::parameter, Category::gradient}) {
    std::size_t begin = std::numeric_limits<std::size_t>::max(), end = 0, bytes = 0;
    int count = 0;
    for (int id = 0; id < plan.storages.size(); ++id) {
      if (plan.storages[id].category != category) continue;
      begin = std::min(begin, plan.storage_offsets[static_cast<std::size_t>(id)]);
      end = std::max(end, plan.storage_offsets[static_cast<std::size_t>(id)] + plan.storages.bytes(id));
      bytes += plan.storages.bytes(id);
      ++count;
    }
    EXPECT_EQ(count, 4) << name(category);
    EXPECT_EQ(end - begin, bytes) << name(category);
  }
}

TEST(RunPlan, LedgerAddsUpToThePeak) {
  for (const bool squared : {false, true}) {
    const Planned planned({.squared = squared});
    std::size_t sum = 0;
    for (const auto& [row, entry] : planned.summary().ledger.rows()) sum += entry.planned_bytes;
    EXPECT_EQ(sum, planned.summary().planned_peak_bytes());
    EXPECT_GT(planned.summary().ledger.total(Category::activation).planned_bytes, 0u);
  }
}

TEST(RunPlan, ClearsEveryAccumulatorBeforeItsStage) {
  const Planned planned({.fold = false, .squared = true});
  const Program& train = planned.plan->train;
  ASSERT_EQ(train.accumulators.size(), train.cut.stages.size());
  std::set<int> cleared;
  for (std::size_t s = 0; s < train.cut.stages.size(); ++s) {
    std::set<int> expected;
    for (const NodeId n : train.cut.stages[s].replayed)
      if (planned.training.graph->accumulates(n))
        for (const ValueId v : planned.training.graph->node(n).outputs)
          expected.insert(train.storage_of[static_cast<std::size_t>(v)]);
    EXPECT_EQ(std::set<int>(train.accumulators[s].begin(), train.accumulators[s].end()), expected) << "stage " << s;
    for (const int id : expected) EXPECT_TRUE(cleared.insert(id).second) << "cleared twice in a step";
  }
}

TEST(RunPlan, RecomputingKeepsNothing) {
  const Planned keep({.squared = true}), recompute({.crossing = Crossing::recompute, .squared = true});
  EXPECT_LT(recompute.summary().arena_bytes, keep.summary().arena_bytes);
}

TEST(RunPlan, HashNamesThePlan) {
  const std::string plain = Planned({}).summary().hash;
  EXPECT_EQ(plain.size(), 16u);
  EXPECT_EQ(Planned({}).summary().hash, plain);
  std::set<std::string> hashes{plain};
  const std::vector<PlanOptions> others{{.samples = 91},
                                        {.batch = 41},
                                        {.micro_batch = 8},
                                        {.evaluation_samples = 5},
                                        {.fold = false},
                                        {.squared = true},
                                        {.crossing = Crossing::recompute, .squared = true}};
  for (const PlanOptions& other : others) hashes.insert(Planned(other).summary().hash);
  EXPECT_EQ(hashes.size(), 1 + others.size());
}

TEST(RunPlan, AllocatesNothing) {
  const DeviceRun run(Device::cpu().backend());
  const DeviceRun::Scope scope(run);
  const Planned planned({.squared = true});
  EXPECT_EQ(run.memory().peak_bytes(), 0u);
}

}  // namespace
}  // namespace sluice::test
