#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <sluice/core/device.h>
#include <sluice/core/program.h>
#include <sluice/core/stages.h>

namespace sluice {

/// Assigns a storage to every batch value of a cut. Equal leaves share a storage. A result has a storage of its own,
/// or, if it is computed in place, that of the value it overwrites. Gradients, and elementwise results on the way to
/// them, have the layout of their parameter.
class BatchStorages {
 public:
  using Gradients = std::span<const std::pair<std::shared_ptr<ParameterData>, ValueId>>;

  /// `graph_name`: LoweringOptions::graph_name.
  BatchStorages(const Graph& graph, std::string graph_name, const StageCut& cut, StorageTable& storages,
                Backend& backend, Gradients gradients);

  /// Returns the storage of a batch value; that of its source for a view; −1 for a sample value and for a value that
  /// the cut does not contain.
  int of(ValueId v) const;

 private:
  const ValueSpec& spec(ValueId v) const { return graph_.value(v).spec; }
  bool is_view(ValueId v) const;
  void link_gradients(Gradients gradients);
  void assign(const StageCut& cut);
  void share_in_place(ValueId v, const std::vector<int>& readers);
  int parameter_storage(const std::shared_ptr<ParameterData>& parameter);
  int leaf_storage(ValueId v);
  int batch_storage(ValueId v);

  const Graph& graph_;
  std::string graph_name_;
  StorageTable& storages_;
  Backend& backend_;
  std::map<ValueId, std::shared_ptr<ParameterData>> gradient_of_;
  std::vector<int> storage_;  // by ValueId
};

}  // namespace sluice
