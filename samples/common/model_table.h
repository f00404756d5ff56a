#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <sluice/core/error.h>
#include <sluice/layers/batch_norm2d.h>
#include <sluice/layers/module.h>

#include "common/trainer_flags.h"

namespace sluice::samples {

/// What a trainer sample trains, by the names that --model takes; the first is what it takes without the flag.
struct NamedModel {
  std::string name;
  std::function<std::unique_ptr<Module>(const TrainerFlags& flags)> make;
};
using ModelTable = std::vector<NamedModel>;

/// The names, for TrainerFlags::models.
inline std::vector<std::string> names_of(const ModelTable& models) {
  std::vector<std::string> names;
  for (const NamedModel& model : models) names.push_back(model.name);
  return names;
}

/// The model that flags.model names. Throws UsageError for another one, which parse_trainer_flags does not let pass.
inline std::unique_ptr<Module> make_model(const ModelTable& models, const TrainerFlags& flags) {
  for (const NamedModel& model : models)
    if (model.name == flags.model) return model.make(flags);
  throw UsageError("model: unknown name; got '" + flags.model + "'; expected one of the table");
}

/// What --bn says.
inline BatchNormMode bn_mode(const TrainerFlags& flags) {
  return flags.exact_bn ? BatchNormMode::exact : BatchNormMode::local;
}

}  // namespace sluice::samples
