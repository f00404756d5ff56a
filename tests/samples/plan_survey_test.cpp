#include "tool/plan_survey.h"

#include <algorithm>

#include <gtest/gtest.h>

#include <sluice/optim/sgd.h>
#include <nlohmann/json.hpp>

#include "common/plan_alternatives.h"
#include "models/catalog.h"

namespace sluice::samples {
namespace {

using Json = nlohmann::json;

constexpr std::size_t mib = std::size_t{1} << 20;

/// ResNet-18 on images of a size at which activations, not workspaces, decide what a micro-batch takes.
class Survey : public testing::Test {
 protected:
  ModelSetup setup_ = set_up_model("resnet18_cifar", {.input = Shape{3, 64, 64}, .samples = 300});
  Sgd sgd_{SgdOptions{.lr = 0.1, .momentum = 0.9}};
  StepPlanner planner_{*setup_.net, sgd_, setup_.step, setup_.data, {.batch = 96, .device = Device::cpu()}};

  /// A budget so far on the way from the smallest feasible one to the whole batch's: what these are depends on the
  /// algorithms that the instruction set has.
  std::size_t budget(double share) const {
    const std::size_t least = planner_.smallest_budget(), whole = planner_.whole_batch_bytes();
    return least + static_cast<std::size_t>(share * static_cast<double>(whole - least));
  }
};

TEST_F(Survey, HasARowForEveryBudget) {
  const PlanSurvey found = survey(planner_, 0, {1 * mib, budget(0.3), budget(0.9), 0});
  ASSERT_EQ(found.rows.size(), 4u);
  EXPECT_EQ(found.rows[0].plan, nullptr);
  EXPECT_NE(found.rows[0].refusal.find("smallest feasible budget"), std::string::npos);
  std::int64_t micro_batch = 0;
  for (const std::size_t i : {1u, 2u}) {
    const Plan& plan = found.rows[i].summary();
    EXPECT_LE(plan.planned_peak_bytes(), found.rows[i].budget_bytes);
    EXPECT_GE(plan.micro_batch, micro_batch);
    micro_batch = plan.micro_batch;
  }
  EXPECT_EQ(found.rows[3].summary().micro_batch, 96);
  EXPECT_DOUBLE_EQ(found.relative_time(found.rows[3].summary()), 1);
  EXPECT_LE(found.smallest_budget_bytes, found.rows[1].summary().planned_peak_bytes());
  EXPECT_GE(found.whole_batch_bytes, found.rows[2].summary().planned_peak_bytes());
  EXPECT_LT(found.bytes_per_sample_cheap, 0.7 * found.bytes_per_sample);
  EXPECT_LT(found.bytes_per_sample_least, 0.7 * found.bytes_per_sample_cheap);
}

TEST_F(Survey, SmallestBudgetIsFeasibleAndNoByteLessIs) {
  const std::size_t least = planner_.smallest_budget();
  EXPECT_EQ(planner_.chosen(planner_.constraints(0, least))->summary.planned_peak_bytes(), least);
  EXPECT_THROW(planner_.chosen(planner_.constraints(0, least - 1)), OutOfMemory);
}

TEST_F(Survey, EqualsTheTrainersPlan) {
  const std::size_t budget = this->budget(0.5);
  ModelSetup setup = set_up_model("resnet18_cifar", {.input = Shape{3, 64, 64}, .samples = 300});
  const Trainer trainer(*setup.net, sgd_, setup.step, setup.data,
                        {.batch = 96, .budget = budget, .device = Device::cpu()});
  EXPECT_EQ(planner_.chosen(planner_.constraints(0, budget))->summary.hash, trainer.plan().hash);
}

TEST_F(Survey, PassesSaveMemory) {
  const std::vector<WaterfallRow> rows = waterfall(planner_, 16);
  ASSERT_EQ(rows.size(), 7u);
  for (std::size_t i = 1; i < rows.size(); ++i) EXPECT_LE(rows[i].peak_bytes, rows[i - 1].peak_bytes) << rows[i].name;
  EXPECT_LT(rows[3].peak_bytes, rows[2].peak_bytes);  // order
  EXPECT_LT(rows[6].peak_bytes, rows[3].peak_bytes);  // recomputation
}

TEST_F(Survey, OtherBudgetsGoFromTheSmallestToTheWholeBatchs) {
  const std::unique_ptr<RunPlan> chosen = planner_.chosen(planner_.constraints(16, budget(0.95)));
  const std::vector<WhatIfRow> rows = other_budgets(planner_, chosen->summary);
  ASSERT_EQ(rows.size(), 8u);
  EXPECT_EQ(rows.front().budget_bytes, planner_.smallest_budget());
  EXPECT_GE(rows.back().budget_bytes, planner_.plan({.micro_batch = 96}, 0)->summary.planned_peak_bytes());
  EXPECT_EQ(rows.back().micro_batch, 96);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_LE(rows[i].peak_bytes, rows[i].budget_bytes);
    EXPECT_GT(rows[i].step_ms.value_or(0), 0);
    EXPECT_GE(rows[i].budget_bytes, rows[i == 0 ? 0 : i - 1].budget_bytes);
    EXPECT_EQ(rows[i].chosen, rows[i].budget_bytes == budget(0.95));
    EXPECT_TRUE(!rows[i].chosen || rows[i].peak_bytes == chosen->summary.planned_peak_bytes());
  }
}

TEST_F(Survey, WritesWhatItFound) {
  PlanSurvey found = survey(planner_, 0, {1 * mib, budget(0.5)});
  found.waterfall = waterfall(planner_, 8);
  found.sweep = sweep(planner_);
  const Json json = Json::parse(survey_json(found));
  ASSERT_EQ(json["rows"].size(), 2u);
  EXPECT_TRUE(json["rows"][0]["micro_batch"].is_null());
  const Json& row = json["rows"][1];
  EXPECT_EQ(row["persistent_bytes"].get<std::size_t>() + row["derived_bytes"].get<std::size_t>() +
                row["staging_bytes"].get<std::size_t>() + row["arena_bytes"].get<std::size_t>(),
            row["planned_peak_bytes"].get<std::size_t>());
  for (const char* key : {"budget_bytes", "replays", "arena_lower_bound_bytes", "workspace_bytes"})
    EXPECT_TRUE(row[key].is_number_unsigned() || row[key].is_number_integer()) << key;
  EXPECT_TRUE(row["predicted_relative_time"].is_number());
  EXPECT_EQ(json["waterfall"].size(), 7u);
  EXPECT_GT(json["sweep"].size(), 10u);

  const std::string csv = survey_csv(found);
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 3);
  const auto commas = [&](std::size_t line) {
    std::size_t begin = 0;
    while (line-- > 0) begin = csv.find('\n', begin) + 1;
    return std::count(csv.begin() + static_cast<std::ptrdiff_t>(begin),
                      csv.begin() + static_cast<std::ptrdiff_t>(csv.find('\n', begin)), ',');
  };
  EXPECT_EQ(commas(1), commas(0));
  EXPECT_EQ(commas(2), commas(0));
}

}  // namespace
}  // namespace sluice::samples
