#include <sluice/core/reorders.h>

#include <sluice/core/at.h>
#include <sluice/core/error.h>

namespace sluice {
namespace {

/// Stands for a reorder in the lowering context; the kernel only looks at its two layouts.
class ReorderOp final : public Op {
 public:
  std::string_view type() const override { return "reorder"; }
  std::vector<ValueSpec> infer(std::span<const ValueSpec> in) const override { return {in[0]}; }
};

/// Moves `source` from one layout to another.
std::unique_ptr<Kernel> reorder_kernel(Backend& backend, const PartValue& source, const Layout& from,
                                       const Layout& to) {
  const KernelFactory* const factory = backend.kernel("reorder");
  if (!factory)
    throw BackendError("lowering: " + source.name + " must be reordered and the device has no reorder kernel");
  static const ReorderOp op;
  LoweringContext context(op, backend, {{source.dims, source.dtype, Scope::batch, from}},
                          {{source.dims, source.dtype, Scope::batch, to}}, /*workspace_cap_bytes=*/0);
  return (*factory)(context);
}

}  // namespace

void Reorders::begin(int refreshed) {
  refreshed_before_ = refreshed;
  made_here_.clear();
  copies_.clear();
}

int Reorders::in_layout(Part& part, int of, const Layout& layout, const std::string& layer) {
  const PartValue source = part.values[at(of)];
  const bool has_place = source.storage >= 0 && source.category != Category::staging;
  if (has_place && !storages_.pinned(source.storage)) storages_.pin(source.storage, layout);
  const Layout actual = has_place ? storages_.layout(source.storage) : source.layout;
  if (actual == layout) {
    part.values[at(of)].layout = actual;
    return of;
  }
  const auto [known, fresh] = copies_.emplace(std::make_pair(of, layout.identity()), -1);
  if (!fresh) return known->second;
  const bool once_per_step =
      has_place && !made_here_.contains(source.value) && cut_.available[at(source.value)] <= refreshed_before_;
  const int result =
      once_per_step ? derived_copy(part, source, actual, layout, layer) : reorder_here(part, of, layout, layer);
  known->second = result;
  return result;
}

int Reorders::reorder_here(Part& part, int of, const Layout& layout, const std::string& layer) {
  PartValue value = part.values[at(of)];
  const auto kernel = [&backend = backend_, value, layout] {
    return reorder_kernel(backend, value, value.layout, layout);
  };
  value.name += " reordered";
  value.layer = layer;
  value.category = Category::activation;
  value.layout = layout;
  value.storage = value.alias = value.value = -1;
  value.view = false;
  const int result = part.add(std::move(value));
  part.add(Instruction{.name = "reorder",
                       .layer = layer,
                       .kernel = kernel(),
                       .inputs = {of},
                       .outputs = {result},
                       .mutated = {},
                       .clone_kernel = kernel});
  return result;
}

/// A copy of a batch value in another layout, refreshed once per step as soon as the value is complete.
int Reorders::derived_copy(Part& part, const PartValue& source, const Layout& from, const Layout& layout,
                           const std::string& layer) {
  const StorageKey key{
      .kind = StorageKind::reordered, .name = storages_[source.storage].key.str(), .detail = layout.identity()};
  const int id = storages_.get(key, {.name = source.name + " as " + layout.str(source.dims.rank()),
                                     .layer = source.layer,
                                     .category = Category::derived,
                                     .dims = source.dims,
                                     .dtype = source.dtype,
                                     .layout = layout,
                                     .leaf = {}});
  const PartValue copy{.name = storages_[id].name,
                       .layer = source.layer,
                       .category = Category::derived,
                       .dims = source.dims,
                       .dtype = source.dtype,
                       .layout = layout,
                       .storage = id};
  if (refreshed_.insert(id).second) {
    Part& derived = derived_[cut_.available[at(source.value)]];
    PartValue original = source;
    original.layout = from;
    original.alias = -1;
    original.view = false;
    const int in = derived.add(std::move(original)), out = derived.add(copy);
    derived.add(Instruction{.name = "reorder",
                            .layer = layer,
                            .kernel = reorder_kernel(backend_, source, from, layout),
                            .inputs = {in},
                            .outputs = {out},
                            .mutated = {}});
  }
  return part.add(copy);
}

Part Reorders::take_derived(int stage) {
  Part part = std::move(derived_[stage]);
  derived_.erase(stage);
  part.name = "derived " + std::to_string(stage);
  set_lifetimes(part);
  return part;
}

}  // namespace sluice
