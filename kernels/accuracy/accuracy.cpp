#include <sluice/kernels/accuracy/accuracy.h>

#include <sluice/core/text.h>
#include <sluice/kernels/shared/input_checks.h>

namespace sluice {

std::string CorrectOp::options() const {
  return "ignore_index=" + (options_.ignore_index ? std::to_string(*options_.ignore_index) : "none");
}

std::vector<ValueSpec> CorrectOp::infer(std::span<const ValueSpec> inputs) const {
  check_labels(type(), inputs[0], inputs[1]);
  return {{{}, DType::f32, Scope::sample}};
}

std::optional<IntegerRange> CorrectOp::integer_range(int input, std::span<const ValueSpec> inputs) const {
  if (input != 1) return std::nullopt;
  const std::int64_t classes = inputs[0].shape[0];
  return IntegerRange{0, classes - 1, options_.ignore_index, "the logits have " + counted(classes, "class", "classes")};
}

Var correct(Var logits, Var labels, const CorrectOptions& options) {
  return logits.graph().add1(std::make_shared<CorrectOp>(options), {logits, labels});
}

}  // namespace sluice
