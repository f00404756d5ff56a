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

/// The scope of a value. sample: it is computed for every micro-batch, one row per sample. batch: there is one value
/// for the logical batch.
enum class Scope : std::uint8_t { sample, batch };

/// The type of a Var. `shape` does not contain the N of a sample value.
struct ValueSpec {
  Shape shape;
  DType dtype = DType::f32;
  Scope scope = Scope::sample;
  /// A by-product: a sample value that has one row for the whole micro-batch instead of one per sample, so it has no
  /// leading N. The moments of local BatchNorm are by-products. A by-product depends on the split into micro-batches.
  /// If it consists of sums over samples, its batch_sum does not.
  bool by_product = false;

  bool is_sample() const { return scope == Scope::sample; }
  bool is_scalar() const { return shape.rank() == 0; }
  /// "f32[N,3,32,32]" for a sample value, "f32[64,3,3,3]" for a batch value, "f64[3,64] by-product".
  std::string str() const;
  friend bool operator==(const ValueSpec&, const ValueSpec&) = default;
};

/// The integers that an input may contain: `first` to `last`, and `also` (the label of ignored samples).
struct IntegerRange {
  std::int64_t first = 0, last = 0;
  std::optional<std::int64_t> also = {};
  std::string because = {};  ///< for messages: "the logits have 10 classes"

  bool holds(std::int64_t number) const { return (first <= number && number <= last) || number == also; }
  /// "0 to 9, or -100 (ignored): the logits have 10 classes".
  std::string str() const;
  friend bool operator==(const IntegerRange&, const IntegerRange&) = default;
};

/// The mathematics of one operation: its shapes, its gradient, and what the planner may do with it. Ops are immutable
/// and shared.
///
/// A node whose inputs include a sample value and whose output has batch scope *accumulates*: its kernel adds the
/// contribution of one micro-batch to the output. The output is cleared once per step.
class Op {
 public:
  virtual ~Op() = default;

  /// Name in the kernel table, in plans and in messages: "conv2d", "conv2d_grad_weight".
  virtual std::string_view type() const = 0;
  /// Options as text. Two nodes of equal type, options and inputs are the same value.
  virtual std::string options() const { return {}; }
  /// Returns the specs of the outputs. Throws ShapeError naming the op, the shapes and the rule.
  virtual std::vector<ValueSpec> infer(std::span<const ValueSpec> inputs) const = 0;
  /// Adds the gradient as nodes of the same graph. The default throws: the op is not differentiable.
  virtual void gradient(GradientContext& context) const;
  /// False: no gradient flows to this input (labels, indices, masks).
  virtual bool differentiable(int /*input*/) const { return true; }

  /// True: the op may run on batch values only (elementwise arithmetic, reductions). It is then a batch op.
  virtual bool batch_capable() const { return false; }
  /// True: the kernel reads a batch value at input `i` directly (a weight, a scale). Otherwise a batch value is
  /// broadcast first.
  virtual bool reads_batch(int /*input*/) const { return false; }
  /// True: input `i` may be a by-product. Otherwise it must have one row per sample.
  virtual bool reads_by_product(int /*input*/) const { return false; }
  /// Inputs that output 0 may overwrite, the preferred one first. The planner picks one that has the layout and the
  /// bytes of the output and no later reader. A kernel must not read an element of such an input after it has
  /// written the element of output 0 in the same place.
  virtual std::vector<int> in_place_inputs() const { return {}; }
  /// True: output 0 is input 0 under another shape, in plain layout. No kernel runs.
  virtual bool is_view() const { return false; }
  /// True: the outputs are linear in this input, so a scalar factor may be moved behind the op.
  virtual bool linear_in(int /*input*/) const { return false; }
  /// True: the outputs are linear in these inputs together, as a sum is. A factor that all of them have may be moved
  /// behind the op.
  virtual bool linear_together(int /*input*/) const { return false; }
  /// True: the op is cheap to recompute: one pass over memory, no contraction.
  virtual bool cheap() const { return true; }
  /// True: the result depends on the split into micro-batches (local BatchNorm).
  virtual bool split_dependent() const { return false; }
  /// The integers that input `i` (i32 or u8) may contain; empty: any. A Trainer checks the samples of a data set when
  /// it reads them, so kernels need not check.
  virtual std::optional<IntegerRange> integer_range(int /*input*/, std::span<const ValueSpec> /*inputs*/) const {
    return std::nullopt;
  }
  /// The fewest samples for which the op is defined (a variance needs two numbers): of a micro-batch if the op depends
  /// on the split, else of a logical batch. Planning throws UsageError for fewer.
  virtual std::int64_t least_samples(std::span<const ValueSpec> /*inputs*/) const { return 1; }
  /// True: batch value `i` contains sums over samples and their number, and the op divides them to means (moments). So
  /// the results do not grow with the number of samples.
  virtual bool takes_means_of(int /*input*/) const { return false; }
  /// Inputs that the op writes in place: state (optimizer updates, running statistics). Such an op is a writer. It runs
  /// after the last stage.
  virtual std::vector<int> mutates() const { return {}; }
  /// The mutated inputs that are all zeros afterwards: sums over samples that need not be cleared before the next step.
  virtual std::vector<int> clears() const { return {}; }
  /// The input whose zeros make output 0 infinite or NaN (a divisor), for error messages; −1: none.
  virtual int divisor() const { return -1; }
  /// True: the op writes every sample's value to its own place in the output, instead of adding up a sum.
  virtual bool gathers() const { return false; }
  /// The name under which a plan counts the algorithms of this op's kernels ("convolution"); empty: not counted.
  virtual std::string_view algorithm_family() const { return {}; }
  /// Multiply-adds × 2 of one sample (of the whole op for batch ops), for cost models and summary().
  virtual double flops(std::span<const ValueSpec> inputs, std::span<const ValueSpec> outputs) const;
};

using OpPtr = std::shared_ptr<const Op>;

/// "conv2d: channels differ; got x=f32[N,3,32,32], w=f32[64,4,3,3]; expected x.C == w.C * groups".
/// `names`: the inputs in order, comma-separated: "x,w,b".
[[noreturn]] void throw_shape_error(const Op& op, const std::string& what, std::string_view names,
                                    std::span<const ValueSpec> inputs, const std::string& rule);

}  // namespace sluice
