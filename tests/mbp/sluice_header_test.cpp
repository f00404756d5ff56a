// <sluice/sluice.h> alone is enough for what users call.

#include <sluice/sluice.h>

#include <filesystem>
#include <set>

#include <gtest/gtest.h>

#include "support/read_file.h"

namespace {

using namespace sluice;

TEST(SluiceHeader, DeclaresEveryFunctionOfAModel) {
  Graph g;
  const Var image = g.input("image", {4, 8, 8}), flat = g.input("flat", {6}), labels = g.input("label", {}, DType::i32);
  const auto weights = [&](const Shape& shape) { return g.parameter(Parameter(Tensor(shape))); };
  const Var map = conv2d(image, weights({4, 4, 3, 3}), weights({4}), {.padding = 1});
  EXPECT_EQ(map.shape(), image.shape());
  for (const Var y : {relu(map),
                      leaky_relu(map, 0.2),
                      gelu(map),
                      sigmoid(map),
                      dropout(map, 0.5f),
                      add(map, image),
                      sub(map, image),
                      mul(map, image),
                      div(map, image),
                      scale(map, 2),
                      bias(map, weights({4})),
                      batch_norm(map, weights({4}), weights({4})),
                      conv2d(map, weights({4, 4, 1, 1})),
                      conv_transpose2d(map, weights({4, 4, 1, 1})),
                      crop2d(pad2d(map, {.top = 1}), {.top = 1}),
                      slice_channels(concat({map, image}), 0, 4),
                      max_pool2d(map, {.kernel = 3, .stride = 1, .padding = 1}),
                      avg_pool2d(map, {.kernel = 3, .stride = 1, .padding = 1}),
                      adaptive_avg_pool2d(map, 8),
                      adaptive_avg_pool2d(upsample_nearest2d(map, 2), 8),
                      reshape(flatten(map), {4, 8, 8})})
    EXPECT_EQ(y.shape(), image.shape());
  EXPECT_EQ(global_avg_pool2d(map).shape(), (Shape{4}));
  EXPECT_EQ(softmax(linear(flat, weights({5, 6}), weights({5}))).shape(), (Shape{5}));
  EXPECT_EQ(normalize(g.input("pixels", {1, 8, 8}, DType::u8), {.mean = {0.5f}, .std = {0.5f}}).dtype(), DType::f32);
  const Var logits = linear(flat, weights({5, 6}));
  EXPECT_EQ(cross_entropy(logits, labels).shape(), (Shape{}));
  EXPECT_EQ(accuracy(logits, labels).shape(), (Shape{}));
  EXPECT_EQ(batch_sum(mean_per_sample(map)).shape(), batch_sum(sum_per_sample(map)).shape());
}

// Left out: what other functions use on their own accord (add_relu for relu(add(a, b)), cross_entropy's parts for the
// loss in layers/losses.h), and what the library itself adds to a step.
TEST(SluiceHeader, LeavesOutNoOpByOversight) {
  const std::filesystem::path root = SLUICE_SOURCE_DIR;
  const std::set<std::string> inner = {"accuracy", "add_relu", "cross_entropy", "finite_check", "structural"};
  const std::string header = test::read_file(root / "mbp" / "sluice.h");
  int seen = 0;
  for (const auto& folder : std::filesystem::directory_iterator(root / "kernels")) {
    const std::string op = folder.path().filename().string();
    const std::string text = test::read_file(folder.path() / (op + ".h"));
    if (inner.contains(op) || text.find("\nVar ") == std::string::npos) continue;
    ++seen;
    EXPECT_NE(header.find("<sluice/kernels/" + op + "/" + op + ".h>"), std::string::npos)
        << op << ": users cannot call it with <sluice/sluice.h> alone";
  }
  EXPECT_GE(seen, 20);
}

}  // namespace
