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

/// Where an optimizer's tensors are while a Trainer holds them in its slab.
class StateHome {
 public:
  virtual ~StateHome() = default;
  virtual Tensor read(const std::string& parameter, const std::string& state) const = 0;
};

/// What the training of a model with an optimizer has come to, apart from the parameters. An optimizer keeps one for
/// every model it has trained, and every Trainer of the two goes on from there, whatever its batch, budget or device:
/// the optimizer's tensors of parameters that are frozen for a while are kept too.
class TrainingState {
 public:
  std::int64_t step = 0;      ///< updates so far
  std::int64_t epoch = 0;     ///< epochs that are complete
  std::int64_t position = 0;  ///< of the current epoch: samples that are done
  std::int64_t samples = 0;   ///< of the data set that `position` counts in
  std::uint64_t seed = 0;     ///< of shuffling and dropout, as the last Trainer was given it

  /// Names of a parameter and of the optimizer's tensor beside it ("velocity").
  using Key = std::pair<std::string, std::string>;
  /// All tensors there are.
  std::vector<Key> keys() const;
  /// The tensor, wherever it lives, in the logical layout; on the reference device f32 comes as f64. Throws UsageError
  /// when there is none.
  Tensor tensor(const std::string& parameter, const std::string& state) const;

  // For the Trainer whose slab the tensors go to and come from.

  /// From here on `home` has those of the tensors that `keys` name, and the host has no copy of them. Null: back on the
  /// host.
  void set_home(const StateHome* home, std::span<const Key> keys);
  const StateHome* home() const { return home_; }
  /// A tensor on the host; null: there is none, or it is at home.
  const Tensor* on_host(const Key& key) const;
  void put_on_host(const Key& key, Tensor value) { tensors_[key] = std::move(value); }

 private:
  std::map<Key, Tensor> tensors_;
  const StateHome* home_ = nullptr;
  std::vector<Key> at_home_;
};

/// The states of an optimizer, by model. Copies of an optimizer begin without any.
class TrainingStates {
 public:
  TrainingStates() = default;
  TrainingStates(const TrainingStates&) {}
  TrainingStates& operator=(const TrainingStates&) { return *this; }

  /// That of the model with these parameters. A model with others, more or fewer of them is another one, which begins
  /// at step 0.
  std::shared_ptr<TrainingState> of(std::span<const Parameter> parameters);
  /// The next Trainer of any model begins at step 0 with the optimizer's tensors at their first values.
  void clear() { entries_.clear(); }

 private:
  struct Entry {
    std::vector<std::weak_ptr<ParameterData>> parameters;
    std::shared_ptr<TrainingState> state;
  };
  std::vector<Entry> entries_;
};

}  // namespace sluice
