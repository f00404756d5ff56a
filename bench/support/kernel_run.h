#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <sluice/core/device.h>
#include <sluice/core/graph.h>
#include <sluice/core/kernel.h>

namespace sluice::bench {

/// One node of a graph as a kernel by itself, with random operands: for measuring.
class KernelRun {
 public:
  /// Lowers `node` for `samples` samples. `layouts`: where inputs already lie, by their number; the others are plain
  /// sample values, or batch values whose layout is the kernel's to choose. `gradient_of`: the layout that output 0 has
  /// to take, as a gradient takes its parameter's. Sample inputs are made in the layout that the kernel asks for.
  KernelRun(const Graph& graph, NodeId node, std::int64_t samples, const std::map<int, Layout>& layouts = {},
            const Layout* gradient_of = nullptr, Device device = Device::cpu());

  void run() { kernel_->run({}); }

  const Layout& input_layout(int i) const { return inputs_[static_cast<std::size_t>(i)].layout; }
  const Layout& output_layout(int o) const { return outputs_[static_cast<std::size_t>(o)].layout; }
  double flops() const { return flops_; }
  /// Of all operands, each read or written once.
  double bytes() const { return bytes_; }
  std::string algorithm() const { return kernel_->algorithm(); }

 private:
  void* memory(const LoweredValue& value);

  Backend& backend_;
  std::vector<LoweredValue> inputs_, outputs_;
  std::unique_ptr<Kernel> kernel_;
  std::vector<Buffer> buffers_;
  double flops_ = 0, bytes_ = 0;
};

}  // namespace sluice::bench
