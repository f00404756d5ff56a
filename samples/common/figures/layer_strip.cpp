#include "common/figures/layer_strip.h"

#include <algorithm>

#include "common/figures/picture.h"

namespace sluice::samples {
namespace {

constexpr double text_size = 11;

std::string last_name(const std::string& path) {
  const std::size_t dot = path.rfind('.');
  return dot == std::string::npos ? path : path.substr(dot + 1);
}

std::string parent_of(const std::string& path) {
  const std::size_t dot = path.rfind('.');
  return dot == std::string::npos ? "" : path.substr(0, dot);
}

int depth_of(const std::string& path) { return 1 + static_cast<int>(std::count(path.begin(), path.end(), '.')); }

/// The first `depth` names of a path.
std::string cut_to(const std::string& path, int depth) {
  std::size_t end = 0;
  for (int i = 0; i < depth && end != std::string::npos; ++i) end = path.find('.', i ? end + 1 : 0);
  return path.substr(0, end);
}

std::vector<LayerRun> runs_at(const PartDetails& part, int depth) {
  std::vector<LayerRun> runs;
  for (int k = 0; k < static_cast<int>(part.instructions.size()); ++k) {
    const std::string name = cut_to(part.instructions[static_cast<std::size_t>(k)].layer, depth);
    if (!runs.empty() && runs.back().name == name)
      runs.back().last = k;
    else
      runs.push_back({.name = name, .to = name, .first = k, .last = k});
  }
  return runs;
}

/// The same with neighbours below one parent put together until the run can be named.
std::vector<LayerRun> named(const std::vector<LayerRun>& runs, double kernel_width) {
  std::vector<LayerRun> result;
  for (const LayerRun& run : runs) {
    LayerRun* const last = result.empty() ? nullptr : &result.back();
    const bool siblings =
        last && !last->name.empty() && !run.name.empty() && parent_of(last->to) == parent_of(run.name);
    if (siblings && run_label(*last, last->kernels() * kernel_width).empty()) {
      last->to = run.name;
      last->last = run.last;
    } else {
      result.push_back(run);
    }
  }
  return result;
}

}  // namespace

std::string run_label(const LayerRun& run, double width) {
  if (run.name.empty()) return "";
  const std::string range = run.to == run.name ? "" : "–" + last_name(run.to);
  const std::string dot = parent_of(run.name).empty() ? "" : ".";
  for (const std::string& text : {run.name + range, dot + last_name(run.name) + range})
    if (width_of(text, text_size) + 5 < width) return text;
  return "";
}

std::vector<LayerRun> readable_runs(const PartDetails& part, double kernel_width) {
  int depths = 1;
  for (const InstructionDetails& kernel : part.instructions) depths = std::max(depths, depth_of(kernel.layer));
  for (int depth = depths; depth > 0; --depth) {
    std::vector<LayerRun> runs = named(runs_at(part, depth), kernel_width);
    int kernels = 0;
    for (const LayerRun& run : runs)
      if (!run_label(run, run.kernels() * kernel_width).empty()) kernels += run.kernels();
    if (3 * kernels > 2 * static_cast<int>(part.instructions.size())) return runs;
  }
  return runs_at(part, 1);
}

}  // namespace sluice::samples
