#include <sluice/kernels/cudnn/graph.h>

#include <limits>

namespace sluice::cudnn {
namespace {

/// f32, channels last.
Descriptor tensor(std::int64_t uid, std::int64_t n, std::int64_t c, Size2d size, bool is_virtual = false) {
  constexpr std::int64_t alignment = 16;  // places in the slab have more
  Descriptor tensor(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  tensor.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, uid);
  tensor.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_DATA_FLOAT);
  tensor.set_all(CUDNN_ATTR_TENSOR_DIMENSIONS, {n, c, size.h, size.w});
  tensor.set_all(CUDNN_ATTR_TENSOR_STRIDES, {size.h * size.w * c, 1, size.w * c, c});
  tensor.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, alignment);
  if (is_virtual) tensor.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, true);
  tensor.finalize();
  return tensor;
}

Descriptor convolution_options(const Convolution& c) {
  Descriptor options(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  options.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, std::int64_t{2});
  options.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_DATA_FLOAT);
  options.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_CROSS_CORRELATION);
  options.set_all(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, {c.padding.h, c.padding.w});
  options.set_all(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, {c.padding.h, c.padding.w});
  options.set_all(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, {c.stride.h, c.stride.w});
  options.set_all(CUDNN_ATTR_CONVOLUTION_DILATIONS, {c.dilation.h, c.dilation.w});
  options.finalize();
  return options;
}

/// How cuDNN calls a direction and its operands.
struct Names {
  cudnnBackendDescriptorType_t type;
  cudnnBackendAttributeName_t x, w, y, options, alpha, beta;
};

Names names(Direction direction) {
  switch (direction) {
    case Direction::forward:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
    case Direction::backward_data:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
    case Direction::backward_filter: break;
  }
  return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};
}

Descriptor pointwise(cudnnPointwiseMode_t mode) {
  Descriptor options(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  options.set(CUDNN_ATTR_POINTWISE_MODE, mode);
  options.set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_DATA_FLOAT);
  if (mode == CUDNN_POINTWISE_RELU_FWD) {
    // Deprecated, and no engine is left out for it: whether it is heard is seen when the plan has run
    // (ConvolutionPlan).
    options.set(CUDNN_ATTR_POINTWISE_NAN_PROPAGATION, CUDNN_PROPAGATE_NAN);
    options.set(CUDNN_ATTR_POINTWISE_RELU_UPPER_CLIP, std::numeric_limits<double>::infinity());
  }
  options.finalize();
  return options;
}

}  // namespace

OperationGraph::OperationGraph(const Convolution& c, bool fused, cudnnHandle_t handle)
    : graph_(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR) {
  parts_.reserve(12);  // they are referred to
  const auto part = [&](Descriptor descriptor) -> const Descriptor& {
    return parts_.emplace_back(std::move(descriptor));
  };
  const bool add_bias = fused && c.bias, relu = fused && c.relu;
  // cuDNN tells the number of groups from the channels of x and w.
  const Descriptor& x = part(tensor(uid::x, c.n, c.c, c.in));
  const Descriptor& w = part(tensor(uid::w, c.k, c.c / c.groups, c.kernel));
  const Descriptor& y = part(tensor(uid::y, c.n, c.k, c.out));
  const auto between = [&](std::int64_t id) -> const Descriptor& {
    return part(tensor(id, c.n, c.k, c.out, /*is_virtual=*/true));
  };
  const Descriptor& product = add_bias || relu ? between(uid::product) : y;
  const Descriptor& sum = !add_bias ? product : relu ? between(uid::sum) : y;

  const Names name = names(c.direction);
  Descriptor convolution(name.type);
  convolution.set(name.x, x);
  convolution.set(name.w, w);
  convolution.set(name.y, product);
  convolution.set(name.options, part(convolution_options(c)));
  convolution.set(name.alpha, 1.0f);
  convolution.set(name.beta, 0.0f);
  convolution.finalize();
  std::vector<const Descriptor*> operations{&part(std::move(convolution))};

  if (add_bias) {
    Descriptor add(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
    add.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, part(pointwise(CUDNN_POINTWISE_ADD)));
    add.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, product);
    add.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, part(tensor(uid::bias, 1, c.k, 1)));
    add.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, sum);
    add.finalize();
    operations.push_back(&part(std::move(add)));
  }
  if (relu) {
    Descriptor clip(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
    clip.set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, part(pointwise(CUDNN_POINTWISE_RELU_FWD)));
    clip.set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, sum);
    clip.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
    clip.finalize();
    operations.push_back(&part(std::move(clip)));
  }
  graph_.set_all(CUDNN_ATTR_OPERATIONGRAPH_OPS, std::span(std::as_const(operations)));
  // Without it, heuristics and engines of the device that is here would go by whatever cuDNN takes for one.
  if (handle) graph_.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, handle);
  graph_.finalize();
}

}  // namespace sluice::cudnn
