#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <sluice/core/graph.h>
#include <sluice/core/life_token.h>
#include <sluice/optim/training_state.h>

namespace sluice {

/// A parameter with its Vars in the graph of a step.
struct Trained {
  Parameter parameter;
  Var value;
  Var gradient;
  bool clear = false;  ///< the gradient has no reader after the update, so the update may set it to zero
};

/// A function from the step (0-based) to a factor on the learning rate; see optim/schedule.h.
using Schedule = std::function<double(std::int64_t step)>;

/// An update rule as batch nodes, and its TrainingState for each model that it trains.
class Optimizer {
 public:
  virtual ~Optimizer() = default;

  /// Adds the nodes that update `trained` in place. Declares the state of a parameter by Graph::state: shape, dtype and
  /// first value.
  virtual void update(Graph& graph, std::span<const Trained> trained) const = 0;
  /// Returns the scalars that those nodes read, by name, for the step with this number (0-based). A Trainer throws if
  /// one is missing or not finite in f32. Throws NumericError for an invalid number, such as a learning rate below 0.
  virtual std::vector<std::pair<std::string, double>> scalars(std::int64_t step) const = 0;
  /// For people: "sgd(lr=0.1, momentum=0.9, weight_decay=0.0005)".
  virtual std::string str() const = 0;

  /// Expires when the optimizer is destroyed. A Trainer holds only a reference to it.
  std::weak_ptr<const void> lifetime() const { return life_token_.watch(); }

  /// Returns the state from which training of the model with these parameters continues.
  std::shared_ptr<TrainingState> training_state(std::span<const Parameter> parameters) {
    return states_.of(parameters);
  }
  /// The next Trainer begins at step 0, with the optimizer's tensors at their first values.
  void reset() { states_.clear(); }

 private:
  LifeToken life_token_;
  TrainingStates states_;
};

}  // namespace sluice
