// What a program's locale must not change: hashes, files and messages.

#include <functional>
#include <map>
#include <sstream>

#include <gtest/gtest.h>

#include <sluice/core/error.h>
#include <sluice/core/text.h>
#include <sluice/kernels/leaky_relu/leaky_relu.h>
#include <sluice/mbp/plan/tuning.h>
#include <sluice/sluice.h>

#include "common/report.h"
#include "common/trace_file.h"
#include "common/trainer_report.h"
#include "data/idx_files.h"
#include "models/fashion_cnn.h"
#include "support/hostile_locale.h"
#include "support/read_file.h"
#include "tool/packing_csv.h"

namespace sluice::samples {
namespace {

using Texts = std::map<std::string, std::string>;

std::string message_of(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    return error.what();
  }
  return "nothing was thrown";
}

template <class T>
std::string text_of(const T& value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

/// Ops of all kinds of options behind each other.
class ManyOptions final : public Module {
 public:
  Var forward(Var x) override { return head_(leaky_relu(dropout_(norm_(conv_(x))), 0.125)); }
  void children(const ChildVisitor& visit) override {
    visit("conv", conv_);
    visit("norm", norm_);
    visit("dropout", dropout_);
    visit("head", head_);
  }

 private:
  Conv2d conv_{{.in = 1, .out = 32, .kernel = 3, .padding = 1}};
  BatchNorm2d norm_{{.channels = 32, .eps = 1.5e-5, .momentum = 0.25}};
  Dropout dropout_{0.25};
  Sequential head_{GlobalAvgPool2d(), Linear({.in = 32, .out = 1500})};
};

DataSpec images() {
  return {.name = "made up",
          .samples = 1'234'567,
          .fields = {FieldSpec{"image", Shape{1, 28, 28}, DType::u8, {0.2860f}, {0.3530f}},
                     FieldSpec{"label", Shape{}, DType::i32}}};
}

/// A plan with numbers of all sizes, and what is said about it.
Texts texts_of_a_plan() {
  ManyOptions net;
  Adam adam({.lr = 0.0015, .eps = 1.5e-8, .weight_decay = 0.0125});
  const StepFunction step = [&](const Batch& batch) { return cross_entropy(net(batch["image"]), batch["label"]); };
  Trainer trainer(net, adam, step, images(), {.batch = 12'345, .budget = 48_MiB, .device = Device::cpu()});
  Texts texts{{"plan", text_of(trainer.plan())}, {"hash", trainer.plan().hash}};
  texts["summary"] = text_of(summary(net, {1, 28, 28}));
  texts["optimizers"] = adam.str() + Sgd({.lr = 1234.5, .momentum = 0.75}).str();
  MemoryReport memory = trainer.memory_report();
  memory.measured_peak_bytes = 1'234'567;
  memory.resident_bytes = 7'654'321;  // differs from moment to moment
  memory.outside_bytes = 7'890'123;
  texts["memory"] = text_of(memory);
  ReportData report{.model = "many", .dataset = "made up", .details = trainer.plan_details(), .memory = memory};
  report.what_if = {{.name = "budget", .micro_batch = 1234, .peak_bytes = 56'789, .step_ms = 1234.5}};
  texts["report"] = report_html(report);
  texts["date"] = date_now().substr(0, 4);
  texts["trace"] =
      trace_json(trainer.plan_details(),
                 {.slices = {{.kind = SliceKind::step, .step = 1000, .begin_ns = 1'234'567, .end_ns = 7'654'321}}});
  TrainerReport trained{.model = "many", .dataset = "made up", .weights_hash = "0", .steps = 1234, .seconds = 0.5};
  trained.epochs = {{.epoch = 1, .train_loss = 1.5, .test_accuracy = 0.25, .seconds = 1234.5}};
  texts["json"] = to_json(trained, {}, trainer.plan());
  return texts;
}

Texts texts() {
  Texts texts = texts_of_a_plan();
  texts["result"] = text_of(Result{.loss = 0.5, .metrics = {{"accuracy", 0.75}}, .samples = 123'456, .seconds = 2});
  texts["bytes"] = format_bytes(7'654'321) + format_bytes(1000) + std::to_string(parse_bytes("1.5GiB"));
  texts["numbers"] = number_text(1234.5) + number_text(0.1f) + number_text(-1e-300);
  texts["dropout"] = message_of([] { Dropout(1.5); });
  texts["batch norm"] = message_of([] { BatchNorm2d({.channels = 2, .eps = -0.5, .momentum = 1234.5}); });
  texts["slope"] = message_of([] { LeakyReLU(-0.5); });
  texts["schedule"] = message_of([] { schedule::warmup_cosine({.warmup = 2, .steps = 1, .last = 0.5}); });
  texts["budget"] = message_of([] { parse_bytes("1,5GiB"); });
  texts["field"] = message_of([] { TensorDataset("d", {{"x", Tensor({2, 1, 2, 2}, DType::u8), {0.5f}, {-0.5f}}}); });
  const PackingCsv csv = parse_packing_csv("id,lower,upper,size\na,0,1000,123456\nb,10,20,7890\n", "a.csv", false);
  texts["csv"] = with_offsets(csv, std::vector<std::size_t>{0, 123'456});
  texts["csv error"] = message_of([] { parse_packing_csv("id,lower,upper,size\na,0,1,1.234\n", "a.csv", false); });
  return texts;
}

TEST(Locale, ChangesNoText) {
  const Texts expected = texts();
  EXPECT_NE(expected.at("plan").find(" MiB"), std::string::npos);
  EXPECT_NE(expected.at("plan").find("1234567 samples"), std::string::npos);
  const test::HostileLocale hostile;
  EXPECT_EQ(text_of(1234567) + text_of(0.5), "1.234.5670,5") << "the locale is not hostile";
  const Texts got = texts();
  for (const auto& [name, text] : expected) EXPECT_EQ(got.at(name), text) << name;
}

TEST(Locale, OfCChangesNoText) {
  const Texts expected = texts();
  const test::HostileLocale hostile;
  if (!hostile.c()) GTEST_SKIP() << "there is no German locale here, and none can be made";
  EXPECT_EQ(std::to_string(0.5), "0,500000") << "the locale is not hostile";
  for (const auto& [name, text] : expected) EXPECT_EQ(texts().at(name), text) << name;
}

TEST(Locale, OfTheUsersStreamChangesNoText) {
  const auto written = [](const auto& value, std::ostream& out) { out << value; };
  const Result result{.loss = 1234.5, .samples = 123'456, .seconds = 1};
  MemoryReport memory;
  memory.planned_peak_bytes = memory.measured_peak_bytes = 1'234'567;
  std::ostringstream plain, german;
  german.imbue(test::german_numbers());
  german << std::hex << std::showpos << std::scientific;
  for (std::ostringstream* const out : {&plain, &german}) {
    written(result, *out);
    written(memory, *out);
  }
  EXPECT_EQ(german.str(), plain.str());
  german.str("");
  german << 255;  // and the stream's own settings stay as they were
  EXPECT_EQ(german.str(), "ff");
}

TEST(Locale, TuningFilesAreWrittenAndReadInAnyLocale) {
  const test::TempDirectory folder;
  Backend& backend = Device::cpu().backend();
  const auto write = [&](const std::string& name) {
    TuningFile file(folder.path() + "/" + name, backend, false);
    file.add_replay("a", 1234, 1234.5);
    file.add_replay("b", 1'234'567, 0.000125);
    return test::read_file(folder.path() + "/" + name);
  };
  const std::string expected = write("classic");
  EXPECT_NE(expected.find("\t1234\t1234.5\n"), std::string::npos) << expected;
  const test::HostileLocale hostile;
  EXPECT_EQ(write("hostile"), expected);
  for (const std::string name : {"classic", "hostile"}) {
    const TuningFile file(folder.path() + "/" + name, backend, true);
    EXPECT_EQ(file.replay_ms("a"), 1234.5);
    EXPECT_EQ(file.replay_ms("b"), 0.000125);
  }
}

}  // namespace
}  // namespace sluice::samples
