#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <ranges>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sluice/core/graph.h>
#include <sluice/core/life_token.h>

namespace sluice {

/// What every piece of a model has, whatever its inputs: a name, parameters, children as plain members, and modes that
/// reach the whole tree. Models derive from Module or, with other inputs, from ModuleOf.
///
/// Derived classes list their member modules in children() and, for leaf layers, their parameters in parameters(). What
/// these leave out is not part of the model: it is not initialised, saved, frozen or set to evaluation with it. A
/// Trainer refuses a step that reads such a parameter, unless that is initialised and frozen.
///
/// Modules move and do not copy: a copy would share its parameters, which nobody expects of a second layer.
///
/// Whoever holds a reference must be outlived by the module, and the module must stay where it is: a Trainer and a step
/// function that captures the model. A Trainer whose model is gone says so. The other way round nothing is shared: a
/// graph and a Trainer share ownership of the parameters, and when a Trainer ends, the values are back in the model.
class ModuleBase {
 public:
  using ChildVisitor = std::function<void(std::string_view name, ModuleBase& child)>;
  using ParameterVisitor = std::function<void(std::string_view name, Parameter& parameter)>;

  ModuleBase() = default;
  ModuleBase(ModuleBase&&) = default;
  /// What takes the place of a layer changes the model.
  ModuleBase& operator=(ModuleBase&& other) noexcept;
  virtual ~ModuleBase() = default;

  virtual void children(const ChildVisitor& /*visit*/) {}
  /// Own parameters, not those of children.
  virtual void parameters(const ParameterVisitor& /*visit*/) {}
  /// For people: "Conv2d(1, 32, kernel=3x3)"; the default is the name of the class.
  virtual std::string str() const;

  /// Whether layers such as Dropout behave as in training. Set for the whole tree by set_training().
  bool training() const { return training_; }
  /// Of a subtree, it stays until somebody sets the mode of a tree around it.
  void set_training(bool training);
  /// Freezes or frees every parameter of the tree.
  void set_trainable(bool trainable);
  /// Whether layers such as BatchNorm2d use their running statistics in training too, and leave them as they are. Set
  /// for the whole tree by freeze_statistics().
  bool statistics_frozen() const { return statistics_frozen_; }
  /// Freezes or frees the running statistics of the tree. With set_trainable(false), nothing of the tree changes in
  /// training; its dropout still acts, unlike after set_training(false).
  void freeze_statistics(bool frozen = true);
  /// The name its parent knows it by; empty for the root.
  const std::string& name() const { return name_; }
  /// Expires when the module is destroyed or moved from.
  std::weak_ptr<const void> lifetime() const { return life_token_.watch(); }

 protected:
  /// Before forward(): a module that is called as the root of a model names what it consists of.
  void name_tree_of_root(const Graph& graph);
  /// In a handler of `error`: throws it again, with the layer of `graph` unless one is named already.
  [[noreturn]] void rethrow_in_layer(const ShapeError& error, const Graph& graph) const;

 private:
  friend void name_modules(ModuleBase& root);
  static void name_children(ModuleBase& parent);

  std::string name_;
  bool training_ = true, statistics_frozen_ = false;
  LifeToken life_token_;
};

namespace detail {

template <class T>
concept RangeOfVars = std::ranges::range<const T> && std::same_as<std::ranges::range_value_t<const T>, Var>;

/// The first Var among the inputs of a module, and in lists of Vars, that is not empty; else an empty one.
template <class Input>
Var first_var(const Input& input) {
  if constexpr (std::same_as<Input, Var>) {
    return input;
  } else if constexpr (RangeOfVars<Input>) {
    for (const Var& var : input)
      if (var) return var;
  }
  return {};
}
template <class First, class... More>
requires(sizeof...(More) > 0) Var first_var(const First& first, const More&... more) {
  const Var var = first_var(first);
  return var ? var : first_var(more...);
}

}  // namespace detail

template <class Signature>
class ModuleOf;

/// A module with inputs and a result of its own; forward() describes (and does not execute) the computation.
///
///   class Merge final : public ModuleOf<Var(Var x, Var skip)> {
///    public:
///     Var forward(Var x, Var skip) override { return conv_(concat({skip, x})); }
///
/// At least one input is a Var or a range of Vars (std::vector<Var>). An empty Var is an input that is left out.
template <class Result, class... Inputs>
class ModuleOf<Result(Inputs...)> : public ModuleBase {
 public:
  /// Adds this module's nodes to its inputs' graph and returns its result.
  virtual Result forward(Inputs... inputs) = 0;

  /// forward() under this module's name, so that every node and byte knows its layer, and so does a ShapeError. Throws
  /// UsageError when every Var is empty.
  Result operator()(Inputs... inputs) {
    Graph& graph = detail::first_var(inputs...).graph();
    name_tree_of_root(graph);
    const LayerScope scope(graph, name());
    try {
      return forward(std::forward<Inputs>(inputs)...);
    } catch (const ShapeError& error) {
      rethrow_in_layer(error, graph);
    }
  }
};

/// A piece of a model with one input and one result: what most models and layers are, and Sequential takes.
class Module : public ModuleOf<Var(Var x)> {};

/// A parameter with its path from the root of a walk: "layer1.0.conv1.weight".
struct NamedParameter {
  std::string name;
  Parameter parameter;
};

/// All parameters and buffers of the tree with their paths, in the order of declaration; one that several modules share
/// stands where it comes first. Throws UsageError, as every walk does, for two children or two parameters of one name.
/// Nothing has to be traced or planned before:
///
///   for (const auto& [name, parameter] : named_parameters(net)) std::cout << name << parameter.shape().str() << '\n';
std::vector<NamedParameter> named_parameters(ModuleBase& root);
/// The same without the paths; Parameter::name() has them.
std::vector<Parameter> all_parameters(ModuleBase& root);

/// Gives every module its name and every parameter its path from `root`. Every walk over a model (named_parameters(),
/// initialize(), a call of the root) does so too, but leaves a longer path with the same end: that is one from a root
/// further up.
void name_modules(ModuleBase& root);

/// Gives every parameter its first values from `seed`; with `only_new`, those that have none yet. A parameter that was
/// made from a tensor keeps that value; one of init::none() still has none afterwards.
void initialize(ModuleBase& root, std::uint64_t seed, bool only_new = false);

}  // namespace sluice
