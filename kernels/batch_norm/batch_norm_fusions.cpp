#include <algorithm>

#include <sluice/core/fuse.h>
#include <sluice/kernels/batch_norm/batch_norm_ops.h>

namespace sluice {
namespace {

template <class T>
const T& op_of(const Node& node) {
  return static_cast<const T&>(*node.op);
}

/// relu(y). With an addend the kernel gives the mask, too; without one there is none to give, and the gradient has to
/// do without it (relu_grad_in_front).
FusedNode relu_behind(const FusionContext& pair) {
  const auto& norm = op_of<BatchNormOp>(pair.first());
  if (norm.traits().relu || (!norm.has_addend() && pair.is_read(pair.second().outputs[1]))) return {};
  BatchNormTraits traits = norm.traits();
  traits.relu = true;
  return {std::make_shared<BatchNormOp>(traits, norm.has_addend()), pair.first().inputs};
}

/// y + addend, and with `relu` max(y + addend, 0) with its mask.
template <bool relu>
FusedNode addend_behind(const FusionContext& pair) {
  const auto& norm = op_of<BatchNormOp>(pair.first());
  const ValueId addend = pair.second().inputs[pair.input() == 0 ? 1 : 0];
  if (norm.traits().relu || norm.has_addend() || pair.spec(addend) != pair.spec(pair.first().outputs[0])) return {};
  BatchNormTraits traits = norm.traits();
  traits.relu = relu;
  std::vector<ValueId> inputs = pair.first().inputs;
  inputs.push_back(addend);
  return {std::make_shared<BatchNormOp>(traits, true), std::move(inputs)};
}

/// The normalisation whose result, and nothing else, went through the relu that made `mask`; null: none.
const Node* normalisation_behind(const FusionContext& pair, ValueId mask) {
  const Node* const relu = pair.producer(mask);
  if (!relu || relu->op->type() != "relu") return nullptr;
  const Node* const norm = pair.producer(relu->inputs[0]);
  return norm && norm->op->type() == "batch_norm" && norm->inputs.size() == 4 ? norm : nullptr;
}

/// The gradient by what stood between batch_norm and relu goes to the gradient ops of batch_norm, which see in x what
/// relu let pass: the same as its mask says, whether or not forward is one kernel.
template <class GradOp>
FusedNode relu_grad_in_front(const FusionContext& pair) {
  BatchNormTraits traits = op_of<GradOp>(pair.second()).traits();
  const Node* const norm = normalisation_behind(pair, pair.first().inputs[0]);
  if (traits.relu || pair.input() != 0 || !norm || op_of<BatchNormOp>(*norm).traits().str() != traits.str()) return {};
  std::vector<ValueId> inputs = pair.second().inputs;  // dy, and then x, moments, scale, shift as forward has them
  if (!std::equal(norm->inputs.begin(), norm->inputs.end(), inputs.begin() + 1)) return {};
  inputs[0] = pair.first().inputs[1];
  traits.relu = true;
  return {std::make_shared<GradOp>(traits), std::move(inputs)};
}

}  // namespace

void register_batch_norm_fusions(FusionRules& rules) {
  rules.add({.first = "batch_norm", .second = "relu", .fuse = relu_behind});
  rules.add({.first = "batch_norm", .second = "add", .fuse = addend_behind<false>});
  rules.add({.first = "batch_norm", .second = "add_relu", .fuse = addend_behind<true>});
  rules.add({.first = "relu_grad",
             .second = "batch_norm_grad_sums",
             .fuse = relu_grad_in_front<BatchNormGradSumsOp>,
             .repeats_first = true});
  rules.add({.first = "relu_grad",
             .second = "batch_norm_grad_input",
             .fuse = relu_grad_in_front<BatchNormGradInputOp>,
             .repeats_first = true});
}

}  // namespace sluice
