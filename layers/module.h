#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/core/graph.h>

namespace sluice {

/// A piece of a model: parameters, children as plain members, and a forward that describes (not executes) the
/// computation. Derived classes list their member modules in children() and, for leaf layers, their parameters in
/// parameters(). Modules move and do not copy: a copy would share its parameters, which nobody expects of a second
/// layer.
///
/// What children() and parameters() leave out is not part of the model: it is not initialised, saved, frozen or set to
/// evaluation with it. A Trainer refuses a step that reads such a parameter, unless that is initialised and frozen.
class Module {
 public:
  using ChildVisitor = std::function<void(std::string_view name, Module& child)>;
  using ParameterVisitor = std::function<void(std::string_view name, Parameter& parameter)>;

  Module() = default;
  Module(Module&&) = default;
  Module& operator=(Module&& other) noexcept {
    name_ = std::move(other.name_);
    training_ = other.training_;
    note_model_change();
    return *this;
  }
  virtual ~Module() = default;

  /// Adds this module's nodes to x's graph and returns its output.
  virtual Var forward(Var x) = 0;
  /// forward() under this module's name, so that every node and byte knows its layer, and so does a ShapeError.
  Var operator()(Var x);

  virtual void children(const ChildVisitor& /*visit*/) {}
  /// Own parameters, not those of children.
  virtual void parameters(const ParameterVisitor& /*visit*/) {}
  /// For people: "Conv2d(1, 32, kernel=3x3)"; the default is the name of the class.
  virtual std::string str() const;

  /// Whether layers such as Dropout behave as in training. Set for the whole tree by set_training().
  bool training() const { return training_; }
  void set_training(bool training);
  /// Freezes or frees every parameter of the tree.
  void set_trainable(bool trainable);
  /// The name its parent knows it by; empty for the root.
  const std::string& name() const { return name_; }

 private:
  friend void name_modules(Module& root);

  std::string name_;
  bool training_ = true;
};

/// Gives every module its name and every parameter its path ("features.0.weight"). Done by whoever traces a model.
void name_modules(Module& root);

/// All parameters of the tree, in the order of declaration; one that several modules share stands where it comes first.
std::vector<Parameter> all_parameters(Module& root);

/// Gives every parameter its first values from `seed`; with `only_new`, those that have none yet. A parameter without
/// an initializer keeps the value it was made with.
void initialize(Module& root, std::uint64_t seed, bool only_new = false);

}  // namespace sluice
