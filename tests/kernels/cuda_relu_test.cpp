// relu's kernels on a CUDA device against the reference device. Skipped where there is none.

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include <sluice/core/error.h>
#include <sluice/core/evaluate.h>
#include <sluice/core/kernel.h>
#include <sluice/core/transfer.h>
#include <sluice/kernels/reference/reference_backend.h>
#include <sluice/kernels/relu/relu.h>

#include "support/tensors.h"

namespace sluice::test {
namespace {

class CudaRelu : public testing::Test {
 protected:
  void SetUp() override {
    register_reference_device();
    try {
      Device::cuda().backend();
    } catch (const DeviceError& error) {
      GTEST_SKIP() << error.what();
    }
  }
};

struct Operands {
  Shape shape;  ///< [n,...]
  Tensor y = random_tensor(shape, DType::f32, -1, 1, 1), dy = random_tensor(shape, DType::f32, -1, 1, 2);

  std::map<std::string, Tensor> inputs() const { return {{"y", y}, {"dy", dy}}; }
};

struct Case {
  OpPtr op;
  std::vector<Tensor> inputs;
  Layout layout = {};
  bool in_place = false;
  std::size_t offset_bytes = 0;  ///< of every address, from the device's alignment
};

/// The kernel alone, lowered and bound as a program does it. Fails the running test when it writes outside its output.
Tensor run(const Case& test) {
  Backend& backend = Device::cuda().backend();
  std::vector<LoweredValue> values;
  for (const Tensor& input : test.inputs)
    values.push_back({.dims = input.shape(), .dtype = input.dtype(), .layout = test.layout});
  LoweredValue result = values[0];
  result.pinned = false;
  LoweringContext context(*test.op, backend, values, {result}, 0);
  const std::unique_ptr<Kernel> kernel = (*backend.kernels().find(test.op->type()))(context);
  EXPECT_EQ(context.output(0).layout, test.layout);
  EXPECT_EQ(kernel->workspace_bytes(), 0U);

  constexpr std::size_t guard_bytes = 512;
  const std::size_t bytes = values[0].bytes(), end = guard_bytes + test.offset_bytes + bytes;
  std::vector<Buffer> buffers;
  const auto place = [&] {
    buffers.push_back(backend.allocate(end + guard_bytes));
    backend.fill(buffers.back().data(), 0xFF, buffers.back().bytes());
    return buffers.back().data() + guard_bytes + test.offset_bytes;
  };
  Addresses addresses;
  for (const Tensor& input : test.inputs) {
    addresses.inputs.push_back(place());
    write_logical(backend, addresses.inputs.back(), input.dtype(), test.layout, input);
  }
  addresses.outputs.push_back(test.in_place ? addresses.inputs[static_cast<std::size_t>(test.op->in_place_input())]
                                            : place());
  kernel->bind(addresses);
  kernel->run({});
  backend.synchronize();

  for (const Buffer& buffer : buffers) {
    std::vector<unsigned char> all(buffer.bytes());
    backend.copy_out(all.data(), buffer.data(), all.size());
    for (std::size_t i = 0; i < all.size(); ++i)
      if ((i < end - bytes || i >= end) && all[i] != 0xFF) {
        ADD_FAILURE() << test.op->type() << " wrote outside its range, at byte " << i;
        break;
      }
  }
  return read_logical(backend, addresses.outputs[0], context.output(0).dims, context.output(0).dtype, test.layout);
}

/// relu and relu_grad of inputs "y" and "dy" as a graph.
struct Traced {
  explicit Traced(const Shape& shape) {
    const Var y = graph.input("y", shape.without_leading()), dy = graph.input("dy", shape.without_leading());
    outputs = {relu(y), relu_grad(y, dy), relu(relu_grad(y, dy))};
  }
  OpPtr op(NodeId id) const { return graph.node(id).op; }

  Graph graph;
  std::vector<Var> outputs;
};

// Sizes below a pack, around packs and blocks, and of several rounds of the largest grid.
TEST_F(CudaRelu, EqualsReference) {
  for (const Shape& shape : {Shape{1}, Shape{3}, Shape{4}, Shape{5, 7}, Shape{1023}, Shape{1025}, Shape{8, 64, 33, 33},
                             Shape{7, 1'000'003}}) {
    const Operands operands{shape};
    const Traced traced(shape);
    const std::vector<Tensor> expected = evaluate(traced.outputs, operands.inputs(), {.device = Device::reference()});
    const std::vector<Tensor> got = evaluate(traced.outputs, operands.inputs(), {.device = Device::cuda()});
    for (std::size_t i = 0; i < got.size(); ++i)
      EXPECT_EQ(relative_error(got[i], expected[i]), 0) << shape.str() << ", output " << i;
  }
}

TEST_F(CudaRelu, PassesNanAndClosesAtZero) {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  const Traced traced(Shape{5});
  const Tensor y = Tensor::of<float>({5}, {-1, 0, 2, nan, -infinity}),
               dy = Tensor::of<float>({5}, {infinity, nan, 3, 1, nan});
  const std::vector<Tensor> got = evaluate(traced.outputs, {{"y", y}, {"dy", dy}}, {.device = Device::cuda()});
  EXPECT_EQ(relative_error(got[0], Tensor::of<float>({5}, {0, 0, 2, nan, 0})), 0);
  EXPECT_EQ(relative_error(got[1], Tensor::of<float>({5}, {0, 0, 3, 0, 0})), 0);
}

TEST_F(CudaRelu, AnyLayoutAlignmentAndInPlace) {
  const Operands operands{Shape{2, 21, 5, 3}};
  const Traced traced(operands.shape);
  const std::vector<Tensor> expected = evaluate(traced.outputs, operands.inputs(), {.device = Device::reference()});
  for (const Layout& layout : {Layout(), Layout::channels_last(), Layout::channel_blocked(16)})
    for (const bool in_place : {false, true})
      for (const std::size_t offset : {0U, 4U, 8U, 16U}) {
        Case test{
            .op = traced.op(0), .inputs = {operands.y}, .layout = layout, .in_place = in_place, .offset_bytes = offset};
        EXPECT_EQ(relative_error(run(test), expected[0]), 0);
        test.op = traced.op(1);
        test.inputs = {operands.y, operands.dy};
        EXPECT_EQ(relative_error(run(test), expected[1]), 0);
      }
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
    backend.seal(true);
    EXPECT_THROW(backend.allocate(1), OutOfMemory);
    backend.seal(false);
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
