#include <sluice/data/tensor_dataset.h>

#include <array>

#include <gtest/gtest.h>

#include "idx_files.h"

namespace sluice {
namespace {

using test::expect_error;
using Field = TensorDataset::Field;

TEST(TensorDataset, OffersTensorsByName) {
  const Tensor x = Tensor::of<float>({3, 2}, {1, 2, 3, 4, 5, 6});
  const Tensor y = Tensor::of<std::int32_t>({3}, {7, 8, 9});
  const TensorDataset data("toy", {{"x", x}, {"y", y}});
  EXPECT_EQ(data.spec().name, "toy");
  EXPECT_EQ(data.spec().samples, 3);
  ASSERT_EQ(data.spec().fields.size(), 2u);
  EXPECT_EQ(data.spec().fields[0].name, "x");
  EXPECT_EQ(data.spec().fields[0].shape, Shape{2});
  EXPECT_EQ(data.spec().fields[0].dtype, DType::f32);
  EXPECT_EQ(data.spec().fields[1].shape, Shape{});
  EXPECT_EQ(data.spec().fields[1].dtype, DType::i32);
  EXPECT_EQ(data.host_bytes(), std::size_t{3} * 2 * 4 + std::size_t{3} * 4);

  std::array<float, 2> row{};
  data.read(2, 0, row.data());
  EXPECT_EQ(row, (std::array<float, 2>{5, 6}));
  std::int32_t label = 0;
  data.read(0, 1, &label);
  EXPECT_EQ(label, 7);
}

TEST(TensorDataset, KeepsNormalisation) {
  const TensorDataset data("toy", {{"image", Tensor({2, 1, 4, 4}, DType::u8), {0.5f}, {0.25f}}});
  EXPECT_EQ(data.spec().fields[0].mean, std::vector<double>{0.5});
  EXPECT_EQ(data.spec().fields[0].std, std::vector<double>{0.25});
}

TEST(TensorDataset, RejectsBadFields) {
  const Tensor two({2, 3}), three({3, 3}), image({2, 3, 4, 4}, DType::u8);
  expect_error([&] { TensorDataset("toy", {}); }, {"'toy'", "no fields"});
  expect_error([&] { TensorDataset("toy", {{"x", Tensor(Shape{})}}); }, {"'x'", "no samples"});
  expect_error([&] { TensorDataset("toy", {{"x", two}, {"y", three}}); }, {"'toy'", "2 samples of 'x'", "3 of 'y'"});
  expect_error([&] { TensorDataset("toy", {{"x", two}, {"x", two}}); }, {"two fields are called 'x'"});
  expect_error(
      [&] {
        TensorDataset("toy", {Field(FieldSpec{"x", Shape{4}, DType::u8}, test::Bytes(10))});
      },
      {"'x' is not a whole number of samples", "10 bytes", "multiple of 4"});
  expect_error([&] { TensorDataset("toy", {Field(FieldSpec{"x", Shape{4}, DType::u8}, {})}); }, {"0 bytes"});
  expect_error([&] { TensorDataset("toy", {{"x", two, {0.5f}, {1.0f}}}); }, {"only images are normalised", "f32 [3]"});
  expect_error([&] { TensorDataset("toy", {{"x", image, {0.5f}, {1.0f}}}); }, {"u8 [3,4,4] with 1 means and 1 stds"});
  expect_error(
      [&] {
        TensorDataset("toy", {{"x", image, {0, 0, 0}, {1, 0, 1}}});
      },
      {"std of field 'x'", "expected > 0"});
}

TEST(TensorDataset, RejectsSamplesItDoesNotHave) {
  const TensorDataset data("toy", {{"x", Tensor({2, 3})}});
  std::array<float, 3> row{};
  for (const std::int64_t index : {-1, 2})
    expect_error([&] { data.read(index, 0, row.data()); }, {"no such sample", "2 samples"});
  expect_error([&] { data.read(0, 1, row.data()); }, {"no such sample", "1 field"});
}

}  // namespace
}  // namespace sluice
