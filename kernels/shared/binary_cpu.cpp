#include <sluice/kernels/shared/binary_cpu.h>

#include <sluice/kernels/shared/lowering.h>
#include <sluice/kernels/shared/padding_cpu.h>
#include <sluice/kernels/shared/relu_mask_cpu.h>

namespace sluice::cpu {
namespace {

class BinaryKernel final : public Kernel {
 public:
  BinaryKernel(BinaryRange range, MaskedBinaryRange masked, std::int64_t count, std::int64_t row, OperandExtent a,
               OperandExtent b)
      : range_(range),
        masked_(masked),
        count_(count),
        row_(row),
        extents_{a, b} {}

  void run(const RunContext&) override {
    if (masked_)
      parallel_for_words(count_, grain, [this](std::int64_t begin, std::int64_t end) { run_masked(begin, end); });
    else
      parallel_for(count_, grain, [this](std::int64_t begin, std::int64_t end) { run_pieces(begin, end); });
  }

 private:
  static constexpr std::int64_t grain = 1 << 14;

  /// Where an operand repeats for every sample, no piece crosses the end of a sample.
  void run_pieces(std::int64_t begin, std::int64_t end) {
    while (begin < end) {
      const std::int64_t stop = std::min(end, begin - begin % row_ + row_);
      range_(operand(0, begin), operand(1, begin), out<float>(0) + begin, stop - begin);
      begin = stop;
    }
  }

  /// From a multiple of 32 on. Pieces begin anywhere, so their mask is made behind them, a tile at a time.
  void run_masked(std::int64_t begin, std::int64_t end) {
    auto* const mask = out<std::uint32_t>(1);
    if (row_ == count_)
      return masked_(operand(0, begin), operand(1, begin), out<float>(0) + begin, mask + begin / word_bits,
                     end - begin);
    constexpr std::int64_t tile = 256 * word_bits;
    for (; begin < end; begin += tile) {
      const std::int64_t stop = std::min(end, begin + tile);
      run_pieces(begin, stop);
      write_mask(out<float>(0) + begin, mask + begin / word_bits, stop - begin);
    }
  }

  Operand operand(int i, std::int64_t at) const {
    const Operand whole{in<float>(i), extents_[i] == OperandExtent::scalar};
    return whole.from(extents_[i] == OperandExtent::row ? at % row_ : at);
  }

  BinaryRange range_;
  MaskedBinaryRange masked_;
  std::int64_t count_, row_;
  OperandExtent extents_[2];
};

}  // namespace

std::unique_ptr<Kernel> lower_binary(LoweringContext& context, BinaryRange range, MaskedBinaryRange masked,
                                     bool zero_stays_zero) {
  const OperandExtent a = operand_extent(context, 0), b = operand_extent(context, 1);
  const bool rows = a == OperandExtent::row || b == OperandExtent::row;
  if (rows || !zero_stays_zero)
    require_all_plain(context);
  else
    share_layout_of_full_operands(context);
  const std::int64_t count = context.output(0).padded_elements();
  const std::int64_t row = rows ? count / context.output(0).dims[0] : count;
  if (masked) context.set_layout(1, context.output(0).layout);
  auto kernel = std::make_unique<BinaryKernel>(range, masked, count, row, a, b);
  // A number that is not finite does not keep zeros.
  if (a == OperandExtent::scalar || b == OperandExtent::scalar)
    return clear_padding_behind(std::move(kernel), context.output(0));
  return kernel;
}

std::unique_ptr<Kernel> lower_binary(LoweringContext& context, BinaryRange range, bool zero_stays_zero) {
  return lower_binary(context, range, nullptr, zero_stays_zero);
}

}  // namespace sluice::cpu
