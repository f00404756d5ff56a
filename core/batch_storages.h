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

/// Gives every batch value that a cut mentions its storage: leaves by identity, results each their own, in-place
/// results that of what they overwrite. Gradients, and everything elementwise on the way to them, lie as their
/// parameters do.
class BatchStorages {
 public:
  using Gradients = std::span<const std::pair<std::shared_ptr<ParameterData>, ValueId>>;

  /// `graph_name`: LoweringOptions::graph_name.
  BatchStorages(const Graph& graph, std::string graph_name, const StageCut& cut, StorageTable& storages,
                Backend& backend, Gradients gradients);

  /// Storage of a batch value, a view's being that of what it looks at; −1 for a sample value or one the cut does not
  /// mention.
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
