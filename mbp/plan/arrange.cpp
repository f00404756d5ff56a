#include <sluice/mbp/plan/arrange.h>

#include <algorithm>
#include <numeric>
#include <vector>

#include <sluice/core/rearrange.h>
#include <sluice/mbp/plan/order.h>
#include <sluice/mbp/plan/part_model.h>
#include <sluice/mbp/plan/recompute.h>

namespace sluice {
namespace {

std::vector<int> as_is(const PartModel& model) {
  std::vector<int> sequence(static_cast<std::size_t>(model.steps()));
  std::iota(sequence.begin(), sequence.end(), 0);
  return sequence;
}

std::size_t peak_of(const Part& part, const DeviceRates& rates) {
  const PartModel model(part, rates);
  return model.peak(as_is(model));
}

/// Whether the sequence is one of this very part, or one with the same steps.
bool can_run(const PartModel& model, const std::vector<int>& sequence) {
  std::vector<bool> computed(static_cast<std::size_t>(model.values()), false),
      done(static_cast<std::size_t>(model.steps()), false);
  for (const int i : sequence) {
    if (i >= model.steps() || (done[static_cast<std::size_t>(i)] && !model.step(i).repeatable)) return false;
    for (const int v : model.step(i).inputs)
      if (!computed[static_cast<std::size_t>(v)]) return false;
    for (const int v : model.step(i).outputs) computed[static_cast<std::size_t>(v)] = true;
    done[static_cast<std::size_t>(i)] = true;
  }
  return std::find(done.begin(), done.end(), false) == done.end();
}

Part ordered(const Part& part, const ArrangeOptions& options) {
  return options.passes.order ? rearranged(part, improved_order(PartModel(part, options.rates))) : part;
}

/// The part without recomputation.
Part stored_part(const Part& part, const ArrangeOptions& options, KnownOrders& known) {
  const PartModel model(part, options.rates);
  const bool good = can_run(model, known.order) && model.peak(known.order) <= known.peak_bytes;
  if (!good) known.order = options.passes.order ? improved_order(model) : as_is(model);
  known.peak_bytes = std::max(known.peak_bytes, model.peak(known.order));
  return rearranged(part, known.order);
}

}  // namespace

Part arranged(const Part& part, const ArrangeOptions& options, KnownOrders& known) {
  if (!options.passes.in_place) {
    Part apart = part;
    for (Instruction& instruction : apart.instructions) instruction.in_place.clear();
    set_lifetimes(apart);
    ArrangeOptions rest = options;
    rest.passes.in_place = true;
    return arranged(apart, rest, known);
  }
  Part stored = stored_part(part, options, known);
  const Recompute recompute = options.passes.recompute ? options.recompute : Recompute::none;
  const std::size_t stored_peak = peak_of(stored, options.rates);
  if (recompute == Recompute::none ||
      (recompute == Recompute::automatic && !options.smallest && stored_peak <= options.arena_bytes))
    return stored;

  // The solver starts from the order that frees sums early: what local search does for the order without recomputation
  // would stand in its way.
  const Part plain = options.passes.order ? rearranged(part, early_sums(PartModel(part, options.rates))) : part;
  const PartModel model(plain, options.rates);
  const bool smallest = recompute == Recompute::cheap || options.smallest;
  std::vector<int>& sequence = known.sequence;
  if (!can_run(model, sequence) || (!smallest && model.peak(sequence) > options.arena_bytes))
    sequence = smallest ? smallest_sequence(model, recompute == Recompute::cheap)
                        : sequence_that_fits(model, options.arena_bytes, /*only_cheap=*/false);
  if (sequence.empty()) return stored;
  Part result = ordered(rearranged(plain, sequence), options);
  return peak_of(result, options.rates) < stored_peak ? std::move(result) : std::move(stored);
}

}  // namespace sluice
