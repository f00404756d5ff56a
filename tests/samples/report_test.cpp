#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "common/progress_bar.h"
#include "common/trainer_report.h"

namespace sluice::samples {
namespace {

TEST(TrainerReport, HasTheKeysOfTheContract) {
  TrainerReport report{.model = "m",
                       .dataset = "d",
                       .weights_hash = "w",
                       .threads = 2,
                       .steps = 3,
                       .images = 300,
                       .seconds = 2,
                       .whole_batch_planned_bytes = 5};
  report.epochs.push_back(
      {.epoch = 1, .train_loss = std::nan(""), .test_accuracy = 0.5, .seconds = 2, .images_per_second = 150});
  report.memory = MemoryReport{};
  Plan plan;
  plan.budget_bytes = 7;
  const std::string json = to_json(report, {}, plan);
  for (const char* key : {"model",
                          "dataset",
                          "device",
                          "threads",
                          "seed",
                          "plan_hash",
                          "weights_hash",
                          "logical_batch",
                          "micro_batch",
                          "micro_batches_per_step",
                          "stages",
                          "recomputes",
                          "split_dependent",
                          "bn",
                          "tuning",
                          "steps",
                          "budget_bytes",
                          "whole_batch_planned_bytes",
                          "planned_peak_bytes",
                          "measured_peak_bytes",
                          "outside_bytes",
                          "device_outside_bytes",
                          "persistent_bytes",
                          "derived_bytes",
                          "staging_bytes",
                          "arena_bytes",
                          "arena_lower_bound_bytes",
                          "recorded_parts",
                          "refused_parts",
                          "images_per_second",
                          "seconds",
                          "train_loss",
                          "test_accuracy",
                          "epochs",
                          "epoch",
                          "loader_wait_seconds"})
    EXPECT_NE(json.find("\"" + std::string(key) + "\":"), std::string::npos) << key << " in\n" << json;
  EXPECT_NE(json.find("\"images_per_second\": 150.0"), std::string::npos) << json;
  EXPECT_NE(json.find("\"train_loss\": null"), std::string::npos) << json;  // JSON has no NaN
  EXPECT_NE(json.find("\"budget_bytes\": 7"), std::string::npos) << json;
}

TEST(TrainerReport, SaysNullForWhatDidNotHappen) {
  const std::string json = to_json({}, {}, Plan{});
  for (const char* key : {"weights_hash", "budget_bytes", "measured_peak_bytes", "train_loss", "test_accuracy"})
    EXPECT_NE(json.find("\"" + std::string(key) + "\": null"), std::string::npos) << key << " in\n" << json;
}

std::string progress_text(const Progress& progress, std::int64_t epochs, double done_s, int bar,
                          std::size_t room = 200) {
  std::vector<char> buffer(room);
  const std::int64_t trained = progress.epoch * progress.total_samples + progress.samples;
  return std::string(format_progress(buffer, progress, epochs, done_s, trained, bar));
}

TEST(ProgressText, ShowsLossSpeedAndTimeLeft) {
  const Progress progress{
      .epoch = 1, .step = 3, .steps = 10, .samples = 300, .total_samples = 1000, .loss = 0.1234, .seconds = 3};
  EXPECT_EQ(progress_text(progress, 4, 13, 10), "epoch 2/4 [===>      ]  30%  loss 0.1234  100 images/s  ETA 0:27");
  EXPECT_EQ(progress_text(progress, 4, 13, 0), "epoch 2/4  30%  loss 0.1234  100 images/s  ETA 0:27");
  EXPECT_EQ(progress_text(progress, 4, 13000, 0), "epoch 2/4  30%  loss 0.1234  100 images/s  ETA 7:30:00");
}

TEST(ProgressText, AtItsEdges) {
  const Progress begin{.total_samples = 1000, .loss = std::numeric_limits<double>::quiet_NaN()};
  EXPECT_EQ(progress_text(begin, 1, 0, 10), "epoch 1/1 [>         ]   0%");
  const Progress end{.samples = 1000, .total_samples = 1000, .loss = 1, .seconds = 1};
  EXPECT_EQ(progress_text(end, 1, 1, 10), "epoch 1/1 [==========] 100%  loss 1.0000  1000 images/s  ETA 0:00");
  EXPECT_EQ(progress_text(end, 1, 1, 10, 12), "epoch 1/1 [=");
}

}  // namespace
}  // namespace sluice::samples
