// Weights of a model to a file and back, strictly and in part.
#include <sluice/layers/weights.h>

#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/core/error.h>
#include <sluice/core/safetensors.h>
#include <sluice/layers/layers.h>

#include "support/file_test.h"

namespace sluice::test {
namespace {

class Weights : public FileTest {
 protected:
  static Sequential model(std::int64_t classes = 3) {
    return Sequential(Conv2d({.in = 2, .out = 4, .kernel = 3}), BatchNorm2d({.channels = 4}), Flatten(),
                      Linear({.in = 4, .out = classes}));
  }
  static std::vector<std::vector<float>> values(ModuleBase& net) {
    std::vector<std::vector<float>> all;
    for (const Parameter& parameter : all_parameters(net)) {
      const Tensor value = parameter.read();
      all.emplace_back(value.values<float>().begin(), value.values<float>().end());
    }
    return all;
  }
  /// The tensors of a model as a file has them.
  static std::vector<TensorToStore> stored(ModuleBase& net) {
    std::vector<TensorToStore> tensors;
    for (const auto& [name, parameter] : named_parameters(net))
      tensors.push_back({name, DType::f32, parameter.shape(), [parameter] { return parameter.read(); }});
    return tensors;
  }
};

TEST_F(Weights, AreReadAsTheyWereWritten) {
  Sequential from = model(), to = model();
  initialize(from, 1);
  initialize(to, 2);
  EXPECT_NE(values(from), values(to));
  save_weights(from, path("w"));
  const LoadedWeights loaded = load_weights(to, path("w"));
  EXPECT_TRUE(loaded.complete());
  EXPECT_EQ(loaded.str(), "loaded 8 of 8 tensors");
  EXPECT_EQ(values(from), values(to));
}

TEST_F(Weights, LoadIntoAModelThatWasNeverInitialised) {
  Sequential from = model(), to = model();
  initialize(from, 1);
  save_weights(from, path("w"));
  load_weights(to, path("w"));
  initialize(to, 5, /*only_new=*/true);
  EXPECT_EQ(values(from), values(to));
}

TEST_F(Weights, AModelWithoutValuesIsNotSaved) {
  Sequential net = model();
  EXPECT_NE(
      error_of<UsageError>([&] { save_weights(net, path("w")); }).find("save_weights: the model is not initialised"),
      std::string::npos);
  EXPECT_EQ(files(), 0);
}

TEST_F(Weights, OneErrorListsAllThatDoesNotMatchAndNothingIsLoaded) {
  Sequential from = model(5), to = model(3);
  initialize(from, 1);
  initialize(to, 2);
  std::vector<TensorToStore> tensors = stored(from);
  tensors[0].name = "other";  // missing: 0.weight
  write_safetensors(path("w"), tensors);
  const auto before = values(to);
  EXPECT_EQ(
      error_of<DataError>([&] { load_weights(to, path("w")); }),
      "the weights in '" + path("w") +
          "' are not this model's: 5 of 8 tensors match; missing: 0.weight; unexpected: other; of another shape or "
          "dtype: 3.weight (F32[5,4], the model has f32[3,4]), 3.bias (F32[5], the model has f32[3])");
  EXPECT_EQ(values(to), before);
}

TEST_F(Weights, PartialLoadsWhatFitsAndSaysSo) {
  Sequential from = model(5), to = model(3);
  initialize(from, 1);
  initialize(to, 2);
  save_weights(from, path("w"));
  const auto before = values(to);
  const LoadedWeights loaded = load_weights(to, path("w"), {.partial = true});
  EXPECT_FALSE(loaded.complete());
  EXPECT_EQ(loaded.loaded.size(), 6u);
  EXPECT_EQ(loaded.unfit.size(), 2u);
  const auto after = values(to), wanted = values(from);
  for (std::size_t i = 0; i < 6; ++i) EXPECT_EQ(after[i], wanted[i]);
  EXPECT_EQ(after[6], before[6]);
  EXPECT_EQ(after[7], before[7]);
}

TEST_F(Weights, CountersOfPyTorchAreLeftOut) {
  Sequential from = model(), to = model();
  initialize(from, 1);
  std::vector<TensorToStore> tensors = stored(from);
  tensors.push_back({"1.num_batches_tracked", DType::i32, {}, [] { return Tensor({}, DType::i32); }});
  write_safetensors(path("w"), tensors);
  EXPECT_TRUE(load_weights(to, path("w")).complete());
  tensors.back().name = "1.my_num_batches_tracked";
  write_safetensors(path("w"), tensors);
  EXPECT_NE(error_of<DataError>([&] { load_weights(to, path("w")); }).find("unexpected: 1.my_num_batches_tracked"),
            std::string::npos);
}

TEST_F(Weights, AreConvertedFromDoubleAndByte) {
  Sequential from = model(), to = model();
  initialize(from, 1);
  std::vector<TensorToStore> tensors = stored(from);
  for (TensorToStore& tensor : tensors) {
    tensor.dtype = DType::f64;
    tensor.read = [read = tensor.read] { return read().to(DType::f64); };
  }
  write_safetensors(path("w"), tensors);
  load_weights(to, path("w"));
  EXPECT_EQ(values(from), values(to));
}

}  // namespace
}  // namespace sluice::test
