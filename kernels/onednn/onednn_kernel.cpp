#include <sluice/kernels/cpu/accumulate.h>
#include <sluice/kernels/onednn/onednn.h>

namespace sluice::onednn {
namespace {

constexpr std::size_t alignment = 64;

std::size_t aligned(std::size_t bytes) { return (bytes + alignment - 1) / alignment * alignment; }

std::vector<Argument> arguments(const std::vector<Slot>& slots, const Addresses& addresses) {
  std::vector<Argument> arguments;
  for (const Slot& slot : slots) {
    const auto& values = slot.is_input ? addresses.inputs : addresses.outputs;
    arguments.push_back({slot.index, slot.md, values[static_cast<std::size_t>(slot.position)]});
  }
  return arguments;
}

/// Winograd's F(4x4, 3x3) multiplies 36 times where direct convolution does 144 times; the transforms, which move
/// memory, cost about as much again.
double work_of(const dnnl::primitive_desc_base& pd) {
  return std::string_view(pd.impl_info_str()).find("wino") == std::string_view::npos ? 1 : 0.5;
}

class PrimitiveKernel final : public Kernel {
 public:
  PrimitiveKernel(const dnnl::primitive_desc_base& pd, std::vector<Slot> slots) : pd_(pd), slots_(std::move(slots)) {}

  std::size_t workspace_bytes() const override { return scratchpad_bytes(pd_); }
  std::string algorithm() const override { return pd_.impl_info_str(); }
  double work() const override { return work_of(pd_); }
  void bind(const Addresses& addresses) override {
    execution_ = Execution(pd_, arguments(slots_, addresses), addresses.workspace);
  }
  void run(const RunContext&) override { execution_.run(); }

 private:
  dnnl::primitive_desc_base pd_;
  std::vector<Slot> slots_;
  Execution execution_;
};

class AccumulatingKernel final : public Kernel {
 public:
  AccumulatingKernel(const dnnl::primitive_desc_base& pd, std::vector<Slot> inputs, int index, const Md& part,
                     const Md& sum)
      : pd_(pd),
        inputs_(std::move(inputs)),
        index_(index),
        part_(part),
        sum_(sum),
        same_layout_(part == sum) {
    if (!same_layout_) reorder_ = reorder(part, sum, /*accumulate=*/true);
  }

  // The part, behind it one scratchpad: compute and reorder run one after the other.
  std::size_t workspace_bytes() const override {
    const std::size_t add_bytes = same_layout_ ? 0 : scratchpad_bytes(reorder_);
    return aligned(part_.get_size()) + std::max(scratchpad_bytes(pd_), add_bytes);
  }
  std::string algorithm() const override {
    return std::string(pd_.impl_info_str()) + (same_layout_ ? "+add" : "+reorder_add");
  }
  double work() const override { return work_of(pd_); }
  void bind(const Addresses& addresses) override {
    addresses_ = addresses;
    auto* scratchpad = static_cast<std::byte*>(addresses.workspace) + aligned(part_.get_size());
    std::vector<Argument> list = arguments(inputs_, addresses);
    list.push_back({index_, part_, addresses.workspace});
    compute_ = Execution(pd_, std::move(list), scratchpad);
    if (!same_layout_)
      add_ = Execution(reorder_, {{DNNL_ARG_FROM, part_, addresses.workspace}, {DNNL_ARG_TO, sum_, out<void>(0)}},
                       scratchpad);
  }
  void run(const RunContext&) override {
    compute_.run();
    if (same_layout_)
      cpu::accumulate(out<float>(0), workspace<float>(), static_cast<std::int64_t>(part_.get_size() / sizeof(float)));
    else
      add_.run();
  }

 private:
  dnnl::primitive_desc_base pd_;
  dnnl::reorder::primitive_desc reorder_;
  std::vector<Slot> inputs_;
  int index_;
  Md part_, sum_;
  bool same_layout_;
  Execution compute_, add_;
};

}  // namespace

std::unique_ptr<Kernel> primitive_kernel(const dnnl::primitive_desc_base& pd, std::vector<Slot> slots) {
  return std::make_unique<PrimitiveKernel>(pd, std::move(slots));
}

std::unique_ptr<Kernel> accumulating_kernel(const dnnl::primitive_desc_base& pd, std::vector<Slot> inputs, int index,
                                            const Md& part, const Md& sum) {
  return std::make_unique<AccumulatingKernel>(pd, std::move(inputs), index, part, sum);
}

}  // namespace sluice::onednn
