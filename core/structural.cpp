#include <sluice/core/structural.h>

#include <sluice/core/error.h>
#include <sluice/core/gradient_context.h>

namespace sluice {
namespace {

Scope joined(std::span<const ValueSpec> inputs) {
  for (const ValueSpec& input : inputs)
    if (input.is_sample()) return Scope::sample;
  return Scope::batch;
}

class AddOp final : public Op {
 public:
  std::string_view type() const override { return "add"; }
  std::vector<ValueSpec> infer(std::span<const ValueSpec> in) const override {
    if (in[0].shape != in[1].shape || in[0].dtype != in[1].dtype)
      throw_shape_error(*this, "operands differ", "a,b", in, "equal shapes and dtypes");
    return {{in[0].shape, in[0].dtype, joined(in)}};
  }
  void gradient(GradientContext& g) const override {
    g.set(0, g.dy());
    g.set(1, g.dy());
  }
  bool batch_capable() const override { return true; }
  bool reads_batch(int input) const override { return input == 1; }
  std::vector<int> in_place_inputs() const override { return {0, 1}; }
  bool linear_together(int) const override { return true; }
};

class ScaleByOp final : public Op {
 public:
  std::string_view type() const override { return "scale_by"; }
  std::vector<ValueSpec> infer(std::span<const ValueSpec> in) const override {
    if (in[1].is_sample() || !in[1].is_scalar() || in[1].dtype != DType::f32)
      throw_shape_error(*this, "factor is no batch scalar", "x,factor", in,
                        "an f32 factor of batch scope and shape []");
    return {in[0]};
  }
  void gradient(GradientContext& g) const override {
    if (g.needs(1)) throw ShapeError("scale_by: is not differentiable by its factor; expected mul, which is");
    g.set(0, scale_by(g.dy(), g.input(1)));
  }
  bool batch_capable() const override { return true; }
  bool reads_batch(int input) const override { return input == 1; }
  bool reads_by_product(int input) const override { return input == 0; }
  std::vector<int> in_place_inputs() const override { return {0}; }
  bool linear_in(int) const override { return true; }
};

class BatchSumOp final : public Op {
 public:
  std::string_view type() const override { return "batch_sum"; }
  std::vector<ValueSpec> infer(std::span<const ValueSpec> in) const override {
    if (!in[0].is_sample()) throw_shape_error(*this, "nothing to sum", "x", in, "a sample value");
    return {{in[0].shape, in[0].dtype, Scope::batch}};
  }
  void gradient(GradientContext& g) const override {
    if (g.input(0).spec().by_product)
      throw ShapeError("batch_sum: is not differentiable by a by-product; expected the op that makes it to say so");
    g.set(0, broadcast(g.dy()));
  }
  bool reads_by_product(int) const override { return true; }
  bool linear_in(int) const override { return true; }
};

class BroadcastOp final : public Op {
 public:
  std::string_view type() const override { return "broadcast"; }
  std::vector<ValueSpec> infer(std::span<const ValueSpec> in) const override {
    return {{in[0].shape, in[0].dtype, Scope::sample}};
  }
  void gradient(GradientContext& g) const override { g.set(0, batch_sum(g.dy())); }
  bool linear_in(int) const override { return true; }
};

class BatchGatherOp final : public Op {
 public:
  explicit BatchGatherOp(std::int64_t capacity) : capacity_(capacity) {}
  std::string_view type() const override { return "batch_gather"; }
  bool gathers() const override { return true; }
  std::string options() const override { return std::to_string(capacity_); }
  std::vector<ValueSpec> infer(std::span<const ValueSpec> in) const override {
    if (!in[0].is_sample()) throw_shape_error(*this, "nothing to gather", "x", in, "a sample value");
    return {{in[0].shape.with_leading(capacity_), in[0].dtype, Scope::batch}};
  }
  void gradient(GradientContext& g) const override { g.set(0, slice(g.dy())); }
  bool linear_in(int) const override { return true; }

 private:
  std::int64_t capacity_;
};

class SliceOp final : public Op {
 public:
  std::string_view type() const override { return "slice"; }
  std::vector<ValueSpec> infer(std::span<const ValueSpec> in) const override {
    if (in[0].is_sample() || in[0].is_scalar())
      throw_shape_error(*this, "no rows to take", "rows", in, "a batch value [capacity,...]");
    return {{in[0].shape.without_leading(), in[0].dtype, Scope::sample}};
  }
  void gradient(GradientContext& g) const override { g.set(0, batch_gather(g.dy(), g.input(0).shape()[0])); }
  bool reads_batch(int) const override { return true; }
  bool linear_in(int) const override { return true; }
};

/// The batch value behind a broadcast, or an empty Var.
Var behind_broadcast(Var v) {
  const Value& value = v.graph().value(v.id());
  if (value.is_leaf() || v.graph().node(value.producer).op->type() != "broadcast") return {};
  return v.graph().var(v.graph().node(value.producer).inputs[0]);
}

bool is_constant(Var v, double number) {
  const Value& value = v.graph().value(v.id());
  return value.is_leaf() && value.leaf.kind == LeafKind::constant && value.leaf.constant == number;
}

}  // namespace

Var add(Var a, Var b) {
  // Direct reading of a batch operand is offered on the right only.
  if (!a.is_sample() && b.is_sample()) std::swap(a, b);
  return a.graph().add1(std::make_shared<AddOp>(), {a, b});
}

Var scale_by(Var x, Var s) {
  if (is_constant(s, 1)) return x;
  if (is_constant(x, 1) && x.spec().is_scalar()) return s;
  return x.graph().add1(std::make_shared<ScaleByOp>(), {x, s});
}

Var batch_sum(Var x) {
  if (Var v = behind_broadcast(x)) return scale_by(v, x.graph().sample_count());
  return x.graph().add1(std::make_shared<BatchSumOp>(), {x});
}

Var broadcast(Var v) {
  if (v.is_sample()) throw ShapeError("broadcast: the value has sample scope already; got " + v.spec().str());
  return v.graph().add1(std::make_shared<BroadcastOp>(), {v});
}

Var batch_gather(Var x, std::int64_t capacity) {
  return x.graph().add1(std::make_shared<BatchGatherOp>(capacity), {x});
}

Var slice(Var rows) { return rows.graph().add1(std::make_shared<SliceOp>(), {rows}); }

}  // namespace sluice
