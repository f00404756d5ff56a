#include <sluice/mbp/run/scalars.h>

#include <cmath>
#include <limits>

#include <sluice/core/error.h>
#include <sluice/core/text.h>

namespace sluice {
namespace {

std::string listed(const std::set<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text.empty() ? "none" : text;
}

}  // namespace

void check_scalars(const std::set<std::string>& declared, const std::vector<std::pair<std::string, double>>& given,
                   std::int64_t step) {
  const std::string not_taken = ", step " + std::to_string(step) + " is not taken; expected ";
  std::set<std::string> missing = declared;
  for (const auto& [name, number] : given) {
    if (!declared.contains(name))
      throw UsageError("trainer: the optimizer sets the scalar '" + name + "', which no part of the step reads" +
                       not_taken + "those that the step declares (Graph::scalar): " + listed(declared));
    if (missing.erase(name) == 0)
      throw UsageError("trainer: the optimizer sets the scalar '" + name + "' twice" + not_taken + "one number");
    if (!(std::abs(number) <= std::numeric_limits<float>::max()))
      throw NumericError("trainer: the optimizer's scalar '" + name + "' is " + number_text(number) + not_taken +
                         "a finite number that f32 can hold");
  }
  if (!missing.empty())
    throw UsageError("trainer: nobody sets the scalar '" + *missing.begin() + "'" + not_taken +
                     "Optimizer::scalars() to give every scalar of the step");
}

}  // namespace sluice
