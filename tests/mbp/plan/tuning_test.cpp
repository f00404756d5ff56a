#include <sluice/mbp/plan/tuning.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include <sluice/core/differentiate.h>
#include <sluice/core/error.h>
#include <sluice/core/write_file.h>
#include <sluice/kernels/shared/lowering.h>
#include <sluice/mbp/run/replay_times.h>
#include <sluice/mbp/run/tune.h>

#include "mbp/small_net.h"
#include "support/read_file.h"

namespace sluice::test {
namespace {

namespace fs = std::filesystem;

std::string last_algorithm;  // of the choosy kernel that ran last

/// y = x, by one of three algorithms, of which "slow" does it a few thousand times and "broken" fails.
class ChoosyOp final : public Op {
 public:
  std::string_view type() const override { return "choosy"; }
  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override { return {inputs[0]}; }
  void gradient(GradientContext& context) const override { context.set(0, context.dy()); }
};

std::unique_ptr<Kernel> lower_choosy(LoweringContext& context) {
  require_all_plain(context);
  constexpr std::string_view candidates[] = {"broken", "fast", "slow"};
  const std::string chosen(context.choose(candidates, "slow"));
  return make_kernel([chosen, bytes = context.input(0).bytes()](const Addresses& at, const RunContext&) {
    if (chosen == "broken") throw BackendError("it is broken");
    last_algorithm = chosen;
    for (int i = 0; i < (chosen == "slow" ? 4000 : 1); ++i) std::memcpy(at.outputs[0], at.inputs[0], bytes);
  });
}

class Tuning : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!Device::cpu().backend().kernel("choosy")) Device::cpu().backend().add_kernel("choosy", lower_choosy);
  }
  void SetUp() override {
    directory_ = fs::temp_directory_path() / ("sluice_tuning_" + std::to_string(::getpid()));
    fs::create_directories(directory_);
  }
  void TearDown() override { fs::remove_all(directory_); }

  std::string path(const std::string& name) const { return (directory_ / name).string(); }

  /// Runs one step; returns the plan.
  Plan step(const std::string& tuning, bool tune) {
    NoUpdate none;
    const StepFunction function = [&](const Batch& b) {
      const Var image = b["image"];
      return mean_cross_entropy(net_(image.graph().add1(std::make_shared<ChoosyOp>(), {image})), b["label"]);
    };
    Trainer trainer(net_, none, function, data_.spec(),
                    {.batch = 20, .micro_batch = 10, .device = Device::cpu(), .tuning = tuning, .tune = tune});
    trainer.step(data_);
    return trainer.plan();
  }

  /// A trainer in which "fastest" may choose among micro-batches.
  std::unique_ptr<Trainer> fastest(const std::string& tuning, bool tune, std::size_t budget = 0) {
    const StepFunction function = [&](const Batch& b) { return mean_cross_entropy(net_(b["image"]), b["label"]); };
    return std::make_unique<Trainer>(
        net_, none_, function, data_.spec(),
        TrainerOptions{
            .batch = 20, .fastest = true, .budget = budget, .device = Device::cpu(), .tuning = tuning, .tune = tune});
  }

  /// The file with other times for replays: `ms(micro_batch)`.
  void rewrite_replays(const std::string& path, const std::function<double(std::int64_t)>& ms) {
    std::istringstream old(read_file(path));
    std::ostringstream text;
    for (std::string line; std::getline(old, line);) {
      if (line.starts_with("replay ")) {
        const std::size_t tab = line.find('\t');
        const std::int64_t micro_batch = std::stoll(line.substr(tab + 1));
        line = line.substr(0, tab) + '\t' + std::to_string(micro_batch) + '\t' + std::to_string(ms(micro_batch));
      }
      text << line << '\n';
    }
    write_whole(path, text.str());
  }

  std::string device_line() const { return "device " + Device::cpu().backend().fingerprint() + "\n"; }

  std::string error(const std::string& text) {
    write_whole(path("bad"), text);
    try {
      TuningFile(path("bad"), Device::cpu().backend(), true);
    } catch (const DataError& e) {
      return e.what();
    }
    return "no DataError";
  }

  SmallNet net_;
  NoUpdate none_;
  const TensorDataset data_ = small_data(20, 0);
  fs::path directory_;
};

TEST_F(Tuning, MeasuresOnceAndTakesTheFastest) {
  const Plan untuned = step("", false);
  EXPECT_EQ(last_algorithm, "slow");  // what the kernel itself prefers
  EXPECT_TRUE(untuned.tuning.empty());

  testing::internal::CaptureStderr();
  const Plan tuned = step(path("a"), true);
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_NE(told.find("tuning leaves out 'broken' of choosy [10,2,8,8]"), std::string::npos) << told;
  EXPECT_EQ(last_algorithm, "fast");
  EXPECT_NE(tuned.tuning.find(path("a")), std::string::npos);
  const std::string written = read_file(path("a"));
  EXPECT_NE(written.find("choosy [10,2,8,8] -> [10,2,8,8]\tbroken\tfailed\tfast\t"), std::string::npos) << written;

  EXPECT_EQ(step(path("a"), false).hash, tuned.hash);
  EXPECT_EQ(step(path("a"), true).hash, tuned.hash);  // knows everything already
  EXPECT_EQ(read_file(path("a")), written);
}

TEST_F(Tuning, TheFileDecides) {
  write_whole(path("b"), "sluice tuning 1\n" + device_line() + "choosy [10,2,8,8] -> [10,2,8,8]\tfast\t2\tslow\t1.5\n");
  step(path("b"), false);
  EXPECT_EQ(last_algorithm, "slow");
  write_whole(path("b"), "sluice tuning 1\n" + device_line() + "choosy [10,2,8,8] -> [10,2,8,8]\tfast\t1\n");
  step(path("b"), false);
  EXPECT_EQ(last_algorithm, "slow") << "what the kernel prefers may be faster than what was measured";
  write_whole(path("b"),
              "sluice tuning 2\n" + device_line() + "choosy [10,2,8,8] -> [10,2,8,8]\tfast\t9\tslow\tfailed\n");
  step(path("b"), false);
  EXPECT_EQ(last_algorithm, "fast");
  write_whole(path("b"), "sluice tuning 1\n" + device_line() + "choosy [10,2,8,8] -> [10,2,8,8]\tfast\t1\tslow\t1.5\n");
  step(path("b"), false);
  EXPECT_EQ(last_algorithm, "fast");
}

TEST_F(Tuning, TimesTheReplaysOfAllCandidates) {
  const auto untuned = fastest("", false);
  EXPECT_FALSE(untuned->plan().fastest_by_times);
  std::vector<std::int64_t> sizes;
  for (const SizeCandidate& candidate : untuned->plan().candidates) {
    EXPECT_FALSE(candidate.replay_ms);
    sizes.push_back(candidate.micro_batch);
  }
  EXPECT_EQ(sizes, (std::vector<std::int64_t>{20, 10, 5, 2, 1}));

  const Tensor before = all_parameters(net_)[0].read();
  Backend& backend = Device::cpu().backend();
  const std::size_t allocated = backend.allocated_bytes();
  const auto tuned = fastest(path("r"), true);
  EXPECT_EQ(backend.allocated_bytes(), allocated);
  EXPECT_EQ(relative_error(all_parameters(net_)[0].read(), before), 0);
  EXPECT_TRUE(tuned->plan().fastest_by_times);
  const std::vector<SizeCandidate>& candidates = tuned->plan().candidates;
  ASSERT_EQ(candidates.size(), sizes.size());
  for (std::size_t i = 0; i < sizes.size(); ++i) {
    EXPECT_EQ(candidates[i].micro_batch, sizes[i]);
    EXPECT_GT(candidates[i].replay_ms.value_or(0), 0);
    EXPECT_EQ(candidates[i].chosen, sizes[i] == tuned->plan().micro_batch);
  }
  const std::string written = read_file(path("r"));
  EXPECT_EQ(fastest(path("r"), true)->plan().hash, tuned->plan().hash);  // knows everything already
  EXPECT_EQ(read_file(path("r")), written);
  EXPECT_EQ(fastest(path("r"), false)->plan().hash, tuned->plan().hash);
}

TEST_F(Tuning, TimesOfReplaysDecide) {
  fastest(path("r"), true);
  for (const std::int64_t wanted : {1, 5, 20}) {
    rewrite_replays(path("r"), [&](std::int64_t micro_batch) {
      return static_cast<double>(micro_batch) * (micro_batch == wanted ? 1 : 2);
    });
    const auto trainer = fastest(path("r"), false);
    EXPECT_EQ(trainer->plan().micro_batch, wanted);
    std::ostringstream listing;
    listing << trainer->plan();
    EXPECT_NE(listing.str().find("by measured replays"), std::string::npos) << listing.str();
    trainer->step(data_);
  }
}

// Some times are no basis for a comparison with sizes that have none.
TEST_F(Tuning, PredictionsDecideWhereAReplayWasNotMeasured) {
  const auto predicted = fastest("", false)->plan().micro_batch;
  fastest(path("r"), true);
  std::string text = read_file(path("r"));
  rewrite_replays(path("r"), [&](std::int64_t micro_batch) { return micro_batch == predicted ? 1e6 : 1e-3; });
  text = read_file(path("r"));
  const std::size_t last = text.rfind("replay ");
  write_whole(path("r"), text.substr(0, last));
  const auto trainer = fastest(path("r"), false);
  EXPECT_EQ(trainer->plan().micro_batch, predicted);
  EXPECT_FALSE(trainer->plan().fastest_by_times);
  std::ostringstream listing;
  listing << trainer->plan();
  EXPECT_NE(listing.str().find("only 4 of 5 micro-batches measured"), std::string::npos) << listing.str();
}

TEST_F(Tuning, ReplaysAreTimedWithinTheBudget) {
  const std::size_t whole = fastest("", false)->plan().planned_peak_bytes();
  const std::size_t budget = whole - whole / 8;
  // A kernel that was measured alone has memory of its own: all of them are known before the peak is looked at.
  fastest(path("r"), true, budget);
  std::istringstream lines(read_file(path("r")));
  std::string kernels;
  for (std::string line; std::getline(lines, line);)
    if (!line.starts_with("replay ")) kernels += line + '\n';
  write_whole(path("r"), kernels);
  const StepFunction function = [&](const Batch& b) { return mean_cross_entropy(net_(b["image"]), b["label"]); };
  const TrainerOptions options{
      .batch = 20, .fastest = true, .budget = budget, .device = Device::cpu(), .tuning = path("r"), .tune = true};
  StepPlanner planner(net_, none_, function, data_.spec(), options);
  EXPECT_TRUE(tune(planner, *planner.chosen()));
  EXPECT_TRUE(planner.chosen()->summary.fastest_by_times);
  EXPECT_GT(planner.device_run().memory().peak_bytes(), 0u);
  EXPECT_LE(planner.device_run().memory().peak_bytes(), budget);
}

TEST_F(Tuning, FilesOfTheFirstVersionAreRead) {
  write_whole(path("old"), "sluice tuning 1\n" + device_line() + "conv\ta\t1\n");
  TuningFile file(path("old"), Device::cpu().backend(), true);
  EXPECT_NE(file.str().find("(1 kernel)"), std::string::npos) << file.str();
  file.add_replay("0123456789abcdef", 8, 1.25);
  EXPECT_EQ(read_file(path("old")),
            "sluice tuning 2\n" + device_line() + "conv\ta\t1\nreplay 0123456789abcdef\t8\t1.25\n");
  const TuningFile again(path("old"), Device::cpu().backend(), true);
  EXPECT_EQ(again.replay_ms("0123456789abcdef"), 1.25);
  EXPECT_EQ(again.replay_ms("0123456789abcdee"), std::nullopt);
}

TEST_F(Tuning, BadFilesAreRefused) {
  EXPECT_NE(error("").find("ends after line 0"), std::string::npos);
  EXPECT_NE(error("something else\n").find("line 1: is 'something else'; expected 'sluice tuning 2'"),
            std::string::npos);
  const std::string other = error("sluice tuning 1\ndevice abacus\n");
  EXPECT_NE(other.find("line 2: was measured on 'device abacus'"), std::string::npos) << other;
  const std::string begin = "sluice tuning 1\n" + device_line();
  EXPECT_NE(error(begin + "conv\n").find("line 3: expected a kernel and pairs"), std::string::npos);
  EXPECT_NE(error(begin + "conv\ta\t1\tb\n").find("line 3: expected a kernel and pairs"), std::string::npos);
  for (const std::string bad : {"x", "-1", "nan", "inf", "1x"})
    EXPECT_NE(error(begin + "conv\ta\t1\nconv\tb\t" + bad + "\n").find("line 4: '" + bad + "' is no time"),
              std::string::npos)
        << bad;
  for (const std::string bad : {"replay k\t8\n", "replay k\t8\t1\t2\n", "replay \t8\t1\n"})
    EXPECT_NE(error(begin + "\n" + bad).find("line 4: expected a replay"), std::string::npos) << bad;
  for (const std::string bad : {"x", "0", "-1", "8x", ""})
    EXPECT_NE(error(begin + "replay k\t" + bad + "\t1\n").find("line 3: '" + bad + "' is no micro-batch"),
              std::string::npos)
        << bad;
  for (const std::string bad : {"x", "-1", "nan"})
    EXPECT_NE(error(begin + "replay k\t8\t" + bad + "\n").find("line 3: '" + bad + "' is no time"), std::string::npos)
        << bad;
  EXPECT_THROW(step(path("missing"), false), DataError);
  EXPECT_THROW(step("", true), UsageError);
  EXPECT_THROW(step(path("no/such/directory"), true), UsageError);
}

}  // namespace
}  // namespace sluice::test
