#include <sluice/kernels/cross_entropy/cross_entropy.h>

#include <sluice/core/differentiate.h>
#include <sluice/core/text.h>
#include <sluice/kernels/arithmetic/arithmetic.h>
#include <sluice/kernels/reduce/reduce.h>
#include <sluice/kernels/shared/input_checks.h>

namespace sluice {
namespace {

class CrossEntropyLoss final : public CrossEntropyOp {
 public:
  using CrossEntropyOp::CrossEntropyOp;

  std::string_view type() const override { return "cross_entropy_loss"; }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    check(inputs);
    return {{{}, inputs[0].dtype, Scope::sample}};
  }

  void gradient(GradientContext& context) const override {
    const auto input = [&](int i) { return i < 0 ? Var() : context.input(i); };
    context.set(0, cross_entropy_grad(context.input(0), context.input(1), context.dy(), cross_entropy_options(),
                                      input(class_weights_input()), input(sample_weights_input())));
  }

  double flops(std::span<const ValueSpec> inputs, std::span<const ValueSpec>) const override {
    return 4.0 * static_cast<double>(inputs[0].shape.elements());
  }
};

class CrossEntropyWeight final : public CrossEntropyOp {
 public:
  using CrossEntropyOp::CrossEntropyOp;

  std::string_view type() const override { return "cross_entropy_weight"; }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    check(inputs);
    return {{{}, DType::f32, Scope::sample}};
  }

  bool differentiable(int) const override { return false; }

 protected:
  bool has_logits() const override { return false; }
};

class CrossEntropyGrad final : public CrossEntropyOp {
 public:
  using CrossEntropyOp::CrossEntropyOp;

  std::string_view type() const override { return "cross_entropy_grad"; }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    check(inputs);
    const ValueSpec& dloss = inputs[static_cast<std::size_t>(last_input())];
    if (!dloss.is_scalar() || dloss.dtype != inputs[0].dtype)
      throw_shape_error(*this, "dloss is not one number per sample", names() + ",dloss", inputs,
                        "dloss = [N], or a batch scalar, of the logits' dtype");
    return {inputs[0]};
  }

  void gradient(GradientContext& context) const override {
    if (context.needs(0)) CrossEntropyOp::gradient(context);  // throws: no second derivative
    const auto input = [&](int i) { return i < 0 ? Var() : context.input(i); };
    const Var one = context.graph().constant(1, {}, context.input(0).dtype());
    const Var unit = cross_entropy_grad(context.input(0), context.input(1), one, cross_entropy_options(),
                                        input(class_weights_input()), input(sample_weights_input()));
    context.set(last_input(), sum_per_sample(mul(context.dy(), unit)));
  }

  bool differentiable(int input) const override { return input == 0 || input == last_input(); }
  bool reads_batch(int input) const override { return input == last_input() || CrossEntropyOp::reads_batch(input); }
  bool linear_in(int input) const override { return input == last_input(); }
  std::vector<int> in_place_inputs() const override { return {0}; }

  double flops(std::span<const ValueSpec> inputs, std::span<const ValueSpec>) const override {
    return 6.0 * static_cast<double>(inputs[0].shape.elements());
  }
};

template <class T>
Var add_node(std::vector<Var> inputs, const CrossEntropyOptions& options, Var class_weights, Var sample_weights,
             Var dloss = {}) {
  for (const Var& v : {class_weights, sample_weights, dloss})
    if (v) inputs.push_back(v);
  auto op = std::make_shared<T>(options, static_cast<bool>(class_weights), static_cast<bool>(sample_weights));
  return inputs[0].graph().add(std::move(op), inputs)[0];
}

}  // namespace

std::string CrossEntropyOp::options() const {
  const auto& ignored = options_.ignore_index;
  return "ignore_index=" + (ignored ? std::to_string(*ignored) : "none") + (class_weights_ ? ",class_weights" : "") +
         (sample_weights_ ? ",sample_weights" : "");
}

std::optional<IntegerRange> CrossEntropyOp::integer_range(int input, std::span<const ValueSpec> inputs) const {
  const int by = has_logits() ? logits_input() : class_weights_input();
  if (input != labels_input() || by < 0) return std::nullopt;
  const std::int64_t classes = inputs[static_cast<std::size_t>(by)].shape[0];
  const std::string because = has_logits() ? "the logits have " + counted(classes, "class", "classes")
                                           : "there are " + counted(classes, "class weight");
  return IntegerRange{0, classes - 1, options_.ignore_index, because};
}

std::string CrossEntropyOp::names() const {
  return std::string(has_logits() ? "logits,labels" : "labels") + (class_weights_ ? ",class_weights" : "") +
         (sample_weights_ ? ",sample_weights" : "");
}

void CrossEntropyOp::check(std::span<const ValueSpec> inputs) const {
  const auto at = [&](int i) -> const ValueSpec& { return inputs[static_cast<std::size_t>(i)]; };
  const ValueSpec& labels = at(labels_input());
  if (has_logits()) check_labels(type(), at(0), labels);
  if (!labels.is_sample() || labels.dtype != DType::i32)
    throw_shape_error(*this, "labels are no class numbers", names(), inputs,
                      "labels of dtype i32 (convert them with Tensor::to(DType::i32)), sample scope");
  if (class_weights_) {
    const ValueSpec& weights = at(class_weights_input());
    const bool fits = weights.shape.rank() == 1 && (!has_logits() || weights.shape[0] == at(0).shape[0]);
    if (!fits || weights.is_sample() || weights.dtype != DType::f32)
      throw_shape_error(*this, "class weights do not fit", names(), inputs, "class_weights = f32[C], batch scope");
  }
  if (sample_weights_) {
    const ValueSpec& weights = at(sample_weights_input());
    if (!weights.is_scalar() || !weights.is_sample() || weights.dtype != DType::f32)
      throw_shape_error(*this, "sample weights do not fit", names(), inputs, "sample_weights = f32[N]");
  }
}

Var cross_entropy_loss(Var logits, Var labels, const CrossEntropyOptions& options, Var class_weights,
                       Var sample_weights) {
  return add_node<CrossEntropyLoss>({logits, labels}, options, class_weights, sample_weights);
}

Var cross_entropy_weight(Var labels, const CrossEntropyOptions& options, Var class_weights, Var sample_weights) {
  return add_node<CrossEntropyWeight>({labels}, options, class_weights, sample_weights);
}

Var cross_entropy_grad(Var logits, Var labels, Var dloss, const CrossEntropyOptions& options, Var class_weights,
                       Var sample_weights) {
  return add_node<CrossEntropyGrad>({logits, labels}, options, class_weights, sample_weights, dloss);
}

}  // namespace sluice
