#include <sluice/kernels/batch_norm/batch_norm.h>

#include <algorithm>

#include <sluice/core/differentiate.h>
#include <sluice/core/error.h>
#include <sluice/core/structural.h>
#include <sluice/core/text.h>
#include <sluice/kernels/batch_norm/batch_norm_ops.h>
#include <sluice/kernels/relu/relu.h>
#include <sluice/kernels/shared/input_checks.h>

namespace sluice {
namespace {

using Specs = std::span<const ValueSpec>;

ValueSpec by_product(const Shape& shape) {
  return {.shape = shape, .dtype = DType::f64, .scope = Scope::sample, .by_product = true};
}

/// For the functions that users call, before the nodes that they are made of are built: `channels` has one number for
/// each channel of x.
void check_call(Var x, Var channels) {
  const ValueSpec &of = x.spec(), &numbers = channels.spec();
  const auto fail = [](const std::string& what, const std::string& rule) {
    throw ShapeError("batch_norm: " + what + "; expected " + rule);
  };
  const std::string fault = input_fault("x", of, Scope::sample, std::max(of.shape.rank(), 1));
  if (!fault.empty()) fail(fault + "; got " + of.str(), "an f32 sample value [N,C,...]" + conversion_hint(of));
  if (numbers.shape.rank() == 1 && numbers.shape[0] != of.shape[0])
    fail("channels differ; got x with " + counted(of.shape[0], "channel") + ", " + of.str(),
         std::to_string(numbers.shape[0]));
}

void check_samples(const Op& op, std::size_t i, std::string_view names, Specs inputs) {
  const ValueSpec& x = inputs[i];
  if (x.dtype != DType::f32 || !x.is_sample() || x.by_product || x.shape.rank() < 1)
    throw_shape_error(op, "input " + std::to_string(i) + " is no activation", names, inputs,
                      "an f32 sample value [N,C,...]");
}

/// Input `i` is a batch value with one number a channel of `x`.
void check_channels(const Op& op, std::size_t i, const ValueSpec& x, std::string_view names, Specs inputs) {
  const ValueSpec& v = inputs[i];
  if (v.is_sample() || v.dtype != DType::f32 || v.shape != Shape{x.shape[0]})
    throw_shape_error(op, "input " + std::to_string(i) + " does not fit the channels of x", names, inputs,
                      "f32[" + std::to_string(x.shape[0]) + "] of batch scope");
}

/// Input `i` holds `rows` sums a channel, of the scope that `of` says.
void check_sums(const Op& op, std::size_t i, std::int64_t rows, MomentsOf of, const ValueSpec& x,
                std::string_view names, Specs inputs) {
  const ValueSpec& v = inputs[i];
  const bool local = of == MomentsOf::micro_batch;
  if (v.dtype != DType::f64 || v.by_product != local || v.is_sample() != local || v.shape != Shape{rows, x.shape[0]})
    throw_shape_error(op, "input " + std::to_string(i) + " is not what its options say", names, inputs,
                      (local ? "a by-product f64[" : "a batch value f64[") + std::to_string(rows) + "," +
                          std::to_string(x.shape[0]) + "]");
}

/// With one value a channel there is no variance: what is normalised by it is 0, whatever x is.
std::int64_t least_samples_of(const ValueSpec& x) { return x.shape.without_leading().elements() > 1 ? 1 : 2; }

}  // namespace

std::string BatchNormTraits::str() const {
  TextStream text;
  text << (moments_of == MomentsOf::micro_batch     ? "local"
           : moments_of == MomentsOf::logical_batch ? "exact"
                                                    : "fixed")
       << " eps=" << std::hexfloat << eps << (relu ? " relu" : "");
  return text.str();
}

std::string BatchNormUpdateOp::options() const {
  TextStream text;
  text << "momentum=" << std::hexfloat << momentum_;
  return text.str();
}

std::vector<ValueSpec> BatchMomentsOp::infer(Specs inputs) const {
  check_samples(*this, 0, "x", inputs);
  return {by_product({3, inputs[0].shape[0]})};
}

std::int64_t BatchMomentsOp::least_samples(Specs inputs) const { return least_samples_of(inputs[0]); }

std::vector<ValueSpec> FixedMomentsOp::infer(Specs inputs) const {
  for (const ValueSpec& v : inputs)
    if (v.is_sample() || v.dtype != DType::f32 || v.shape.rank() != 1 || v.shape != inputs[0].shape)
      throw_shape_error(*this, "statistics do not fit together", "mean,variance", inputs,
                        "f32[C] of batch scope, both");
  return {{.shape = Shape{3, inputs[0].shape[0]}, .dtype = DType::f64, .scope = Scope::batch}};
}

std::vector<ValueSpec> BatchNormOp::infer(Specs inputs) const {
  const std::string_view names = has_addend_ ? "x,moments,scale,shift,addend" : "x,moments,scale,shift";
  check_samples(*this, 0, names, inputs);
  if (!(traits_.eps > 0)) throw_shape_error(*this, "eps is not positive", names, inputs, "eps > 0");
  check_channels(*this, 2, inputs[0], names, inputs);
  check_channels(*this, 3, inputs[0], names, inputs);
  check_sums(*this, 1, 3, traits_.moments_of, inputs[0], names, inputs);
  if (has_addend_ && inputs[4] != inputs[0])
    throw_shape_error(*this, "the addend differs from the result", names, inputs, inputs[0].str());
  if (!has_mask()) return {inputs[0]};
  return {inputs[0], relu_mask(inputs[0])};
}

std::int64_t BatchNormOp::least_samples(Specs inputs) const {
  return traits_.moments_of == MomentsOf::constant ? 1 : least_samples_of(inputs[0]);
}

void BatchNormOp::gradient(GradientContext& context) const {
  if (traits_.relu || has_addend_) Op::gradient(context);  // throws: fusion comes after differentiation
  Graph& graph = context.graph();
  std::vector<Var> inputs{context.dy(), context.input(0), context.input(1), context.input(2), context.input(3)};
  const bool through_moments = context.needs(0) && traits_.moments_of != MomentsOf::constant;
  Var sums;
  if (context.needs(2) || context.needs(3) || through_moments)
    sums = graph.add(std::make_shared<BatchNormGradSumsOp>(traits_), inputs)[0];
  if (context.needs(2)) context.set(2, graph.add1(std::make_shared<BatchNormGradParameterOp>(1), {sums}));
  if (context.needs(3)) context.set(3, graph.add1(std::make_shared<BatchNormGradParameterOp>(0), {sums}));
  if (!context.needs(0)) return;
  if (through_moments) inputs.push_back(traits_.moments_of == MomentsOf::micro_batch ? sums : batch_sum(sums));
  context.set(0, graph.add(std::make_shared<BatchNormGradInputOp>(traits_), inputs)[0]);
}

std::vector<ValueSpec> BatchNormGradSumsOp::infer(Specs inputs) const {
  const std::string_view names = "dy,x,moments,scale,shift";
  check_samples(*this, 0, names, inputs);
  if (inputs[0] != inputs[1]) throw_shape_error(*this, "dy differs from x", names, inputs, "equal shapes");
  check_sums(*this, 2, 3, traits_.moments_of, inputs[1], names, inputs);
  check_channels(*this, 3, inputs[1], names, inputs);
  check_channels(*this, 4, inputs[1], names, inputs);
  return {by_product({2, inputs[1].shape[0]})};
}

std::vector<ValueSpec> BatchNormGradParameterOp::infer(Specs inputs) const {
  if (!inputs[0].by_product || inputs[0].shape.rank() != 2 || inputs[0].shape[0] != 2)
    throw_shape_error(*this, "these are no sums of batch_norm_grad_sums", "sums", inputs, "a by-product f64[2,C]");
  return {{.shape = Shape{inputs[0].shape[1]}, .dtype = DType::f32, .scope = Scope::batch}};
}

std::vector<ValueSpec> BatchNormGradInputOp::infer(Specs inputs) const {
  const std::string_view names = has_sums() ? "dy,x,moments,scale,shift,sums" : "dy,x,moments,scale,shift";
  check_samples(*this, 0, names, inputs);
  if (inputs[0] != inputs[1]) throw_shape_error(*this, "dy differs from x", names, inputs, "equal shapes");
  check_sums(*this, 2, 3, traits_.moments_of, inputs[1], names, inputs);
  check_channels(*this, 3, inputs[1], names, inputs);
  check_channels(*this, 4, inputs[1], names, inputs);
  if (has_sums()) check_sums(*this, 5, 2, traits_.moments_of, inputs[1], names, inputs);
  return {inputs[1]};
}

std::vector<ValueSpec> BatchNormUpdateOp::infer(Specs inputs) const {
  const std::string_view names = "running_mean,running_variance,moments";
  if (!(momentum_ >= 0 && momentum_ <= 1))
    throw_shape_error(*this, "momentum is " + number_text(momentum_), names, inputs, "0 <= momentum <= 1");
  const ValueSpec& moments = inputs[2];
  if (moments.is_sample() || moments.dtype != DType::f64 || moments.shape.rank() != 2 || moments.shape[0] != 3)
    throw_shape_error(*this, "these are no moments of a logical batch", names, inputs, "f64[3,C] of batch scope");
  for (int i = 0; i < 2; ++i)
    if (const ValueSpec& r = inputs[static_cast<std::size_t>(i)];
        r.is_sample() || r.dtype != DType::f32 || r.shape != Shape{moments.shape[1]})
      throw_shape_error(*this, "running statistics do not fit the channels", names, inputs,
                        "f32[" + std::to_string(moments.shape[1]) + "] of batch scope, both");
  return {};
}

Var batch_norm(Var x, Var scale, Var shift, const BatchNormOptions& options) {
  check_call(x, scale);
  const bool local = options.mode == BatchNormMode::local;
  const Var moments = x.graph().add1(std::make_shared<BatchMomentsOp>(), {x});
  const BatchNormTraits traits{.moments_of = local ? MomentsOf::micro_batch : MomentsOf::logical_batch,
                               .eps = options.eps};
  return x.graph().add1(std::make_shared<BatchNormOp>(traits, false),
                        {x, local ? moments : batch_sum(moments), scale, shift});
}

Var batch_norm_fixed(Var x, Var mean, Var variance, Var scale, Var shift, double eps) {
  check_call(x, mean);
  const Var moments = x.graph().add1(std::make_shared<FixedMomentsOp>(), {mean, variance});
  const BatchNormTraits traits{.moments_of = MomentsOf::constant, .eps = eps};
  return x.graph().add1(std::make_shared<BatchNormOp>(traits, false), {x, moments, scale, shift});
}

void batch_norm_update(Var running_mean, Var running_variance, Var x, double momentum) {
  check_call(x, running_mean);
  const Var moments = batch_sum(x.graph().add1(std::make_shared<BatchMomentsOp>(), {x}));
  x.graph().add(std::make_shared<BatchNormUpdateOp>(momentum), std::vector{running_mean, running_variance, moments});
}

}  // namespace sluice
