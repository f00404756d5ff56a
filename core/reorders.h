#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include <sluice/core/device.h>
#include <sluice/core/program.h>
#include <sluice/core/stages.h>

namespace sluice {

/// Brings values of the parts of one graph into the layouts their kernels want: pins what is not pinned yet, and copies
/// the rest.
class Reorders {
 public:
  Reorders(const StageCut& cut, StorageTable& storages, Backend& backend)
      : cut_(cut),
        storages_(storages),
        backend_(backend) {}

  /// From now on for the part that is being built. Derived copies of stages up to `refreshed` are made before it runs.
  void begin(int refreshed);
  /// A node of the part has computed `value`.
  void made(ValueId value) { made_here_.insert(value); }
  /// Value `of` of `part` in `layout`, for a kernel of `layer`; itself where it lies so. Adds a reorder where it does
  /// not: to the part, or, for what stays the same for a whole step, to the derived copies.
  int in_layout(Part& part, int of, const Layout& layout, const std::string& layer);
  /// Reorders into derived copies as soon as the values of `stage` are complete.
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
