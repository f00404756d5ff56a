#include "support/run_kernel.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include <gtest/gtest.h>

#include <sluice/core/bits.h>
#include <sluice/core/error.h>
#include <sluice/kernels/reference/reference_backend.h>

namespace sluice::test {
namespace {

std::size_t index(int i) { return static_cast<std::size_t>(i); }

/// Memory with guards on both sides, aligned as the slab is.
class Guarded {
 public:
  explicit Guarded(std::size_t bytes) : bytes_(bytes), buffer_(bytes + 2 * guard_bytes + 64, guard) {
    offset_ = (64 - reinterpret_cast<std::uintptr_t>(buffer_.data()) % 64) % 64 + guard_bytes;
  }
  // Not copied or moved: a copy would be aligned otherwise.
  Guarded(const Guarded&) = delete;
  Guarded& operator=(const Guarded&) = delete;

  unsigned char* data() { return buffer_.data() + offset_; }
  bool intact() const {
    for (std::size_t i = 0; i < buffer_.size(); ++i)
      if ((i < offset_ || i >= offset_ + bytes_) && buffer_[i] != guard) return false;
    return true;
  }

 private:
  static constexpr std::size_t guard_bytes = 256;
  static constexpr unsigned char guard = 0xFF;  // NaN, so that what is read before it is written shows

  std::size_t bytes_, offset_ = 0;
  std::vector<unsigned char> buffer_;
};

/// What a Tensor of such a value has.
DType tensor_dtype(DType dtype) { return dtype == DType::bit ? DType::u8 : dtype; }

/// Row-major host data into a layout; padding becomes zero.
void pack(const Tensor& tensor, const LoweredValue& value, unsigned char* to) {
  const Tensor stored = tensor.to(tensor_dtype(value.dtype));
  const std::size_t size = size_bytes(stored.dtype());
  std::memset(to, 0, value.bytes());
  value.layout.for_each(value.dims, [&](std::int64_t logical, std::int64_t place) {
    const auto* from = static_cast<const unsigned char*>(stored.data()) + static_cast<std::size_t>(logical) * size;
    if (value.dtype == DType::bit)
      set_bit(reinterpret_cast<std::uint32_t*>(to), place, *from != 0);
    else
      std::memcpy(to + static_cast<std::size_t>(place) * size, from, size);
  });
}

/// The reverse; also fails the test when padding is not zero.
Tensor unpack(const LoweredValue& value, const unsigned char* from, const std::string& what) {
  Tensor tensor(value.dims, tensor_dtype(value.dtype));
  const std::size_t size = size_bytes(tensor.dtype());
  std::vector<unsigned char> rest(from, from + value.bytes());  // what no element takes
  value.layout.for_each(value.dims, [&](std::int64_t logical, std::int64_t place) {
    auto* to = static_cast<unsigned char*>(tensor.data()) + static_cast<std::size_t>(logical) * size;
    if (value.dtype == DType::bit) {
      *to = get_bit(reinterpret_cast<const std::uint32_t*>(from), place) ? 1 : 0;
      set_bit(reinterpret_cast<std::uint32_t*>(rest.data()), place, false);
      return;
    }
    std::memcpy(to, from + static_cast<std::size_t>(place) * size, size);
    std::memset(rest.data() + static_cast<std::size_t>(place) * size, 0, size);
  });
  const auto filled = std::find_if(rest.begin(), rest.end(), [](unsigned char byte) { return byte != 0; });
  EXPECT_TRUE(filled == rest.end()) << what << ": padding is not zero at byte " << filled - rest.begin();
  return tensor;
}

class Run {
 public:
  /// `over`: the input whose memory output 0 takes; -1: none.
  explicit Run(const KernelCase& kernel, int over = -1)
      : case_(kernel),
        backend_(kernel.device.backend()),
        over_(over) {
    declare();
    lower();
    allocate();
  }

  bool fits_output(int i) const {
    return inputs_[index(i)].layout == outputs_[0].layout && inputs_[index(i)].bytes() == outputs_[0].bytes();
  }

  KernelResult result() {
    kernel_->bind(addresses_);
    for (int i = 0; i < case_.runs; ++i) {
      std::memset(workspace_->data(), 0xFF, kernel_->workspace_bytes());  // NaN
      kernel_->run(case_.context);
    }
    backend_.synchronize();
    KernelResult result;
    result.algorithm = kernel_->algorithm();
    result.workspace_bytes = kernel_->workspace_bytes();
    for (std::size_t o = 0; o < outputs_.size(); ++o) {
      EXPECT_TRUE(output_memory_[o]->intact()) << who("output", o) << " is written outside its bytes";
      result.outputs.push_back(
          unpack(outputs_[o], static_cast<unsigned char*>(addresses_.outputs[o]), who("output", o)));
      result.output_layouts.push_back(outputs_[o].layout);
    }
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      EXPECT_TRUE(input_memory_[i]->intact()) << who("input", i) << " is written outside its bytes";
      result.inputs.push_back(unpack(inputs_[i], input_memory_[i]->data(), who("input", i)));
      result.input_layouts.push_back(inputs_[i].layout);
      const Tensor before = case_.inputs[i].value.to(tensor_dtype(inputs_[i].dtype));
      EXPECT_TRUE(may_change(static_cast<int>(i)) ||
                  std::memcmp(result.inputs[i].data(), before.data(), before.bytes()) == 0)
          << who("input", i) << " is changed and not declared in mutates()";
    }
    EXPECT_TRUE(workspace_->intact()) << case_.op->type() << ": the workspace is written outside its bytes";
    return result;
  }

 private:
  std::string who(const char* kind, std::size_t i) const {
    return std::string(case_.op->type()) + ": " + kind + " " + std::to_string(i);
  }

  bool may_change(int i) const {
    const std::vector<int> mutated = case_.op->mutates();
    return std::find(mutated.begin(), mutated.end(), i) != mutated.end() || i == over_;
  }

  /// Inputs and outputs as lowering would see them. f64 values stand for f32 on the reference device and are declared
  /// so.
  void declare() {
    std::vector<ValueSpec> specs;
    std::int64_t samples = 1;
    bool any_sample = false;
    for (const KernelInput& input : case_.inputs) {
      const bool sample = input.scope == Scope::sample;
      const bool by_product = input.spec && input.spec->by_product;
      if (sample && !by_product) samples = input.value.shape()[0];
      any_sample = any_sample || sample;
      DType dtype = input.value.dtype() == DType::f64 ? DType::f32 : input.value.dtype();
      if (input.spec) dtype = input.spec->dtype;
      const bool leading = sample && !by_product;
      specs.push_back(
          {leading ? input.value.shape().without_leading() : input.value.shape(), dtype, input.scope, by_product});
      inputs_.push_back({input.value.shape(), backend_.stored(dtype), input.scope, input.layout.value_or(Layout()),
                         sample || input.layout.has_value()});
    }
    for (const ValueSpec& spec : case_.op->infer(specs)) {
      outputs_.push_back({spec.is_sample() && !spec.by_product ? spec.shape.with_leading(samples) : spec.shape,
                          backend_.stored(spec.dtype),
                          spec.scope,
                          {},
                          false});
      accumulates_ = any_sample && !spec.is_sample();
    }
    if (!case_.pinned_output) return;
    outputs_[0].layout = *case_.pinned_output;
    outputs_[0].pinned = true;
  }

  void lower() {
    const KernelFactory* factory = backend_.kernels().find(case_.op->type());
    if (!factory) throw BackendError(std::string(case_.op->type()) + ": no kernel on " + case_.device.str());
    LoweringContext context(*case_.op, backend_, inputs_, outputs_, case_.workspace_cap_bytes);
    kernel_ = (*factory)(context);
    for (int i = 0; i < context.inputs(); ++i) inputs_[index(i)] = context.input(i);
    for (int o = 0; o < context.outputs(); ++o) outputs_[index(o)] = context.output(o);
  }

  void allocate() {
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      input_memory_.push_back(std::make_unique<Guarded>(inputs_[i].bytes()));
      pack(case_.inputs[i].value, inputs_[i], input_memory_[i]->data());
      addresses_.inputs.push_back(input_memory_[i]->data());
    }
    for (std::size_t o = 0; o < outputs_.size(); ++o) {
      output_memory_.push_back(std::make_unique<Guarded>(outputs_[o].bytes()));
      addresses_.outputs.push_back(output_memory_[o]->data());
      if (o < case_.initial.size())
        pack(case_.initial[o], outputs_[o], output_memory_[o]->data());
      else if (accumulates_)
        std::memset(output_memory_[o]->data(), 0, outputs_[o].bytes());
    }
    if (over_ >= 0) addresses_.outputs[0] = addresses_.inputs[index(over_)];
    workspace_ = std::make_unique<Guarded>(kernel_->workspace_bytes());
    addresses_.workspace = workspace_->data();
  }

  const KernelCase& case_;
  Backend& backend_;
  int over_;
  bool accumulates_ = false;
  std::vector<LoweredValue> inputs_, outputs_;
  std::unique_ptr<Kernel> kernel_;
  std::vector<std::unique_ptr<Guarded>> input_memory_, output_memory_;
  std::unique_ptr<Guarded> workspace_;
  Addresses addresses_;
};

void expect_equal_bits(const KernelCase& kernel, int over, const KernelResult& got, const KernelResult& apart) {
  for (std::size_t o = 0; o < apart.outputs.size(); ++o)
    EXPECT_EQ(std::memcmp(got.outputs[o].data(), apart.outputs[o].data(), apart.outputs[o].bytes()), 0)
        << kernel.op->type() << ": output " << o << " is another with output 0 over input " << over;
}

}  // namespace

KernelResult run_kernel(const KernelCase& kernel) {
  register_reference_device();
  Run apart(kernel);
  KernelResult result = apart.result();
  if (!kernel.in_place) return result;
  bool fits = false;
  const KernelResult expected = result;
  for (const int over : kernel.op->in_place_inputs()) {
    if (!apart.fits_output(over)) continue;
    fits = true;
    result = Run(kernel, over).result();
    expect_equal_bits(kernel, over, result, expected);
  }
  EXPECT_TRUE(fits) << kernel.op->type() << ": no input lets output 0 take its memory";
  return result;
}

}  // namespace sluice::test
