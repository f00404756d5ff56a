// Packing of made-up buffers whose optimum is known: how near to it the packer comes, and how fast.
//
//   ./dev bench --packing
//
// Prints the table of docs/packing.md, one line for a kind and a number of buffers: the worst peak of some instances,
// how many were proven optimal, and the longest time. One thread packs; each result is checked to be a packing.

#include <algorithm>
#include <chrono>
#include <iostream>

#include <fmt/format.h>
#include <sluice/core/error.h>
#include <sluice/mbp/pack/packing.h>
#include <CLI/CLI.hpp>

#include "common/checked_main.h"
#include "common/flag_parsers.h"
#include "support/machine.h"
#include "support/nets.h"
#include "support/packing_instances.h"

namespace {

using namespace sluice;
using namespace sluice::bench;

constexpr std::size_t optimum = std::size_t{16} << 20;

struct Row {
  double worst = 0, longest_s = 0;  ///< peak ÷ optimum; seconds
  std::size_t fewest = 0, most = 0;
  int proven = 0;
};

Row measure(const PackingFamily& family, std::size_t buffers, int seeds, double time_limit_s) {
  Row row{.fewest = SIZE_MAX};
  for (int seed = 1; seed <= seeds; ++seed) {
    std::mt19937_64 random(static_cast<std::uint64_t>(seed));
    const PackingInstance instance = family.make(buffers, optimum, random);
    const auto start = std::chrono::steady_clock::now();
    const Packing packing = pack(instance.items, {.seconds = time_limit_s});
    row.longest_s = std::max(row.longest_s, seconds_since(start));
    if (checked_peak(instance.items, instance.offsets) != optimum || packing.lower_bound_bytes != optimum)
      throw Error(fmt::format("{}, seed {}: the optimum is not what it should be", family.name, seed));
    const std::size_t peak = checked_peak(instance.items, packing.offsets);
    row.worst = std::max(row.worst, static_cast<double>(peak) / static_cast<double>(optimum));
    row.proven += packing.proven_optimal();
    row.fewest = std::min(row.fewest, instance.items.size());
    row.most = std::max(row.most, instance.items.size());
  }
  return row;
}

int parse_and_run(int argc, const char* const* argv) {
  CLI::App app("Packing of instances whose optimum is known.", "bench_packing");
  samples::add_help_and_version(app, "bench_packing");
  int seeds = 5;
  double time_limit_s = 10;
  std::vector<std::size_t> sizes{100, 200, 400, 800};
  app.add_option("--seeds", seeds, "instances of each kind and size")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--time-limit", time_limit_s, "seconds for each")
      ->capture_default_str()
      ->check(CLI::NonNegativeNumber);
  app.add_option("--buffers", sizes, "sizes, about")
      ->delimiter(',')
      ->capture_default_str()
      ->check(CLI::Range(2, 100000));
  try {
    app.parse(argc, argv);
    std::cout << fmt::format(
        "{}, one thread, {} s at most, known optimum {} bytes, {} instances a line\n\n"
        "| kind | buffers | peak / optimum, worst | proven | seconds, longest |\n|---|---|---|---|---|\n",
        cpu_model(), time_limit_s, optimum, seeds);
    for (const PackingFamily& family : packing_families())
      for (const std::size_t buffers : sizes) {
        const Row row = measure(family, buffers, seeds, time_limit_s);
        const std::string count =
            row.fewest == row.most ? std::to_string(row.most) : fmt::format("{} to {}", row.fewest, row.most);
        std::cout << fmt::format("| {}: {} | {} | {:.4f} | {} of {} | {:.3f} |", family.name, family.about, count,
                                 row.worst, row.proven, seeds, row.longest_s)
                  << std::endl;
      }
  } catch (const CLI::ParseError& error) {
    return samples::end_of_parsing(app, "bench_packing", error);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  return sluice::samples::checked_main("bench_packing", [&] { return parse_and_run(argc, argv); });
}
