#include <sluice/mbp/plan/plan_details.h>

#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>

#include <sluice/mbp/run/touched_lines.h>
#include <sluice/optim/adam.h>

#include "mbp/small_net.h"

namespace sluice::test {
namespace {

/// A trainer of the small net over `samples`, with a loss that needs two stages where `squared`.
struct SmallRun {
  explicit SmallRun(TrainerOptions options, bool squared = false) : data(small_data(60, 0)) {
    options.device = Device::cpu();
    step = [this, squared](const Batch& b) {
      const Var logits = net(b["image"]);
      const Var loss = mean_cross_entropy(logits, b["label"]);
      if (!squared) return loss;
      const Var total = batch_sum(sum_per_sample(logits));
      return add(loss, mul(total, total));
    };
    trainer = std::make_unique<Trainer>(net, adam, step, data.spec(), options);
  }
  PlanDetails details() const { return trainer->plan_details(); }

  SmallNet net;
  Adam adam{{.lr = 1e-3}};
  TensorDataset data;
  StepFunction step;
  std::unique_ptr<Trainer> trainer;
};

const PartDetails& find(const PlanDetails& details, const std::string& program, const std::string& name,
                        std::int64_t micro_batch) {
  for (const PartDetails& part : details.parts)
    if (part.program == program && part.name == name && part.micro_batch == micro_batch) return part;
  throw Error("no part " + program + " " + name);
}

TEST(PlanDetails, EveryByteOfTheSlabHasOneOwner) {
  for (const bool squared : {false, true}) {
    const SmallRun run({.batch = 25, .micro_batch = 7}, squared);
    const PlanDetails details = run.details();
    std::size_t end = 0;
    for (const RegionDetails& region : details.regions) {
      EXPECT_EQ(region.offset, end);
      end += region.bytes;
    }
    EXPECT_EQ(end, details.summary.planned_peak_bytes());
    end = 0;
    for (const StorageDetails& storage : details.storages) {
      EXPECT_EQ(storage.offset, end) << storage.name;
      end += storage.bytes;
    }
    EXPECT_EQ(end, details.arena_offset);
    for (const PartDetails& part : details.parts)
      for (const ItemDetails& a : part.items) {
        EXPECT_GE(a.offset, details.arena_offset);
        EXPECT_LE(a.offset + a.bytes, details.arena_offset + part.peak_bytes) << a.name;
        for (const ItemDetails& b : part.items)
          EXPECT_TRUE(&a == &b || a.last < b.first || b.last < a.first || a.offset + a.bytes <= b.offset ||
                      b.offset + b.bytes <= a.offset)
              << part.name << ": " << a.name << " and " << b.name;
      }
  }
}

TEST(PlanDetails, PeaksAndBoundsAreThePlans) {
  const SmallRun run({.batch = 25, .micro_batch = 7});
  const PlanDetails details = run.details();
  std::size_t peak = 0, bound = 0;
  for (const PartDetails& part : details.parts) {
    EXPECT_EQ(part.live_bytes.size(), part.instructions.size());
    EXPECT_EQ(part.lower_bound_bytes, *std::max_element(part.live_bytes.begin(), part.live_bytes.end())) << part.name;
    peak = std::max(peak, part.peak_bytes);
    bound = std::max(bound, part.lower_bound_bytes);
  }
  EXPECT_EQ(peak, details.summary.arena_bytes);
  EXPECT_EQ(bound, details.summary.arena_lower_bound_bytes);
  ASSERT_GE(details.peak_part, 0);
  EXPECT_EQ(details.parts[static_cast<std::size_t>(details.peak_part)].peak_bytes, peak);
  // Holders, and holders by layer, sum up to the whole slab; the rest is what packing leaves between.
  std::size_t held = 0, by_layer = 0;
  for (const Holder& holder : details.holders_at_peak()) held += holder.bytes;
  for (const Holder& holder : details.layers_at_peak()) by_layer += holder.bytes;
  EXPECT_EQ(held, details.summary.planned_peak_bytes() - (peak - bound));
  EXPECT_EQ(by_layer, details.summary.planned_peak_bytes());
}

TEST(PlanDetails, HasEveryPartInRunningOrder) {
  const SmallRun run({.batch = 25, .micro_batch = 7}, true);
  const PlanDetails details = run.details();
  std::vector<std::string> train;
  for (const PartDetails& part : details.parts)
    if (part.program == "train") train.push_back(part.name + "/" + std::to_string(part.micro_batch));
  EXPECT_EQ(train, (std::vector<std::string>{"prologue/0", "stage 0/7", "stage 0/6", "stage 0/5", "once 0/0",
                                             "stage 1/7", "stage 1/6", "stage 1/5", "once 1/0", "update/0"}));
}

TEST(PlanDetails, TellsForwardFromBackwardAndTheFirstRunFromTheNext) {
  const SmallRun run({.batch = 25, .micro_batch = 7, .crossing = Crossing::recompute}, true);
  const PlanDetails details = run.details();
  const auto count = [](const PartDetails& part, const std::string& name, auto which) {
    return std::count_if(part.instructions.begin(), part.instructions.end(),
                         [&](const InstructionDetails& i) { return i.name == name && which(i); });
  };
  const PartDetails& first = find(details, "train", "stage 0", 7);
  const PartDetails& second = find(details, "train", "stage 1", 7);
  const auto any = [](const InstructionDetails&) { return true; };
  const auto recomputed = [](const InstructionDetails& i) { return i.recomputed; };
  const auto backward = [](const InstructionDetails& i) { return i.backward; };
  EXPECT_EQ(count(first, "conv2d", any), 1);
  EXPECT_EQ(count(first, "conv2d", recomputed), 0);
  EXPECT_EQ(count(second, "conv2d", recomputed), 1);
  EXPECT_EQ(count(second, "conv2d", backward), 0);
  EXPECT_EQ(count(second, "conv2d_grad_weight", backward), 1);
  for (const ItemDetails& item : second.items) {
    const InstructionDetails& maker = second.instructions[static_cast<std::size_t>(item.first)];
    const Role by_maker = maker.node < 0 ? Role::copy : maker.backward ? Role::gradient : Role::activation;
    EXPECT_EQ(item.role, item.category == Category::workspace ? Role::workspace : by_maker) << item.name;
  }
}

TEST(PlanDetails, OutliveTheTrainer) {
  PlanDetails details;
  {
    const SmallRun run({.batch = 25, .micro_batch = 7});
    details = run.details();
  }
  EXPECT_EQ(details.measured_by, MeasuredBy::nothing);
  EXPECT_FALSE(details.storages.front().measured_bytes);
  EXPECT_FALSE(find(details, "evaluate", "stage 0", 7).instructions.empty());
}

/// Planned and measured bytes by category, with what is measured of whatever a training run alone does not touch.
void expect_measured_as_planned(const PlanDetails& details) {
  for (int c = 0; c < static_cast<int>(Category::count); ++c) {
    const Ledger::Entry total = details.ledger.total(static_cast<Category>(c));
    EXPECT_EQ(total.planned_bytes, total.measured_bytes) << name(static_cast<Category>(c));
  }
}

TEST(PlanDetails, VerifyModeMeasuresEveryItem) {
  for (const Crossing crossing : {Crossing::store, Crossing::recompute}) {
    const SmallRun run({.batch = 25, .micro_batch = 7, .verify_memory = true, .crossing = crossing}, true);
    run.trainer->run_epoch(run.data);
    const PlanDetails trained = run.details();
    EXPECT_EQ(trained.measured_by, MeasuredBy::verified);
    for (const PartDetails& part : trained.parts)
      for (const ItemDetails& item : part.items) {
        const bool ran = part.program == "train";
        ASSERT_TRUE(item.measured_bytes);
        EXPECT_EQ(*item.measured_bytes, ran ? item.bytes : 0) << part.program << ' ' << part.name << ' ' << item.name;
      }
    run.trainer->evaluate(run.data);
    expect_measured_as_planned(run.details());
    EXPECT_EQ(run.details().ledger.rows().size(), trained.ledger.rows().size());
  }
}

TEST(PlanDetails, WithoutVerifyModeTheSlabTellsWhatWasWritten) {
  const SmallRun run({.batch = 25, .micro_batch = 7}, true);
  EXPECT_EQ(run.details().measured_by, MeasuredBy::nothing);
  run.trainer->run_epoch(run.data);
  run.trainer->evaluate(run.data);
  const PlanDetails details = run.details();
  EXPECT_EQ(details.measured_by, MeasuredBy::scanned);
  expect_measured_as_planned(details);
  for (const StorageDetails& storage : details.storages) EXPECT_EQ(*storage.measured_bytes, storage.bytes);
  for (const RegionDetails& region : details.regions) {
    // The last bytes of a region are padding.
    EXPECT_LE(*region.measured_bytes, region.bytes);
    EXPECT_GT(*region.measured_bytes + slab_alignment, region.bytes);
  }
  for (const ItemDetails& item : details.parts.front().items) EXPECT_FALSE(item.measured_bytes);
  const MemoryReport report = run.trainer->memory_report();
  EXPECT_TRUE(report.scanned);
  EXPECT_FALSE(report.verified);
  EXPECT_EQ(report.ledger.total(Category::parameter).measured_bytes,
            report.ledger.total(Category::parameter).planned_bytes);
}

TEST(PlanDetails, WhatDidNotRunIsNotMeasured) {
  const SmallRun run({.batch = 25, .micro_batch = 7});
  run.trainer->evaluate(run.data);  // takes the slab, and touches no gradient
  const PlanDetails details = run.details();
  EXPECT_EQ(details.ledger.total(Category::gradient).measured_bytes, 0u);
  EXPECT_GT(details.ledger.total(Category::gradient).planned_bytes, 0u);
  EXPECT_EQ(details.ledger.total(Category::parameter).measured_bytes,
            details.ledger.total(Category::parameter).planned_bytes);
  run.trainer->run_epoch(run.data);
  const Ledger ledger = run.details().ledger;
  EXPECT_EQ(ledger.total(Category::gradient).measured_bytes, ledger.total(Category::gradient).planned_bytes);
}

std::size_t measured_bytes(const Ledger& ledger) {
  std::size_t sum = 0;
  for (const auto& [key, entry] : ledger.rows()) sum += entry.measured_bytes;
  return sum;
}

TEST(PlanDetails, AReportDuringARunDoesNotSpeakForItsEnd) {
  const SmallRun watched({.batch = 25, .micro_batch = 7}), run({.batch = 25, .micro_batch = 7});
  std::size_t at_first = 0;
  watched.trainer->on_progress([&](const Progress&) {
    if (at_first == 0) at_first = measured_bytes(watched.trainer->memory_report().ledger);
  });
  watched.trainer->step(watched.data);
  run.trainer->step(run.data);
  EXPECT_LT(at_first, measured_bytes(run.trainer->memory_report().ledger));
  EXPECT_EQ(measured_bytes(watched.trainer->memory_report().ledger),
            measured_bytes(run.trainer->memory_report().ledger));
  EXPECT_EQ(measured_bytes(watched.details().ledger), measured_bytes(watched.trainer->memory_report().ledger));
}

}  // namespace
}  // namespace sluice::test
