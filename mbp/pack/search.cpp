#include <sluice/mbp/pack/search.h>

#include <algorithm>
#include <random>

#include <sluice/core/at.h>
#include <sluice/mbp/pack/skyline.h>

namespace sluice::packer {
namespace {

/// Depth first: in the valley edge with the fewest possibilities, what lies there? Where the answer is "nothing", the
/// floor of that section rises to where the next block can lie at all.
class Search {
 public:
  Search(const Problem& problem, const Matches& matches, std::size_t capacity, Effort& effort)
      : problem_(problem),
        matches_(matches),
        skyline_(problem, capacity),
        effort_(effort),
        bias_(problem.blocks.size()),
        weight_(at(problem.sections), 1) {
    std::size_t size = 1024;
    while (size < (std::size_t{1} << 20) && size < static_cast<std::size_t>(effort.left())) size *= 2;
    failed_.assign(size, 0);
  }

  Outcome run() {
    std::int64_t patience = 2000;
    for (int round = 0;; ++round, patience += patience / 2) {
      nodes_left_ = patience;
      way_ = static_cast<Way>(round % 3);
      skyline_.follow(way_ == Way::matched ? &matches_ : nullptr);
      if (round > 2)
        for (double& bias : bias_) bias = static_cast<double>(engine_() % 1024) / 1024;
      const Outcome outcome = solve(0, problem_.sections);
      const bool known = outcome == Outcome::found || (outcome == Outcome::impossible && way_ == Way::complete);
      if (known || effort_.spent()) return known ? outcome : Outcome::stopped;
    }
  }
  const std::vector<std::size_t>& offsets() const { return skyline_.offsets(); }

 private:
  /// What is tried. Only the complete way proves that there is nothing to be found.
  enum class Way : std::uint8_t {
    matched,    ///< what follows what as it was guessed; floors rise all the way to the one beside, or not at all
    complete,   ///< everything
    few_floors  ///< everything, but floors as with matched
  };
  struct Choice {
    int block;  ///< −1: none
    double score;
  };

  /// Solves [begin, end), over whose ends no unplaced block reaches, part by part: parts between which none reaches do
  /// not know of each other.
  Outcome solve(int begin, int end) {
    const std::size_t mark = skyline_.mark();
    for (int s = begin; s < end;) {
      int stop = s + 1;
      if (skyline_.unplaced_bytes(s) > 0) {
        while (stop < end && skyline_.crossed(stop)) ++stop;
        const Outcome outcome = solve_part(s, stop);
        if (outcome != Outcome::found) {
          skyline_.undo(mark);
          return outcome;
        }
      }
      s = stop;
    }
    return Outcome::found;
  }

  Outcome solve_part(int begin, int end) {
    if (!effort_.spend(1 + (end - begin) / 64) || --nodes_left_ < 0) return Outcome::stopped;
    if (const int full = skyline_.overfull(begin, end); full >= 0) {
      weight_[at(full)] += 1;
      return Outcome::impossible;
    }
    const std::uint64_t key = skyline_.key(begin, end) + static_cast<std::uint64_t>(way_);
    std::uint64_t& known = failed_[key / 4 & (failed_.size() - 1)];
    if (known == key) return Outcome::impossible;
    const Edge edge = narrowest(begin, end);
    Outcome outcome = Outcome::impossible;
    if (edge.options == 0)
      weight_[at(edge.section())] += 1;
    else
      outcome = branch(edge, begin, end);
    if (outcome == Outcome::impossible) known = key;
    return outcome;
  }

  /// The edge with the fewest options, rather where there was trouble before (Boussemart et al. 2004), rather low.
  Edge narrowest(int begin, int end) const {
    Edge best;
    double best_cost = std::numeric_limits<double>::max();
    skyline_.for_each_edge(begin, end, [&](Edge& edge) {
      edge.options = skyline_.count_options(edge, way_ == Way::complete);
      const double cost = edge.options <= 1 ? edge.options - 2 : edge.options / weight_[at(edge.section())];
      if (cost < best_cost || (cost == best_cost && edge.floor < best.floor)) {
        best = edge;
        best_cost = cost;
      }
      return edge.options > 0;
    });
    return best;
  }

  Outcome branch(const Edge& edge, int begin, int end) {
    const std::size_t first = choices_.size();
    skyline_.for_each_candidate(edge, [&](int b) {
      for (std::size_t c = first; c < choices_.size(); ++c)
        if (skyline_.interchangeable(choices_[c].block, b)) return;
      choices_.push_back({b, score(edge, b)});
    });
    std::sort(
        choices_.begin() + static_cast<std::ptrdiff_t>(first), choices_.end(),
        [](const Choice& a, const Choice& b) { return a.score != b.score ? a.score > b.score : a.block < b.block; });
    if (edge.raised != nowhere) choices_.push_back({-1, 0});
    const std::size_t last = choices_.size(), mark = skyline_.mark();
    Outcome outcome = Outcome::impossible;
    for (std::size_t c = first; c < last && outcome == Outcome::impossible; ++c) {
      if (choices_[c].block >= 0) {
        skyline_.place(choices_[c].block);
        outcome = solve(begin, end);
      } else {
        skyline_.raise(edge.section(), edge.raised);
        outcome = solve_part(begin, end);
      }
      if (outcome != Outcome::found) skyline_.undo(mark);
    }
    choices_.resize(first);
    return outcome;
  }

  /// Rather what fills the valley's width and is flush with what lies beside it.
  double score(const Edge& edge, int b) const {
    const Block& block = problem_.blocks[at(b)];
    const std::size_t top = edge.floor + problem_.room(block);
    return static_cast<double>(block.end - block.begin) / (edge.end - edge.begin) + (top == edge.beside() ? 0.5 : 0) +
           (top == edge.across() ? 0.25 : 0) + bias_[at(b)];
  }

  const Problem& problem_;
  const Matches& matches_;
  Skyline skyline_;
  Effort& effort_;
  std::vector<double> bias_;    ///< by block: this round's preference
  std::vector<double> weight_;  ///< by section: how often nothing fitted there
  std::int64_t nodes_left_ = 0;
  Way way_ = Way::complete;
  std::vector<Choice> choices_;
  std::vector<std::uint64_t> failed_;  ///< keys of states without a solution, the latest of each place
  std::mt19937 engine_{1};
};

}  // namespace

Outcome search(const Problem& problem, const Matches& matches, std::size_t capacity, Effort& effort,
               std::vector<std::size_t>& offsets) {
  Search search(problem, matches, capacity, effort);
  const Outcome outcome = search.run();
  if (outcome == Outcome::found) offsets = search.offsets();
  return outcome;
}

}  // namespace sluice::packer
