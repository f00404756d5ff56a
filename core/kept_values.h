#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>

#include <sluice/core/device.h>
#include <sluice/core/program.h>

namespace sluice {

/// Values of samples that one stage of a graph stores and a later one loads: a storage each, with a slot for every
/// micro-batch of the logical batch.
class KeptValues {
 public:
  /// `graph_name`: LoweringOptions::graph_name.
  KeptValues(std::string graph_name, StorageTable& storages, Backend& backend)
      : graph_name_(std::move(graph_name)),
        storages_(storages),
        backend_(backend) {}

  /// Appends the copy of value `from` of `part` into its slot, one of `slots`.
  void store(Part& part, int from, std::int64_t slots);
  /// Appends the copy of `v`, which was stored for this micro-batch size, back into the arena; returns where it is
  /// then.
  int load(Part& part, ValueId v);

 private:
  int place(Part& part, const PartValue& value, std::int64_t slots);
  void copy(Part& part, int from, int to, int storage, std::size_t bytes, bool store);

  std::string graph_name_;
  StorageTable& storages_;
  Backend& backend_;
  std::map<std::pair<ValueId, std::int64_t>, PartValue> stored_;  // by value and micro-batch size, as they lay
};

}  // namespace sluice
