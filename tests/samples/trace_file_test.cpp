#include "common/trace_file.h"

#include <algorithm>
#include <map>

#include <gtest/gtest.h>
#include <sluice/sluice.h>
#include <nlohmann/json.hpp>

#include "models/lenet.h"
#include "support/tensors.h"

namespace sluice::samples {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t samples = 60, batch = 20, micro_batch = 7;  // sizes 7, 7, 6

/// Two of three steps of a LeNet, traced.
struct TracedLeNet {
  TracedLeNet() {
    const auto step = [this](const Batch& b) { return cross_entropy(net(b["image"]), b["label"]); };
    trainer = std::make_unique<Trainer>(
        net, sgd, step, data.spec(),
        TrainerOptions{.batch = batch, .micro_batch = micro_batch, .device = Device::cpu(), .evaluation = few.spec()});
    trainer->record_times(2);
    trainer->run_epoch(data);
    trainer->evaluate(few);
    details = trainer->plan_details();
    times = trainer->kernel_times();
  }
  std::size_t kernels_of_a_step() const {
    std::size_t kernels = 0;
    for (const PartDetails& part : details.parts) {
      if (part.program != "train") continue;
      const std::size_t runs = part.kind != PartKind::replayed ? 1 : part.micro_batch == 7 ? 2 : 1;
      kernels += runs * part.instructions.size();
    }
    return kernels;
  }

  LeNet net{Shape{1, 28, 28}};
  Sgd sgd{{.lr = 0.01}};
  TensorDataset data{"made up",
                     {{"image", test::random_tensor({samples, 1, 28, 28}, DType::f32, -1, 1, 1)},
                      {"label", test::random_tensor({samples}, DType::i32, 0, 9, 2)}}};
  TensorDataset few{"few",
                    {{"image", test::random_tensor({3, 1, 28, 28}, DType::f32, -1, 1, 1)},
                     {"label", test::random_tensor({3}, DType::i32, 0, 9, 2)}}};
  std::unique_ptr<Trainer> trainer;
  PlanDetails details;
  KernelTimes times;
};

TEST(TraceFile, HasEveryKernelOfTheFirstSteps) {
  const TracedLeNet run;
  EXPECT_EQ(run.times.steps, 2);
  const Json trace = Json::parse(trace_json(run.details, run.times));
  std::map<std::string, std::size_t> count;
  for (const Json& event : trace["traceEvents"])
    if (event["ph"] == "X") ++count[event["cat"].get<std::string>()];
  EXPECT_EQ(count["step"], 2u);
  EXPECT_EQ(count["kernel"], 2 * run.kernels_of_a_step());
  EXPECT_EQ(count["inputs"], 6u);
  EXPECT_EQ(count["waiting"], 6u);
  EXPECT_GE(count["loading"], 6u);  // and the one that the third step's first micro-batch may have begun
  EXPECT_LE(count["loading"], 7u);
}

TEST(TraceFile, SlicesOfATrackNest) {
  const TracedLeNet run;
  const Json trace = Json::parse(trace_json(run.details, run.times));
  struct Slice {
    std::string kind;
    double begin, end;
  };
  std::vector<Slice> slices;
  for (const Json& event : trace["traceEvents"])
    if (event["ph"] == "X" && event["tid"] == 1) {
      const double begin = event["ts"];
      slices.push_back({event["cat"], begin, begin + event["dur"].get<double>()});
    }
  const auto within = [](const Slice& inner, const Slice& outer) {
    constexpr double rounding = 0.0011;  // a nanosecond, in microseconds
    return inner.begin >= outer.begin - rounding && inner.end <= outer.end + rounding;
  };
  const auto has_outer = [&](const Slice& inner, const std::string& kind) {
    return std::any_of(slices.begin(), slices.end(),
                       [&](const Slice& outer) { return outer.kind == kind && within(inner, outer); });
  };
  for (const Slice& slice : slices) {
    EXPECT_GE(slice.end, slice.begin);
    EXPECT_TRUE(has_outer(slice, "step")) << slice.kind;
    const bool of_a_part = slice.kind == "kernel" || slice.kind == "inputs";
    EXPECT_TRUE(!of_a_part || has_outer(slice, "part")) << slice.kind;
    for (const Slice& other : slices)
      EXPECT_TRUE(within(slice, other) || within(other, slice) || slice.end <= other.begin + 0.0011 ||
                  other.end <= slice.begin + 0.0011)
          << slice.kind << " and " << other.kind << " overlap";
  }
}

TEST(TraceFile, TheCountersReachThePlannedPeak) {
  const TracedLeNet run;
  ASSERT_EQ(run.details.parts[static_cast<std::size_t>(run.details.peak_part)].program, "train");
  const Json trace = Json::parse(trace_json(run.details, run.times));
  std::size_t most = 0, counters = 0;
  for (const Json& event : trace["traceEvents"]) {
    if (event["ph"] != "C") continue;
    std::size_t sum = 0;
    for (const auto& [name, bytes] : event["args"].items()) sum += bytes.get<std::size_t>();
    if (event["name"] == "planned, bytes") {
      most = std::max(most, sum);
      ++counters;
    } else {
      EXPECT_EQ(sum, run.details.summary.planned_peak_bytes());
    }
  }
  EXPECT_EQ(most, run.details.summary.planned_peak_bytes());
  EXPECT_EQ(counters, 2 * run.kernels_of_a_step());
}

TEST(TraceFile, CountsWhatLiesUnusedBelowTheHighestValue) {
  PlanDetails details;
  details.storages = {{.name = "w", .layer = "fc", .category = Category::parameter, .offset = 0, .bytes = 64}};
  details.arena_offset = 64;
  details.parts = {{.program = "train",
                    .name = "stage 0",
                    .micro_batch = 7,
                    .instructions = {{.name = "a \"quoted\" kernel", .layer = "fc"}},
                    .items = {{.name = "low", .role = Role::activation, .offset = 64, .bytes = 128},
                              {.name = "high", .role = Role::workspace, .offset = 256, .bytes = 64}}}};
  const KernelTimes times{.slices = {{.kind = SliceKind::kernel, .part = 0, .instruction = 0}}};
  const Json trace = Json::parse(trace_json(details, times));
  const Json& counter = trace["traceEvents"].back();
  EXPECT_EQ(counter["args"]["parameter"], 64);
  EXPECT_EQ(counter["args"]["activation"], 128);
  EXPECT_EQ(counter["args"]["workspace"], 64);
  EXPECT_EQ(counter["args"]["unused between"], 64);
}

TEST(TraceFile, OfNothingIsEmpty) {
  const Json trace = Json::parse(trace_json({}, {}));
  EXPECT_EQ(trace["traceEvents"].size(), 3u);  // names of the process and its tracks
}

}  // namespace
}  // namespace sluice::samples
