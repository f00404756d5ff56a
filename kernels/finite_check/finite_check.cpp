#include <sluice/kernels/finite_check/finite_check.h>

#include <sluice/core/error.h>

namespace sluice {
namespace {

class FiniteCheck final : public Op {
 public:
  std::string_view type() const override { return "finite_check"; }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    for (const ValueSpec& value : inputs)
      if (value.is_sample() || !is_floating(value.dtype))
        throw_shape_error(*this, "a value cannot be checked", "", inputs, "floating batch values");
    return {{{}, DType::i32, Scope::batch}};
  }

  bool differentiable(int) const override { return false; }
  bool batch_capable() const override { return true; }

  double flops(std::span<const ValueSpec> inputs, std::span<const ValueSpec>) const override {
    double elements = 0;
    for (const ValueSpec& value : inputs) elements += static_cast<double>(value.shape.elements());
    return elements;
  }
};

}  // namespace

Var finite_check(std::span<const Var> values) {
  if (values.empty()) throw UsageError("finite_check: no values; expected at least one");
  return values[0].graph().add(std::make_shared<FiniteCheck>(), values)[0];
}

}  // namespace sluice
