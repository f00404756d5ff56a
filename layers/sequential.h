#pragma once

#include <concepts>
#include <memory>
#include <utility>
#include <vector>

#include <sluice/layers/module.h>

namespace sluice {

/// Modules one after the other, owned, called "0", "1", ...
///
///   Sequential net(Conv2d({.in = 1, .out = 8, .kernel = 3}), ReLU(), Flatten(), Linear({.in = 5408, .out = 10}));
class Sequential final : public Module {
 public:
  template <std::derived_from<Module>... Modules>
  explicit Sequential(Modules... modules) {
    modules_.reserve(sizeof...(Modules));
    (add(std::move(modules)), ...);
  }

  /// Appends a module; returns *this.
  template <std::derived_from<Module> M>
  Sequential& add(M module) {
    modules_.push_back(std::make_unique<M>(std::move(module)));
    return *this;
  }

  Var forward(Var x) override;
  void children(const ChildVisitor& visit) override;

  std::size_t size() const { return modules_.size(); }
  /// Module number `i` < size().
  Module& operator[](std::size_t i) { return *modules_[i]; }
  const Module& operator[](std::size_t i) const { return *modules_[i]; }

 private:
  std::vector<std::unique_ptr<Module>> modules_;
};

}  // namespace sluice
