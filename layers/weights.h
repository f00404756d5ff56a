#pragma once

#include <string>
#include <vector>

#include <sluice/core/safetensors.h>
#include <sluice/layers/module.h>

namespace sluice {

/// Writes all parameters and buffers of `model` to a safetensors file, under their paths (named_parameters()), in the
/// logical layout and the dtype of each. Works before, in and after training, wherever the values live. The file is
/// complete or the one before it is still there. Throws UsageError for a parameter without a value, Error when the file
/// cannot be written.
void save_weights(ModuleBase& model, const std::string& path);

/// What a file of weights had for a model; each entry names a tensor.
struct LoadedWeights {
  std::vector<std::string> loaded = {};
  std::vector<std::string> missing = {};     ///< in the model and not in the file
  std::vector<std::string> unexpected = {};  ///< in the file and not in the model
  std::vector<std::string> unfit = {};       ///< in both, with another shape or a dtype that cannot be read
  bool complete() const { return missing.empty() && unexpected.empty() && unfit.empty(); }
  /// "loaded 12 of 14 tensors; missing: fc.weight, fc.bias"
  std::string str() const;
};

/// Options of load_weights().
struct LoadOptions {
  bool partial = false;  ///< load what fits, and leave the rest of the model as it is
  /// Tensors whose names begin with this are no weights, and not unexpected; empty: there are none.
  std::string other_tensors = {};
};

/// Gives `model` the values of a safetensors file, matched by path; F64, F16, BF16, I64, I32 and U8 are converted. The
/// names are those that PyTorch's modules have, so a file of torchvision's loads into a model of the same structure;
/// the counters "num_batches_tracked", which no model here has, are left out of account.
///
/// Throws DataError, which lists all that is missing, unexpected or unfit, with the model as it was, unless everything
/// matches or `partial` is set. Throws DataError for a file that is no valid safetensors file.
LoadedWeights load_weights(ModuleBase& model, const std::string& path, const LoadOptions& options = {});
/// The same of a file that is open.
LoadedWeights load_weights(ModuleBase& model, const SafetensorsFile& file, const LoadOptions& options = {});

/// The parameters of `model` as a file has them. Throws UsageError, which begins with `what`, for one without a value.
std::vector<TensorToStore> weights_to_store(ModuleBase& model, const std::string& what);

}  // namespace sluice
