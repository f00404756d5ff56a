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

void check_unbound(const RunPlan& plan) {
  for_each_parameter(plan, [](int, const ParameterData& parameter) {
    if (parameter.home)
      throw UsageError("trainer: parameter " + parameter.name + " is bound to another trainer; expected one at a time");
  });
}

BoundParameters::BoundParameters(const RunPlan& plan, Scheduler& scheduler, std::function<void()> on_write)
    : plan_(plan),
      scheduler_(scheduler),
      on_write_(std::move(on_write)) {
  for_each_parameter(plan_, [this](int, ParameterData& parameter) { parameter.home = this; });
}

BoundParameters::~BoundParameters() {
  std::string lost;
  for_each_parameter(plan_, [&](int, ParameterData& parameter) {
    if (parameter.home != this) return;
    parameter.home = nullptr;
    try {
      parameter.value = read(parameter);
    } catch (const std::exception& error) {
      lost = error.what();
    }
  });
  if (!lost.empty()) std::fprintf(stderr, "sluice: trained parameters are lost: %s\n", lost.c_str());
}

Tensor BoundParameters::read(const ParameterData& parameter) const {
  return scheduler_.slab().read(storage_of(parameter)).to(parameter.value.dtype());
}

void BoundParameters::write(const ParameterData& parameter, const Tensor& value) {
  scheduler_.write(storage_of(parameter), value);
  on_write_();
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
