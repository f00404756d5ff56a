#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <sluice/core/error.h>
#include <sluice/layers/module.h>

namespace sluice::samples {

/// What a trainer sample trains, by the names that --model takes; the first is what it takes without the flag.
struct NamedModel {
  std::string name;
  std::function<std::unique_ptr<Module>()> make;
};
using ModelTable = std::vector<NamedModel>;

/// The names, for TrainerFlags::models.
inline std::vector<std::string> names_of(const ModelTable& models) {
  std::vector<std::string> names;
  for (const NamedModel& model : models) names.push_back(model.name);
  return names;
}

/// The model of that name. Throws UsageError for another one, which parse_trainer_flags does not let pass.
inline std::unique_ptr<Module> make_model(const ModelTable& models, const std::string& name) {
  for (const NamedModel& model : models)
    if (model.name == name) return model.make();
  throw UsageError("model: unknown name; got '" + name + "'; expected one of the table");
}

}  // namespace sluice::samples
