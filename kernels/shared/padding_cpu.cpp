#include <sluice/kernels/shared/padding_cpu.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <sluice/kernels/cpu/parallel.h>
#include <sluice/kernels/shared/channel_view.h>

namespace sluice::cpu {
namespace {

/// Runs of elements that are padding.
using Runs = std::vector<std::pair<std::int64_t, std::int64_t>>;

Runs padding_of(const LoweredValue& value) {
  std::vector<bool> is_element(static_cast<std::size_t>(value.padded_elements()));
  value.layout.for_each(value.dims,
                        [&](std::int64_t, std::int64_t place) { is_element[static_cast<std::size_t>(place)] = true; });
  Runs runs;
  for (auto end = is_element.begin(); end != is_element.end();) {
    const auto begin = std::find(end, is_element.end(), false);
    end = std::find(begin, is_element.end(), true);
    if (begin != end) runs.emplace_back(begin - is_element.begin(), end - is_element.begin());
  }
  return runs;
}

class ClearingKernel final : public Kernel {
 public:
  ClearingKernel(std::unique_ptr<Kernel> kernel, const LoweredValue& output)
      : kernel_(std::move(kernel)),
        output_(output),
        view_(output.scope == Scope::sample ? channel_view(output) : std::nullopt) {}

  std::size_t workspace_bytes() const override { return kernel_->workspace_bytes(); }
  std::string algorithm() const override { return kernel_->algorithm(); }
  double work() const override { return kernel_->work(); }
  void bind(const Addresses& addresses) override {
    Kernel::bind(addresses);
    kernel_->bind(addresses);
    if (!view_) runs_ = padding_of(output_);
  }
  void run(const RunContext& context) override {
    kernel_->run(context);
    float* const y = out<float>(0);
    if (view_) return clear_channels(y);
    for (const auto& [begin, end] : runs_) std::fill(y + begin, y + end, 0.0f);
  }

 private:
  /// The lanes past the last channel, in the last block of each sample.
  void clear_channels(float* y) const {
    const ChannelView& v = *view_;
    const std::int64_t valid = v.valid(v.outer - 1), block = v.spatial * v.inner;
    parallel_for(v.samples * v.spatial, 1 << 12, [=](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) {
        float* const lanes = y + ((i / v.spatial + 1) * v.outer - 1) * block + i % v.spatial * v.inner;
        std::fill(lanes + valid, lanes + v.inner, 0.0f);
      }
    });
  }

  std::unique_ptr<Kernel> kernel_;
  LoweredValue output_;
  std::optional<ChannelView> view_;
  Runs runs_;  ///< where the view does not say
};

}  // namespace

std::unique_ptr<Kernel> clear_padding_behind(std::unique_ptr<Kernel> kernel, const LoweredValue& output) {
  if (output.padded_elements() == output.elements()) return kernel;
  return std::make_unique<ClearingKernel>(std::move(kernel), output);
}

}  // namespace sluice::cpu
