#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/core/error.h>
#include <sluice/core/text.h>
#include <sluice/optim/optimizer.h>

namespace sluice {

// Helpers of optimizers: lists of Vars, and checks of options.

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

/// Returns the state `name` of every parameter.
inline std::vector<Var> states(Graph& graph, const std::string& name, std::span<const Trained> trained) {
  std::vector<Var> vars;
  for (const Trained& t : trained) vars.push_back(graph.state(name, t.parameter));
  return vars;
}

/// Whether the update may clear all gradients.
inline bool may_clear(std::span<const Trained> trained) {
  return std::all_of(trained.begin(), trained.end(), [](const Trained& t) { return t.clear; });
}

/// Throws UsageError that names the option of `optimizer` (its str()) unless `holds`.
inline void check_option(const std::string& optimizer, std::string_view name, double value, bool holds,
                         const std::string& expected) {
  if (holds) return;
  throw UsageError(optimizer + ": " + std::string(name) + " is out of range; got " + number_text(value) +
                   "; expected " + expected);
}

/// The range of normal f32 numbers. Updates are in f32, so an option outside would act as 0 or as infinity.
constexpr double least_f32 = std::numeric_limits<float>::min(), most_f32 = std::numeric_limits<float>::max();
inline std::string range_text(std::string_view name) { return "1.2e-38 <= " + std::string(name) + " <= 3.4e38"; }

/// Throws UsageError unless the option is a normal f32 number above 0; `or_zero`: or 0.
inline void check_f32_option(const std::string& optimizer, std::string_view name, double value, bool or_zero = false) {
  const bool fits = value >= least_f32 && value <= most_f32;
  check_option(optimizer, name, value, fits || (or_zero && value == 0),
               (or_zero ? std::string(name) + " = 0 or " : std::string()) + range_text(name));
}

/// As check_f32_option(), for a rate whose default, 0, stands for one that was not given.
inline void check_given_rate(const std::string& optimizer, double lr) {
  if (lr == 0) throw UsageError(optimizer + ": lr was not given; got 0, its default; expected " + range_text("lr"));
  check_f32_option(optimizer, "lr", lr);
}

/// lr · schedule(step). Throws NumericError, naming the step, unless it is a finite number of f32 and at least 0.
inline double learning_rate(double lr, const Schedule& schedule, std::int64_t step) {
  const double rate = schedule ? lr * schedule(step) : lr;
  if (rate >= 0 && rate <= most_f32) return rate;
  throw NumericError("optimizer: the scalar 'lr' is " + number_text(rate) + ", step " + std::to_string(step) +
                     " is not taken; expected a schedule that gives 0 <= lr <= 3.4e38");
}

/// Throws UsageError unless the factor is in [0,1).
inline void check_factor_option(const std::string& optimizer, std::string_view name, double value) {
  check_option(optimizer, name, value, value >= 0 && value < 1, "0 <= " + std::string(name) + " < 1");
}

}  // namespace sluice
