#include <sluice/core/bits.h>

#include <vector>

#include <gtest/gtest.h>

#include <sluice/core/error.h>
#include <sluice/core/evaluate.h>
#include <sluice/core/structural.h>
#include <sluice/core/transfer.h>
#include <sluice/kernels/reference/reference_backend.h>
#include <sluice/kernels/relu/relu.h>

#include "support/relu_mask.h"

namespace sluice::test {
namespace {

TEST(Bits, FillWordsOf32) {
  const std::vector<std::pair<std::int64_t, std::size_t>> bytes{{1, 4}, {31, 4}, {32, 4}, {33, 8}, {64, 8}};
  for (const auto& [elements, expected] : bytes) {
    EXPECT_EQ(bytes_of(DType::bit, elements), expected);
    EXPECT_EQ(static_cast<std::size_t>(bit_words(elements)) * 4, expected);
    EXPECT_EQ(Layout().bytes({elements}, DType::bit), expected);
  }
  EXPECT_EQ(bytes_of(DType::f64, 33), 264u);
  // Three channels take sixteen places in blocks of sixteen.
  EXPECT_EQ(Layout::channel_blocked(16).bytes({1, 3, 1, 2}, DType::bit), 4u);
  EXPECT_EQ(Layout::channel_blocked(16).bytes({1, 3, 1, 3}, DType::bit), 8u);
}

TEST(Bits, LowestFirst) {
  std::uint32_t words[2] = {0, 0xFFFFFFFFu};
  set_bit(words, 0, true);
  set_bit(words, 31, true);
  set_bit(words, 33, false);
  EXPECT_EQ(words[0], 0x80000001u);
  EXPECT_EQ(words[1], 0xFFFFFFFDu);
  EXPECT_TRUE(get_bit(words, 31));
  EXPECT_FALSE(get_bit(words, 30));
  EXPECT_FALSE(get_bit(words, 33));
  EXPECT_TRUE(get_bit(words, 34));
}

TEST(Bits, LieAsTheirLayoutSays) {
  register_reference_device();
  Backend& backend = Device::reference().backend();
  const Tensor channels = Tensor::of<std::uint8_t>({1, 3, 1, 3}, {1, 0, 1, /**/ 0, 1, 1, /**/ 0, 0, 1});
  const Layout blocked = Layout::channel_blocked(16);
  std::uint32_t words[2] = {0xFFFFFFFFu, 0xFFFFFFFFu};
  write_logical(backend, words, DType::bit, blocked, channels);
  EXPECT_EQ(words[0], 0x00020001u);  // position 0: channel 0; position 1: channel 1
  EXPECT_EQ(words[1], 0x00000007u);  // position 2: all three; no element is behind it
  const Tensor back = read_logical(backend, words, channels.shape(), DType::bit, blocked);
  ASSERT_EQ(back.dtype(), DType::u8);
  for (std::size_t i = 0; i < 9; ++i)
    EXPECT_EQ(back.values<std::uint8_t>()[i], channels.values<std::uint8_t>()[i]) << i;
}

TEST(Bits, AreMadeByOpsOnly) {
  Graph graph;
  EXPECT_THROW(graph.input("m", {3}, DType::bit), ShapeError);
  EXPECT_THROW(graph.scalar("s", DType::bit), ShapeError);
  EXPECT_THROW(graph.constant(1, {}, DType::bit), ShapeError);
  EXPECT_THROW(Tensor({3}, DType::bit), ShapeError);
  EXPECT_THROW(Tensor({3}).to(DType::bit), ShapeError);
  EXPECT_THROW(size_bytes(DType::bit), ShapeError);
}

TEST(Bits, AreReadOnlyByKernelsThatKnow) {
  register_reference_device();
  Graph graph;
  const Var mask = mask_of(relu(graph.input("x", {3})));
  const Tensor x = Tensor::of<float>({1, 3}, {-1, 1, 2});
  for (const Device device : {Device::cpu(), Device::reference()}) {
    const Tensor value = evaluate(mask, {{"x", x}}, {.device = device});
    ASSERT_EQ(value.dtype(), DType::u8);
    EXPECT_EQ(value.values<std::uint8_t>()[0], 0);
    EXPECT_EQ(value.values<std::uint8_t>()[2], 1);
    EXPECT_THROW(evaluate(add(mask, mask), {{"x", x}}, {.device = device}), BackendError);
  }
}

}  // namespace
}  // namespace sluice::test
