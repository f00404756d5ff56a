#include "common/figures/figures.h"

#include <gtest/gtest.h>
#include <sluice/sluice.h>

#include "common/figures/layer_strip.h"
#include "common/figures/picture.h"
#include "models/catalog.h"
#include "tool/buffers_csv.h"
#include "tool/packing_csv.h"

namespace sluice::samples {
namespace {

int count(const std::string& text, const std::string& what) {
  int found = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++found;
  return found;
}

/// A model of the catalog, planned for micro-batches of 10 out of 40.
ReportData planned(const std::string& model, std::size_t budget = 0) {
  const ModelSetup setup = set_up_model(model, {.samples = 100});
  Sgd sgd({.lr = 0.1, .momentum = 0.9});
  const Trainer trainer(
      *setup.net, sgd, setup.step, setup.data,
      {.batch = 40, .micro_batch = 10, .budget = budget, .device = Device::cpu(), .recompute = Recompute::none});
  return {.model = model, .details = trainer.plan_details()};
}

/// What is wrong with a file, as far as one can see without a reader of XML: elements that are not closed.
std::string not_closed(const std::string& svg) {
  if (!svg.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\"") || !svg.ends_with("</svg>\n")) return "no svg";
  for (const char* element : {"rect", "line", "polyline", "polygon", "circle"})
    if (count(svg, std::string("<") + element + " ") > count(svg, "/>")) return element;
  if (count(svg, "<text ") != count(svg, "</text>")) return "text";
  return "";
}

TEST(Figures, ShowEveryTensorWhereThePlanPutsIt) {
  const ReportData report = planned("fashion_cnn");
  const std::string svg = draw_memory_map(report);
  EXPECT_EQ(not_closed(svg), "");
  const PartDetails& part = *first_part(report.details);
  EXPECT_EQ(part.micro_batch, report.details.summary.micro_batch);
  EXPECT_GE(count(svg, "<rect "), static_cast<int>(part.items.size()));
  for (const char* words : {"conv2d", "kernel, in running order", "offset in the arena", "forward", "backward"})
    EXPECT_NE(svg.find(words), std::string::npos) << words;
  EXPECT_EQ(svg.find("var("), std::string::npos);  // needs no page
  EXPECT_EQ(svg.find("#000000"), std::string::npos) << "a colour that the page's style does not know";
}

TEST(Figures, OpenOnTheMicroBatchOfTheTitle) {
  ReportData report = planned("lenet");
  // An evaluation, or the epoch's last batch, may decide the size of the arena.
  report.details.peak_part = static_cast<int>(report.details.parts.size()) - 1;
  EXPECT_EQ(first_part(report.details)->program, "train");
  EXPECT_NE(draw_memory_map(report).find("training: micro-batch of 10"), std::string::npos);
}

TEST(Figures, ShowAStepWithItsLimits) {
  const ReportData report = planned("lenet", 8_MiB);
  const std::string svg = draw_step(report);
  EXPECT_EQ(not_closed(svg), "");
  const Plan& plan = report.details.summary;
  EXPECT_NE(svg.find("planned peak " + format_bytes(plan.planned_peak_bytes())), std::string::npos);
  EXPECT_NE(svg.find("budget 8.0 MiB"), std::string::npos);
  for (int replay = 1; replay <= 4; ++replay)
    EXPECT_NE(svg.find(">" + std::to_string(replay) + "</text>"), std::string::npos) << replay;
}

TEST(Figures, OfChoicesAndPassesAreThereWithTheirData) {
  ReportData report = planned("lenet");
  EXPECT_EQ(draw_what_if(report), "");
  EXPECT_EQ(draw_waterfall(report), "");
  EXPECT_EQ(draw_memory_map({.model = "none", .details = {}}), "");
  EXPECT_EQ(draw_step({.model = "none", .details = {}}), "");
  report.what_if = {{.name = "budget 1", .budget_bytes = 1_MiB, .peak_bytes = 1_MiB, .step_ms = 5},
                    {.name = "budget 2", .budget_bytes = 2_MiB, .peak_bytes = 2_MiB, .step_ms = 4, .chosen = true}};
  report.waterfall = {{"whole", 4_MiB}, {"in parts", 3_MiB}};
  EXPECT_EQ(not_closed(draw_what_if(report)), "");
  EXPECT_EQ(count(draw_what_if(report), "<circle "), 4);
  EXPECT_EQ(not_closed(draw_waterfall(report)), "");
  EXPECT_NE(draw_waterfall(report).find("in parts: 3.0 MiB, −1.0 MiB (−25.0 %)"), std::string::npos);
}

TEST(Figures, EscapeNames) {
  Picture picture(100, "a \"picture\"");
  picture.text("<b> & \x01\xff", {1, 2});
  const std::string svg = picture.svg(50);
  EXPECT_NE(svg.find("&lt;b&gt; &amp;  \xef\xbf\xbd</text>"), std::string::npos) << svg;
  EXPECT_NE(svg.find("a &quot;picture&quot;"), std::string::npos) << svg;
}

/// As deep as ResNet-50: 16 blocks of 10 kernels.
TEST(LayerStrip, NamesBlocksOfADeepNet) {
  PartDetails part;
  for (int block = 0; block < 16; ++block)
    for (int i = 0; i < 10; ++i)
      part.instructions.push_back({.name = "conv2d", .layer = "blocks." + std::to_string(block) + ".conv1"});
  const auto labels = [&](double width) {
    std::string text;
    for (const LayerRun& run : readable_runs(part, width / 160))
      text += run_label(run, run.kernels() * width / 160) + " ";
    return text;
  };
  EXPECT_EQ(labels(16 * 200), labels(16 * 150)) << "wide: whole names";
  EXPECT_NE(labels(16 * 200).find("blocks.3.conv1 "), std::string::npos);
  EXPECT_EQ(labels(16 * 25).substr(0, 12), ".0 .1 .2 .3 ");
  EXPECT_EQ(labels(16 * 12).substr(0, 5), ".0–");  // the dash has three bytes
  EXPECT_EQ(labels(16 * 12).find("blocks "), std::string::npos);
}

/// What `sluice pack` reads is the problem that the planner has packed.
TEST(Buffers, PackToThePlansArena) {
  for (const char* const model : {"lenet", "fashion_cnn"}) {
    const ReportData report = planned(model);
    ASSERT_EQ(report.details.summary.recomputed, 0);
    const PackingCsv problem = parse_packing_csv(buffers_csv(report.details), model, /*fixed_offsets=*/false);
    EXPECT_TRUE(problem.unused_columns.empty());
    EXPECT_EQ(pack(problem.items).peak_bytes, report.details.summary.arena_bytes) << model;
  }
}

/// The planner may have searched for longer than pack() does by itself; its offsets are a packing all the same.
TEST(Buffers, HaveThePlansOffsets) {
  for (const char* const model : {"lenet", "resnet18_cifar"}) {
    const ReportData report = planned(model);
    const PackingCsv solved = parse_packing_csv(buffers_csv(report.details), model, /*fixed_offsets=*/true);
    EXPECT_EQ(pack(solved.items).peak_bytes, report.details.summary.arena_bytes) << model;
  }
}

TEST(Buffers, AreNoneWithoutAPlan) { EXPECT_EQ(buffers_csv({}), "id,lower,upper,size,alignment,offset\n"); }

}  // namespace
}  // namespace sluice::samples
