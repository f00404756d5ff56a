#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <sluice/core/parameter.h>

namespace sluice {

/// Reads an optimizer's tensors while they are in the slab of a Trainer.
class StateHome {
 public:
  virtual ~StateHome() = default;
  virtual Tensor read(const std::string& parameter, const std::string& state) const = 0;
};

/// The progress of training one model with one optimizer, without the parameters. An optimizer holds a state for every
/// model that it has trained. A new Trainer for the two continues from it, with any batch, budget or device. The state
/// includes the optimizer's tensors of parameters that are frozen at the moment.
class TrainingState {
 public:
  std::int64_t step = 0;      ///< updates so far
  std::int64_t epoch = 0;     ///< complete epochs
  std::int64_t position = 0;  ///< samples of the current epoch that are done
  std::int64_t samples = 0;   ///< size of the data set to which `position` refers
  std::uint64_t seed = 0;     ///< seed of shuffling and dropout in the last Trainer

  /// The name of a parameter, and the name of one of the optimizer's tensors for it ("velocity").
  using Key = std::pair<std::string, std::string>;
  /// Returns the keys of all tensors.
  std::vector<Key> keys() const;
  /// Returns the tensor in the logical layout, from the host or the slab; f32 as f64 on the reference device. Throws
  /// UsageError if there is no such tensor.
  Tensor tensor(const std::string& parameter, const std::string& state) const;

  // Used by a Trainer that moves the tensors to its slab and back.

  /// Declares that `home` holds the tensors of `keys`, of which the host then has no copy. Null: all tensors are on
  /// the host.
  void set_home(const StateHome* home, std::span<const Key> keys);
  const StateHome* home() const { return home_; }
  /// Returns a tensor on the host; null if there is none or it is in `home`.
  const Tensor* on_host(const Key& key) const;
  void put_on_host(const Key& key, Tensor value) { tensors_[key] = std::move(value); }

 private:
  std::map<Key, Tensor> tensors_;
  const StateHome* home_ = nullptr;
  std::vector<Key> at_home_;
};

/// The training states of an optimizer, by model. A copy of an optimizer has none.
class TrainingStates {
 public:
  TrainingStates() = default;
  TrainingStates(const TrainingStates&) {}
  TrainingStates& operator=(const TrainingStates&) { return *this; }

  /// Returns the state of the model with these parameters. Any other list of parameters is another model, which begins
  /// at step 0.
  std::shared_ptr<TrainingState> of(std::span<const Parameter> parameters);
  /// Removes all states: the next Trainer begins at step 0, with the optimizer's tensors at their first values.
  void clear() { entries_.clear(); }

 private:
  struct Entry {
    std::vector<std::weak_ptr<ParameterData>> parameters;
    std::shared_ptr<TrainingState> state;
  };
  std::vector<Entry> entries_;
};

}  // namespace sluice
