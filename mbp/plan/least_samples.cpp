#include <sluice/mbp/plan/least_samples.h>

#include <algorithm>

#include <sluice/core/text.h>

namespace sluice {
namespace {

std::vector<ValueId> read_values(const StepGraph& step) {
  std::vector<ValueId> values;
  if (step.loss) values.push_back(step.loss.id());
  for (const auto* outputs : {&step.metrics, &step.predictions})
    for (const auto& [name, var] : *outputs) values.push_back(var.id());
  for (const auto& [parameter, gradient] : step.gradients) values.push_back(gradient.id());
  for (const NodeId writer : step.graph->writers())
    values.insert(values.end(), step.graph->node(writer).inputs.begin(), step.graph->node(writer).inputs.end());
  return values;
}

}  // namespace

LeastSamples least_samples(const StepGraph& step) {
  LeastSamples least;
  const Graph& graph = *step.graph;
  for (const NodeId n : graph.ancestors(read_values(step))) {
    const Node& node = graph.node(n);
    const std::int64_t samples = node.op->least_samples(graph.specs(node.inputs));
    LeastSamples::Need& need = node.op->split_dependent() ? least.micro_batch : least.logical_batch;
    if (samples > need.samples)
      need = {samples, (node.layer.empty() ? "" : node.layer + ' ') + "(" + std::string(node.op->type()) + ")"};
  }
  return least;
}

std::string refusal(const LeastSamples& least, const std::string& which, std::int64_t batch, std::int64_t micro_batch) {
  return refusal(least, which, MicroBatches(batch, std::min(micro_batch, batch)));
}

std::string refusal(const LeastSamples& least, const std::string& which, const MicroBatches& split) {
  if (split.samples < least.logical_batch.samples)
    return "layer " + least.logical_batch.layer + " has no meaning for so few samples of a logical batch; got " +
           which + " of " + counted(split.samples, "sample") + "; expected at least " +
           std::to_string(least.logical_batch.samples) + " (another batch, or drop_last where it is the epoch's last)";
  if (split.least_size() < least.micro_batch.samples)
    return "layer " + least.micro_batch.layer + " has no meaning for so few samples of a micro-batch; got " + which +
           " of " + counted(split.samples, "sample") + " in micro-batches of " +
           (split.size(0) > split.least_size() ? std::to_string(split.size(0)) + " and " : "") +
           counted(split.least_size(), "sample") + "; expected at least " + std::to_string(least.micro_batch.samples) +
           " (another micro-batch or batch, drop_last where it is the epoch's last logical batch, or BatchNorm over "
           "the logical batch: BatchNormMode::exact)";
  return "";
}

}  // namespace sluice
