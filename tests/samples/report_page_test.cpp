#include "common/report.h"

#include <cmath>

#include <gtest/gtest.h>
#include <sluice/sluice.h>
#include <nlohmann/json.hpp>

#include "models/lenet.h"
#include "support/tensors.h"

namespace sluice::samples {
namespace {

using Json = nlohmann::json;

/// A LeNet with its plan and, where it `runs`, one step in verify mode.
struct LeNetReport {
  explicit LeNetReport(bool runs) {
    const auto step = [this](const Batch& batch) { return cross_entropy(net(batch["image"]), batch["label"]); };
    Trainer trainer(net, sgd, step, data.spec(),
                    {.batch = 20, .micro_batch = 7, .budget = 64_MiB, .device = Device::cpu(), .verify_memory = true});
    if (runs) trainer.run_epoch(data);
    report.details = trainer.plan_details();
    report.memory = trainer.memory_report();
  }

  LeNet net{Shape{1, 28, 28}};
  Sgd sgd{{.lr = 0.1}};
  TensorDataset data{"made up",
                     {{"image", test::random_tensor({20, 1, 28, 28}, DType::f32, -1, 1, 1)},
                      {"label", test::random_tensor({20}, DType::i32, 0, 9, 2)}}};
  ReportData report{.model = "lenet", .dataset = "made up", .details = {}};
};

/// What lies between two texts of a page.
std::string between(const std::string& page, const std::string& from, const std::string& to) {
  const std::size_t begin = page.find(from);
  if (begin == std::string::npos) return "";
  return page.substr(begin + from.size(), page.find(to, begin + from.size()) - begin - from.size());
}

Json data_of(const std::string& page) {
  return Json::parse(between(page, R"(<script type="application/json" id="data">)", "</script>"));
}

TEST(ReportPage, TellsThePlansNumbers) {
  const LeNetReport run(true);
  const Json data = data_of(report_html(run.report));
  const PlanDetails& details = run.report.details;
  EXPECT_EQ(data["summary"]["planned_peak_bytes"], details.summary.planned_peak_bytes());
  EXPECT_EQ(data["summary"]["measured_peak_bytes"], run.report.memory->measured_peak_bytes);
  EXPECT_EQ(data["summary"]["measured_by"], "verified");
  EXPECT_EQ(data["summary"]["plan_hash"], details.summary.hash);
  EXPECT_EQ(data["summary"]["budget_bytes"], 64_MiB);

  for (int c = 0; c < static_cast<int>(Category::count); ++c) {
    const Ledger::Entry total = run.report.memory->ledger.total(static_cast<Category>(c));
    EXPECT_EQ(data["categories"][static_cast<std::size_t>(c)]["planned"], total.planned_bytes);
    EXPECT_EQ(data["categories"][static_cast<std::size_t>(c)]["measured"], total.measured_bytes);
  }
  std::size_t layers = 0;
  for (const Json& layer : data["layers_at_peak"]) layers += layer["planned"].get<std::size_t>();
  EXPECT_EQ(layers, details.summary.planned_peak_bytes());

  ASSERT_EQ(data["parts"].size(), details.parts.size());
  for (std::size_t p = 0; p < details.parts.size(); ++p) {
    const PartDetails& part = details.parts[p];
    const Json& row = data["parts"][p];
    EXPECT_EQ(row["live"].get<std::vector<std::size_t>>(), part.live_bytes);
    EXPECT_EQ(row["peak"], part.peak_bytes);
    EXPECT_EQ(row["bound"], part.lower_bound_bytes);
    ASSERT_EQ(row["kernels"].size(), part.instructions.size());
    ASSERT_EQ(row["items"].size(), part.items.size());
    for (std::size_t i = 0; i < part.items.size(); ++i) {
      EXPECT_EQ(row["items"][i]["offset"], part.items[i].offset);
      EXPECT_EQ(row["items"][i]["bytes"], part.items[i].bytes);
      EXPECT_EQ(row["items"][i]["measured"], *part.items[i].measured_bytes);
    }
  }
}

TEST(ReportPage, NeedsNothingFromElsewhere) {
  const LeNetReport run(false);
  const std::string page = report_html(run.report);
  EXPECT_NE(page.find("default-src 'none'"), std::string::npos);  // the browser enforces what is tested here
  for (const char* load : {"src=", "href=\"", "@import", "url(http", "url('http", "url(\"http", "fetch(", "import(",
                           "XMLHttpRequest", "<link", "@REPORT_"})
    EXPECT_EQ(page.find(load), std::string::npos) << load;
  for (const char* begin : {"<!DOCTYPE html>", "setUpMap();", "--activation:"})
    EXPECT_NE(page.find(begin), std::string::npos) << begin;
}

TEST(ReportPage, EscapesNames) {
  LeNetReport run(false);
  const std::string wicked = "</script><script>alert(\"&\")</script><!-- 'quoted' \\ \xff";
  run.report.model = wicked;
  run.report.details.parts[0].instructions[0].layer = wicked;
  run.report.environment = {{wicked, wicked}};
  const std::string page = report_html(run.report);
  EXPECT_EQ(page.find("alert(\"&\")"), std::string::npos);
  EXPECT_EQ(page.find("<!-- 'quoted'"), std::string::npos);
  EXPECT_EQ(page.find("innerHTML"), std::string::npos);                            // text reaches the page as text
  const std::string shown = wicked.substr(0, wicked.size() - 1) + "\xef\xbf\xbd";  // U+FFFD for what is no UTF-8
  EXPECT_EQ(data_of(page)["model"], shown);
  EXPECT_EQ(data_of(page)["parts"][0]["kernels"][0]["layer"], shown);
}

TEST(ReportPage, LeavesOutWhatNobodyKnows) {
  ReportData report{.model = "planned", .details = {}};
  report.what_if = {{.name = "µ 1", .micro_batch = 1, .peak_bytes = 5, .step_ms = std::nan("")}};
  const Json data = data_of(report_html(report));
  for (const char* key : {"budget_bytes", "measured_peak_bytes", "whole_batch_planned_bytes", "outside_bytes"})
    EXPECT_TRUE(data["summary"][key].is_null()) << key;
  EXPECT_TRUE(data["waterfall"].empty());
  EXPECT_TRUE(data["what_if"][0]["step_ms"].is_null());
  EXPECT_TRUE(data["categories"][0]["measured"].is_null());
}

/// As many kernels and tensors as ResNet-50 has.
TEST(ReportPage, StaysSmallForALargeNet) {
  ReportData report{.model = "large", .details = {}};
  for (std::int64_t size = 1; size <= 3; ++size) {
    PartDetails part{.program = "train", .name = "stage 0", .micro_batch = size};
    for (int i = 0; i < 800; ++i) {
      part.instructions.push_back({.name = "batch_norm_grad_input",
                                   .layer = "layers.3.blocks.5.downsample.bn",
                                   .algorithm = "jit:avx512_core_amx_bf16",
                                   .workspace_bytes = 123456789,
                                   .backward = true,
                                   .recomputed = true});
      part.items.push_back({.name = "batch_norm_grad_input.1",
                            .layer = "layers.3.blocks.5.downsample.bn",
                            .shares = "layers.3.blocks.5.downsample.bn relu_grad",
                            .first = i,
                            .last = i + 400,
                            .offset = 12345678901,
                            .bytes = 123456789,
                            .measured_bytes = 123456789});
      part.live_bytes.push_back(12345678901);
    }
    report.details.parts.push_back(part);
  }
  EXPECT_LT(report_html(report).size(), std::size_t{3} << 20);
}

TEST(ReportPage, KnowsItsEnvironment) {
  const auto rows = environment_rows("cpu: some", 3, "2025-01-31");
  EXPECT_EQ(rows.front().first, "Sluice");
  EXPECT_EQ(rows.back(), (std::pair<std::string, std::string>("date", "2025-01-31")));
  EXPECT_EQ(environment_rows("cpu: some", 3, "").size(), rows.size() - 1);
  EXPECT_NE(date_now().find(" UTC"), std::string::npos);
}

}  // namespace
}  // namespace sluice::samples
