#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

#include <sluice/core/device.h>
#include <sluice/core/program.h>

namespace sluice {

/// Sample values that one stage of a graph stores and a later stage loads. Each value has a storage with a slot for
/// every micro-batch of the logical batch.
class KeptValues {
 public:
  /// `graph_name`: LoweringOptions::graph_name.
  KeptValues(std::string graph_name, StorageTable& storages, Backend& backend)
      : graph_name_(std::move(graph_name)),
        storages_(storages),
        backend_(backend) {}

  /// Appends an instruction to `part` that copies value `from` into its slot, one of `slots`.
  void store(Part& part, int from, std::int64_t slots);
  /// Appends an instruction to `part` that copies `v`, stored for this micro-batch size, back into the arena. Returns
  /// the value of the part.
  int load(Part& part, ValueId v);

 private:
  int place(Part& part, const PartValue& value, std::int64_t slots);
  void copy(Part& part, int from, int to, int storage, std::size_t bytes, bool store);

  std::string graph_name_;
  StorageTable& storages_;
  Backend& backend_;
  std::map<std::pair<ValueId, std::int64_t>, PartValue> stored_;  // by value and micro-batch size
};

}  // namespace sluice
