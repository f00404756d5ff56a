// --precision strict: direct convolutions only, and a plan that says so.

#include <sstream>

#include <gtest/gtest.h>

#include "models/catalog.h"

namespace sluice::samples {
namespace {

/// The plan of two micro-batches of 32 samples on the CPU, and what the backend was while it was made.
struct Planned {
  Planned(const std::string& model, Precision precision)
      : setup(set_up_model(model, {.input = Shape{3, 32, 32}, .samples = 64})),
        trainer(*setup.net, sgd, setup.step, setup.data,
                {.batch = 64, .micro_batch = 32, .device = Device::cpu(), .precision = precision}),
        fingerprint(Device::cpu().backend().fingerprint()) {}

  Sgd sgd{{.lr = 0.1}};
  ModelSetup setup;
  Trainer trainer;
  std::string fingerprint;
};

class StrictPrecision : public testing::TestWithParam<const char*> {
 protected:
  void TearDown() override { Device::cpu().backend().set_precision(Precision::automatic); }
};

TEST_P(StrictPrecision, HasNoWinograd) {
  const Planned strict(GetParam(), Precision::strict);
  EXPECT_EQ(Device::cpu().backend().precision(), Precision::strict);
  for (const PartDetails& part : strict.trainer.plan_details().parts)
    for (const InstructionDetails& i : part.instructions)
      EXPECT_EQ(i.algorithm.find("wino"), std::string::npos) << i.layer << ": " << i.algorithm;
  const Plan& plan = strict.trainer.plan();
  ASSERT_EQ(plan.convolutions.size(), 1U);
  const auto& [algorithms, count] = *plan.convolutions.begin();
  EXPECT_EQ(algorithms, "direct");
  EXPECT_GT(count, 3 * 10);  // forward and both gradients
  std::ostringstream text;
  text << plan;
  EXPECT_NE(text.str().find("precision   strict; convolutions: " + std::to_string(count) + " direct\n"),
            std::string::npos)
      << text.str();
}

TEST(Strictness, IsAnotherPlanAndEndsWithItsTrainer) {
  const char* const model = "resnet18_cifar";
  const Planned before(model, Precision::automatic), strict(model, Precision::strict),
      after(model, Precision::automatic);
  EXPECT_NE(strict.fingerprint, before.fingerprint);
  EXPECT_NE(strict.trainer.plan().hash, before.trainer.plan().hash);
  EXPECT_EQ(after.fingerprint, before.fingerprint);
  EXPECT_EQ(after.trainer.plan().hash, before.trainer.plan().hash);
  EXPECT_EQ(after.trainer.plan().precision, "fp32");
}

TEST_P(StrictPrecision, AloneGivesUpWinograd) {
  if (Device::cpu().backend().description().find("avx512") == std::string::npos)
    GTEST_SKIP() << "Winograd needs AVX-512";
  const Planned automatic(GetParam(), Precision::automatic), fp32(GetParam(), Precision::fp32);
  EXPECT_GT(automatic.trainer.plan().convolutions.at("Winograd"), 0);
  EXPECT_EQ(fp32.trainer.plan().hash, automatic.trainer.plan().hash);
}

INSTANTIATE_TEST_SUITE_P(Models, StrictPrecision, testing::Values("vgg16", "resnet18_cifar"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace sluice::samples
