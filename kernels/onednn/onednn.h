#pragma once

// oneDNN behind one header: nothing else in Sluice includes dnnl.hpp, and the difference between its versions 2 and 3
// (operation descriptors, the memory descriptor's fields, pooling's dilation) ends in onednn.cpp.

#include <initializer_list>
#include <string>
#include <vector>

#include <oneapi/dnnl/dnnl.hpp>

#include <sluice/core/kernel.h>
#include <sluice/core/size2d.h>

namespace sluice::onednn {

using Md = dnnl::memory::desc;

const dnnl::engine& engine();
const dnnl::stream& stream();
/// "oneDNN 2.6.3".
std::string version();
/// The instruction set oneDNN generates code for: "avx512_core", "avx2", ...
std::string isa();

// ---- layouts ------------------------------------------------------------------------------------------------------

/// A value in memory as oneDNN sees it. `groups` > 1: dimension 0 is split into [groups, d0/groups], as the weights of
/// grouped convolutions are. Throws BackendError for a layout that oneDNN has no name for.
Md descriptor(const Shape& dims, DType dtype, const Layout& layout, std::int64_t groups = 1);
inline Md descriptor(const LoweredValue& value, std::int64_t groups = 1) {
  return descriptor(value.dims, value.dtype, value.layout, groups);
}
/// The same value in whatever layout the primitive likes best.
Md any_layout(const LoweredValue& value, std::int64_t groups = 1);
/// The layout of a descriptor; dimensions of extent 1 stand where that makes the layout plainest, so that equal bytes
/// give equal layouts. Throws BackendError for opaque formats.
Layout layout_of(const Md& md, std::int64_t groups = 1);
/// True when layout_of() can express it (Winograd's transformed weights, for one, cannot).
bool has_layout(const Md& md);
/// How convolutions like `dims` = [N,C,H,W] to lie: for kernels that write an activation and see none in that shape.
Layout activation_layout(const Shape& dims, DType dtype);

// ---- primitive descriptors: choosing an algorithm without generating code -----------------------------------------
// Empty when oneDNN has no such primitive for these shapes on this machine. Scratchpads are the caller's.

struct Convolution {
  Md x, w, b, y;                                 ///< forward's names in every direction; b is empty without bias
  dnnl::memory::dims stride, dilation, padding;  ///< {h, w}; dilation 1 means dense
};
dnnl::convolution_forward::primitive_desc forward(const Convolution& conv, dnnl::algorithm algorithm);
dnnl::convolution_backward_data::primitive_desc backward_data(const Convolution& conv, dnnl::algorithm algorithm);
dnnl::convolution_backward_weights::primitive_desc backward_weights(const Convolution& conv, dnnl::algorithm algorithm);

/// A matrix of `rows` x `columns` f32 numbers whose rows and columns lie that many numbers apart.
Md matrix(std::int64_t rows, std::int64_t columns, std::int64_t row_stride, std::int64_t column_stride);
/// y = a · b + bias; with `accumulate`, y += a · b. bias: [1, columns of y], or empty.
dnnl::matmul::primitive_desc matmul(const Md& a, const Md& b, const Md& bias, const Md& y, bool accumulate = false);

struct Pooling {
  dnnl::algorithm algorithm;  ///< pooling_…
  Size2d kernel, stride, padding;
  Md x, y;
};
dnnl::pooling_forward::primitive_desc forward(const Pooling& pool);
dnnl::pooling_backward::primitive_desc backward(const Pooling& pool);

/// With `accumulate`: to += from.
dnnl::reorder::primitive_desc reorder(const Md& from, const Md& to, bool accumulate = false);

// ---- running ------------------------------------------------------------------------------------------------------

struct Argument {
  int index;  ///< DNNL_ARG_…
  Md md;
  void* data;
};

/// A primitive with its memory and a ready argument array: run() makes no heap allocation of ours.
class Execution {
 public:
  Execution() = default;
  /// Generates the primitive's code. The scratchpad argument is added here, at `scratchpad`.
  Execution(const dnnl::primitive_desc_base& pd, std::initializer_list<Argument> arguments, void* scratchpad)
      : Execution(pd, std::vector<Argument>(arguments), scratchpad) {}
  Execution(const dnnl::primitive_desc_base& pd, std::vector<Argument> arguments, void* scratchpad);

  void run() const;

 private:
  dnnl::primitive primitive_;
  std::vector<dnnl::memory> memories_;
  std::vector<dnnl_exec_arg_t> arguments_;
  mutable bool ran_ = false;
};

/// Which of a node's values is which argument of a primitive.
struct Slot {
  int index;  ///< DNNL_ARG_…
  Md md;
  bool is_input;
  int position;
};
inline Slot input(int index, const Md& md, int position) { return {index, md, true, position}; }
inline Slot output(int index, const Md& md, int position) { return {index, md, false, position}; }

/// A kernel that is one primitive, scratchpad in its workspace.
std::unique_ptr<Kernel> primitive_kernel(const dnnl::primitive_desc_base& pd, std::vector<Slot> slots);

/// A kernel that adds what a primitive computes to the node's output 0: oneDNN only overwrites. The part goes to the
/// workspace in the layout the primitive likes (`part`, argument `index`) and is then added to `sum`, the output as it
/// lies.
std::unique_ptr<Kernel> accumulating_kernel(const dnnl::primitive_desc_base& pd, std::vector<Slot> inputs, int index,
                                            const Md& part, const Md& sum);

std::size_t scratchpad_bytes(const dnnl::primitive_desc_base& pd);

}  // namespace sluice::onednn
