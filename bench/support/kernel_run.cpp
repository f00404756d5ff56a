#include "support/kernel_run.h"

#include <algorithm>
#include <limits>
#include <span>

#include <sluice/core/error.h>

namespace sluice::bench {
namespace {

template <class T>
std::span<T> elements(std::byte* data, const LoweredValue& value) {
  return {reinterpret_cast<T*>(data), static_cast<std::size_t>(value.padded_elements())};
}

/// Numbers that suit every kernel: images and weights in [-1,1), classes and places in a window of 0 to 3, 1 elsewhere.
void fill(std::byte* data, const LoweredValue& value) {
  std::uint32_t state = 1;
  const auto next = [&] { return (state = state * 1664525 + 1013904223) >> 8; };
  switch (value.dtype) {
    case DType::f32:
      for (float& x : elements<float>(data, value)) x = static_cast<float>(next()) * 0x2p-24f - 1;
      break;
    case DType::i32:
      for (std::int32_t& x : elements<std::int32_t>(data, value)) x = static_cast<std::int32_t>(next() % 4);
      break;
    case DType::u8:
      for (std::uint8_t& x : elements<std::uint8_t>(data, value)) x = static_cast<std::uint8_t>(next() % 4);
      break;
    case DType::bf16:
      for (std::uint16_t& x : elements<std::uint16_t>(data, value)) x = 0x3F80;  // 1
      break;
    case DType::bit:
      for (std::size_t i = 0; i < value.bytes(); ++i) data[i] = static_cast<std::byte>(next() >> 8);
      break;
    case DType::f64:
      for (double& x : elements<double>(data, value)) x = 1;
      break;
  }
}

LoweredValue lowered(const ValueSpec& spec, std::int64_t samples, const Backend& backend) {
  const bool leading = spec.is_sample() && !spec.by_product;
  return {.dims = leading ? spec.shape.with_leading(samples) : spec.shape,
          .dtype = backend.stored(spec.dtype),
          .scope = spec.scope,
          .layout = {},
          .pinned = spec.is_sample()};
}

}  // namespace

KernelRun::KernelRun(const Graph& graph, NodeId node, std::int64_t samples, const std::map<int, Layout>& layouts,
                     const Layout* gradient_of, Device device)
    : backend_(device.backend()) {
  const Op& op = *graph.node(node).op;
  const std::vector<ValueSpec> in = graph.specs(graph.node(node).inputs), out = graph.specs(graph.node(node).outputs);
  for (const ValueSpec& spec : in) inputs_.push_back(lowered(spec, samples, backend_));
  for (const ValueSpec& spec : out) {
    outputs_.push_back(lowered(spec, samples, backend_));
    outputs_.back().pinned = false;
  }
  for (const auto& [i, layout] : layouts) {
    inputs_[static_cast<std::size_t>(i)].layout = layout;
    inputs_[static_cast<std::size_t>(i)].pinned = true;
  }
  if (gradient_of) {
    outputs_[0].layout = *gradient_of;
    outputs_[0].pinned = true;
  }
  const KernelFactory* const factory = backend_.kernel(op.type());
  if (!factory) throw BackendError(std::string(op.type()) + ": no kernel on " + device.str());
  LoweringContext context(op, backend_, inputs_, outputs_, std::numeric_limits<std::size_t>::max());
  kernel_ = (*factory)(context);
  for (int i = 0; i < context.inputs(); ++i) inputs_[static_cast<std::size_t>(i)] = context.input(i);
  for (int o = 0; o < context.outputs(); ++o) outputs_[static_cast<std::size_t>(o)] = context.output(o);

  const bool any_sample = std::any_of(in.begin(), in.end(), [](const ValueSpec& spec) { return spec.is_sample(); });
  flops_ = op.flops(in, out) * static_cast<double>(any_sample ? samples : 1);
  Addresses addresses;
  for (const LoweredValue& value : inputs_) addresses.inputs.push_back(memory(value));
  for (const LoweredValue& value : outputs_) addresses.outputs.push_back(memory(value));
  buffers_.push_back(backend_.allocate(kernel_->workspace_bytes()));
  addresses.workspace = buffers_.back().data();
  kernel_->bind(addresses);
  run();  // what a first run does besides, such as touching its pages, is not measured
}

void* KernelRun::memory(const LoweredValue& value) {
  bytes_ += static_cast<double>(value.bytes());
  buffers_.push_back(backend_.allocate(value.bytes()));
  fill(buffers_.back().data(), value);
  return buffers_.back().data();
}

}  // namespace sluice::bench
