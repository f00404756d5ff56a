#include "leaky_relu.h"

#include <sluice/core/fuse.h>
#include <sluice/core/kernel.h>
#include <sluice/core/text.h>
#include <sluice/kernels/cpu/parallel.h>
#include <sluice/kernels/shared/lowering.h>

namespace consumer {
namespace {

using namespace sluice;

class LeakyReluOp : public Op {
 public:
  explicit LeakyReluOp(double slope) : slope_(slope) {}
  double slope() const { return slope_; }

  std::string_view type() const override { return "consumer.leaky_relu"; }
  std::string options() const override {
    TextStream text;
    text << "slope=" << std::hexfloat << slope_;  // every digit: nodes with equal options are one node
    return text.str();
  }
  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    if (!is_floating(inputs[0].dtype)) throw_shape_error(*this, "x is not floating", "x", inputs, "a floating dtype");
    return {inputs[0]};
  }
  void gradient(GradientContext& context) const override;
  bool batch_capable() const override { return true; }
  std::vector<int> in_place_inputs() const override { return {0}; }

 protected:
  double slope_;
};

/// dx from the output y, whose sign is that of x, and dy.
class LeakyReluGradOp final : public LeakyReluOp {
 public:
  using LeakyReluOp::LeakyReluOp;

  std::string_view type() const override { return "consumer.leaky_relu_grad"; }
  void gradient(GradientContext& context) const override {
    context.set(1, context.graph().add1(std::make_shared<LeakyReluGradOp>(slope_), {context.input(0), context.dy()}));
  }
  bool differentiable(int input) const override { return input == 1; }
  bool linear_in(int input) const override { return input == 1; }
  std::vector<int> in_place_inputs() const override { return {1, 0}; }
};

void LeakyReluOp::gradient(GradientContext& context) const {
  context.set(0, context.graph().add1(std::make_shared<LeakyReluGradOp>(slope_), {context.output(0), context.dy()}));
}

/// leaky_relu(a + b) in one pass. Fusion makes it, after differentiation, so that it needs no gradient; that of
/// leaky_relu reads the output, which is the same.
class AddLeakyReluOp final : public LeakyReluOp {
 public:
  using LeakyReluOp::LeakyReluOp;

  std::string_view type() const override { return "consumer.add_leaky_relu"; }
  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    if (inputs[0] != inputs[1]) throw_shape_error(*this, "operands differ", "a,b", inputs, "equal ones");
    return LeakyReluOp::infer(inputs);
  }
  void gradient(GradientContext& context) const override { Op::gradient(context); }
  std::vector<int> in_place_inputs() const override { return {0, 1}; }
};

/// The pair add, leaky_relu; of equal operands alone, because the kernel repeats none.
FusedNode fuse_add(const FusionContext& pair) {
  const std::vector<ValueId>& operands = pair.first().inputs;
  if (pair.spec(operands[0]) != pair.spec(operands[1])) return {};
  const auto& op = static_cast<const LeakyReluOp&>(*pair.second().op);
  return {std::make_shared<AddLeakyReluOp>(op.slope()), operands};
}

constexpr std::int64_t grain = 1 << 14;  // elements a thread should have at least

// Padding holds zeros and must keep them, which both kernels do: any layout is fine.
std::unique_ptr<Kernel> lower_leaky_relu(LoweringContext& context) {
  share_layout(context, {0});
  const auto slope = static_cast<float>(context.op<LeakyReluOp>().slope());
  return make_kernel([slope, count = context.output(0).padded_elements()](const Addresses& at, const RunContext&) {
    const auto* x = static_cast<const float*>(at.inputs[0]);
    auto* y = static_cast<float*>(at.outputs[0]);
    cpu::parallel_for(count, grain, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) y[i] = x[i] > 0 ? x[i] : slope * x[i];
    });
  });
}

std::unique_ptr<Kernel> lower_add_leaky_relu(LoweringContext& context) {
  share_layout(context, {0, 1});
  const auto slope = static_cast<float>(context.op<AddLeakyReluOp>().slope());
  return make_kernel([slope, count = context.output(0).padded_elements()](const Addresses& at, const RunContext&) {
    const auto *a = static_cast<const float*>(at.inputs[0]), *b = static_cast<const float*>(at.inputs[1]);
    auto* y = static_cast<float*>(at.outputs[0]);
    cpu::parallel_for(count, grain, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) y[i] = a[i] + b[i] > 0 ? a[i] + b[i] : slope * (a[i] + b[i]);
    });
  });
}

std::unique_ptr<Kernel> lower_leaky_relu_grad(LoweringContext& context) {
  share_layout(context, {0, 1});
  const auto slope = static_cast<float>(context.op<LeakyReluGradOp>().slope());
  return make_kernel([slope, count = context.output(0).padded_elements()](const Addresses& at, const RunContext&) {
    const auto* y = static_cast<const float*>(at.inputs[0]);
    const auto* dy = static_cast<const float*>(at.inputs[1]);
    auto* dx = static_cast<float*>(at.outputs[0]);
    cpu::parallel_for(count, grain, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) dx[i] = y[i] > 0 ? dy[i] : slope * dy[i];
    });
  });
}

}  // namespace

Var leaky_relu(Var x, double slope) { return x.graph().add1(std::make_shared<LeakyReluOp>(slope), {x}); }

void register_leaky_relu() {
  Backend& cpu = Device::cpu().backend();
  cpu.add_kernel("consumer.leaky_relu", lower_leaky_relu);
  cpu.add_kernel("consumer.leaky_relu_grad", lower_leaky_relu_grad);
  cpu.add_kernel("consumer.add_leaky_relu", lower_add_leaky_relu);
  add_fusion_rule({.first = "add", .second = "consumer.leaky_relu", .fuse = fuse_add});
}

}  // namespace consumer
