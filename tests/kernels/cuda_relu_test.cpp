// What the tests of relu and leaky_relu do not ask of a CUDA device: several rounds of its largest grid, addresses that
// allow no 16-byte accesses, memory. Skipped where there is none.

#include <deque>

#include <gtest/gtest.h>

#include <sluice/core/device_run.h>
#include <sluice/core/error.h>
#include <sluice/core/evaluate.h>
#include <sluice/core/kernel.h>
#include <sluice/core/transfer.h>
#include <sluice/kernels/leaky_relu/leaky_relu.h>
#include <sluice/kernels/relu/relu.h>

#include "support/cuda_test.h"
#include "support/relu_mask.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

class CudaRelu : public CudaTest {};

struct Operands {
  Shape shape;  ///< [n,...]
  Tensor x = random_tensor(shape, DType::f32, -1, 1, 1), dy = random_tensor(shape, DType::f32, -1, 1, 2);

  std::map<std::string, Tensor> inputs() const { return {{"x", x}, {"dy", dy}}; }
};

struct Case {
  OpPtr op;
  std::vector<std::pair<DType, Tensor>> inputs;
  Layout layout = {};
  int over = -1;                 ///< the input whose memory output 0 takes; -1: none
  std::size_t offset_bytes = 0;  ///< of every address, from the device's alignment
};

/// Device memory with guards on both sides.
struct Guarded {
  static constexpr std::size_t guard_bytes = 512;

  Guarded(Backend& b, std::size_t offset, std::size_t size)
      : backend(b),
        begin(guard_bytes + offset),
        bytes(size),
        buffer(b.allocate(begin + size + guard_bytes)) {
    backend.fill(buffer.data(), 0xFF, buffer.bytes());
  }
  std::byte* data() const { return buffer.data() + begin; }
  bool intact() const {
    std::vector<unsigned char> all(buffer.bytes());
    backend.copy_out(all.data(), buffer.data(), all.size());
    for (std::size_t i = 0; i < all.size(); ++i)
      if ((i < begin || i >= begin + bytes) && all[i] != 0xFF) return false;
    return true;
  }

  Backend& backend;
  std::size_t begin, bytes;
  Buffer buffer;
};

/// The kernel alone, lowered and bound as a program does it. Fails the running test when it writes outside its outputs.
std::vector<Tensor> run(const Case& test) {
  Backend& backend = Device::cuda().backend();
  std::vector<LoweredValue> values, results;
  std::vector<ValueSpec> specs;
  for (const auto& [dtype, input] : test.inputs) {
    values.push_back({.dims = input.shape(), .dtype = dtype, .layout = test.layout});
    specs.push_back({.shape = input.shape().without_leading(), .dtype = dtype});
  }
  for (const ValueSpec& spec : test.op->infer(specs))
    results.push_back({.dims = values[0].dims, .dtype = spec.dtype, .layout = {}, .pinned = false});
  LoweringContext context(*test.op, backend, values, results, 0);
  const std::unique_ptr<Kernel> kernel = (*backend.kernels().find(test.op->type()))(context);
  EXPECT_EQ(kernel->workspace_bytes(), 0U);

  std::deque<Guarded> memory;
  Addresses addresses;
  for (std::size_t i = 0; i < values.size(); ++i) {
    addresses.inputs.push_back(memory.emplace_back(backend, test.offset_bytes, values[i].bytes()).data());
    write_logical(backend, addresses.inputs.back(), values[i].dtype, test.layout, test.inputs[i].second);
  }
  for (int o = 0; o < context.outputs(); ++o) {
    EXPECT_EQ(context.output(o).layout, test.layout);
    const bool over_input = test.over >= 0 && o == 0;
    addresses.outputs.push_back(
        over_input ? addresses.inputs[static_cast<std::size_t>(test.over)]
                   : memory.emplace_back(backend, test.offset_bytes, context.output(o).bytes()).data());
  }
  kernel->bind(addresses);
  kernel->run({});
  backend.synchronize();

  for (const Guarded& range : memory) EXPECT_TRUE(range.intact()) << test.op->type() << " wrote outside its ranges";
  std::vector<Tensor> tensors;
  for (int o = 0; o < context.outputs(); ++o)
    tensors.push_back(read_logical(backend, addresses.outputs[static_cast<std::size_t>(o)], context.output(o).dims,
                                   context.output(o).dtype, test.layout));
  return tensors;
}

/// -1 and the inputs that output 0 of `op` may overwrite.
std::vector<int> memories_of_output(const Op& op) {
  std::vector<int> inputs = op.in_place_inputs();
  inputs.push_back(-1);
  return inputs;
}

/// relu of "x", its mask, relu_grad of that and "dy", and relu behind it; leaky_relu of "x" and its gradient.
struct Traced {
  explicit Traced(const Shape& shape) {
    const Var x = graph.input("x", shape.without_leading()), dy = graph.input("dy", shape.without_leading());
    const Var y = relu(x), dx = relu_grad(mask_of(y), dy);
    outputs = {y, mask_of(y), dx, relu(dx), leaky_relu(x, 0.1), leaky_relu_grad(x, dy, 0.1)};
  }
  OpPtr op(NodeId id) const { return graph.node(id).op; }

  Graph graph;
  std::vector<Var> outputs;
};

// Sizes below a word, around words and blocks, and of several rounds of the largest grid.
TEST_F(CudaRelu, EqualsReference) {
  for (const Shape& shape : {Shape{1}, Shape{31}, Shape{32}, Shape{33}, Shape{5, 7}, Shape{1023}, Shape{1025},
                             Shape{8, 64, 33, 33}, Shape{7, 1'000'003}}) {
    const Operands operands{shape};
    const Traced traced(shape);
    const std::vector<Tensor> expected = evaluate(traced.outputs, operands.inputs(), {.device = Device::reference()});
    const std::vector<Tensor> got = evaluate(traced.outputs, operands.inputs(), {.device = Device::cuda()});
    for (std::size_t i = 0; i < got.size(); ++i)
      EXPECT_LE(relative_error(got[i], expected[i]), i < 4 ? 0 : 1e-7) << shape.str() << ", output " << i;
  }
}

TEST_F(CudaRelu, AnyLayoutAlignmentAndInPlace) {
  const Operands operands{Shape{2, 21, 5, 3}};
  const Traced traced(operands.shape);
  const std::vector<Tensor> expected = evaluate(traced.outputs, operands.inputs(), {.device = Device::reference()});
  const std::pair<DType, Tensor> x{DType::f32, operands.x}, dy{DType::f32, operands.dy}, mask{DType::bit, expected[1]};
  // Each op with its inputs and the first of what it returns.
  const auto check = [&](NodeId node, std::vector<std::pair<DType, Tensor>> inputs, std::size_t first,
                         double tolerance) {
    for (const Layout& layout : {Layout(), Layout::channels_last(), Layout::channel_blocked(16)})
      for (const int over : memories_of_output(*traced.op(node)))
        for (const std::size_t offset : {0U, 4U, 8U, 16U}) {
          const Case test{
              .op = traced.op(node), .inputs = inputs, .layout = layout, .over = over, .offset_bytes = offset};
          const std::vector<Tensor> got = run(test);
          for (std::size_t o = 0; o < got.size(); ++o)
            EXPECT_LE(relative_error(got[o], expected[first + o]), tolerance)
                << test.op->type() << " " << layout.str(4) << " over " << over << " output " << o;
        }
  };
  check(0, {x}, 0, 0);
  check(1, {mask, dy}, 2, 0);
  check(3, {x}, 4, 1e-7);
  check(4, {x, dy}, 5, 1e-7);
}

TEST_F(CudaRelu, RefusesOtherDtypes) {
  Graph graph;
  const Var y = relu(graph.input("x", {3}, DType::f64));
  EXPECT_THROW(evaluate(y, {{"x", Tensor({2, 3}, DType::f64)}}, {.device = Device::cuda()}), BackendError);
}

TEST_F(CudaRelu, BackendCountsMemory) {
  Backend& backend = Device::cuda().backend();
  const std::size_t before = backend.allocated_bytes();
  {
    const Buffer buffer = backend.allocate(1000);
    EXPECT_EQ(backend.allocated_bytes(), before + 1000);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.data()) % 256, 0U);
    const AllocationSeal seal(backend);
    EXPECT_THROW(backend.allocate(1), OutOfMemory);
  }
  EXPECT_EQ(backend.allocated_bytes(), before);
  EXPECT_THROW(backend.allocate(std::size_t{1} << 60), OutOfMemory);
}

TEST_F(CudaRelu, BackendCopiesAndFills) {
  Backend& backend = Device::cuda().backend();
  const Buffer a = backend.allocate(1 << 20), b = backend.allocate(1 << 20);
  std::vector<unsigned char> host(1 << 20), back(1 << 20);
  for (std::size_t i = 0; i < host.size(); ++i) host[i] = static_cast<unsigned char>(i * 7);
  backend.copy_in(a.data(), host.data(), host.size());
  backend.copy(b.data(), a.data(), host.size());
  backend.fill(a.data(), 0xA5, host.size());
  backend.copy_out(back.data(), b.data(), back.size());
  EXPECT_EQ(back, host);
  backend.copy_out(back.data(), a.data(), back.size());
  EXPECT_EQ(back, std::vector<unsigned char>(1 << 20, 0xA5));
}

}  // namespace
}  // namespace sluice::test
