#include <sluice/core/rearrange.h>

#include <map>
#include <utility>
#include <vector>

#include <sluice/core/at.h>
#include <sluice/core/error.h>

namespace sluice {
namespace {

/// Builds the new part, keeping track of which copy of an old value is the latest.
class Rearranger {
 public:
  explicit Rearranger(const Part& part)
      : part_(part),
        latest_(part.values.size(), -1),
        done_(part.instructions.size(), false) {
    result_.name = part.name;
    result_.micro_batch = part.micro_batch;
  }

  void run(int index) {
    Instruction instruction = part_.instructions[at(index)];
    if (done_[at(index)]) {
      instruction.kernel = instruction.clone_kernel();
      instruction.recomputed = true;
    }
    done_[at(index)] = true;
    for (int& v : instruction.inputs) v = latest(v);
    for (int& v : instruction.outputs) v = fresh(v);
    result_.instructions.push_back(std::move(instruction));
  }

  Part finish() {
    for (const bool done : done_)
      if (!done) throw Error("rearrange: an instruction of " + part_.name + " is left out");
    for (const int v : part_.live_out) result_.live_out.push_back(latest(v));
    set_lifetimes(result_);
    return std::move(result_);
  }

 private:
  bool in_arena(int v) const { return part_.values[at(v)].storage < 0; }

  int append(int v) {
    result_.values.push_back(part_.values[at(v)]);
    if (!result_.values.back().view) result_.values.back().alias = -1;
    return static_cast<int>(result_.values.size()) - 1;
  }

  /// The new part's value for a reader of `v`.
  int latest(int v) {
    const PartValue& value = part_.values[at(v)];
    if (value.view) {
      const int of = latest(value.alias);
      const auto [known, added] = views_.emplace(std::make_pair(v, of), -1);
      if (added) {
        known->second = append(v);
        result_.values[at(known->second)].alias = of;
      }
      return known->second;
    }
    if (latest_[at(v)] < 0) {
      if (in_arena(v)) throw Error("rearrange: " + value.layer + " " + value.name + " is read before it is computed");
      latest_[at(v)] = append(v);
    }
    return latest_[at(v)];
  }

  /// The new part's value for what computes `v`.
  int fresh(int v) {
    if (in_arena(v) || latest_[at(v)] < 0) latest_[at(v)] = append(v);
    return latest_[at(v)];
  }

  const Part& part_;
  Part result_;
  std::vector<int> latest_;                   // by value of the old part
  std::map<std::pair<int, int>, int> views_;  // (view, what it looks at now)
  std::vector<bool> done_;
};

}  // namespace

Part rearranged(const Part& part, std::span<const int> sequence) {
  Rearranger rearranger(part);
  for (const int index : sequence) rearranger.run(index);
  return rearranger.finish();
}

}  // namespace sluice
