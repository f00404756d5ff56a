#include <sluice/core/differentiate.h>

#include <sluice/core/error.h>
#include <sluice/core/structural.h>

namespace sluice {
namespace {

/// Brings a gradient to the scope of the value it belongs to and checks that it fits.
Var typed(Graph& graph, Var dx, const Node& node, ValueId input) {
  const ValueSpec& want = graph.value(input).spec;
  if (want.is_sample() && !dx.is_sample()) dx = broadcast(dx);
  if (!want.is_sample() && dx.is_sample()) dx = batch_sum(dx);
  if (dx.spec() != want)
    throw ShapeError(std::string(node.op->type()) + ": gradient does not fit its input; got " + dx.spec().str() +
                     "; expected " + want.str());
  return dx;
}

}  // namespace

std::vector<Var> differentiate(Var loss, std::span<const Var> wrt) {
  Graph& graph = loss.graph();
  if (loss.is_sample() || !loss.spec().is_scalar() || !is_floating(loss.dtype()))
    throw ShapeError("differentiate: the loss is no batch scalar; got " + loss.spec().str() +
                     "; expected f32[] of batch scope (batch_sum a per-sample loss)");

  const NodeId last = graph.value(loss.id()).producer;
  std::vector<bool> wanted(static_cast<std::size_t>(graph.values()));  // depends on one of wrt
  for (const Var& v : wrt) wanted[static_cast<std::size_t>(v.id())] = true;
  const auto passes = [&](const Node& node, std::size_t i) {
    return wanted[static_cast<std::size_t>(node.inputs[i])] && node.op->differentiable(static_cast<int>(i));
  };
  for (NodeId id = 0; id <= last; ++id) {
    const Node& node = graph.node(id);
    for (std::size_t i = 0; i < node.inputs.size(); ++i)
      if (passes(node, i))
        for (const ValueId output : node.outputs) wanted[static_cast<std::size_t>(output)] = true;
  }

  std::vector<Var> adjoint(wanted.size());
  adjoint[static_cast<std::size_t>(loss.id())] = graph.constant(1, {}, loss.dtype());
  for (NodeId id = last; id >= 0; --id) {
    const Node node{graph.node(id).op, graph.node(id).inputs, graph.node(id).outputs, graph.node(id).layer};
    std::vector<Var> dy;
    bool reached = false;
    for (const ValueId output : node.outputs) {
      dy.push_back(adjoint[static_cast<std::size_t>(output)]);
      reached = reached || dy.back();
    }
    std::vector<bool> needed;
    bool any_needed = false;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      needed.push_back(passes(node, i));
      any_needed = any_needed || needed.back();
    }
    if (!reached || !any_needed) continue;

    GradientContext context(graph, id, std::move(dy), std::move(needed));
    const LayerPath path(graph, node.layer);
    node.op->gradient(context);
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const Var dx = context.gradients()[i];
      if (!dx || !passes(node, i)) continue;
      Var& total = adjoint[static_cast<std::size_t>(node.inputs[i])];
      const Var fitted = typed(graph, dx, node, node.inputs[i]);
      total = total ? add(total, fitted) : fitted;
    }
  }

  std::vector<Var> gradients;
  for (const Var& v : wrt) {
    const Var gradient = adjoint[static_cast<std::size_t>(v.id())];
    if (gradient) {
      gradients.push_back(gradient);
    } else {
      const Var zero = graph.constant(0, v.shape(), v.dtype());
      gradients.push_back(v.is_sample() ? broadcast(zero) : zero);
    }
  }
  return gradients;
}

}  // namespace sluice
