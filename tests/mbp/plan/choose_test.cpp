#include <sluice/mbp/plan/choose.h>

#include <limits>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include <sluice/core/error.h>

namespace sluice::test {
namespace {

constexpr std::size_t mib = std::size_t{1} << 20;

/// Plans that only say what they take: `bytes` of a micro-batch, and workspaces as far as the limit lets them, at most
/// `most`.
struct FakePlanner {
  std::function<std::size_t(std::int64_t)> bytes;
  std::size_t most = 0;
  mutable std::map<std::pair<std::int64_t, std::size_t>, int> asked = {};

  std::unique_ptr<RunPlan> operator()(const PlanChoice& choice) const {
    const std::int64_t micro_batch = choice.micro_batch;
    const std::size_t cap = choice.caps.bytes;
    ++asked[{micro_batch, cap}];
    auto plan = std::make_unique<RunPlan>();
    plan->summary.micro_batch = micro_batch;
    plan->summary.workspace_cap_bytes = cap;
    plan->summary.arena_bytes = bytes(micro_batch) + std::min(cap, most);
    plan->summary.predicted_step_s = 1 / (1.0 + static_cast<double>(std::min(cap, most)));  // workspaces buy speed
    return plan;
  }
};

std::size_t linear(std::int64_t micro_batch) { return 1000 + 10 * static_cast<std::size_t>(micro_batch); }

Plan chosen(const FakePlanner& planner, std::int64_t batch, std::int64_t micro_batch, std::size_t budget) {
  const auto plan = [&](const PlanChoice& choice) { return planner(choice); };
  return choose_plan(plan, {.batch = batch, .micro_batch = micro_batch, .budget_bytes = budget})->summary;
}

std::string refusal(const FakePlanner& planner, std::int64_t batch, std::int64_t micro_batch, std::size_t budget) {
  try {
    chosen(planner, batch, micro_batch, budget);
  } catch (const OutOfMemory& error) {
    return error.what();
  }
  return "no error";
}

TEST(Choose, TakesTheLargestThatFits) {
  const FakePlanner planner{.bytes = linear};
  for (const std::int64_t batch : {1, 2, 7, 100})
    for (std::int64_t most = 1; most <= batch; ++most) {
      EXPECT_EQ(chosen(planner, batch, 0, linear(most)).micro_batch, most) << "of " << batch;
      EXPECT_EQ(chosen(planner, batch, 0, linear(most) + 9).micro_batch, most) << "of " << batch;
    }
  EXPECT_EQ(chosen(planner, 100, 0, 1'000'000).micro_batch, 100);
}

TEST(Choose, TakesTheWholeBatchWithoutABudget) {
  const FakePlanner planner{.bytes = linear, .most = 64};
  const Plan plan = chosen(planner, 100, 0, 0);
  EXPECT_EQ(plan.micro_batch, 100);
  EXPECT_EQ(plan.workspace_cap_bytes, std::numeric_limits<std::size_t>::max());
  EXPECT_EQ(chosen(planner, 100, 7, 0).micro_batch, 7);
}

TEST(Choose, LooksBeyondABumpInThePeak) {
  // 21, which the bisection asks for, takes more than 22 and 23 do.
  const FakePlanner planner{.bytes = [](std::int64_t m) { return m == 21 ? std::size_t{2000} : linear(m); }};
  EXPECT_EQ(chosen(planner, 23, 0, linear(23)).micro_batch, 23);
}

TEST(Choose, NeverGoesOverTheBudget) {
  const FakePlanner planner{
      .bytes = [](std::int64_t m) { return linear(m) + 300 * static_cast<std::size_t>(m * 7 % 5); }, .most = 40 * mib};
  for (std::size_t budget = 1400; budget < 4000; budget += 37) {
    const Plan plan = chosen(planner, 200, 0, budget);
    EXPECT_LE(plan.planned_peak_bytes(), budget);
    EXPECT_LE(chosen(planner, 200, 0, budget + 5 * mib).planned_peak_bytes(), budget + 5 * mib);
  }
}

TEST(Choose, SpendsWhatIsLeftOnWorkspaces) {
  const FakePlanner planner{.bytes = [](std::int64_t) { return 10 * mib; }, .most = 40 * mib};
  const auto cap = [&](std::size_t budget) { return chosen(planner, 8, 8, budget).workspace_cap_bytes; };
  EXPECT_EQ(cap(50 * mib), std::numeric_limits<std::size_t>::max());
  EXPECT_EQ(cap(50 * mib - 1), 32 * mib);
  EXPECT_EQ(cap(11 * mib), 1 * mib);
  EXPECT_EQ(cap(11 * mib - 1), 0u);
}

TEST(Choose, SaysWhatAFixedMicroBatchTakes) {
  const std::string text = refusal({.bytes = linear}, 100, 50, linear(30));
  for (const char* part : {"micro-batch 50 does not fit", "predicted peak is 1500 bytes", "budget is 1300 bytes",
                           "largest micro-batch that fits is 30"})
    EXPECT_NE(text.find(part), std::string::npos) << "'" << part << "' in: " << text;
}

TEST(Choose, SaysTheSmallestFeasibleBudget) {
  EXPECT_NE(refusal({.bytes = linear}, 100, 0, 1009).find("smallest feasible budget is 1010 bytes"), std::string::npos);
  EXPECT_NE(refusal({.bytes = linear}, 100, 50, 1009).find("smallest feasible budget is 1010 bytes"),
            std::string::npos);
  // Two samples may take less than one.
  const FakePlanner planner{.bytes = [](std::int64_t m) { return m == 1 ? std::size_t{5000} : linear(m); }};
  EXPECT_NE(refusal(planner, 100, 0, 1000).find("smallest feasible budget is 1020 bytes"), std::string::npos)
      << refusal(planner, 100, 0, 1000);
}

TEST(Choose, AsksForTheUnitOfABudgetOfAFewBytes) {
  EXPECT_NE(refusal({.bytes = linear}, 100, 0, 48).find("; a budget is in bytes (48_MiB?)"), std::string::npos);
  EXPECT_EQ(refusal({.bytes = [](std::int64_t m) { return 1000 * linear(m); }}, 100, 0, 1024).find("_MiB?"),
            std::string::npos);
}

TEST(Choose, FindsWhatItCallsFeasible) {
  const FakePlanner planner{.bytes = [](std::int64_t m) { return m == 1 ? std::size_t{5000} : linear(m); }};
  EXPECT_EQ(chosen(planner, 100, 0, 1020).micro_batch, 2);
}

TEST(Choose, PlansFewTimes) {
  const FakePlanner planner{.bytes = linear};
  chosen(planner, 4096, 0, linear(1000));
  int plans = 0;
  for (const auto& [what, count] : planner.asked) plans += count;
  EXPECT_LE(plans, 13 + 4 + 1 + 8);
}

}  // namespace
}  // namespace sluice::test
