#include <sluice/mbp/tuning.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include <sluice/core/differentiate.h>
#include <sluice/core/error.h>
#include <sluice/core/write_file.h>
#include <sluice/kernels/lowering.h>

#include "small_net.h"

namespace sluice::test {
namespace {

namespace fs = std::filesystem;

std::string last_algorithm;  // of the choosy kernel that ran last

/// y = x, by one of two algorithms of which "slow" does it a few thousand times.
class ChoosyOp final : public Op {
 public:
  std::string_view type() const override { return "choosy"; }
  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override { return {inputs[0]}; }
  void gradient(GradientContext& context) const override { context.set(0, context.dy()); }
};

std::unique_ptr<Kernel> lower_choosy(LoweringContext& context) {
  require_all_plain(context);
  constexpr std::string_view candidates[] = {"fast", "slow"};
  const std::string chosen(context.choose(candidates, "slow"));
  return make_kernel([chosen, bytes = context.input(0).bytes()](const Addresses& at, const RunContext&) {
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
  const TensorDataset data_ = small_data(20, 0);
  fs::path directory_;
};

std::string contents(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

TEST_F(Tuning, MeasuresOnceAndTakesTheFastest) {
  const Plan untuned = step("", false);
  EXPECT_EQ(last_algorithm, "slow");  // what the kernel itself prefers
  EXPECT_TRUE(untuned.tuning.empty());

  const Plan tuned = step(path("a"), true);
  EXPECT_EQ(last_algorithm, "fast");
  EXPECT_NE(tuned.tuning.find(path("a")), std::string::npos);
  const std::string written = contents(path("a"));
  EXPECT_NE(written.find("choosy [10,2,8,8] -> [10,2,8,8]\tfast\t"), std::string::npos) << written;

  EXPECT_EQ(step(path("a"), false).hash, tuned.hash);
  EXPECT_EQ(step(path("a"), true).hash, tuned.hash);  // knows everything already
  EXPECT_EQ(contents(path("a")), written);
}

TEST_F(Tuning, TheFileDecides) {
  write_whole(path("b"), "sluice tuning 1\n" + device_line() + "choosy [10,2,8,8] -> [10,2,8,8]\tfast\t2\tslow\t1.5\n");
  step(path("b"), false);
  EXPECT_EQ(last_algorithm, "slow");
  write_whole(path("b"), "sluice tuning 1\n" + device_line() + "choosy [10,2,8,8] -> [10,2,8,8]\tfast\t1\tslow\t1.5\n");
  step(path("b"), false);
  EXPECT_EQ(last_algorithm, "fast");
}

TEST_F(Tuning, BadFilesAreRefused) {
  EXPECT_NE(error("").find("ends after line 0"), std::string::npos);
  EXPECT_NE(error("something else\n").find("line 1: is 'something else'; expected 'sluice tuning 1'"),
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
  EXPECT_THROW(step(path("missing"), false), DataError);
  EXPECT_THROW(step("", true), UsageError);
  EXPECT_THROW(step(path("no/such/directory"), true), UsageError);
}

}  // namespace
}  // namespace sluice::test
