#include <sluice/optim/training_state.h>

#include <algorithm>

#include <sluice/core/error.h>

namespace sluice {

std::vector<TrainingState::Key> TrainingState::keys() const {
  std::vector<Key> keys = at_home_;
  for (const auto& [key, tensor] : tensors_) keys.push_back(key);
  std::sort(keys.begin(), keys.end());
  return keys;
}

Tensor TrainingState::tensor(const std::string& parameter, const std::string& state) const {
  const Key key{parameter, state};
  if (const Tensor* const value = on_host(key)) return *value;
  if (home_ && std::find(at_home_.begin(), at_home_.end(), key) != at_home_.end()) return home_->read(parameter, state);
  std::string known;
  for (const auto& [of, name] : keys()) known += (known.empty() ? "" : ", ") + of + " " + name;
  throw UsageError("training state: no tensor '" + state + "' of parameter '" + parameter +
                   "'; expected one of: " + (known.empty() ? "(none before the first step)" : known));
}

void TrainingState::set_home(const StateHome* home, std::span<const Key> keys) {
  home_ = home;
  at_home_.assign(keys.begin(), keys.end());
  if (home)
    for (const Key& key : keys) tensors_.erase(key);
}

const Tensor* TrainingState::on_host(const Key& key) const {
  const auto found = tensors_.find(key);
  return found == tensors_.end() ? nullptr : &found->second;
}

std::shared_ptr<TrainingState> TrainingStates::of(std::span<const Parameter> parameters) {
  const auto is_gone = [](const Entry& entry) {
    return std::all_of(entry.parameters.begin(), entry.parameters.end(), [](const auto& p) { return p.expired(); });
  };
  std::erase_if(entries_, is_gone);
  const auto shares = [&](const std::weak_ptr<ParameterData>& known) {
    const std::shared_ptr<ParameterData> data = known.lock();
    return data &&
           std::any_of(parameters.begin(), parameters.end(), [&](const Parameter& p) { return p.data() == data; });
  };
  auto entry = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) {
    return std::any_of(e.parameters.begin(), e.parameters.end(), shares);
  });
  if (entry == entries_.end())
    entry = entries_.insert(entry, {.parameters = {}, .state = std::make_shared<TrainingState>()});
  entry->parameters.clear();
  for (const Parameter& parameter : parameters) entry->parameters.push_back(parameter.data());
  return entry->state;
}

}  // namespace sluice
