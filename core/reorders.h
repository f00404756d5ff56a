#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include <sluice/core/device.h>
#include <sluice/core/program.h>
#include <sluice/core/stages.h>

namespace sluice {

/// Brings the values of a graph's parts into the layouts that kernels require. Pins the layout of a value if it is not
/// pinned yet, else adds a copy.
class Reorders {
 public:
  Reorders(const StageCut& cut, StorageTable& storages, Backend& backend)
      : cut_(cut),
        storages_(storages),
        backend_(backend) {}

  /// Begins a new part. Derived copies of stages up to `refreshed` are made before it runs.
  void begin(int refreshed);
  /// Notes that a node of the part computes `value`.
  void made(ValueId value) { made_here_.insert(value); }
  /// Returns the value of `part` that has the elements of `of` in `layout`, for a kernel of `layer`: `of` itself if it
  /// has that layout. Otherwise adds a reorder, to the part or, for a value that is constant for a whole step, to the
  /// derived copies.
  int in_layout(Part& part, int of, const Layout& layout, const std::string& layer);
  /// Returns the part that makes the derived copies of the values that are complete after `stage`.
  Part take_derived(int stage);

 private:
  int reorder_here(Part& part, int of, const Layout& layout, const std::string& layer);
  int derived_copy(Part& part, const PartValue& source, const Layout& from, const Layout& layout,
                   const std::string& layer);

  const StageCut& cut_;
  StorageTable& storages_;
  Backend& backend_;
  std::map<int, Part> derived_;                        // by stage
  std::set<int> refreshed_;                            // storages that derived_ has copies into already
  int refreshed_before_ = -1;                          // stages whose derived copies are made before the part runs
  std::set<ValueId> made_here_;                        // by nodes of the part
  std::map<std::pair<int, std::string>, int> copies_;  // of the part's values, by layout
};

}  // namespace sluice
