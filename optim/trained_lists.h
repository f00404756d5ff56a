#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <sluice/optim/optimizer.h>

namespace sluice {

// What optimizers make of their list of parameters, and how they check numbers.

inline std::vector<Var> values(std::span<const Trained> trained) {
  std::vector<Var> vars;
  for (const Trained& t : trained) vars.push_back(t.value);
  return vars;
}

inline std::vector<Var> gradients(std::span<const Trained> trained) {
  std::vector<Var> vars;
  for (const Trained& t : trained) vars.push_back(t.gradient);
  return vars;
}

/// State `name` of every parameter.
inline std::vector<Var> states(Graph& graph, const std::string& name, std::span<const Trained> trained) {
  std::vector<Var> vars;
  for (const Trained& t : trained) vars.push_back(graph.state(name, t.parameter));
  return vars;
}

/// Whether the update may clear all gradients.
inline bool may_clear(std::span<const Trained> trained) {
  return std::all_of(trained.begin(), trained.end(), [](const Trained& t) { return t.clear; });
}

inline bool positive(double number) { return number > 0 && std::isfinite(number); }
inline bool non_negative(double number) { return number >= 0 && std::isfinite(number); }

}  // namespace sluice
