#include <sluice/mbp/run/bound_parameters.h>

#include <cstdio>
#include <string>
#include <utility>

#include <sluice/core/error.h>

namespace sluice {
namespace {

/// Calls visit(storage, parameter) for each of the plan's parameters.
template <class Visit>
void for_each_parameter(const RunPlan& plan, Visit&& visit) {
  for (int id = 0; id < plan.storages.size(); ++id) {
    const Storage& storage = plan.storages[id];
    if (storage.leaf && storage.leaf->kind == LeafKind::parameter) visit(id, *storage.leaf->parameter);
  }
}

}  // namespace

void check_unbound(const RunPlan& plan, const std::string& who) {
  for_each_parameter(plan, [&](int, const ParameterData& parameter) {
    if (parameter.home)
      throw UsageError(
          who + ": parameter " + parameter.name +
          " is bound to another trainer or predictor; expected one of them at a time: end the scope of the "
          "other first, or use evaluate() and predict() of the Trainer");
  });
}

BoundParameters::BoundParameters(const RunPlan& plan, Scheduler& scheduler, TrainingState* state,
                                 std::function<void()> on_write)
    : plan_(plan),
      scheduler_(scheduler),
      state_(state),
      on_write_(std::move(on_write)) {
  if (state_) bind_states();
  const bool host_visible = scheduler_.slab().backend().host_visible();
  for_each_parameter(plan_, [&](int, ParameterData& parameter) {
    parameter.home = this;
    if (host_visible) parameter.value.release();
  });
}

/// Writes what there is of the optimizer's tensors into the slab, and lets go of it.
void BoundParameters::bind_states() {
  std::vector<TrainingState::Key> keys;
  for (int id = 0; id < plan_.storages.size(); ++id) {
    const Storage& storage = plan_.storages[id];
    if (storage.key.kind != StorageKind::state) continue;
    const TrainingState::Key key{storage.key.name, storage.key.detail};
    if (const Tensor* const value = state_->on_host(key)) {
      if (value->shape() != storage.dims)
        throw UsageError("trainer: the optimizer declares its tensor '" + key.second + "' of parameter " + key.first +
                         " as " + storage.dims.str() + "; got " + value->shape().str() +
                         " from its training before; expected the same, or Optimizer::reset()");
      scheduler_.write(id, *value);
    }
    states_.emplace_back(key, id);
    keys.push_back(key);
  }
  state_->set_home(this, keys);
}

BoundParameters::~BoundParameters() {
  std::string lost;
  for_each_parameter(plan_, [&](int, ParameterData& parameter) {
    if (parameter.home != this) return;
    try {
      Tensor value = read(parameter);
      parameter.home = nullptr;
      parameter.value = std::move(value);
    } catch (const std::exception& error) {
      parameter.home = nullptr;
      lost = error.what();
    }
  });
  if (state_) return_states(lost);
  if (!lost.empty()) std::fprintf(stderr, "sluice: trained parameters are lost: %s\n", lost.c_str());
}

void BoundParameters::return_states(std::string& lost) {
  state_->set_home(nullptr, {});
  for (const auto& [key, storage] : states_) {
    try {
      state_->put_on_host(key, scheduler_.slab().read(storage));
    } catch (const std::exception& error) {
      lost = error.what();
    }
  }
}

Tensor BoundParameters::read(const ParameterData& parameter) const {
  return scheduler_.slab().read(storage_of(parameter)).to(parameter.value.dtype());
}

void BoundParameters::write(const ParameterData& parameter, const Tensor& value) {
  scheduler_.write(storage_of(parameter), value);
  on_write_();
}

Tensor BoundParameters::read(const std::string& parameter, const std::string& state) const {
  return scheduler_.slab().read(storage_of(parameter, state));
}

void BoundParameters::write(const std::string& parameter, const std::string& state, const Tensor& value) {
  scheduler_.write(storage_of(parameter, state), value);
}

int BoundParameters::storage_of(const std::string& parameter, const std::string& state) const {
  for (const auto& [key, storage] : states_)
    if (key.first == parameter && key.second == state) return storage;
  throw Error("trainer: state " + state + " of parameter " + parameter + " has no place in the slab");
}

int BoundParameters::storage_of(const ParameterData& parameter) const {
  int found = -1;
  for_each_parameter(plan_, [&](int id, const ParameterData& other) {
    if (&other == &parameter) found = id;
  });
  if (found < 0) throw Error("trainer: parameter " + parameter.name + " has no place in the slab");
  return found;
}

}  // namespace sluice
