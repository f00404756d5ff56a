#include <sluice/mbp/plan/plan.h>

#include <algorithm>
#include <iomanip>
#include <ostream>

#include <sluice/core/byte_size.h>
#include <sluice/core/text.h>

namespace sluice {
namespace {

/// "1.4 %"
std::string percent(double part) {
  TextStream text;
  text << std::fixed << std::setprecision(1) << 100 * part << " %";
  return text.str();
}

/// "categories" of the persistent region in brackets: "parameter 1.6 MiB, gradient 1.6 MiB".
std::string parts(const Ledger& ledger, Region region, bool measured) {
  std::string text;
  for (int c = 0; c < static_cast<int>(Category::count); ++c) {
    const auto category = static_cast<Category>(c);
    const Ledger::Entry total = ledger.total(category);
    const std::size_t bytes = measured ? total.measured_bytes : total.planned_bytes;
    if (region_of(category) != region || bytes == 0) continue;
    text += (text.empty() ? "" : ", ") + std::string(name(category)) + ' ' + format_bytes(bytes);
  }
  return text;
}

void print_region(std::ostream& out, std::string_view name, std::size_t bytes, const std::string& contents) {
  out << "  " << std::left << std::setw(12) << name << std::right << std::setw(12) << format_bytes(bytes);
  if (!contents.empty()) out << "   " << contents;
  out << '\n';
}

/// "14 Winograd, 6 direct": which of them lose digits to a transform.
void print_convolutions(std::ostream& out, const Plan& plan) {
  out << "  precision   " << plan.precision << "; convolutions: ";
  const char* separator = "";
  for (const auto& [algorithms, count] : plan.convolutions) {
    out << separator << count << ' ' << algorithms;
    separator = ", ";
  }
  out << '\n';
}

/// What the fastest micro-batch was chosen from.
void print_candidates(std::ostream& out, const Plan& plan) {
  const auto measured = [](const SizeCandidate& candidate) { return candidate.replay_ms.has_value(); };
  const auto known = std::count_if(plan.candidates.begin(), plan.candidates.end(), measured);
  out << "  fastest     "
      << (plan.fastest_by_times ? "by measured replays"
          : known == 0          ? "by predicted time"
                                : "by predicted time: only " + std::to_string(known) + " of " +
                             counted(plan.candidates.size(), "micro-batch", "micro-batches") + " measured")
      << '\n';
  if (known == 0) return;
  out << "    micro-batch     ms/replay     samples/s\n";
  const auto number = [](double value) {
    TextStream text;
    text << std::fixed << std::setprecision(value < 10 ? 3 : 1) << value;
    return text.str();
  };
  for (const SizeCandidate& candidate : plan.candidates)
    out << std::setw(15) << candidate.micro_batch << std::setw(14)
        << (candidate.replay_ms ? number(*candidate.replay_ms) : "-") << std::setw(14)
        << (candidate.replay_ms ? number(candidate.samples_per_s()) : "-") << (candidate.chosen ? "  chosen" : "")
        << '\n';
}

/// The logical batch and the epoch.
void print_steps(std::ostream& out, const Plan& plan) {
  out << "  step        logical batch " << std::min(plan.batch, plan.samples) << " = "
      << counted(plan.replays, "micro-batch", "micro-batches") << " of up to " << plan.micro_batch
      << (plan.stages > 1 ? ", in " + std::to_string(plan.stages) + " stages" : "")
      << (plan.recomputes ? " that recompute values of earlier stages" : "")
      << (plan.split_dependent ? ", each normalised by itself" : "") << '\n';
  if (!plan.balancing().empty()) out << "  micro-batch " << plan.balancing() << '\n';
  out << "  epoch       " << counted(plan.samples, "sample") << " = " << counted(plan.steps_per_epoch, "step");
  if (plan.batch > plan.samples)
    out << " (the batch of " << plan.batch << " is larger than the data set: one step an epoch)";
  else if (plan.tail)
    out << ", the last one of " << plan.tail;
  if (plan.dropped) out << " (" << counted(plan.dropped, "more is", "more are") << " left out)";
  out << '\n';
}

/// How any number of samples is cut.
void print_sizes(std::ostream& out, const Plan& plan) {
  out << "  forward     micro-batches of " << plan.micro_batch;
  const char* separator = "; what is left in ones of ";
  for (const std::int64_t size : plan.sizes) {
    if (size == plan.micro_batch) continue;
    out << separator << size;
    separator = ", ";
  }
  out << (plan.stages > 1 ? "; in " + std::to_string(plan.stages) + " stages" : "") << '\n';
}

}  // namespace

std::size_t Plan::region_bytes(Region region) const {
  switch (region) {
    case Region::persistent: return persistent_bytes;
    case Region::derived: return derived_bytes;
    case Region::staging: return staging_bytes;
    case Region::arena: return arena_bytes;
    case Region::count: break;
  }
  return 0;
}

std::string Plan::balancing() const {
  if (asked_micro_batch == 0 || asked_micro_batch == micro_batch) return "";
  const std::string instead =
      std::to_string(micro_batch) + " instead of the " + std::to_string(asked_micro_batch) + " asked for: ";
  if (const std::int64_t most = std::min(batch, samples); asked_micro_batch > most)
    return instead + "a step has " + counted(most, "sample");
  return instead + counted(replays, "replay") + " either way, of sizes that differ by 1 at most";
}

std::size_t Plan::region_offset(Region region) const {
  std::size_t offset = 0;
  for (int r = 0; r < static_cast<int>(region); ++r) offset += region_bytes(static_cast<Region>(r));
  return offset;
}

std::ostream& operator<<(std::ostream& stream, const Plan& plan) {
  TextStream out;
  out << "plan " << plan.hash << " on " << plan.device << '\n';
  plan.forward_only ? print_sizes(out, plan) : print_steps(out, plan);
  if (plan.recomputed)
    out << "  recompute   " << counted(plan.recomputed, "kernel") << " of a replay, about "
        << percent(plan.predicted_recompute_s / plan.predicted_step_s) << " of the step\n";
  if (!plan.convolutions.empty()) print_convolutions(out, plan);
  if (!plan.tuning.empty()) out << "  algorithms  " << plan.tuning << '\n';
  if (!plan.candidates.empty()) print_candidates(out, plan);
  print_region(out, "persistent", plan.persistent_bytes, parts(plan.ledger, Region::persistent, false));
  print_region(out, "derived", plan.derived_bytes,
               plan.derived_bytes
                   ? plan.forward_only ? "weights reordered once per pass" : "weights reordered once per step"
                   : "");
  print_region(out, "staging", plan.staging_bytes, "this micro-batch and the next");
  print_region(out, "arena", plan.arena_bytes,
               parts(plan.ledger, Region::arena, false) + "; " +
                   ratio_text(plan.arena_bytes, plan.arena_lower_bound_bytes) + " x lower bound");
  print_region(out, "peak", plan.planned_peak_bytes(),
               plan.budget_bytes ? "of a budget of " + format_bytes(plan.budget_bytes) : "no budget");
  return stream << out.str();
}

}  // namespace sluice
