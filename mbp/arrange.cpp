#include <sluice/mbp/arrange.h>

#include <numeric>
#include <vector>

#include <sluice/core/rearrange.h>
#include <sluice/mbp/order.h>
#include <sluice/mbp/part_model.h>
#include <sluice/mbp/recompute.h>

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

Part ordered(const Part& part, const ArrangeOptions& options) {
  return options.passes.order ? rearranged(part, improved_order(PartModel(part, options.rates))) : part;
}

}  // namespace

Part arranged(const Part& part, const ArrangeOptions& options) {
  if (!options.passes.in_place) {
    Part apart = part;
    for (Instruction& instruction : apart.instructions) instruction.in_place.clear();
    set_lifetimes(apart);
    ArrangeOptions rest = options;
    rest.passes.in_place = true;
    return arranged(apart, rest);
  }
  Part stored = ordered(part, options);
  const Recompute recompute = options.passes.recompute ? options.recompute : Recompute::none;
  if (recompute == Recompute::none ||
      (recompute == Recompute::automatic && peak_of(stored, options.rates) <= options.arena_bytes))
    return stored;

  // The solver starts from the order that frees sums early: what local search does for the order without recomputation
  // would stand in its way.
  const Part plain = options.passes.order ? rearranged(part, early_sums(PartModel(part, options.rates))) : part;
  const PartModel model(plain, options.rates);
  std::vector<int> sequence;
  if (recompute == Recompute::automatic)
    sequence = sequence_that_fits(model, options.arena_bytes, /*only_cheap=*/false);
  if (sequence.empty()) sequence = smallest_sequence(model, recompute == Recompute::cheap);
  Part result = ordered(rearranged(plain, sequence), options);
  return peak_of(result, options.rates) < peak_of(stored, options.rates) ? std::move(result) : std::move(stored);
}

}  // namespace sluice
