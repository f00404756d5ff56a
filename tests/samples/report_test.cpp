#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include <sluice/core/error.h>
#include <sluice/core/write_file.h>

#include "common/progress_bar.h"
#include "common/trainer_report.h"

namespace sluice::samples {
namespace {

namespace fs = std::filesystem;

class JsonFile : public testing::Test {
 protected:
  void SetUp() override {
    directory_ = fs::temp_directory_path() / ("sluice_json_" + std::to_string(getpid()));
    fs::create_directories(directory_);
  }
  void TearDown() override { fs::remove_all(directory_); }

  std::string path(const std::string& name) const { return (directory_ / name).string(); }
  static std::string read(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  int files() const {
    return static_cast<int>(std::distance(fs::directory_iterator(directory_), fs::directory_iterator()));
  }

  fs::path directory_;
};

TEST_F(JsonFile, TestingLeavesNoTrace) {
  require_writable(path("a.json"));
  EXPECT_EQ(files(), 0);
  std::ofstream(path("b.json")) << "old";
  require_writable(path("b.json"));
  EXPECT_EQ(read(path("b.json")), "old");
  EXPECT_EQ(files(), 1);
}

TEST_F(JsonFile, RejectsWhatCannotBeWritten) {
  for (const std::string& bad :
       {path("missing/a.json"), directory_.string(), directory_.string() + "/", std::string()}) {
    try {
      require_writable(bad);
      ADD_FAILURE() << bad;
    } catch (const UsageError& error) {
      EXPECT_NE(std::string(error.what()).find("cannot write '" + bad + "': "), std::string::npos) << error.what();
    }
    EXPECT_THROW(write_whole(bad, "x"), Error);
  }
  EXPECT_EQ(files(), 0);
}

TEST_F(JsonFile, Replaces) {
  write_whole(path("a.json"), "one");
  write_whole(path("a.json"), "two");
  EXPECT_EQ(read(path("a.json")), "two");
  EXPECT_EQ(files(), 1);
}

TEST_F(JsonFile, FollowsLinks) {
  write_whole(path("a.json"), "one");
  fs::create_symlink(path("a.json"), path("link.json"));
  write_whole(path("link.json"), "two");
  EXPECT_TRUE(fs::is_symlink(path("link.json")));
  EXPECT_EQ(read(path("a.json")), "two");
}

TEST_F(JsonFile, WritesToDevicesWithoutReplacingThem) {
  require_writable("/dev/null");
  write_whole("/dev/null", "x");
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

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
