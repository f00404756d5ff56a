#include <sluice/kernels/accuracy/accuracy.h>

namespace sluice {

std::string CorrectOp::options() const {
  return "ignore_index=" + (options_.ignore_index ? std::to_string(*options_.ignore_index) : "none");
}

std::vector<ValueSpec> CorrectOp::infer(std::span<const ValueSpec> inputs) const {
  const ValueSpec &logits = inputs[0], &labels = inputs[1];
  const bool typed = logits.dtype == DType::f32 && labels.dtype == DType::i32;
  if (!typed || !logits.is_sample() || !labels.is_sample() || logits.is_scalar() ||
      logits.shape.without_leading() != labels.shape)
    throw_shape_error(*this, "labels do not fit the logits", "logits,labels", inputs,
                      "logits = f32[N,C,...], labels = i32[N,...]: one label per sample and position");
  return {{{}, DType::f32, Scope::sample}};
}

std::optional<IntegerRange> CorrectOp::integer_range(int input, std::span<const ValueSpec> inputs) const {
  if (input != 1) return std::nullopt;
  return IntegerRange{0, inputs[0].shape[0] - 1, options_.ignore_index};
}

Var correct(Var logits, Var labels, const CorrectOptions& options) {
  return logits.graph().add1(std::make_shared<CorrectOp>(options), {logits, labels});
}

}  // namespace sluice
