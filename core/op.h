#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/core/dtype.h>
#include <sluice/core/layout.h>
#include <sluice/core/shape.h>

namespace sluice {

class Graph;
class GradientContext;

/// Where a value lives. sample: computed for every micro-batch, with a leading N. batch: one for the logical batch.
enum class Scope : std::uint8_t { sample, batch };

/// What a Var is, without data. `shape` never holds the N of a sample value.
struct ValueSpec {
  Shape shape;
  DType dtype = DType::f32;
  Scope scope = Scope::sample;
  /// A sample value that is one for a whole micro-batch, without leading N: what one replay found out about its
  /// samples (the moments of local BatchNorm). Depends on the split; its batch_sum does not, where its numbers are
  /// sums.
  bool by_product = false;

  bool is_sample() const { return scope == Scope::sample; }
  bool is_scalar() const { return shape.rank() == 0; }
  /// "f32[N,3,32,32]" for a sample value, "f32[64,3,3,3]" for a batch value, "f64[3,64] by-product".
  std::string str() const;
  friend bool operator==(const ValueSpec&, const ValueSpec&) = default;
};

/// What an input of integers may hold: `first` to `last`, and `also` beside them (a label that does not count).
struct IntegerRange {
  std::int64_t first = 0, last = 0;
  std::optional<std::int64_t> also = {};
  std::string because = {};  ///< for messages: "the logits have 10 classes"

  bool holds(std::int64_t number) const { return (first <= number && number <= last) || number == also; }
  /// "0 to 9, or -100 (ignored): the logits have 10 classes".
  std::string str() const;
  friend bool operator==(const IntegerRange&, const IntegerRange&) = default;
};

/// The mathematics of one operation: shapes, gradient, and what the planner may do with it. Ops are immutable and
/// shared.
///
/// A node whose inputs include a sample value and whose output has batch scope *accumulates*: its kernel adds the
/// contribution of one micro-batch to the output, which is cleared once per step.
class Op {
 public:
  virtual ~Op() = default;

  /// Name in the kernel table, in plans and in messages: "conv2d", "conv2d_grad_weight".
  virtual std::string_view type() const = 0;
  /// Options as text. Two nodes of equal type, options and inputs are the same value.
  virtual std::string options() const { return {}; }
  /// Specs of the outputs. Throws ShapeError naming the op, the shapes and the rule.
  virtual std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const = 0;
  /// Adds the gradient as nodes of the same graph. The default throws: the op is not differentiable.
  virtual void gradient(GradientContext& context) const;
  /// False: no gradient flows to this input (labels, indices, masks).
  virtual bool differentiable(int /*input*/) const { return true; }

  /// The op makes sense on batch values alone (elementwise arithmetic, reductions), where it is a batch op.
  virtual bool batch_capable() const { return false; }
  /// Input `i` may be a batch value beside sample ones, read directly (a weight, a scale). Others are broadcast first.
  virtual bool reads_batch(int /*input*/) const { return false; }
  /// Input `i` may be a by-product. Other ops take their inputs for one row per sample.
  virtual bool reads_by_product(int /*input*/) const { return false; }
  /// Inputs that output 0 may overwrite, the preferred one first: one of them, where it has the output's layout and
  /// bytes and nobody reads it later. Every kernel reads an element of such an input for the last time before, or as,
  /// it writes the element of output 0 in that place.
  virtual std::vector<int> in_place_inputs() const { return {}; }
  /// Output 0 is the same bytes as input 0 under another shape (plain layout): no kernel runs.
  virtual bool is_view() const { return false; }
  /// The outputs are linear in this input, so a scalar factor may be pulled through.
  virtual bool linear_in(int /*input*/) const { return false; }
  /// The outputs are linear in these inputs taken together, as a sum is: a factor may be pulled through when all of
  /// them carry it.
  virtual bool linear_together(int /*input*/) const { return false; }
  /// Cheap to recompute: a pass over memory, no contraction.
  virtual bool cheap() const { return true; }
  /// The result depends on how the logical batch is split (local BatchNorm).
  virtual bool split_dependent() const { return false; }
  /// What input `i`, of i32 or u8, may hold; empty: any number. A Trainer checks the samples of a data set as it reads
  /// them, so that no kernel sees another number.
  virtual std::optional<IntegerRange> integer_range(int /*input*/, std::span<const ValueSpec> /*inputs*/) const {
    return std::nullopt;
  }
  /// The fewest samples for which the op has a meaning (a variance needs two numbers): of a micro-batch where the op
  /// depends on the split, else of a logical batch. A plan with fewer is refused.
  virtual std::int64_t least_samples(std::span<const ValueSpec> /*inputs*/) const { return 1; }
  /// Batch value `i` holds sums over samples with their number, of which the op makes means (moments): its results do
  /// not grow with the number of samples.
  virtual bool takes_means_of(int /*input*/) const { return false; }
  /// Inputs written in place: the op writes state (optimizer updates, running statistics). Runs in the last once part.
  virtual std::vector<int> mutates() const { return {}; }
  /// Those of them that are all zeros afterwards: sums over samples that need not be cleared before the next step.
  virtual std::vector<int> clears() const { return {}; }
  /// Input whose zeros make infinities or NaN of output 0 (a divisor), for error messages; −1: none.
  virtual int divisor() const { return -1; }
  /// What the op accumulates is every sample's value in its place, not a sum over samples.
  virtual bool gathers() const { return false; }
  /// What a plan counts the algorithms of this op's kernels as ("convolution"); empty: they are not counted.
  virtual std::string_view algorithm_family() const { return {}; }
  /// Multiply-adds × 2 of one sample (or of the whole, for batch ops), for cost models and summary().
  virtual double flops(std::span<const ValueSpec> inputs, std::span<const ValueSpec> outputs) const;
};

using OpPtr = std::shared_ptr<const Op>;

/// "conv2d: channels differ; got x=f32[N,3,32,32], w=f32[64,4,3,3]; expected x.C == w.C * groups".
/// `names`: the inputs in order, comma-separated: "x,w,b".
[[noreturn]] void throw_shape_error(const Op& op, const std::string& what, std::string_view names,
                                    std::span<const ValueSpec> inputs, const std::string& rule);

}  // namespace sluice
