// --precision strict: direct convolutions only, and a plan that says so.

#include <sstream>

#include <gtest/gtest.h>

#include "models/catalog.h"

namespace sluice::samples {
namespace {

/// The plan of two micro-batches of 32 samples on the CPU.
struct Planned {
  Planned(const std::string& model, Precision precision)
      : setup(set_up_model(model, {.input = Shape{3, 32, 32}, .samples = 64})),
        trainer(*setup.net, sgd, setup.step, setup.data,
                {.batch = 64, .micro_batch = 32, .device = Device::cpu(), .precision = precision}) {}

  const Plan& plan() const { return trainer.plan(); }

  Sgd sgd{{.lr = 0.1}};
  ModelSetup setup;
  Trainer trainer;
};

class StrictPrecision : public testing::TestWithParam<const char*> {};

TEST_P(StrictPrecision, HasNoWinograd) {
  const Planned strict(GetParam(), Precision::strict);
  for (const PartDetails& part : strict.trainer.plan_details().parts)
    for (const InstructionDetails& i : part.instructions)
      EXPECT_EQ(i.algorithm.find("wino"), std::string::npos) << i.layer << ": " << i.algorithm;
  const Plan& plan = strict.trainer.plan();
  EXPECT_EQ(plan.convolutions.count("Winograd"), 0U);
  EXPECT_GT(plan.convolutions.at("direct"), 10);
  std::int64_t count = 0;
  for (const auto& [algorithms, convolutions] : plan.convolutions) count += convolutions;
  EXPECT_GT(count, 3 * 10);  // forward and both gradients
  std::ostringstream text;
  text << plan;
  const std::string line = "precision   strict; convolutions: " + std::to_string(plan.convolutions.at("direct"));
  EXPECT_NE(text.str().find(line + " direct"), std::string::npos) << text.str();
}

TEST(Strictness, IsAnotherPlan) {
  const Planned automatic("resnet18_cifar", Precision::automatic), strict("resnet18_cifar", Precision::strict);
  EXPECT_NE(strict.plan().device, automatic.plan().device);
  EXPECT_NE(strict.plan().hash, automatic.plan().hash);
  EXPECT_EQ(automatic.plan().precision, "fp32");
}

TEST(Strictness, BelongsToItsTrainer) {
  const Precision before = Device::cpu().backend().precision();
  const Planned alone("resnet18_cifar", Precision::strict);
  const std::size_t bytes = alone.trainer.whole_batch_planned_bytes();
  const Planned strict("resnet18_cifar", Precision::strict), other("resnet18_cifar", Precision::automatic);
  EXPECT_EQ(strict.trainer.whole_batch_planned_bytes(), bytes);
  EXPECT_EQ(other.plan().hash, Planned("resnet18_cifar", Precision::automatic).plan().hash);
  EXPECT_EQ(Device::cpu().backend().precision(), before);
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
