#include <algorithm>

#include <sluice/core/device.h>
#include <sluice/core/error.h>
#include <sluice/kernels/onednn/onednn.h>
#include <sluice/kernels/shared/lowering.h>

namespace sluice {
namespace {

using onednn::Md;

// Matrix products with everything plain, not oneDNN's inner product: that one is no faster, pads the weights to whole
// blocks, and cannot add, which would take a second copy of the weights as workspace for every gradient.

/// How many products may be added up in one call of oneDNN. Rounding errors grow with the root of a chain's length.
/// Kernels for AVX2 cut their sums every 256 products by themselves. Those for AVX-512 do not: with 4096 their error is
/// 2.6 times that of libraries that do.
std::int64_t longest_chain(const LoweringContext& context, std::int64_t k) {
  const bool cut = onednn::isa().starts_with("avx512") || context.backend().precision() == Precision::strict;
  return cut ? 384 : std::max<std::int64_t>(1, k);
}

/// A factor of a product: input `input` of the node, or its transpose.
struct Factor {
  int input;
  bool transposed = false;
};

/// y = a · b + bias, or y += a · b, for a: [m,k], b: [k,n].
struct Product {
  std::int64_t m, k, n;
  Factor a, b;
  int bias = -1;  ///< its input; -1: none
  bool accumulate = false;
  std::int64_t chain = k;  ///< the longest piece of k

  std::int64_t pieces() const { return std::max<std::int64_t>(1, (k + chain - 1) / chain); }
  /// Where piece `i` of the sums begins: at whole vectors.
  std::int64_t first(std::int64_t i) const { return i == pieces() ? k : k * i / pieces() / 16 * 16; }
  std::int64_t size(std::int64_t i) const { return first(i + 1) - first(i); }

  /// The piece's part of a factor, and the elements before it.
  Md a_md(std::int64_t i) const { return onednn::matrix(m, size(i), a.transposed ? 1 : k, a.transposed ? m : 1); }
  Md b_md(std::int64_t i) const { return onednn::matrix(size(i), n, b.transposed ? 1 : n, b.transposed ? k : 1); }
  std::int64_t a_offset(std::int64_t i) const { return first(i) * (a.transposed ? m : 1); }
  std::int64_t b_offset(std::int64_t i) const { return first(i) * (b.transposed ? 1 : n); }
  Md y_md() const { return onednn::matrix(m, n, n, 1); }
  Md bias_md() const { return onednn::matrix(1, n, n, 1); }

  dnnl::matmul::primitive_desc describe(std::int64_t i) const {
    const bool adds_bias = bias >= 0 && i == 0;
    return onednn::matmul(a_md(i), b_md(i), adds_bias ? bias_md() : Md(), y_md(), accumulate || i > 0);
  }
};

/// One primitive a piece, each adding to what those before it left.
class ProductKernel final : public Kernel {
 public:
  ProductKernel(const Product& product, const LoweringContext& context) : product_(product) {
    product_.chain = longest_chain(context, product.k);
    for (std::int64_t i = 0; i < product_.pieces(); ++i) {
      descriptors_.push_back(product_.describe(i));
      if (!descriptors_.back())
        throw BackendError(std::string(context.op().type()) + ": oneDNN has no matrix product; got " +
                           context.input(0).dims.str() + ", " + context.input(1).dims.str() +
                           "; expected one it implements");
    }
  }

  std::size_t workspace_bytes() const override {
    std::size_t bytes = 0;
    for (const auto& pd : descriptors_) bytes = std::max(bytes, onednn::scratchpad_bytes(pd));
    return bytes;
  }
  std::string algorithm() const override {
    const std::string name = descriptors_[0].impl_info_str();
    return product_.pieces() == 1 ? name : name + " x" + std::to_string(product_.pieces());
  }
  void bind(const Addresses& addresses) override {
    Kernel::bind(addresses);
    for (std::size_t i = 0; i < descriptors_.size(); ++i)
      executions_.emplace_back(descriptors_[i], arguments(static_cast<std::int64_t>(i)), addresses.workspace);
  }
  void run(const RunContext&) override {
    for (const onednn::Execution& execution : executions_) execution.run();
  }

 private:
  std::vector<onednn::Argument> arguments(std::int64_t i) const {
    std::vector<onednn::Argument> list{
        {DNNL_ARG_SRC, product_.a_md(i), inout<float>(product_.a.input) + product_.a_offset(i)},
        {DNNL_ARG_WEIGHTS, product_.b_md(i), inout<float>(product_.b.input) + product_.b_offset(i)},
        {DNNL_ARG_DST, product_.y_md(), out<float>(0)}};
    if (product_.bias >= 0 && i == 0) list.push_back({DNNL_ARG_BIAS, product_.bias_md(), inout<float>(product_.bias)});
    return list;
  }

  Product product_;
  std::vector<dnnl::matmul::primitive_desc> descriptors_;
  std::vector<onednn::Execution> executions_;
};

/// y = x · wᵀ + b.
std::unique_ptr<Kernel> lower_linear(LoweringContext& context) {
  require_all_plain(context);
  const std::int64_t n = context.input(0).dims[0], f = context.input(0).dims[1], o = context.output(0).dims[1];
  const Product product{
      .m = n, .k = f, .n = o, .a = {0}, .b = {1, /*transposed=*/true}, .bias = context.inputs() == 3 ? 2 : -1};
  return std::make_unique<ProductKernel>(product, context);
}

/// dx = dy · w.
std::unique_ptr<Kernel> lower_linear_grad_input(LoweringContext& context) {
  require_all_plain(context);
  const std::int64_t n = context.input(0).dims[0], o = context.input(0).dims[1], f = context.output(0).dims[1];
  return std::make_unique<ProductKernel>(Product{.m = n, .k = o, .n = f, .a = {0}, .b = {1}}, context);
}

/// dw += dyᵀ · x.
std::unique_ptr<Kernel> lower_linear_grad_weight(LoweringContext& context) {
  require_all_plain(context);
  const std::int64_t n = context.input(0).dims[0], f = context.input(0).dims[1], o = context.input(1).dims[1];
  const Product product{.m = o, .k = n, .n = f, .a = {1, /*transposed=*/true}, .b = {0}, .accumulate = true};
  return std::make_unique<ProductKernel>(product, context);
}

}  // namespace

void register_linear_cpu(KernelTable& table) {
  table.add("linear", lower_linear, {}, "oneDNN");
  table.add("linear_grad_input", lower_linear_grad_input, {}, "oneDNN");
  table.add("linear_grad_weight", lower_linear_grad_weight, {}, "oneDNN");
}

}  // namespace sluice
