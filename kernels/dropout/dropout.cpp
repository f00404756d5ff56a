#include <sluice/kernels/dropout/dropout.h>

#include <sluice/core/differentiate.h>
#include <sluice/core/error.h>
#include <sluice/core/text.h>

namespace sluice {

std::string DropoutOp::options() const {
  TextStream text;
  text << std::hexfloat << "rate=" << rate_ << ",id=" << id_;
  return text.str();
}

std::vector<ValueSpec> DropoutOp::infer(std::span<const ValueSpec> inputs) const {
  const ValueSpec& x = inputs[0];
  if (!x.is_sample() || x.is_scalar() || !is_floating(x.dtype))
    throw_shape_error(*this, "x has no channels", "x", inputs, "a floating sample value [N,C,...]");
  return {x};
}

void DropoutOp::gradient(GradientContext& context) const {
  context.set(0, context.graph().add1(std::make_shared<DropoutOp>(rate_, id_), {context.dy()}));
}

Var dropout(Var x, double rate) {
  if (!(rate >= 0 && rate <= 1 - 0x1p-24))
    throw UsageError("dropout: rate is out of range; got " + number_text(rate) +
                     "; expected 0 <= rate < 1, at most 1 - 2^-24");
  if (rate == 0) return x;
  return x.graph().add1(std::make_shared<DropoutOp>(rate, x.graph().next_random_id()), {x});
}

}  // namespace sluice
