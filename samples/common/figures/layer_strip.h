#pragma once

#include <string>
#include <vector>

#include <sluice/mbp/plan/plan_details.h>

namespace sluice::samples {

/// Neighbouring kernels of one layer, or of layers from `name` to `to` below one parent.
struct LayerRun {
  std::string name, to;
  int first = 0, last = 0;  ///< kernels

  int kernels() const { return last - first + 1; }
};

/// The finest runs of which two thirds of the kernels can be named where a kernel is so wide: layers first, where they
/// are too narrow several together, else what contains them.
std::vector<LayerRun> readable_runs(const PartDetails& part, double kernel_width);

/// What names a run in `width`: "blocks.3", ".3"; of several layers "blocks.0–3", ".0–3". Empty: nothing fits.
std::string run_label(const LayerRun& run, double width);

}  // namespace sluice::samples
