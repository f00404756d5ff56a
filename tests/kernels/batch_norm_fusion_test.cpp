// Which kernels run where sums and relus stand behind a batch normalisation, and that whoever else reads its result
// gets the right numbers from one normalisation.

#include <algorithm>
#include <functional>
#include <map>

#include <gtest/gtest.h>

#include <sluice/core/differentiate.h>
#include <sluice/core/evaluate.h>
#include <sluice/core/fuse.h>
#include <sluice/core/structural.h>
#include <sluice/kernels/arithmetic/arithmetic.h>
#include <sluice/kernels/batch_norm/batch_norm.h>
#include <sluice/kernels/reduce/reduce.h>
#include <sluice/kernels/relu/relu.h>

#include "support/check_op.h"
#include "support/tensors.h"

namespace sluice::test {
namespace {

using Counts = std::map<std::string, int>;

/// A normalisation of x, [4,3,3], and what is made of it.
class BatchNormFusion : public testing::Test {
 protected:
  /// How often each op is there that adds, normalises or does something with a relu, after fusion.
  Counts counts(const std::vector<Var>& outputs) const {
    std::vector<ValueId> ids;
    for (const Var& var : outputs) ids.push_back(var.id());
    const FusedGraph fused = fuse(graph_, ids, nullptr);
    Counts counts;
    for (NodeId n = 0; n < fused.graph->nodes(); ++n) {
      const Op& op = *fused.graph->node(n).op;
      const std::string type(op.type());
      if (type.find("relu") == type.npos && type != "add" && type != "batch_norm" && !type.starts_with("batch_norm_g"))
        continue;
      if (type == "batch_norm_grad_parameter") continue;
      ++counts[type +
               (type != "batch_norm"                      ? ""
                : fused.graph->node(n).inputs.size() == 5 ? " addend"
                                                          : "") +
               (op.options().ends_with(" relu") || op.options().find(" relu ") != std::string::npos ? " relu" : "")];
    }
    return counts;
  }
  Var norm(Var x) { return batch_norm(x, scale_, shift_); }
  /// Σ r·y and its gradients by x, scale and shift.
  std::vector<Var> with_gradients(Var y) {
    const Var loss = batch_sum(sum_per_sample(mul(y, graph_.input("r", y.shape()))));
    std::vector<Var> outputs{loss};
    for (const Var& gradient : differentiate(loss, std::vector{x_, scale_, shift_})) outputs.push_back(gradient);
    return outputs;
  }

  Graph graph_;
  Var x_ = graph_.input("x", {4, 3, 3}), z_ = graph_.input("z", {4, 3, 3});
  Var scale_ = graph_.parameter(Parameter(random_tensor({4}, DType::f32, 0.5, 2, 1), "scale"));
  Var shift_ = graph_.parameter(Parameter(random_tensor({4}, DType::f32, -1, 1, 2), "shift"));
};

TEST_F(BatchNormFusion, TakesReluAndAddendIntoOneKernel) {
  EXPECT_EQ(counts({relu(norm(x_))}), (Counts{{"batch_norm relu", 1}}));
  EXPECT_EQ(counts({add(z_, norm(x_))}), (Counts{{"batch_norm addend", 1}}));
  EXPECT_EQ(counts({relu(add(norm(x_), z_))}), (Counts{{"batch_norm addend relu", 1}}));
  EXPECT_EQ(counts({relu(add(x_, z_))}), (Counts{{"add_relu", 1}}));
}

TEST_F(BatchNormFusion, TakesOneAddendAndOneRelu) {
  EXPECT_EQ(counts({add(relu(add(norm(x_), z_)), x_)}), (Counts{{"batch_norm addend relu", 1}, {"add", 1}}));
  EXPECT_EQ(counts({relu(add(norm(x_), norm(z_)))}), (Counts{{"batch_norm", 1}, {"batch_norm addend relu", 1}}));
  EXPECT_EQ(counts({add(add(norm(x_), z_), x_)}), (Counts{{"batch_norm addend", 1}, {"add", 1}}));
  EXPECT_EQ(counts({add(norm(x_), norm(x_))}), (Counts{{"batch_norm", 1}, {"add", 1}}));
}

// The gradient tests the normalised x, which it computes anyway.
TEST_F(BatchNormFusion, ReluNeedsNoMaskInTheBackwardPass) {
  EXPECT_EQ(counts(with_gradients(relu(norm(x_)))),
            (Counts{{"batch_norm relu", 1}, {"batch_norm_grad_sums relu", 1}, {"batch_norm_grad_input relu", 1}}));
  const Var fixed = batch_norm_fixed(x_, shift_, scale_, scale_, shift_);
  EXPECT_EQ(counts(with_gradients(relu(fixed))),
            (Counts{{"batch_norm relu", 1}, {"batch_norm_grad_sums relu", 1}, {"batch_norm_grad_input relu", 1}}));
  const Var exact = batch_norm(x_, scale_, shift_, {.mode = BatchNormMode::exact});
  EXPECT_EQ(counts(with_gradients(relu(exact))),
            (Counts{{"batch_norm relu", 1}, {"batch_norm_grad_sums relu", 1}, {"batch_norm_grad_input relu", 1}}));
}

// A sum's gradient goes to both, so that it is computed by itself.
TEST_F(BatchNormFusion, BehindASumTheMaskIsRead) {
  EXPECT_EQ(
      counts(with_gradients(relu(add(norm(x_), z_)))),
      (Counts{
          {"batch_norm addend relu", 1}, {"relu_grad", 1}, {"batch_norm_grad_sums", 1}, {"batch_norm_grad_input", 1}}));
}

TEST_F(BatchNormFusion, NormalisesOnceForReluAndOthers) {
  const Var y = norm(x_);
  const Counts apart{{"batch_norm", 1}, {"relu", 1}, {"add", 1}};
  EXPECT_EQ(counts({add(relu(y), y)}), apart);
  EXPECT_EQ(counts({relu(y), y}), (Counts{{"batch_norm", 1}, {"relu", 1}})) << "y is asked for";
  EXPECT_EQ(counts({relu(y), add(y, z_)}), apart);
  EXPECT_EQ(counts(with_gradients(add(relu(y), y))), (Counts{{"batch_norm", 1},
                                                             {"relu", 1},
                                                             {"add", 2},
                                                             {"relu_grad", 1},
                                                             {"batch_norm_grad_sums", 1},
                                                             {"batch_norm_grad_input", 1}}));
}

// A metric of y takes no part in the gradient, which goes as if there were none.
TEST_F(BatchNormFusion, AReaderWithoutGradientKeepsOnlyForwardApart) {
  const Var y = norm(x_);
  std::vector<Var> outputs = with_gradients(relu(y));
  outputs.push_back(batch_sum(sum_per_sample(y)));
  EXPECT_EQ(
      counts(outputs),
      (Counts{{"batch_norm", 1}, {"relu", 1}, {"batch_norm_grad_sums relu", 1}, {"batch_norm_grad_input relu", 1}}));
}

// The gradient by y is asked for: it is computed, from the mask.
TEST_F(BatchNormFusion, TheGradientInBetweenCanBeAskedFor) {
  const Var y = norm(x_), loss = batch_sum(sum_per_sample(mul(relu(y), z_)));
  const std::vector<Var> gradients = differentiate(loss, std::vector{x_, y});
  EXPECT_EQ(counts(gradients), (Counts{{"batch_norm", 1},
                                       {"relu", 1},
                                       {"relu_grad", 1},
                                       {"batch_norm_grad_sums", 1},
                                       {"batch_norm_grad_input", 1}}));
}

/// Forward, gradients and sums of gradients, on both devices and by central differences.
void check(const std::string& name, const std::function<Var(Var y, Var z)>& build) {
  const Shape channels{20}, shape{20, 4, 3};
  check_op({.name = name,
            .inputs = {{.name = "x", .shape = shape, .low = -1, .high = 3},
                       {.name = "scale", .shape = channels, .scope = Scope::batch, .low = 0.5, .high = 2},
                       {.name = "shift", .shape = channels, .scope = Scope::batch},
                       {"z", shape}},
            .build = [&](auto in) { return std::vector{build(batch_norm(in[0], in[1], in[2]), in[3])}; }});
}

TEST_F(BatchNormFusion, GradientsWhereOthersReadTheResult) {
  check("relu and sum", [](Var y, Var) { return add(relu(y), y); });
  check("relu and product", [](Var y, Var z) { return mul(relu(y), mul(y, z)); });
  check("relu of the sum and sum", [](Var y, Var z) {
    const Var sum = add(y, z);
    return add(relu(sum), sum);
  });
  check("relu and relu of a sum", [](Var y, Var z) { return add(relu(y), relu(add(z, y))); });
  check("sum of two", [](Var y, Var z) {
    return relu(add(y, batch_norm(z, z.graph().constant(1, {20}), z.graph().constant(0, {20}))));
  });
  check_op({.name = "both are asked for",
            .inputs = {{.name = "x", .shape = {5, 4, 3}, .low = -1, .high = 3}},
            .build = [](auto in) {
              const Var y = batch_norm(in[0], in[0].graph().constant(1.5, {5}), in[0].graph().constant(0.1, {5}));
              return std::vector{relu(y), y};
            }});
}

// The same numbers to the last bit, whether or not somebody looks at what lies between.
TEST_F(BatchNormFusion, IsTheSameToTheLastBit) {
  const Var y = norm(x_), sum = add(y, z_);
  for (const auto& [between, last] : {std::pair(y, relu(y)), {sum, relu(sum)}}) {
    const std::vector<Var> gradients = with_gradients(last);
    std::vector<Var> apart = gradients;
    apart.push_back(between);
    std::map<std::string, Tensor> inputs;
    for (const char* name : {"x", "z", "r"})
      inputs[name] = random_tensor({6, 4, 3, 3}, DType::f32, -1, 1, static_cast<std::uint64_t>(name[0]));
    const std::vector<Tensor> got = evaluate_under_test(gradients, inputs),
                              expected = evaluate_under_test(apart, inputs);
    for (std::size_t i = 0; i < got.size(); ++i) EXPECT_EQ(relative_error(got[i], expected[i]), 0) << i;
  }
}

}  // namespace
}  // namespace sluice::test
