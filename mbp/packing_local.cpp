#include <sluice/mbp/packing_local.h>

#include <algorithm>
#include <array>
#include <random>

namespace sluice::packer {
namespace {

std::size_t at(int i) { return static_cast<std::size_t>(i); }

/// The peak, and a little of what lies above the lower bound: of two packings with one peak the emptier top is better.
double cost_of(const Problem& problem, const std::vector<std::size_t>& offsets, std::size_t peak) {
  double above = 0;
  for (std::size_t b = 0; b < problem.blocks.size(); ++b) {
    const Block& block = problem.blocks[b];
    const std::size_t end = offsets[b] + block.bytes;
    if (end > problem.lower_bound_bytes)
      above += static_cast<double>(end - problem.lower_bound_bytes) * (block.end - block.begin);
  }
  return static_cast<double>(peak) + 0.02 * above / std::max(1, problem.sections);
}

}  // namespace

void improve_order(const Problem& problem, std::size_t enough, Effort& effort, Ordered& best, std::uint32_t seed) {
  if (best.order.size() < 2) return;
  std::mt19937 engine(seed);
  const auto below = [&](std::size_t n) { return engine() % n; };
  Placer placer(problem);
  std::vector<int> order = best.order, tried;
  std::vector<std::size_t> offsets = best.offsets, critical;
  std::array<double, 64> earlier{};  // late acceptance: what was good enough so many moves ago is
  earlier.fill(cost_of(problem, offsets, best.peak_bytes));
  double cost = earlier[0];
  for (std::size_t move = 0; best.peak_bytes > enough && !effort.spent(); ++move) {
    critical.clear();
    for (std::size_t i = 0; i < order.size(); ++i)
      if (offsets[at(order[i])] + problem.blocks[at(order[i])].bytes > problem.lower_bound_bytes) critical.push_back(i);
    const std::size_t from = !critical.empty() && below(4) ? critical[below(critical.size())] : below(order.size());
    const std::size_t to = from > 0 && below(8) ? below(from) : below(order.size());
    tried = order;
    tried.erase(tried.begin() + static_cast<std::ptrdiff_t>(from));
    tried.insert(tried.begin() + static_cast<std::ptrdiff_t>(to), order[from]);
    const std::size_t peak = placer.place(tried, Fit::lowest, effort, best.peak_bytes + best.peak_bytes / 8);
    if (peak == nowhere) continue;
    const double now = cost_of(problem, placer.offsets(), peak);
    double& before = earlier[move % earlier.size()];
    if (now <= cost || now <= before) {
      order.swap(tried);
      offsets = placer.offsets();
      cost = now;
      if (peak < best.peak_bytes) best = {.offsets = offsets, .order = order, .peak_bytes = peak};
    }
    before = std::min(before, cost);
  }
}

}  // namespace sluice::packer
