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

/// The base of all modules, whatever their inputs: a name, parameters, child modules as plain members, and modes that
/// apply to the whole tree. Models derive from Module or, with other inputs, from ModuleOf.
///
/// Derived classes list their member modules in children() and, for leaf layers, their parameters in parameters().
/// Members that are not listed are not part of the model: they are not initialised, saved, frozen or set to evaluation
/// with it. A Trainer refuses a step that reads such a parameter, unless it is initialised and frozen.
///
/// Modules can be moved but not copied, because a copy would share its parameters.
///
/// A module must outlive the Trainer and the step function that refer to it, and must not move meanwhile. A run of a
/// Trainer without its model throws. Graph and Trainer share ownership of the parameters. The destructor of a Trainer
/// copies the values back to the model.
class ModuleBase {
 public:
  using ChildVisitor = std::function<void(std::string_view name, ModuleBase& child)>;
  using ParameterVisitor = std::function<void(std::string_view name, Parameter& parameter)>;

  ModuleBase() = default;
  ModuleBase(ModuleBase&&) = default;
  /// Calls note_model_change(): replacing a layer changes the model.
  ModuleBase& operator=(ModuleBase&& other) noexcept;
  virtual ~ModuleBase() = default;

  virtual void children(const ChildVisitor& /*visit*/) {}
  /// Visits the parameters of this module, not those of its children.
  virtual void parameters(const ParameterVisitor& /*visit*/) {}
  /// For people: "Conv2d(1, 32, kernel=3x3)"; the default is the name of the class.
  virtual std::string str() const;

  /// Whether layers such as Dropout behave as in training. Set for the whole tree by set_training().
  bool training() const { return training_; }
  /// Sets the mode of the tree. The mode of a subtree stays until the mode of a tree around it is set.
  void set_training(bool training);
  /// Freezes or unfreezes every parameter of the tree.
  void set_trainable(bool trainable);
  /// Whether layers such as BatchNorm2d use their running statistics in training too, and leave them as they are. Set
  /// for the whole tree by freeze_statistics().
  bool statistics_frozen() const { return statistics_frozen_; }
  /// Freezes or unfreezes the running statistics of the tree. Together with set_trainable(false), training changes
  /// nothing in the tree. Its dropout is still active, unlike after set_training(false).
  void freeze_statistics(bool frozen = true);
  /// The name of the module in its parent; empty for the root.
  const std::string& name() const { return name_; }
  /// Expires when the module is destroyed or moved from.
  std::weak_ptr<const void> lifetime() const { return life_token_.watch(); }

 protected:
  /// Called before forward(): the root of a model names the modules of its tree.
  void name_tree_of_root(const Graph& graph);
  /// In a handler of `error`: rethrows it, with the layer of `graph` unless it names a layer.
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

  /// Calls forward() under this module's name, so that nodes, bytes and a ShapeError have a layer. Throws UsageError if
  /// every Var is empty.
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

/// A module with one input and one result, as most models and layers are. Sequential takes these.
class Module : public ModuleOf<Var(Var x)> {};

/// A parameter with its path from the root of a walk: "layer1.0.conv1.weight".
struct NamedParameter {
  std::string name;
  Parameter parameter;
};

/// Returns all parameters and buffers of the tree with their paths, in the order of declaration. A shared parameter is
/// listed once, where it comes first. Works before any tracing or planning. Throws UsageError, as every walk over a
/// model does, if two children or two parameters of a module have one name.
///
///   for (const auto& [name, parameter] : named_parameters(net)) std::cout << name << parameter.shape().str() << '\n';
std::vector<NamedParameter> named_parameters(ModuleBase& root);
/// The same without the paths; Parameter::name() has them.
std::vector<Parameter> all_parameters(ModuleBase& root);

/// Sets the name of every module and the path of every parameter from `root`. named_parameters(), initialize() and a
/// call of the root do so too. A longer path with the same end stays, because it is the path from a root further up.
void name_modules(ModuleBase& root);

/// Sets the first values of every parameter from `seed`; with `only_new`, of those without values. A parameter that was
/// made from a tensor keeps that value. A parameter with init::none() still has no value afterwards.
void initialize(ModuleBase& root, std::uint64_t seed, bool only_new = false);

}  // namespace sluice
