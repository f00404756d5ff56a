#include <sluice/mbp/run/epoch_average.h>

#include <algorithm>
#include <limits>

#include <sluice/core/at.h>
#include <sluice/core/tensor.h>

namespace sluice {
/// How a batch value changes with the samples of a step.
enum class EpochAverage::Kind : std::uint8_t {
  steady,    ///< not at all: it depends on parameters and constants alone
  summed,    ///< it is a sum over samples, or computed from such sums
  averaged,  ///< it is linear in a sum that does not add up over steps
  other,     ///< it says something of its own step only
};

/// The kinds of a graph's batch values; of sample values, whether they were computed from sums over their own step.
class EpochAverage::Kinds {
 public:
  explicit Kinds(const Graph& graph) : graph_(graph), kinds_(at(graph.values()), Kind::steady) {
    for (ValueId v = 0; v < graph.values(); ++v)
      if (is_sample_count(graph, v)) kinds_[at(v)] = Kind::summed;
    for (NodeId n = 0; n < graph.nodes(); ++n) {
      const Kind kind = graph.is_batch_node(n) ? of_batch_node(n) : of_sample_node(n);
      for (const ValueId v : graph.node(n).outputs) kinds_[at(v)] = kind;
    }
  }

  Kind operator[](ValueId v) const { return kinds_[at(v)]; }

  static bool is_sample_count(const Graph& graph, ValueId v) {
    const Value& value = graph.value(v);
    return value.is_leaf() && value.leaf.kind == LeafKind::scalar && value.leaf.name == sample_count_name;
  }

 private:
  Kind of_batch_node(NodeId n) const {
    const Node& node = graph_.node(n);
    const auto count = [&](Kind kind) {
      return std::count_if(node.inputs.begin(), node.inputs.end(), [&](ValueId v) { return kinds_[at(v)] == kind; });
    };
    const auto inputs = static_cast<std::ptrdiff_t>(node.inputs.size());
    if (count(Kind::steady) == inputs) return Kind::steady;
    if (count(Kind::other) > 0) return Kind::other;
    if (count(Kind::averaged) == 0) return Kind::summed;
    for (int i = 0; i < static_cast<int>(inputs); ++i) {
      if (kinds_[at(node.inputs[at(i)])] != Kind::averaged || node.op->linear_together(i)) continue;
      if (!node.op->linear_in(i) || count(Kind::steady) != inputs - 1) return Kind::other;
    }
    return Kind::averaged;
  }

  /// Of a sample value (steady, or averaged: computed from sums), or of the batch value that a node accumulates.
  Kind of_sample_node(NodeId n) const {
    const Node& node = graph_.node(n);
    bool from_sums = false;
    for (int i = 0; i < static_cast<int>(node.inputs.size()); ++i) {
      const ValueId v = node.inputs[at(i)];
      const bool means = !graph_.value(v).spec.is_sample() && node.op->takes_means_of(i);
      from_sums = from_sums || (kinds_[at(v)] != Kind::steady && !means);
    }
    if (!graph_.accumulates(n)) return from_sums ? Kind::averaged : Kind::steady;
    if (node.op->gathers()) return Kind::other;
    return from_sums ? Kind::averaged : Kind::summed;
  }

  const Graph& graph_;
  std::vector<Kind> kinds_;
};

/// Finds what a number is computed from: terms, and the nodes between them and the number.
class EpochAverage::Reader {
 public:
  Reader(EpochAverage& average, const Graph& graph) : average_(average), graph_(graph), kinds_(graph) {}

  bool of_totals(Var number) {
    const Kind kind = kinds_[number.id()];
    if (kind != Kind::summed && kind != Kind::averaged) return false;
    visit(number.id());
    return true;
  }

 private:
  void visit(ValueId v) {
    if (!seen_.insert(v).second) return;
    const Value& value = graph_.value(v);
    const bool steady = kinds_[v] == Kind::steady;
    if (value.is_leaf() || steady || graph_.accumulates(value.producer)) {
      if (!value.is_leaf() || Kinds::is_sample_count(graph_, v)) add_term(v);
      return;
    }
    average_.nodes_.insert(value.producer);
    for (const ValueId input : graph_.node(value.producer).inputs) visit(input);
  }

  void add_term(ValueId v) {
    const int storage = average_.program_.storage_of[at(v)];
    const Storage& held = average_.storages_[storage];
    const bool leaf = held.leaf && held.leaf->kind != LeafKind::scalar;  // a view of a parameter, say: it stays
    if (leaf) return;
    const auto elements = static_cast<std::size_t>(held.dims.elements());
    average_.terms_.push_back({.value = v,
                               .storage = storage,
                               .stage = std::max(0, average_.program_.cut.available[at(v)]),
                               .summed = kinds_[v] == Kind::summed,
                               .step = std::vector<double>(elements),
                               .total = std::vector<double>(elements)});
  }

  EpochAverage& average_;
  const Graph& graph_;
  Kinds kinds_;
  std::set<ValueId> seen_;
};

EpochAverage::EpochAverage(RunPlan& plan, const StepGraph& training) : program_(plan.train), storages_(plan.storages) {
  Reader reader(*this, *training.graph);
  numbers_.push_back({.var = training.loss, .of_totals = reader.of_totals(training.loss)});
  for (const auto& [name, var] : training.metrics) numbers_.push_back({.var = var, .of_totals = reader.of_totals(var)});
}

void EpochAverage::begin(std::int64_t most) {
  most_ = most;
  for (Term& term : terms_) std::fill(term.total.begin(), term.total.end(), 0.0);
  for (Number& number : numbers_) number.mean = 0;
  steps_ = 0;
  samples_ = 0;
}

void EpochAverage::stage_done(Scheduler& scheduler, int stage) {
  const auto here = [&](const Term& term) { return term.stage == stage; };
  if (most_ < 2 || std::none_of(terms_.begin(), terms_.end(), here)) return;
  scheduler.slab().backend().synchronize();
  for (Term& term : terms_) {
    if (!here(term)) continue;
    const Tensor value = scheduler.slab().read(term.storage);
    convert(value.data(), value.dtype(), term.step.data(), DType::f64, term.step.size());
  }
}

void EpochAverage::step_done(std::int64_t samples, std::span<const double> reported) {
  const auto count = static_cast<double>(samples);
  samples_ += count;
  ++steps_;
  for (Term& term : terms_)
    for (std::size_t i = 0; i < term.total.size(); ++i)
      term.total[i] += term.summed ? term.step[i] : (term.step[i] - term.total[i]) * count / samples_;
  for (std::size_t i = 0; i < numbers_.size(); ++i)
    numbers_[i].mean += (reported[i] - numbers_[i].mean) * count / samples_;
}

std::vector<double> EpochAverage::numbers(Scheduler& scheduler) const {
  std::vector<double> result;
  for (const Number& number : numbers_)
    result.push_back(steps_ ? number.mean : std::numeric_limits<double>::quiet_NaN());
  std::vector<Var> wanted;
  for (const Number& number : numbers_)
    if (number.of_totals) wanted.push_back(number.var);
  if (steps_ < 2 || wanted.empty()) return result;
  std::vector<std::pair<int, Tensor>> totals;
  for (const Term& term : terms_) {
    Tensor total(storages_[term.storage].dims, DType::f64);
    std::copy(term.total.begin(), term.total.end(), total.values<double>().begin());
    totals.emplace_back(term.storage, std::move(total));
  }
  const std::vector<double> computed = scheduler.evaluate_scalars(program_, nodes_, totals, wanted);
  auto next = computed.begin();
  for (std::size_t i = 0; i < numbers_.size(); ++i)
    if (numbers_[i].of_totals) result[i] = *next++;
  return result;
}

}  // namespace sluice
