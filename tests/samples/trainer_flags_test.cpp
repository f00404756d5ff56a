#include "common/trainer_flags.h"

#include <algorithm>

#include <gtest/gtest.h>

#include <sluice/core/byte_size.h>

namespace sluice::samples {
namespace {

struct Parsed {
  TrainerFlags flags;
  std::optional<int> code;
  std::string out, err;
};

Parsed parse(std::vector<const char*> words, const TrainerFlags& defaults = {}) {
  words.insert(words.begin(), "some/where/trainer");
  Parsed result{.flags = defaults, .code = {}, .out = {}, .err = {}};
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  result.code = parse_trainer_flags(static_cast<int>(words.size()), words.data(), "Trains.", result.flags);
  result.out = testing::internal::GetCapturedStdout();
  result.err = testing::internal::GetCapturedStderr();
  return result;
}

TEST(TrainerFlags, KeepDefaults) {
  const Parsed p = parse({}, {.epochs = 6, .batch = 4096, .budget = 64_MiB});
  EXPECT_FALSE(p.code);
  EXPECT_EQ(p.flags.epochs, 6);
  EXPECT_EQ(p.flags.batch, 4096);
  EXPECT_EQ(p.flags.budget, 64_MiB);
  EXPECT_EQ(p.flags.micro_batch, 0);
  EXPECT_FALSE(p.flags.drop_last);
  EXPECT_EQ(p.flags.on_non_finite, OnNonFinite::stop);
  EXPECT_EQ(p.flags.device, "cpu");
}

TEST(TrainerFlags, ReadEveryFlag) {
  const Parsed p = parse({"--data",
                          "/d",
                          "--epochs",
                          "3",
                          "--batch",
                          "010",
                          "--micro-batch",
                          "7",
                          "--budget",
                          "1.5GiB",
                          "--optimizer",
                          "sgd",
                          "--lr",
                          "1e-2",
                          "--momentum",
                          "0",
                          "--weight-decay",
                          "0.5",
                          "--seed",
                          "18446744073709551615",
                          "--device",
                          "cuda",
                          "--threads",
                          "2",
                          "--limit",
                          "99",
                          "--bn",
                          "local",
                          "--drop-last",
                          "--on-non-finite",
                          "skip",
                          "--plan-only",
                          "--verify-memory",
                          "--json",
                          "out.json",
                          "--report",
                          "out.html",
                          "--quiet"});
  EXPECT_FALSE(p.code) << p.err;
  EXPECT_EQ(p.flags.data, "/d");
  EXPECT_EQ(p.flags.epochs, 3);
  EXPECT_EQ(p.flags.batch, 10);  // not octal
  EXPECT_EQ(p.flags.micro_batch, 7);
  EXPECT_EQ(p.flags.budget, 1536_MiB);
  EXPECT_EQ(p.flags.optimizer, "sgd");
  EXPECT_EQ(p.flags.learning_rate(), 0.01);
  EXPECT_EQ(p.flags.momentum, 0);
  EXPECT_EQ(p.flags.weight_decay, 0.5);
  EXPECT_EQ(p.flags.seed, ~std::uint64_t{0});
  EXPECT_EQ(p.flags.device, "cuda");
  EXPECT_EQ(p.flags.threads, 2);
  EXPECT_EQ(p.flags.limit, 99);
  EXPECT_TRUE(p.flags.drop_last);
  EXPECT_EQ(p.flags.on_non_finite, OnNonFinite::skip);
  EXPECT_TRUE(p.flags.plan_only && p.flags.verify_memory && p.flags.quiet);
  EXPECT_EQ(p.flags.json, "out.json");
  EXPECT_EQ(p.flags.report, "out.html");
}

TEST(TrainerFlags, AutoNoneAndTheLastWordCounts) {
  const TrainerFlags defaults{.micro_batch = 5, .budget = 3};
  const Parsed p = parse({"--micro-batch", "auto", "--budget", "none", "--epochs", "6", "--epochs=1"}, defaults);
  EXPECT_FALSE(p.code) << p.err;
  EXPECT_EQ(p.flags.micro_batch, 0);
  EXPECT_EQ(p.flags.budget, 0u);
  EXPECT_EQ(p.flags.epochs, 1);
}

TEST(TrainerFlags, LearningRateFollowsTheOptimizer) {
  const TrainerFlags defaults{.adam_lr = 0.003, .sgd_lr = 0.1};
  EXPECT_EQ(parse({}, defaults).flags.learning_rate(), 0.003);
  EXPECT_EQ(parse({"--optimizer", "adamw"}, defaults).flags.learning_rate(), 0.003);
  EXPECT_EQ(parse({"--optimizer", "sgd"}, defaults).flags.learning_rate(), 0.1);
}

TEST(TrainerFlags, HelpListsTheContract) {
  const Parsed p = parse({"--help"});
  EXPECT_EQ(p.code, 0);
  EXPECT_EQ(p.err, "");
  for (const char* flag : {"--data",  "--epochs",      "--batch",        "--micro-batch",   "--budget", "--optimizer",
                           "--lr",    "--momentum",    "--weight-decay", "--seed",          "--device", "--threads",
                           "--limit", "--bn",          "--plan-only",    "--verify-memory", "--json",   "--report",
                           "--trace", "--trace-steps", "--quiet",        "--help",          "--svg",    "--version"})
    EXPECT_NE(p.out.find(flag), std::string::npos) << flag;
}

TEST(TrainerFlags, ModelIsOneOfTheSamples) {
  const TrainerFlags defaults{.models = {"lenet", "fashion_cnn"}};
  EXPECT_EQ(parse({}, defaults).flags.model, "lenet");
  EXPECT_EQ(parse({"--model", "fashion_cnn"}, defaults).flags.model, "fashion_cnn");
  EXPECT_NE(parse({"--help"}, defaults).out.find("lenet, fashion_cnn [lenet]"), std::string::npos);
  const Parsed unknown = parse({"--model", "vgg"}, defaults);
  EXPECT_EQ(unknown.code, 2);
  EXPECT_EQ(unknown.err, "trainer: --model: got 'vgg'; expected lenet or fashion_cnn (see --help)\n");
  EXPECT_EQ(parse({"--model", "lenet"}).code, 2);  // a sample of one model has no such flag
}

TEST(TrainerFlags, OutputsMayBeStandardOutput) {
  const Parsed p = parse({"--json", "-", "--report=-", "--trace", "-"});
  EXPECT_FALSE(p.code) << p.err;
  EXPECT_EQ(p.flags.json, "-");
  EXPECT_EQ(p.flags.report, "-");
  EXPECT_EQ(p.flags.trace, "-");
}

TEST(TrainerFlags, VersionSaysWhatRuns) {
  const Parsed p = parse({"--version"});
  EXPECT_EQ(p.code, 0);
  EXPECT_EQ(p.err, "");
  EXPECT_EQ(p.out.find("trainer "), 0u) << p.out;
  for (const char* what : {"compiler  ", "build     ", "device    cpu: ", "device    cuda: "})
    EXPECT_NE(p.out.find(what), std::string::npos) << what << " in\n" << p.out;
}

TEST(TrainerFlags, HelpOfTheMicroBatchSaysWhatAutoIs) {
  EXPECT_NE(parse({"--help"}).out.find("auto: the largest that fits without recomputation"), std::string::npos);
}

TEST(TrainerFlags, ExplainAModelThatOtherProgramsCallSo) {
  const TrainerFlags defaults{.models = {"lenet", "resnet18_cifar"},
                              .other_models = {{"resnet18", "got 'resnet18', which is larger"}}};
  const Parsed p = parse({"--model", "resnet18"}, defaults);
  EXPECT_EQ(p.code, 2);
  EXPECT_EQ(p.err, "trainer: --model: got 'resnet18', which is larger (see --help)\n");
  EXPECT_EQ(parse({"--model", "resnet18_cifar"}, defaults).flags.model, "resnet18_cifar");
}

TEST(TrainerFlags, WrongUsageGivesTwoAndNamesTheFlag) {
  for (const auto& [words, part] : std::vector<std::pair<std::vector<const char*>, std::string>>{
           {{"--batch", "0"}, "--batch: got '0'; expected a whole number from 1"},
           {{"--batch", "-3"}, "--batch: got '-3'"},
           {{"--batch=-3"}, "--batch: got '-3'"},
           {{"--batch", "12x"}, "--batch: got '12x'"},
           {{"--batch", "1.5"}, "--batch: got '1.5'"},
           {{"--batch", "9223372036854775808"}, "--batch"},
           {{"--batch", ""}, "--batch"},
           {{"--batch"}, "--batch"},
           {{"--epochs", "0"}, "--epochs"},
           {{"--micro-batch", "0"}, "--micro-batch"},
           {{"--micro-batch", "many"}, "--micro-batch: got 'many'"},
           {{"--batch", "64", "--micro-batch", "65"}, "at most the logical batch, --batch 64"},
           {{"--budget", "-1MiB"}, "is negative; got '-1MiB'"},
           {{"--budget", "0"}, "--budget"},
           {{"--budget", "64Mb"}, "unknown unit; got '64Mb'"},
           {{"--budget", "lots"}, "--budget"},
           {{"--budget", "99999999999GiB"}, "too large"},
           {{"--optimizer", "lion"}, "--optimizer: got 'lion'; expected sgd or adam or adamw"},
           {{"--lr", "0"}, "--lr"},
           {{"--lr", "nan"}, "--lr"},
           {{"--lr", "inf"}, "--lr"},
           {{"--lr", "fast"}, "--lr: got 'fast'"},
           {{"--momentum", "1"}, "--momentum"},
           {{"--weight-decay", "-0.1"}, "--weight-decay"},
           {{"--seed", "-1"}, "--seed"},
           {{"--device", "tpu"}, "--device"},
           {{"--threads", "-1"}, "--threads"},
           {{"--threads", "3000000000"}, "--threads"},
           {{"--threads", "100000"}, "--threads: got '100000'; expected a whole number from 0 to 1024"},
           {{"--data", ""}, "--data: got ''; expected the name of a directory"},
           {{"--svg", ""}, "--svg: got ''; expected the name of a directory"},
           {{"--limit", "0"}, "--limit"},
           {{"--bn", "global"}, "--bn"},
           {{"--json", ""}, "--json: got ''; expected the name of a file"},
           {{"--report="}, "--report"},
           {{"--trace", ""}, "--trace: got ''"},
           {{"--tuning", ""}, "--tuning: got ''"},
           {{"--tuning", "-"}, "--tuning: got '-'; expected the name of a file (./- for one of that name)"},
           {{"--trace-steps", "0"}, "--trace-steps: got '0'; expected a whole number from 1"},
           {{"--trace", "t.json", "--plan-only"}, "--trace: got it with --plan-only"},
           {{"--verify-memory", "--trace", "t.json"}, "--trace: got it with --verify-memory"},
           {{"--nonsense"}, "--nonsense"},
           {{"--quiet=maybe"}, "--quiet"},
           {{"one", "two", "--three"}, "got 'one' 'two' '--three'"},  // in this order
           {{"stray"}, "stray"}}) {
    const Parsed p = parse(words);
    EXPECT_EQ(p.code, 2) << words[0];
    EXPECT_NE(p.err.find(part), std::string::npos) << part << " in: " << p.err;
    EXPECT_EQ(p.err.find("trainer: "), 0u) << p.err;
    EXPECT_EQ(std::count(p.err.begin(), p.err.end(), '\n'), 1) << p.err;
    EXPECT_EQ(p.out, "");
  }
}

}  // namespace
}  // namespace sluice::samples
