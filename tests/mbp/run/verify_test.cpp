#include <algorithm>

#include <gtest/gtest.h>

#include <sluice/core/byte_size.h>
#include <sluice/core/kernel.h>
#include <sluice/mbp/run/verify.h>

#include "mbp/small_net.h"

namespace sluice::test {
namespace {

/// y = x, by a kernel that misbehaves as asked.
enum class Fault { none, writes_past_its_range, allocates };

class FaultyCopy final : public Op {
 public:
  explicit FaultyCopy(std::string type) : type_(std::move(type)) {}
  std::string_view type() const override { return type_; }
  std::vector<ValueSpec> infer(std::span<const ValueSpec> in) const override { return {in[0]}; }
  void gradient(GradientContext&) const override {}  // stops the gradient

 private:
  std::string type_;
};

Var faulty_copy(Var x, const std::string& type) { return x.graph().add1(std::make_shared<FaultyCopy>(type), {x}); }

KernelFactory faulty_kernel(Fault fault) {
  return [fault](LoweringContext& context) {
    context.require_plain(0);
    Backend* const backend = &context.backend();
    return make_kernel([=, count = context.output(0).elements()](const Addresses& at, const RunContext&) {
      auto* const y = static_cast<float*>(at.outputs[0]);
      std::copy_n(static_cast<const float*>(at.inputs[0]), count, y);
      if (fault == Fault::writes_past_its_range) y[count + 3] = 1;
      if (fault == Fault::allocates) backend->allocate(4096);
    });
  };
}

/// The message of a verified step through a copy with this fault.
std::string message_of(Fault fault, const std::string& type) {
  Device::cpu().backend().add_kernel(type, faulty_kernel(fault));
  SmallNet net;
  const TensorDataset data = small_data(20, 0);
  const StepFunction step = [&](const Batch& b) {
    const Var logits = net(b["image"]);
    b.output("copied", div(batch_sum(sum_per_sample(faulty_copy(logits, type))), logits.graph().sample_count()));
    return mean_cross_entropy(logits, b["label"]);
  };
  try {
    gradients(net, step, data, {.micro_batch = 7, .device = Device::cpu()});
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Verify, PassesAKernelThatKeepsItsContract) { EXPECT_EQ(message_of(Fault::none, "honest_copy"), ""); }

TEST(Verify, NamesAKernelThatWritesPastItsRange) {
  const std::string message = message_of(Fault::writes_past_its_range, "overrunning_copy");
  EXPECT_NE(message.find("overrunning_copy"), std::string::npos) << message;
  EXPECT_NE(message.find("wrote outside its ranges"), std::string::npos) << message;
}

TEST(Verify, NamesAKernelThatAllocates) {
  const std::string message = message_of(Fault::allocates, "allocating_copy");
  EXPECT_NE(message.find("allocating_copy"), std::string::npos) << message;
  EXPECT_NE(message.find("unplanned allocation of 4096 bytes"), std::string::npos) << message;
}

/// An update that says it leaves the gradient at zero.
class Careless final : public Optimizer {
 public:
  class Update final : public Op {
   public:
    std::string_view type() const override { return "careless"; }
    std::vector<ValueSpec> infer(std::span<const ValueSpec>) const override { return {}; }
    std::vector<int> mutates() const override { return {0}; }
    std::vector<int> clears() const override { return {0}; }
  };

  void update(Graph& graph, std::span<const Trained> trained) const override {
    graph.add(std::make_shared<Update>(), std::vector{trained[0].gradient});
  }
  std::vector<std::pair<std::string, double>> scalars(std::int64_t) const override { return {}; }
  std::string str() const override { return "careless"; }
};

TEST(Verify, NamesAKernelThatDoesNotClearWhatItSaid) {
  Device::cpu().backend().add_kernel(
      "careless", [](LoweringContext&) { return make_kernel([](const Addresses&, const RunContext&) {}); });
  SmallNet net;
  Careless careless;
  const TensorDataset data = small_data(20, 0);
  Trainer trainer(net, careless, [&](const Batch& b) { return mean_cross_entropy(net(b["image"]), b["label"]); },
                  data.spec(), {.batch = 20, .device = Device::cpu(), .verify_memory = true});
  try {
    trainer.step(data);
    ADD_FAILURE() << "no VerifyError";
  } catch (const VerifyError& error) {
    EXPECT_NE(std::string(error.what()).find("careless' says that it leaves input 0 at zero"), std::string::npos)
        << error.what();
  }
}

TEST(Verify, TellsWhatALargeSlabOfADeviceCosts) {
  EXPECT_EQ(Verifier::warning_of_cost(1_GiB, /*host_visible=*/false), "");
  EXPECT_EQ(Verifier::warning_of_cost(100_GiB, /*host_visible=*/true), "");
  const std::string warning = Verifier::warning_of_cost(5_GiB + 512_MiB, /*host_visible=*/false);
  EXPECT_NE(warning.find("copies all 5.5 GiB of the slab from the device after every kernel"), std::string::npos)
      << warning;
  EXPECT_EQ(warning.find('\n'), warning.size() - 1) << warning;
}

TEST(Verify, MeasuresWhatWasPlanned) {
  SmallNet net;
  const TensorDataset data = small_data(50, 0);
  for (const std::int64_t micro_batch : {1, 3, 7, 50}) {
    NoUpdate none;
    Trainer trainer(net, none, [&](const Batch& b) { return mean_cross_entropy(net(b["image"]), b["label"]); },
                    data.spec(),
                    {.batch = 50, .micro_batch = micro_batch, .device = Device::cpu(), .verify_memory = true});
    trainer.step(data);
    EXPECT_EQ(trainer.memory_report().measured_peak_bytes, trainer.plan().planned_peak_bytes())
        << "micro-batch " << micro_batch;
    trainer.evaluate(data);
    const MemoryReport report = trainer.memory_report();
    EXPECT_TRUE(report.verified);
    EXPECT_EQ(report.measured_peak_bytes, report.planned_peak_bytes) << "micro-batch " << micro_batch;
    EXPECT_EQ(report.planned_peak_bytes, trainer.plan().planned_peak_bytes());
    for (const auto& [key, entry] : report.ledger.rows())
      EXPECT_EQ(entry.measured_bytes, entry.planned_bytes) << name(key.first) << ' ' << key.second;
  }
}

TEST(Verify, TheLedgerAddsUpToThePeak) {
  SmallNet net;
  NoUpdate none;
  const TensorDataset data = small_data(50, 0);
  const Trainer trainer(net, none, [&](const Batch& b) { return mean_cross_entropy(net(b["image"]), b["label"]); },
                        data.spec(), {.batch = 50, .micro_batch = 7, .device = Device::cpu()});
  std::size_t sum = 0;
  for (const auto& [key, entry] : trainer.plan().ledger.rows()) sum += entry.planned_bytes;
  EXPECT_EQ(sum, trainer.plan().planned_peak_bytes());
}

}  // namespace
}  // namespace sluice::test
