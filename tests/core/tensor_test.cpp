#include <sluice/core/tensor.h>

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/core/device.h>
#include <sluice/core/transfer.h>

#include "support/tensors.h"

namespace sluice::test {
namespace {

TEST(Tensor, StartsWithZeros) {
  const Tensor tensor({2, 3});
  EXPECT_EQ(tensor.dtype(), DType::f32);
  EXPECT_EQ(tensor.bytes(), 24u);
  EXPECT_EQ(doubles(tensor), std::vector<double>(6, 0.0));
  EXPECT_EQ(Tensor({2, 3}, DType::f64).bytes(), 48u);
  EXPECT_EQ(Tensor({2, 3}, DType::u8).bytes(), 6u);
  EXPECT_EQ(Tensor({2, 3}, DType::bf16).bytes(), 12u);
  EXPECT_EQ(Tensor(Shape{}).bytes(), 4u);  // a scalar
}

TEST(Tensor, TakesAsManyValuesAsItHasElements) {
  const Tensor tensor = Tensor::of<std::int32_t>({2, 2}, {1, -2, 3, -4});
  EXPECT_EQ(tensor.dtype(), DType::i32);
  EXPECT_EQ(doubles(tensor), (std::vector<double>{1, -2, 3, -4}));
  EXPECT_THROW(Tensor::of<float>({2, 2}, {1, 2, 3}), ShapeError);
  EXPECT_THROW(Tensor::of<float>({2, 2}, {1, 2, 3, 4, 5}), ShapeError);
}

TEST(Tensor, IsReadAsWhatItIs) {
  Tensor tensor({2}, DType::f64);
  EXPECT_NO_THROW(tensor.values<double>());
  EXPECT_THROW(tensor.values<float>(), ShapeError);
  EXPECT_THROW(static_cast<const Tensor&>(tensor).values<std::int32_t>(), ShapeError);
}

TEST(Tensor, CopiesAreApart) {
  Tensor a = Tensor::of<float>({2}, {1, 2});
  const Tensor b = a;
  a.values<float>()[0] = 9;
  EXPECT_EQ(b.values<float>()[0], 1);
}

TEST(Tensor, ConvertsBetweenDtypes) {
  const Tensor f = Tensor::of<float>({4}, {1.75f, -1.75f, 0.1f, 200});
  EXPECT_EQ(doubles(f.to(DType::i32)), (std::vector<double>{1, -1, 0, 200}));  // truncates
  EXPECT_EQ(f.to(DType::f64).values<double>()[2], static_cast<double>(0.1f));
  EXPECT_EQ(f.to(DType::f64).to(DType::f32).values<float>()[2], 0.1f);
  const Tensor u = Tensor::of<std::uint8_t>({2}, {7, 255});
  EXPECT_EQ(doubles(u.to(DType::f32)), (std::vector<double>{7, 255}));
  EXPECT_EQ(u.to(DType::i32).shape(), (Shape{2}));
  EXPECT_THROW(f.to(DType::bf16), ShapeError);
}

TEST(Transfer, ReordersConvertsAndZeroesPadding) {
  Backend& cpu = Device::cpu().backend();
  const Tensor x = random_tensor({2, 5, 2, 3}, DType::f32, -1, 1, 1);
  const Layout blocked = Layout::channel_blocked(4);
  std::vector<double> memory(static_cast<std::size_t>(blocked.padded_elements(x.shape())), 99.0);
  write_logical(cpu, memory.data(), DType::f64, blocked, x);

  std::size_t zeros = 0;
  for (const double value : memory) zeros += value == 0;
  EXPECT_EQ(zeros, 2u * 3 * 2 * 3);  // 3 channels of padding
  EXPECT_EQ(std::count(memory.begin(), memory.end(), 99.0), 0);
  // [1,4,1,2]: second block of the second sample, last position, first of its channels.
  EXPECT_EQ(memory[((1 * 2 + 1) * 6 + 5) * 4], doubles(x)[static_cast<std::size_t>(((1 * 5 + 4) * 2 + 1) * 3 + 2)]);
  const Tensor back = read_logical(cpu, memory.data(), x.shape(), DType::f64, blocked);
  EXPECT_EQ(back.dtype(), DType::f64);
  EXPECT_EQ(doubles(back), doubles(x));
}

TEST(Tensor, Reshaped) {
  const Tensor tensor = Tensor::of<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  const Tensor flat = tensor.reshaped({6});
  EXPECT_EQ(flat.shape(), Shape{6});
  EXPECT_EQ(flat.values<float>()[4], 5);
  EXPECT_THROW(tensor.reshaped({5}), ShapeError);
}

}  // namespace
}  // namespace sluice::test
