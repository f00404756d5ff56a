#include <sluice/mbp/train/checkpoint.h>

#include <charconv>
#include <utility>

#include <sluice/core/error.h>
#include <sluice/layers/weights.h>

namespace sluice {
namespace {

constexpr int format_version = 1;
constexpr const char* version_key = "sluice checkpoint";
const std::string state_prefix = "optimizer.";
const std::string setting_prefix = "run.", note_prefix = "note.";

/// "sgd(lr=0.1)": "sgd"
std::string kind_of(const std::string& optimizer) { return optimizer.substr(0, optimizer.find('(')); }

/// "optimizer.velocity.features.0.weight"
std::string stored_name(const TrainingState::Key& key) { return state_prefix + key.second + "." + key.first; }

/// The optimizer's tensors in a file. Throws DataError for a name without a parameter.
std::map<TrainingState::Key, Tensor> states_in(const SafetensorsFile& file) {
  std::map<TrainingState::Key, Tensor> states;
  for (const auto& [name, tensor] : file.tensors()) {
    if (!name.starts_with(state_prefix)) continue;
    const std::size_t begin = state_prefix.size(), point = name.find('.', begin);
    if (point == std::string::npos || point == begin || point + 1 == name.size())
      throw DataError("'" + file.path() + "': '" + name + "' names no state of a parameter");
    states[{name.substr(point + 1), name.substr(begin, point - begin)}] =
        file.read(name, tensor.dtype == "F64" ? DType::f64 : DType::f32);
  }
  return states;
}

}  // namespace

void write_checkpoint(const std::string& path, ModuleBase& model, const Optimizer& optimizer,
                      const TrainingState& state, const RunSettings& settings, const CheckpointNotes& notes) {
  std::vector<TensorToStore> tensors = weights_to_store(model, "checkpoint");
  for (const TrainingState::Key& key : state.keys()) {
    const Tensor first = state.tensor(key.first, key.second);
    tensors.push_back({.name = stored_name(key), .dtype = first.dtype(), .shape = first.shape(), .read = [&state, key] {
                         return state.tensor(key.first, key.second);
                       }});
  }
  std::map<std::string, std::string> metadata{{version_key, std::to_string(format_version)},
                                              {"step", std::to_string(state.step)},
                                              {"epoch", std::to_string(state.epoch)},
                                              {"position", std::to_string(state.position)},
                                              {"samples", std::to_string(state.samples)},
                                              {"seed", std::to_string(state.seed)},
                                              {"optimizer", optimizer.str()}};
  for (const auto& [name, value] : settings) metadata[setting_prefix + name] = value;
  for (const auto& [name, value] : notes) metadata[note_prefix + name] = value;
  write_safetensors(path, tensors, metadata);
}

Checkpoint::Checkpoint(const std::string& path) : file_(path) {
  const auto& metadata = file_.metadata();
  if (!metadata.contains(version_key))
    throw DataError("'" + path + "' is no checkpoint of Sluice; expected a file that Trainer::save() has written");
  if (const std::int64_t version = number(version_key); version < 1 || version > format_version)
    throw DataError("'" + path + "' is a checkpoint of format " + std::to_string(version) + "; expected 1 to " +
                    std::to_string(format_version) + ": a newer Sluice has written it");
  step_ = number("step");
  epoch_ = number("epoch");
  position_ = number("position");
  samples_ = number("samples");
  seed_ = static_cast<std::uint64_t>(number("seed"));
  if (position_ > samples_)
    throw DataError("'" + path + "': position " + std::to_string(position_) + " is behind the " +
                    std::to_string(samples_) + " samples of the epoch");
  for (const auto& [name, value] : metadata) {
    if (name.starts_with(setting_prefix)) settings_[name.substr(setting_prefix.size())] = value;
    if (name.starts_with(note_prefix)) notes_[name.substr(note_prefix.size())] = value;
  }
}

/// A whole number of the metadata; the seed may need all 64 bits.
std::int64_t Checkpoint::number(const std::string& key) const {
  const auto found = file_.metadata().find(key);
  const std::string text = found == file_.metadata().end() ? "" : found->second;
  std::uint64_t value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = failed == std::errc() && end == text.data() + text.size();
  if (!whole || (key != "seed" && value > std::uint64_t{1} << 62))
    throw DataError("'" + file_.path() + "': its '" + key + "' is '" + text + "'; expected a whole number");
  return static_cast<std::int64_t>(value);
}

void Checkpoint::restore(ModuleBase& model, Optimizer& optimizer) const {
  const auto saved = file_.metadata().find("optimizer");
  const std::string kind = saved == file_.metadata().end() ? "" : kind_of(saved->second);
  if (kind != kind_of(optimizer.str()))
    throw DataError("the checkpoint '" + file_.path() + "' is of the optimizer " + (kind.empty() ? "(none)" : kind) +
                    "; got " + optimizer.str() + "; expected the same");
  std::map<TrainingState::Key, Tensor> states = states_in(file_);
  const std::shared_ptr<TrainingState> state = optimizer.training_state(all_parameters(model));
  state->check_replacement(states);
  load_weights(model, file_, {.other_tensors = state_prefix});
  state->replace(std::move(states));
  state->step = step_;
  state->epoch = epoch_;
  state->position = position_;
  state->samples = samples_;
  state->seed = seed_;
}

std::vector<std::string> Checkpoint::differences(const RunSettings& now) const {
  std::vector<std::string> texts;
  for (const auto& [name, value] : now) {
    const auto saved = settings_.find(name);
    const std::string before = saved == settings_.end() ? "unknown" : saved->second;
    if (before == value) continue;
    std::string text = name;
    text.append(": ").append(before).append(" in the checkpoint, ").append(value).append(" now");
    texts.push_back(std::move(text));
  }
  return texts;
}

}  // namespace sluice
