#include <sluice/core/stages.h>

#include <algorithm>
#include <limits>
#include <set>
#include <tuple>

#include <sluice/core/at.h>

namespace sluice {
namespace {

/// The earliest stage of what node `n` makes, given `earliest` of its inputs.
int earliest_stage(const Graph& graph, NodeId n, std::span<const int> earliest) {
  const bool batch = graph.is_batch_node(n);
  int stage = batch ? -1 : 0;
  for (const ValueId input : graph.node(n).inputs) {
    const bool waits = !batch && !graph.value(input).spec.is_sample();
    stage = std::max(stage, earliest[at(input)] + (waits ? 1 : 0));
  }
  return stage;
}

/// The work of cutting one graph.
class Cutter {
 public:
  Cutter(const Graph& graph, std::span<const ValueId> outputs, Crossing crossing)
      : graph_(graph),
        crossing_(crossing),
        outputs_(outputs.begin(), outputs.end()),
        asap_(earliest_stages(graph)) {
    std::vector<ValueId> roots = outputs_;
    for (const NodeId writer : graph.writers())
      roots.insert(roots.end(), graph.node(writer).inputs.begin(), graph.node(writer).inputs.end());
    live_ = graph.ancestors(roots);
    cut_.writers = graph.writers();
    cut_.outputs = outputs_;
  }

  StageCut run() {
    count_stages();
    find_latest();
    place_accumulators();
    fill_replays();
    fill_once_parts();
    return std::move(cut_);
  }

 private:
  bool is_sample(ValueId v) const { return graph_.value(v).spec.is_sample(); }
  bool is_batch_node(NodeId n) const { return graph_.is_batch_node(n); }
  bool accumulates(NodeId n) const { return graph_.accumulates(n); }
  int asap_of(NodeId n) const { return asap_[at(graph_.node(n).outputs[0])]; }

  void count_stages() {
    int last = 0;
    for (const NodeId n : live_) last = std::max(last, asap_of(n));
    cut_.stages.resize(at(last + 1));
  }

  int last_stage() const { return static_cast<int>(cut_.stages.size()) - 1; }

  void find_latest() {
    latest_.assign(at(graph_.values()), last_stage());
    for (auto n = live_.rbegin(); n != live_.rend(); ++n) {
      const Node& node = graph_.node(*n);
      int stage = last_stage();
      for (const ValueId output : node.outputs) stage = std::min(stage, latest_[at(output)]);
      const bool runs_in_replay = !is_batch_node(*n);
      for (const ValueId input : node.inputs) {
        // A batch value must be complete one stage before the replay that reads it.
        const int limit = runs_in_replay && !is_sample(input) ? stage - 1 : stage;
        latest_[at(input)] = std::min(latest_[at(input)], limit);
      }
    }
  }

  /// Sample nodes that the inputs of `n` come from, accumulators excluded.
  std::set<NodeId> sample_ancestors(NodeId n) const {
    std::set<NodeId> found;
    std::vector<ValueId> stack = graph_.node(n).inputs;
    while (!stack.empty()) {
      const ValueId v = stack.back();
      stack.pop_back();
      const NodeId producer = graph_.value(v).producer;
      if (!is_sample(v) || producer < 0 || !found.insert(producer).second) continue;
      const Node& node = graph_.node(producer);
      stack.insert(stack.end(), node.inputs.begin(), node.inputs.end());
    }
    return found;
  }

  static double bytes(const ValueSpec& spec) {
    return static_cast<double>(bytes_of(spec.dtype, spec.shape.elements()));
  }

  double flops(NodeId n) const {
    const Node& node = graph_.node(n);
    return node.op->flops(graph_.specs(node.inputs), graph_.specs(node.outputs));
  }

  void place_accumulators() {
    stage_of_.assign(at(graph_.nodes()), -1);
    if (last_stage() == 0) {  // nothing to choose
      for (const NodeId n : live_)
        if (accumulates(n)) stage_of_[at(n)] = 0;
      return;
    }
    std::vector<std::set<NodeId>> demanded(cut_.stages.size());
    const auto place = [&](NodeId n, int stage, const std::set<NodeId>& needs) {
      stage_of_[at(n)] = stage;
      demanded[at(stage)].insert(needs.begin(), needs.end());
    };
    const auto has_slack = [&](NodeId n) { return asap_of(n) < latest_[at(graph_.node(n).outputs[0])]; };
    for (const NodeId n : live_)
      if (accumulates(n) && !has_slack(n)) place(n, asap_of(n), sample_ancestors(n));
    for (const ValueId output : outputs_)  // sample outputs are demanded where they are exported
      if (is_sample(output) && !graph_.value(output).is_leaf()) {
        const NodeId producer = graph_.value(output).producer;
        demanded.back().insert(producer);
        const std::set<NodeId> needs = sample_ancestors(producer);
        demanded.back().insert(needs.begin(), needs.end());
      }
    std::vector<int> earliest = asap_;  // given where the accumulators before a node were placed
    for (const NodeId n : live_) {
      const int first = earliest_stage(graph_, n, earliest);
      for (const ValueId output : graph_.node(n).outputs) earliest[at(output)] = first;
      if (!accumulates(n) || !has_slack(n)) continue;
      const std::set<NodeId> needs = sample_ancestors(n);
      auto best = std::make_tuple(std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity(), 0);
      for (int s = first; s <= latest_[at(graph_.node(n).outputs[0])]; ++s) {
        double extra_flops = 0, crossing_bytes = 0;  // expensive work not done by then; values not at home in s
        for (const NodeId need : needs) {
          bool had = false;
          for (int earlier = 0; earlier <= s; ++earlier) had = had || demanded[at(earlier)].contains(need);
          if (!had && !graph_.node(need).op->cheap()) extra_flops += flops(need);
          if (!demanded[at(s)].contains(need))
            for (const ValueId output : graph_.node(need).outputs) crossing_bytes += bytes(graph_.value(output).spec);
        }
        best = std::min(best, std::make_tuple(extra_flops, crossing_bytes, s));
      }
      place(n, std::get<2>(best), needs);
      for (const ValueId output : graph_.node(n).outputs) earliest[at(output)] = std::get<2>(best);
    }
  }

  void fill_replays() {
    std::set<NodeId> computed;
    for (int s = 0; s <= last_stage(); ++s) {
      Stage& stage = cut_.stages[at(s)];
      std::set<NodeId> run;
      std::set<ValueId> load;
      std::vector<ValueId> stack;
      for (const NodeId n : live_)
        if (accumulates(n) && stage_of_[at(n)] == s) {
          run.insert(n);
          stack.insert(stack.end(), graph_.node(n).inputs.begin(), graph_.node(n).inputs.end());
        }
      if (s == last_stage()) stack.insert(stack.end(), outputs_.begin(), outputs_.end());
      while (!stack.empty()) {
        const ValueId v = stack.back();
        stack.pop_back();
        const NodeId producer = graph_.value(v).producer;
        if (!is_sample(v) || producer < 0 || run.contains(producer)) continue;
        if (crossing_ == Crossing::store && computed.contains(producer) && !graph_.node(producer).op->cheap()) {
          load.insert(v);
          continue;
        }
        run.insert(producer);
        stack.insert(stack.end(), graph_.node(producer).inputs.begin(), graph_.node(producer).inputs.end());
      }
      stage.replayed.assign(run.begin(), run.end());
      stage.loaded.assign(load.begin(), load.end());
      for (const ValueId v : load) store(v, s);
      computed.insert(run.begin(), run.end());
    }
  }

  /// Marks `v` as stored by the first stage before `reader` that computes it.
  void store(ValueId v, int reader) {
    for (int s = 0; s < reader; ++s) {
      Stage& stage = cut_.stages[at(s)];
      const NodeId producer = graph_.value(v).producer;
      if (!std::binary_search(stage.replayed.begin(), stage.replayed.end(), producer)) continue;
      if (std::find(stage.stored.begin(), stage.stored.end(), v) == stage.stored.end()) stage.stored.push_back(v);
      return;
    }
  }

  void fill_once_parts() {
    cut_.available.assign(at(graph_.values()), -1);
    for (const NodeId n : live_) {
      const Node& node = graph_.node(n);
      const bool accumulating = accumulates(n);
      if (!accumulating && !is_batch_node(n)) continue;
      int stage = stage_of_[at(n)];
      if (!accumulating) {
        stage = -1;
        for (const ValueId input : node.inputs) stage = std::max(stage, cut_.available[at(input)]);
        (stage < 0 ? cut_.prologue : cut_.stages[at(stage)].once).push_back(n);
      }
      for (const ValueId output : node.outputs) cut_.available[at(output)] = stage;
    }
  }

  const Graph& graph_;
  Crossing crossing_;
  std::vector<ValueId> outputs_;
  std::vector<int> asap_, latest_;
  std::vector<NodeId> live_;
  std::vector<int> stage_of_;  // accumulators only
  StageCut cut_;
};

}  // namespace

std::vector<int> earliest_stages(const Graph& graph) {
  std::vector<int> earliest(at(graph.values()));
  for (ValueId v = 0; v < graph.values(); ++v)
    if (graph.value(v).is_leaf()) earliest[at(v)] = graph.value(v).spec.is_sample() ? 0 : -1;
  for (NodeId n = 0; n < graph.nodes(); ++n) {
    const int stage = earliest_stage(graph, n, earliest);
    for (const ValueId output : graph.node(n).outputs) earliest[at(output)] = stage;
  }
  return earliest;
}

StageCut cut_into_stages(const Graph& graph, std::span<const ValueId> outputs, Crossing crossing) {
  return Cutter(graph, outputs, crossing).run();
}

}  // namespace sluice
