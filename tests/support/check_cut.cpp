#include "support/check_cut.h"

#include <algorithm>
#include <map>
#include <set>

#include <gtest/gtest.h>

namespace sluice::test {
namespace {

class Walk {
 public:
  Walk(const Graph& graph, const StageCut& cut, Crossing crossing) : graph_(graph), cut_(cut), crossing_(crossing) {
    for (ValueId v = 0; v < graph.values(); ++v)
      if (graph.value(v).is_leaf() && !is_sample(v)) complete_[v] = -1;
  }

  void run() {
    run_batch_nodes(cut_.prologue, -1);
    for (int s = 0; s < static_cast<int>(cut_.stages.size()); ++s) {
      replay(s);
      run_batch_nodes(cut_.stages[static_cast<std::size_t>(s)].once, s);
    }
    check_end();
  }

 private:
  bool is_sample(ValueId v) const { return graph_.value(v).spec.is_sample(); }
  std::string name(NodeId n) const {
    return std::string(graph_.node(n).op->type()) + " (node " + std::to_string(n) + ")";
  }

  void run_batch_nodes(const std::vector<NodeId>& nodes, int stage) {
    for (const NodeId n : nodes) {
      EXPECT_TRUE(graph_.is_batch_node(n)) << name(n) << " runs once";
      for (const ValueId input : graph_.node(n).inputs)
        EXPECT_TRUE(complete_.contains(input))
            << name(n) << " after stage " << stage << " reads a value that is not complete";
      for (const ValueId output : graph_.node(n).outputs) complete_[output] = stage;
      ++runs_[n];
    }
  }

  void replay(int s) {
    const Stage& stage = cut_.stages[static_cast<std::size_t>(s)];
    std::set<ValueId> present(stage.loaded.begin(), stage.loaded.end()), computed;
    for (const ValueId v : stage.loaded) {
      EXPECT_TRUE(stored_.contains(v)) << "value " << v << " is loaded in stage " << s << " and was not stored";
      loaded_.insert(v);
    }
    for (const NodeId n : stage.replayed) {
      EXPECT_FALSE(graph_.is_batch_node(n)) << name(n) << " is replayed";
      for (const ValueId input : graph_.node(n).inputs) {
        const bool there =
            is_sample(input) ? graph_.value(input).is_leaf() || present.contains(input) : complete_.contains(input);
        EXPECT_TRUE(there) << name(n) << " in the replay of stage " << s << " reads value " << input
                           << ", which is not there yet";
      }
      for (const ValueId output : graph_.node(n).outputs) {
        EXPECT_FALSE(present.contains(output)) << name(n) << " is loaded and computed in stage " << s;
        if (is_sample(output)) present.insert(output);
        computed.insert(output);
      }
      ++runs_[n];
    }
    for (const ValueId v : stage.stored)
      EXPECT_TRUE(computed.contains(v) && stored_.insert(v).second) << "value " << v << " is stored in stage " << s;
    for (const ValueId v : computed)
      if (!is_sample(v)) complete_[v] = s;
    present_ = std::move(present);  // the last stage's are what is exported
  }

  void check_end() const {
    EXPECT_EQ(stored_, loaded_);
    if (crossing_ == Crossing::recompute) {
      EXPECT_TRUE(stored_.empty());
    }
    std::vector<ValueId> wanted = cut_.outputs;
    for (const NodeId n : cut_.writers)
      wanted.insert(wanted.end(), graph_.node(n).inputs.begin(), graph_.node(n).inputs.end());
    for (const ValueId v : wanted)
      EXPECT_TRUE(is_sample(v) ? graph_.value(v).is_leaf() || present_.contains(v) : complete_.contains(v))
          << "value " << v << " is not there in the end";
    EXPECT_EQ(cut_.writers, graph_.writers());
    for (const NodeId n : graph_.ancestors(wanted)) {
      const int runs = runs_.contains(n) ? runs_.at(n) : 0;
      const bool once = graph_.accumulates(n) || graph_.is_batch_node(n) ||
                        (crossing_ == Crossing::store && !graph_.node(n).op->cheap());
      EXPECT_TRUE(once ? runs == 1 : runs >= 1) << name(n) << " runs " << runs << " times";
    }
    for (const auto& [v, stage] : complete_)
      EXPECT_EQ(cut_.available[static_cast<std::size_t>(v)], stage) << "value " << v;
  }

  const Graph& graph_;
  const StageCut& cut_;
  Crossing crossing_;
  std::map<ValueId, int> complete_;  ///< batch values: after which stage
  std::set<ValueId> stored_, loaded_, present_;
  std::map<NodeId, int> runs_;
};

}  // namespace

void check_cut(const Graph& graph, const StageCut& cut, Crossing crossing) { Walk(graph, cut, crossing).run(); }

}  // namespace sluice::test
