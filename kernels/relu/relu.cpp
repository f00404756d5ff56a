#include <sluice/kernels/relu/relu.h>

#include <sluice/core/differentiate.h>
#include <sluice/kernels/add_relu/add_relu.h>

namespace sluice {
namespace {

class Relu final : public Op {
 public:
  std::string_view type() const override { return "relu"; }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    if (!is_floating(inputs[0].dtype)) throw_shape_error(*this, "x is not floating", "x", inputs, "a floating dtype");
    return {inputs[0], relu_mask(inputs[0])};
  }

  void gradient(GradientContext& context) const override { context.set(0, relu_grad(context.output(1), context.dy())); }

  bool batch_capable() const override { return true; }
  std::vector<int> in_place_inputs() const override { return {0}; }
};

class ReluGrad final : public Op {
 public:
  std::string_view type() const override { return "relu_grad"; }

  std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const override {
    if (inputs[0] != relu_mask(inputs[1]) || !is_floating(inputs[1].dtype))
      throw_shape_error(*this, "the mask does not fit dy", "mask,dy", inputs, "bit and a floating dtype, equal shapes");
    return {inputs[1]};
  }

  void gradient(GradientContext& context) const override { context.set(1, relu_grad(context.input(0), context.dy())); }

  bool differentiable(int input) const override { return input == 1; }
  bool linear_in(int input) const override { return input == 1; }
  bool batch_capable() const override { return true; }
  std::vector<int> in_place_inputs() const override { return {1}; }
};

/// relu(x) by the op that makes x, where that can do both; an empty Var otherwise.
Var relu_in_producer(Var x) {
  Graph& graph = x.graph();
  const NodeId producer = graph.value(x.id()).producer;
  if (producer < 0) return {};
  const Node& node = graph.node(producer);
  std::vector<Var> inputs;
  for (const ValueId input : node.inputs) inputs.push_back(graph.var(input));
  if (node.op->type() == "add") return add_relu(inputs[0], inputs[1]);
  const OpPtr fused = node.op->with_relu();
  if (!fused) return {};
  const LayerPath path(graph, node.layer);
  return graph.add(fused, inputs)[0];
}

}  // namespace

Var relu(Var x) {
  if (const Var fused = relu_in_producer(x)) return fused;
  return x.graph().add1(std::make_shared<Relu>(), {x});
}

Var relu_grad(Var mask, Var dy) { return dy.graph().add1(std::make_shared<ReluGrad>(), {mask, dy}); }

ValueSpec relu_mask(const ValueSpec& y) { return {.shape = y.shape, .dtype = DType::bit, .scope = y.scope}; }

}  // namespace sluice
