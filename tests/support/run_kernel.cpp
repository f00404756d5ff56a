#include "support/run_kernel.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include <gtest/gtest.h>

#include <sluice/core/bits.h>
#include <sluice/kernels/reference/reference_backend.h>

namespace sluice::test {
namespace {

std::size_t index(int i) { return static_cast<std::size_t>(i); }

constexpr std::size_t guard_bytes = 256;
constexpr unsigned char guard = 0xFF;  // NaN, so that what is read before it is written shows

/// Device memory with guards on both sides, aligned as the slab's ranges are.
class Guarded {
 public:
  Guarded(Backend& backend, std::size_t bytes)
      : backend_(backend),
        buffer_(backend.allocate(bytes + 2 * guard_bytes + 64)) {
    offset_ = (64 - reinterpret_cast<std::uintptr_t>(buffer_.data()) % 64) % 64 + guard_bytes;
    bytes_ = bytes;
    backend.fill(buffer_.data(), guard, buffer_.bytes());
  }

  std::byte* data() const { return buffer_.data() + offset_; }
  void fill(unsigned char byte) { backend_.fill(data(), byte, bytes_); }
  void write(const std::vector<unsigned char>& bytes) { backend_.copy_in(data(), bytes.data(), bytes.size()); }
  /// What lies there, without the guards; sets `intact` to false when those were written to.
  std::vector<unsigned char> read(bool& intact) const {
    std::vector<unsigned char> all(buffer_.bytes());
    backend_.copy_out(all.data(), buffer_.data(), all.size());
    const auto begin = all.begin() + static_cast<std::ptrdiff_t>(offset_),
               end = begin + static_cast<std::ptrdiff_t>(bytes_);
    const auto is_guard = [](unsigned char byte) { return byte == guard; };
    intact = intact && std::all_of(all.begin(), begin, is_guard) && std::all_of(end, all.end(), is_guard);
    return {begin, end};
  }

 private:
  Backend& backend_;
  Buffer buffer_;
  std::size_t offset_ = 0, bytes_ = 0;
};

/// What a Tensor of such a value has.
DType tensor_dtype(DType dtype) { return dtype == DType::bit ? DType::u8 : dtype; }

/// Row-major host data in a layout; padding is zero.
std::vector<unsigned char> packed(const Tensor& tensor, const LoweredValue& value) {
  const Tensor stored = tensor.to(tensor_dtype(value.dtype));
  const std::size_t size = size_bytes(stored.dtype());
  std::vector<unsigned char> bytes(value.bytes());
  unsigned char* const to = bytes.data();
  value.layout.for_each(value.dims, [&](std::int64_t logical, std::int64_t place) {
    const auto* from = static_cast<const unsigned char*>(stored.data()) + static_cast<std::size_t>(logical) * size;
    if (value.dtype == DType::bit)
      set_bit(reinterpret_cast<std::uint32_t*>(to), place, *from != 0);
    else
      std::memcpy(to + static_cast<std::size_t>(place) * size, from, size);
  });
  return bytes;
}

/// The reverse; also fails the test when padding is not zero.
Tensor unpack(const LoweredValue& value, const std::vector<unsigned char>& bytes, const std::string& what) {
  Tensor tensor(value.dims, tensor_dtype(value.dtype));
  const std::size_t size = size_bytes(tensor.dtype());
  const unsigned char* const from = bytes.data();
  std::vector<unsigned char> rest = bytes;  // what no element takes
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
        over_(over),
        context_(kernel.context) {
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
      workspace_->fill(0xFF);  // NaN
      kernel_->run(context_);
    }
    backend_.synchronize();
    KernelResult result;
    result.algorithm = kernel_->algorithm();
    result.workspace_bytes = kernel_->workspace_bytes();
    for (std::size_t o = 0; o < outputs_.size(); ++o) {
      const bool over_input = over_ >= 0 && o == 0;
      const Guarded& memory = over_input ? *input_memory_[index(over_)] : *output_memory_[o];
      result.outputs.push_back(unpack(outputs_[o], read(memory, who("output", o)), who("output", o)));
      result.output_layouts.push_back(outputs_[o].layout);
    }
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      result.inputs.push_back(unpack(inputs_[i], read(*input_memory_[i], who("input", i)), who("input", i)));
      result.input_layouts.push_back(inputs_[i].layout);
      const Tensor before = case_.inputs[i].value.to(tensor_dtype(inputs_[i].dtype));
      EXPECT_TRUE(may_change(static_cast<int>(i)) ||
                  std::memcmp(result.inputs[i].data(), before.data(), before.bytes()) == 0)
          << who("input", i) << " is changed and not declared in mutates()";
    }
    read(*workspace_, std::string(case_.op->type()) + ": the workspace");
    return result;
  }

 private:
  std::string who(const char* kind, std::size_t i) const {
    return std::string(case_.op->type()) + ": " + kind + " " + std::to_string(i);
  }

  static std::vector<unsigned char> read(const Guarded& memory, const std::string& what) {
    bool intact = true;
    std::vector<unsigned char> bytes = memory.read(intact);
    EXPECT_TRUE(intact) << what << " is written outside its bytes";
    return bytes;
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
    require_kernel(case_.op->type(), case_.device);
    const KernelFactory* const factory = backend_.kernel(case_.op->type());
    LoweringContext context(*case_.op, backend_, inputs_, outputs_, case_.workspace_cap_bytes);
    kernel_ = (*factory)(context);
    for (int i = 0; i < context.inputs(); ++i) inputs_[index(i)] = context.input(i);
    for (int o = 0; o < context.outputs(); ++o) outputs_[index(o)] = context.output(o);
  }

  void allocate() {
    const auto memory = [&](std::size_t bytes) { return std::make_unique<Guarded>(backend_, bytes); };
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      input_memory_.push_back(memory(inputs_[i].bytes()));
      input_memory_[i]->write(packed(case_.inputs[i].value, inputs_[i]));
      addresses_.inputs.push_back(input_memory_[i]->data());
    }
    for (std::size_t o = 0; o < outputs_.size(); ++o) {
      output_memory_.push_back(memory(outputs_[o].bytes()));
      addresses_.outputs.push_back(output_memory_[o]->data());
      if (o < case_.initial.size())
        output_memory_[o]->write(packed(case_.initial[o], outputs_[o]));
      else if (accumulates_)
        output_memory_[o]->fill(0);
    }
    if (over_ >= 0) addresses_.outputs[0] = addresses_.inputs[index(over_)];
    workspace_ = memory(kernel_->workspace_bytes());
    addresses_.workspace = workspace_->data();
    if (!backend_.keeps_counters()) return;
    counters_ = memory(sizeof(RunCounters));
    context_.counters = reinterpret_cast<RunCounters*>(counters_->data());
    backend_.set_counters(context_.counters, context_);
  }

  const KernelCase& case_;
  Backend& backend_;
  int over_;
  bool accumulates_ = false;
  std::vector<LoweredValue> inputs_, outputs_;
  std::unique_ptr<Kernel> kernel_;
  std::vector<std::unique_ptr<Guarded>> input_memory_, output_memory_;
  std::unique_ptr<Guarded> workspace_, counters_;
  RunContext context_;
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
