#include "support/non_finite_cases.h"

#include <sluice/core/structural.h>
#include <sluice/kernels/accuracy/accuracy.h>
#include <sluice/kernels/adaptive_avg_pool2d/adaptive_avg_pool2d.h>
#include <sluice/kernels/arithmetic/arithmetic.h>
#include <sluice/kernels/avg_pool2d/avg_pool2d.h>
#include <sluice/kernels/batch_norm/batch_norm.h>
#include <sluice/kernels/bias/bias.h>
#include <sluice/kernels/concat/concat.h>
#include <sluice/kernels/conv2d/conv2d.h>
#include <sluice/kernels/conv_transpose2d/conv_transpose2d.h>
#include <sluice/kernels/cross_entropy/cross_entropy.h>
#include <sluice/kernels/dropout/dropout.h>
#include <sluice/kernels/finite_check/finite_check.h>
#include <sluice/kernels/flatten/flatten.h>
#include <sluice/kernels/gelu/gelu.h>
#include <sluice/kernels/global_avg_pool2d/global_avg_pool2d.h>
#include <sluice/kernels/leaky_relu/leaky_relu.h>
#include <sluice/kernels/linear/linear.h>
#include <sluice/kernels/max_pool2d/max_pool2d.h>
#include <sluice/kernels/normalize/normalize.h>
#include <sluice/kernels/pad2d/pad2d.h>
#include <sluice/kernels/reduce/reduce.h>
#include <sluice/kernels/relu/relu.h>
#include <sluice/kernels/sigmoid/sigmoid.h>
#include <sluice/kernels/softmax/softmax.h>
#include <sluice/kernels/upsample_nearest2d/upsample_nearest2d.h>

namespace sluice::test {
namespace {

using Kind = AttackedInput::Kind;
using Inputs = std::vector<AttackedInput>;
using In = std::span<const Var>;
constexpr Scope batch = Scope::batch;

/// A case whose inputs are maps [c,4,6].
NonFiniteCase on_maps(std::string name, std::vector<std::string> attacks, std::size_t maps,
                      std::function<Var(In)> build) {
  return {.name = std::move(name),
          .attacks = std::move(attacks),
          .inputs =
              [maps](std::int64_t c) {
                Inputs inputs;
                for (std::size_t i = 0; i < maps; ++i)
                  inputs.push_back({.name = std::string(1, static_cast<char>('a' + i)), .shape = {c, 4, 6}});
                return inputs;
              },
          .build = std::move(build)};
}

NonFiniteCase of(std::string name, std::vector<std::string> attacks, std::function<Inputs(std::int64_t)> inputs,
                 std::function<Var(In)> build) {
  return {
      .name = std::move(name), .attacks = std::move(attacks), .inputs = std::move(inputs), .build = std::move(build)};
}

void add_elementwise(std::vector<NonFiniteCase>& cases) {
  cases.push_back(on_maps("relu", {"relu", "relu_grad"}, 1, [](In in) { return relu(in[0]); }));
  cases.push_back(
      on_maps("leaky_relu", {"leaky_relu", "leaky_relu_grad"}, 1, [](In in) { return leaky_relu(in[0], 0.25); }));
  cases.push_back(on_maps("gelu", {"gelu", "gelu_grad"}, 1, [](In in) { return gelu(in[0]); }));
  cases.push_back(on_maps("sigmoid", {"sigmoid", "sigmoid_grad"}, 1, [](In in) { return sigmoid(in[0]); }));
  cases.push_back(on_maps("add", {"add"}, 2, [](In in) { return add(in[0], in[1]); }));
  cases.push_back(on_maps("sub", {"sub"}, 2, [](In in) { return sub(in[0], in[1]); }));
  cases.push_back(on_maps("mul", {"mul"}, 2, [](In in) { return mul(in[0], in[1]); }));
  cases.push_back(on_maps("add_relu", {"add_relu"}, 2, [](In in) { return relu(add(in[0], in[1])); }));
  cases.push_back(on_maps("scale", {"scale"}, 1, [](In in) { return scale(in[0], 0.5); }));
  cases.push_back(on_maps("dropout", {"dropout"}, 1, [](In in) { return dropout(in[0], 0.5f); }));
  cases.push_back(of(
      "div", {"div"},
      [](std::int64_t c) {
        return Inputs{{.name = "a", .shape = {c, 4, 6}}, {.name = "b", .shape = {c, 4, 6}, .kind = Kind::positive}};
      },
      [](In in) { return div(in[0], in[1]); }));
  cases.push_back(of(
      "scale_by", {"scale_by"},
      [](std::int64_t c) {
        return Inputs{{.name = "x", .shape = {c, 4, 6}},
                      {.name = "s", .shape = {}, .scope = batch, .kind = Kind::positive, .differentiable = false}};
      },
      [](In in) { return scale_by(in[0], in[1]); }));
  cases.push_back(of(
      "bias", {"bias", "bias_grad"},
      [](std::int64_t c) {
        return Inputs{{.name = "x", .shape = {c, 4, 6}}, {.name = "b", .shape = {c}, .scope = batch}};
      },
      [](In in) { return bias(in[0], in[1]); }));
  cases.push_back(on_maps("normalize", {"normalize"}, 1,
                          [](In in) { return normalize(in[0], {.mean = {0.5f}, .std = {0.25f}, .scale = 2}); }));
}

void add_pools(std::vector<NonFiniteCase>& cases) {
  const std::vector<std::string> max = {"max_pool2d", "max_pool2d_grad"}, avg = {"avg_pool2d", "avg_pool2d_grad"};
  cases.push_back(on_maps("max_pool2d", max, 1, [](In in) { return max_pool2d(in[0], {.kernel = 2}); }));
  cases.push_back(on_maps("max_pool2d overlapping", max, 1,
                          [](In in) { return max_pool2d(in[0], {.kernel = 3, .stride = 2, .padding = 1}); }));
  cases.push_back(on_maps("avg_pool2d", avg, 1, [](In in) { return avg_pool2d(in[0], {.kernel = 2}); }));
  cases.push_back(on_maps("avg_pool2d overlapping", avg, 1, [](In in) {
    return avg_pool2d(in[0], {.kernel = 3, .stride = 2, .padding = 1, .count_include_pad = false});
  }));
  cases.push_back(on_maps("adaptive_avg_pool2d", {"adaptive_avg_pool2d", "adaptive_avg_pool2d_grad"}, 1, [](In in) {
    return adaptive_avg_pool2d(in[0], {3, 4});
  }));
  cases.push_back(on_maps("global_avg_pool2d", {"global_avg_pool2d", "global_avg_pool2d_grad"}, 1,
                          [](In in) { return global_avg_pool2d(in[0]); }));
  cases.push_back(on_maps("upsample_nearest2d", {"upsample_nearest2d", "upsample_nearest2d_grad"}, 1,
                          [](In in) { return upsample_nearest2d(in[0], 2); }));
  cases.push_back(on_maps("pad2d", {"pad2d", "crop2d"}, 1, [](In in) { return pad2d(in[0], {.top = 1, .right = 2}); }));
  cases.push_back(
      on_maps("crop2d", {"crop2d", "pad2d"}, 1, [](In in) { return crop2d(in[0], {.left = 1, .bottom = 2}); }));
  cases.push_back(on_maps("concat", {"concat", "slice_channels"}, 2, [](In in) { return concat({in[0], in[1]}); }));
  cases.push_back(on_maps("slice_channels", {"slice_channels", "pad_channels"}, 1,
                          [](In in) { return slice_channels(in[0], 1, 2); }));
}

Inputs normalized(std::int64_t c) {
  return {{.name = "x", .shape = {c, 4, 6}},
          {.name = "scale", .shape = {c}, .scope = batch, .kind = Kind::positive},
          {.name = "shift", .shape = {c}, .scope = batch}};
}

Inputs normalized_with(std::int64_t c, AttackedInput more) {
  Inputs inputs = normalized(c);
  inputs.push_back(std::move(more));
  return inputs;
}

std::vector<NonFiniteCase> batch_norm_cases() {
  std::vector<NonFiniteCase> cases;
  const std::vector<std::string> types = {"batch_moments", "batch_norm", "batch_norm_grad_sums",
                                          "batch_norm_grad_parameter", "batch_norm_grad_input"};
  cases.push_back(of("batch_norm", types, normalized, [](In in) { return batch_norm(in[0], in[1], in[2]); }));
  cases.push_back(
      of("batch_norm relu", types, normalized, [](In in) { return relu(batch_norm(in[0], in[1], in[2])); }));
  cases.push_back(of("batch_norm exact", types, normalized,
                     [](In in) { return batch_norm(in[0], in[1], in[2], {.mode = BatchNormMode::exact}); }));
  cases.push_back(of(
      "batch_norm add relu", types,
      [](std::int64_t c) {
        return normalized_with(c, {.name = "addend", .shape = {c, 4, 6}});
      },
      [](In in) { return relu(add(batch_norm(in[0], in[1], in[2]), in[3])); }));
  const std::vector<std::string> fixed = {"fixed_moments", "batch_norm", "batch_norm_grad_sums",
                                          "batch_norm_grad_input"};
  const auto with_statistics = [](std::int64_t c) {
    Inputs inputs = normalized_with(c, {.name = "mean", .shape = {c}, .scope = batch});
    inputs.push_back({.name = "variance", .shape = {c}, .scope = batch, .kind = Kind::positive});
    return inputs;
  };
  cases.push_back(of("batch_norm fixed", fixed, with_statistics,
                     [](In in) { return batch_norm_fixed(in[0], in[3], in[4], in[1], in[2]); }));
  cases.push_back(of("batch_norm fixed relu", fixed, with_statistics,
                     [](In in) { return relu(batch_norm_fixed(in[0], in[3], in[4], in[1], in[2])); }));
  for (NonFiniteCase& test : cases) {
    const bool ends_in_relu = test.name.ends_with("relu");
    test.infinities = ends_in_relu ? Infinities::may_be_lost : Infinities::may_be_nan;
    // Its square is in the second moment, so the variance, and with it the gradient by x, is NaN too.
    if (test.name.starts_with("batch_norm fixed")) test.goes_further = {"mean"};
  }
  return cases;
}

void add_losses(std::vector<NonFiniteCase>& cases) {
  cases.push_back(on_maps("softmax", {"softmax", "softmax_grad"}, 1, [](In in) { return softmax(in[0]); }));
  cases.push_back(of(
      "softmax of rows", {"softmax", "softmax_grad"},
      [](std::int64_t c) { return Inputs{{.name = "x", .shape = {c}}}; }, [](In in) { return softmax(in[0]); }));
  const std::vector<std::string> types = {"cross_entropy_loss", "cross_entropy_grad"};
  cases.push_back(of(
      "cross_entropy", types,
      [](std::int64_t c) {
        return Inputs{{.name = "x", .shape = {c}}, {.name = "label", .shape = {}, .kind = Kind::labels, .classes = c}};
      },
      [](In in) { return cross_entropy_loss(in[0], in[1]); }));
  cases.push_back(of(
      "cross_entropy of maps", types,
      [](std::int64_t c) {
        return Inputs{{.name = "x", .shape = {c, 4, 6}},
                      {.name = "label", .shape = {4, 6}, .kind = Kind::labels, .classes = c}};
      },
      [](In in) { return cross_entropy_loss(in[0], in[1]); }));
  const auto weighted = [](std::int64_t c) {
    return Inputs{{.name = "x", .shape = {c}},
                  {.name = "label", .shape = {}, .kind = Kind::labels, .classes = c},
                  {.name = "classes", .shape = {c}, .scope = batch, .kind = Kind::positive},
                  {.name = "samples", .shape = {}, .kind = Kind::positive}};
  };
  cases.push_back(of("cross_entropy weighted", types, weighted,
                     [](In in) { return cross_entropy_loss(in[0], in[1], {}, in[2], in[3]); }));
  cases.push_back(of("cross_entropy_weight", {"cross_entropy_weight"}, weighted,
                     [](In in) { return cross_entropy_weight(in[1], {}, in[2], in[3]); }));
  cases.push_back(of(
      "correct", {"correct"},
      [](std::int64_t c) {
        return Inputs{{.name = "x", .shape = {c, 4, 6}},
                      {.name = "label", .shape = {4, 6}, .kind = Kind::labels, .classes = c}};
      },
      [](In in) { return correct(in[0], in[1]); }));
}

void add_contractions(std::vector<NonFiniteCase>& cases) {
  const std::vector<std::string> conv = {"conv2d", "conv2d_grad_input", "conv2d_grad_weight"};
  const auto convolved = [](std::int64_t outputs, std::int64_t groups, std::int64_t kernel) {
    return [=](std::int64_t c) {
      const std::int64_t in = groups > 1 ? groups * c : c;
      return Inputs{{.name = "x", .shape = {in, 4, 6}},
                    {.name = "w", .shape = {outputs, in / groups, kernel, kernel}, .scope = batch},
                    {.name = "b", .shape = {outputs}, .scope = batch}};
    };
  };
  cases.push_back(of(
      "linear", {"linear", "linear_grad_input", "linear_grad_weight"},
      [](std::int64_t c) {
        return Inputs{{.name = "x", .shape = {c}},
                      {.name = "w", .shape = {5, c}, .scope = batch},
                      {.name = "b", .shape = {5}, .scope = batch}};
      },
      [](In in) { return linear(in[0], in[1], in[2]); }));
  cases.push_back(of("conv2d", conv, convolved(18, 1, 3), [](In in) { return conv2d(in[0], in[1], in[2]); }));
  cases.push_back(of("conv2d 1x1", conv, convolved(18, 1, 1), [](In in) { return conv2d(in[0], in[1]); }));
  const auto add_spreading = [&](NonFiniteCase test, std::int64_t tile, std::int64_t samples) {
    test.spread = tile;
    test.samples = samples;
    cases.push_back(std::move(test));
  };
  add_spreading(
      of("conv2d padded", conv, convolved(18, 1, 3), [](In in) { return conv2d(in[0], in[1], in[2], {.padding = 1}); }),
      0, 2);
  add_spreading(of("conv2d strided", conv, convolved(18, 1, 3),
                   [](In in) { return conv2d(in[0], in[1], {.stride = 2, .padding = 1}); }),
                0, 2);
  add_spreading(of("conv2d grouped", conv, convolved(6, 2, 3),
                   [](In in) { return conv2d(in[0], in[1], in[2], {.padding = 1, .groups = 2}); }),
                0, 2);
  // Channels and tiles of 4x4 are as many as make Winograd pay.
  add_spreading(
      of(
          "conv2d winograd", conv,
          [](std::int64_t) {
            return Inputs{{.name = "x", .shape = {16, 16, 16}}, {.name = "w", .shape = {16, 16, 3, 3}, .scope = batch}};
          },
          [](In in) { return conv2d(in[0], in[1], {.padding = 1}); }),
      4, 4);
  cases.push_back(of(
      "conv_transpose2d", conv,
      [](std::int64_t c) {
        return Inputs{{.name = "x", .shape = {c, 4, 6}}, {.name = "w", .shape = {c, 5, 2, 2}, .scope = batch}};
      },
      [](In in) { return conv_transpose2d(in[0], in[1], {.stride = 2}); }));
}

void add_scopes(std::vector<NonFiniteCase>& cases) {
  cases.push_back(on_maps("sum_per_sample", {"sum_per_sample", "expand_per_sample"}, 1,
                          [](In in) { return sum_per_sample(in[0]); }));
  cases.push_back(on_maps("batch_sum", {"batch_sum"}, 1, [](In in) { return batch_sum(in[0]); }));
  cases.push_back(of(
      "broadcast", {"broadcast", "batch_sum"},
      [](std::int64_t c) {
        return Inputs{{.name = "x", .shape = {c, 4, 6}}, {.name = "b", .shape = {c, 4, 6}, .scope = batch}};
      },
      [](In in) {
        return concat({in[0], broadcast(in[1])});
      }));
  cases.push_back(on_maps("batch_gather", {"batch_gather", "slice"}, 1,
                          [](In in) { return slice(scale(batch_gather(flatten(in[0]), 3), 2)); }));
  cases.push_back(of(
      "finite_check", {"finite_check"},
      [](std::int64_t c) {
        return Inputs{{.name = "a", .shape = {c, 5, 3, 3}, .scope = batch}, {.name = "b", .shape = {}, .scope = batch}};
      },
      [](In in) { return finite_check(in); }));
}

}  // namespace

const std::vector<NonFiniteCase>& non_finite_cases() {
  static const std::vector<NonFiniteCase> cases = [] {
    std::vector<NonFiniteCase> all;
    add_elementwise(all);
    add_pools(all);
    for (NonFiniteCase& test : batch_norm_cases()) all.push_back(std::move(test));
    add_losses(all);
    add_contractions(all);
    add_scopes(all);
    return all;
  }();
  return cases;
}

Tensor attacked_value(const AttackedInput& input, std::size_t k, std::int64_t samples) {
  const Shape shape = input.scope == Scope::sample ? input.shape.with_leading(samples) : input.shape;
  Tensor value(shape, DType::f64);
  std::int64_t i = 0;
  for (double& element : value.values<double>()) {
    const std::int64_t mixed = i++ * 7 + static_cast<std::int64_t>(k) * 5;
    if (input.kind == Kind::labels)
      element = static_cast<double>(mixed % input.classes);
    else
      element = static_cast<double>(mixed % 13 + (input.kind == Kind::positive ? 1 : -6)) / 4;
  }
  return value.to(input.kind == Kind::labels ? DType::i32 : DType::f32);
}

}  // namespace sluice::test
