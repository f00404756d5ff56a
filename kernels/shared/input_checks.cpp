#include <sluice/kernels/shared/input_checks.h>

#include <sluice/core/error.h>

namespace sluice {

std::string input_fault(std::string_view name, const ValueSpec& spec, Scope scope, int rank) {
  const std::string subject(name);
  if (spec.dtype != DType::f32) return subject + " is " + std::string(sluice::name(spec.dtype)) + ", not f32";
  if (spec.scope != scope)
    return subject +
           (scope == Scope::sample ? " is a batch value, not a sample value" : " is a sample value, not a batch value");
  const int leading = scope == Scope::sample ? 1 : 0;
  if (spec.shape.rank() != rank)
    return subject + " has " + std::to_string(spec.shape.rank() + leading) + " dimensions, not " +
           std::to_string(rank + leading);
  return "";
}

std::string conversion_hint(const ValueSpec& spec) {
  return spec.dtype == DType::u8 ? " (a field without mean and std is not converted to f32)" : "";
}

void check_input(const Op& op, std::size_t i, Scope scope, int rank, std::string_view names,
                 std::span<const ValueSpec> inputs, const std::string& rule) {
  std::string_view name = names;
  for (std::size_t skipped = 0; skipped < i; ++skipped) name = name.substr(name.find(',') + 1);
  const std::string fault = input_fault(name.substr(0, name.find(',')), inputs[i], scope, rank);
  if (!fault.empty()) throw_shape_error(op, fault, names, inputs, rule + conversion_hint(inputs[i]));
}

void check_labels(std::string_view who, const ValueSpec& logits, const ValueSpec& labels) {
  const auto fail = [&](const std::string& what, const std::string& rule) {
    throw ShapeError(std::string(who) + ": " + what + "; got logits=" + logits.str() + ", labels=" + labels.str() +
                     "; expected " + rule);
  };
  if (logits.dtype != DType::f32 || !logits.is_sample() || logits.is_scalar())
    fail("logits have no classes", "logits = f32[N,C] or f32[N,C,H,W]");
  if (labels.dtype != DType::i32)
    fail("labels are " + std::string(name(labels.dtype)) + ", not i32",
         "labels of dtype i32 (convert them with Tensor::to(DType::i32))");
  if (!labels.is_sample()) fail("labels are one value for the whole batch", "labels of sample scope");
  if (logits.shape.without_leading() != labels.shape)
    fail("labels do not fit the logits", "one label per sample and position: the shape of the logits without C");
}

}  // namespace sluice
