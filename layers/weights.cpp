#include <sluice/layers/weights.h>

#include <set>
#include <string_view>
#include <utility>

#include <sluice/core/error.h>
#include <sluice/core/parameter_values.h>
#include <sluice/core/safetensors.h>
#include <sluice/core/text.h>

namespace sluice {
namespace {

/// What PyTorch counts for averages with a momentum of none, and nobody reads.
bool is_batch_counter(std::string_view name) {
  constexpr std::string_view counter = "num_batches_tracked";
  return name == counter || (name.ends_with(counter) && name[name.size() - counter.size() - 1] == '.');
}

bool can_be_read(std::string_view dtype) {
  static const std::set<std::string_view> dtypes{"F64", "F32", "F16", "BF16", "I64", "I32", "U8"};
  return dtypes.contains(dtype);
}

std::string list(std::string_view what, const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "; " + std::string(what) + ": " : ", ") + name;
  return text;
}

/// Compares names, shapes and dtypes; `loaded` is what can be loaded.
LoadedWeights compare(const std::vector<NamedParameter>& parameters, const SafetensorsFile& file,
                      const std::string& other_tensors) {
  LoadedWeights found;
  std::set<std::string> names;
  for (const auto& [name, parameter] : parameters) {
    names.insert(name);
    const auto stored = file.tensors().find(name);
    if (stored == file.tensors().end())
      found.missing.push_back(name);
    else if (const StoredTensor& tensor = stored->second;
             shape_text(tensor.shape) != parameter.shape().str() || !can_be_read(tensor.dtype))
      found.unfit.push_back(name + " (" + tensor.dtype + shape_text(tensor.shape) + ", the model has " +
                            std::string(sluice::name(parameter.data()->value.dtype())) + parameter.shape().str() + ")");
    else
      found.loaded.push_back(name);
  }
  for (const auto& [name, tensor] : file.tensors())
    if (const bool other = !other_tensors.empty() && name.starts_with(other_tensors);
        !other && !names.contains(name) && !is_batch_counter(name))
      found.unexpected.push_back(name);
  return found;
}

}  // namespace

std::string LoadedWeights::str() const {
  return "loaded " + std::to_string(loaded.size()) + " of " +
         counted(loaded.size() + missing.size() + unfit.size(), "tensor") + list("missing", missing) +
         list("unexpected", unexpected) + list("of another shape or dtype", unfit);
}

std::vector<TensorToStore> weights_to_store(ModuleBase& model, const std::string& what) {
  std::vector<TensorToStore> tensors;
  for (const auto& [name, parameter] : named_parameters(model)) {
    check_value(*parameter.data(), what);
    const DType dtype = parameter.data()->value.dtype();
    tensors.push_back(
        {.name = name, .dtype = dtype, .shape = parameter.shape(), .read = [parameter = parameter, dtype] {
           const Tensor value = parameter.read();
           return value.dtype() == dtype ? value : value.to(dtype);
         }});
  }
  return tensors;
}

void save_weights(ModuleBase& model, const std::string& path) {
  write_safetensors(path, weights_to_store(model, "save_weights"), {{"format", "pt"}});
}

LoadedWeights load_weights(ModuleBase& model, const std::string& path, const LoadOptions& options) {
  return load_weights(model, SafetensorsFile(path), options);
}

LoadedWeights load_weights(ModuleBase& model, const SafetensorsFile& file, const LoadOptions& options) {
  const std::vector<NamedParameter> parameters = named_parameters(model);
  LoadedWeights found = compare(parameters, file, options.other_tensors);
  if (!found.complete() && !options.partial)
    throw DataError("the weights in '" + file.path() +
                    "' are not this model's: " + std::to_string(found.loaded.size()) + " of " +
                    counted(parameters.size(), "tensor") + " match" + list("missing", found.missing) +
                    list("unexpected", found.unexpected) + list("of another shape or dtype", found.unfit));
  const std::set<std::string> wanted(found.loaded.begin(), found.loaded.end());
  for (NamedParameter parameter : parameters)
    if (wanted.contains(parameter.name))
      parameter.parameter.write(file.read(parameter.name, parameter.parameter.data()->value.dtype()));
  return found;
}

}  // namespace sluice
