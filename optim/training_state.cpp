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
  for (const auto& [of, name] : keys()) known.append(known.empty() ? "" : ", ").append(of).append(" ").append(name);
  throw UsageError("training state: no tensor '" + state + "' of parameter '" + parameter +
                   "'; expected one of: " + (known.empty() ? "(none before the first step)" : known));
}

void TrainingState::check_replacement(const std::map<Key, Tensor>& tensors) const {
  for (const Key& key : at_home_) {
    const auto found = tensors.find(key);
    const Shape shape = home_->read(key.first, key.second).shape();
    if (found == tensors.end() || found->second.shape() != shape)
      throw UsageError("training state: the new tensor '" + key.second + "' of parameter '" + key.first + "' is " +
                       (found == tensors.end() ? "missing" : found->second.shape().str()) + "; expected " +
                       shape.str() + ", or that no Trainer holds the state");
  }
}

void TrainingState::replace(std::map<Key, Tensor> tensors) {
  check_replacement(tensors);
  for (const Key& key : at_home_) {
    const auto found = tensors.find(key);
    home_->write(key.first, key.second, found->second);
    tensors.erase(found);
  }
  tensors_ = std::move(tensors);
}

void TrainingState::set_home(StateHome* home, std::span<const Key> keys) {
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
    return std::any_of(entry.parameters.begin(), entry.parameters.end(), [](const auto& p) { return p.expired(); });
  };
  std::erase_if(entries_, is_gone);
  const auto is_same = [&](const Entry& entry) {
    return std::equal(entry.parameters.begin(), entry.parameters.end(), parameters.begin(), parameters.end(),
                      [](const auto& known, const Parameter& p) { return known.lock() == p.data(); });
  };
  const auto entry = std::find_if(entries_.begin(), entries_.end(), is_same);
  if (entry != entries_.end()) return entry->state;
  Entry fresh{.parameters = {}, .state = std::make_shared<TrainingState>()};
  for (const Parameter& parameter : parameters) fresh.parameters.push_back(parameter.data());
  return entries_.emplace_back(std::move(fresh)).state;
}

}  // namespace sluice
