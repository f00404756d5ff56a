#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include <sluice/core/kernel.h>
#include <sluice/kernels/conv2d/conv2d.h>
#include <sluice/kernels/linear/linear.h>

#include "support/planned_gpu.h"

namespace sluice::test {

inline constexpr std::size_t no_cap = std::numeric_limits<std::size_t>::max();

struct Lowered {
  std::string op, algorithm;
  std::size_t workspace_bytes = 0;
  double work = 0;
  std::vector<Layout> inputs, outputs;

  friend bool operator==(const Lowered&, const Lowered&) = default;
};

/// A node of a graph for a micro-batch of `samples`, by itself or with `second` in the same pass.
inline Lowered lower(Backend& backend, const Graph& graph, NodeId id, std::int64_t samples, std::size_t cap = no_cap,
                     AlgorithmChooser* chooser = nullptr, const Op* second = nullptr) {
  const Node& node = graph.node(id);
  const auto values = [&](const std::vector<ValueId>& ids) {
    std::vector<LoweredValue> result;
    for (const ValueId v : ids) {
      const ValueSpec& spec = graph.value(v).spec;
      result.push_back({.dims = spec.is_sample() ? spec.shape.with_leading(samples) : spec.shape,
                        .dtype = spec.dtype,
                        .scope = spec.scope,
                        .layout = {},
                        .pinned = false});
    }
    return result;
  };
  const LoweringContext alone(*node.op, backend, values(node.inputs), values(node.outputs), cap, chooser);
  LoweringContext context = second ? alone.with_second(*second) : alone;
  const auto kernel = (*context.factory())(context);
  Lowered result{.op = std::string(node.op->type()),
                 .algorithm = kernel->algorithm(),
                 .workspace_bytes = kernel->workspace_bytes(),
                 .work = kernel->work(),
                 .inputs = {},
                 .outputs = {}};
  for (int i = 0; i < context.inputs(); ++i) result.inputs.push_back(context.input(i).layout);
  for (int o = 0; o < context.outputs(); ++o) result.outputs.push_back(context.output(o).layout);
  return result;
}

/// The forward and the two backward convolutions, or matrix products, of a graph that is one of them.
struct ThreeDirections {
  Graph graph;

  explicit ThreeDirections(const Shape& x_shape, const Shape& w_shape, bool bias = false,
                           const Conv2dOptions& options = {}) {
    const Var x = graph.input("x", x_shape);
    const Var w = graph.constant(1, w_shape);
    const Var b = graph.constant(2, {w_shape[0]});
    if (w_shape.rank() == 2) {
      const Var y = bias ? linear(x, w, b) : linear(x, w);
      linear_grad_input(y, w);
      linear_grad_weight(x, y);
      return;
    }
    const Var y = bias ? conv2d(x, w, b, options) : conv2d(x, w, options);
    conv2d_grad_input(y, w, x_shape, options);
    conv2d_grad_weight(x, y, {w_shape[2], w_shape[3]}, options);
  }

  std::vector<Lowered> lower_all(Backend& backend, std::int64_t samples, std::size_t cap = no_cap) const {
    std::vector<Lowered> result;
    result.reserve(static_cast<std::size_t>(graph.nodes()));
    for (NodeId id = 0; id < graph.nodes(); ++id) result.push_back(lower(backend, graph, id, samples, cap));
    return result;
  }
};

class CudnnPlans : public PlannedGpuTest {
 protected:
  /// A GPU that no other test plans for.
  std::string renamed_t4(const std::string& name) { return renamed("t4", name); }
  std::string renamed(const std::string& gpu, const std::string& name) {
    auto json = nlohmann::json::parse(read_file(shipped(gpu)));
    json["deviceName"] = name;
    return file(name + ".json", json.dump());
  }
  /// The one file of a folder that plans were cached in.
  static std::filesystem::path cache_file(const std::filesystem::path& folder) {
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      if (entry.path().filename().string().starts_with("cudnn-")) return entry.path();
    ADD_FAILURE() << "no cache of plans in " << folder;
    return {};
  }
};

inline const ThreeDirections& a_convolution() {
  static const ThreeDirections convolution({64, 28, 28}, {96, 64, 3, 3}, false, {.padding = 1});
  return convolution;
}

}  // namespace sluice::test
