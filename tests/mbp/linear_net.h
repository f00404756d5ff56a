#pragma once

#include <map>
#include <string>

#include <sluice/kernels/linear/linear.h>

#include "small_net.h"

namespace sluice::test {

/// Logits of four classes from six features: the same in training and in evaluation.
class LinearNet final : public Module {
 public:
  static constexpr std::int64_t features = 6, classes = 4;

  Var forward(Var x) override { return linear(x, x.graph().parameter(weight), x.graph().parameter(bias)); }
  void parameters(const ParameterVisitor& visit) override {
    visit("weight", weight);
    visit("bias", bias);
  }

  Parameter weight{random_tensor({classes, features}, DType::f32, -1, 1, 1)};
  Parameter bias{random_tensor({classes}, DType::f32, -1, 1, 2)};
};

/// `n` samples for it: "x", "label" (every third ignored, and the first three), "second" (every fourth ignored),
/// "weight" (0 to 2).
inline TensorDataset linear_data(std::int64_t n, std::uint64_t seed = 3) {
  Tensor label = random_tensor({n}, DType::i32, 0, LinearNet::classes - 1, seed + 1);
  Tensor second = random_tensor({n}, DType::i32, 0, LinearNet::classes - 1, seed + 2);
  for (std::int64_t i = 0; i < n; ++i) {
    if (i < 3 || i % 3 == 0) label.values<std::int32_t>()[static_cast<std::size_t>(i)] = -100;
    if (i % 4 == 0) second.values<std::int32_t>()[static_cast<std::size_t>(i)] = -100;
  }
  return TensorDataset("linear", {{"x", random_tensor({n, LinearNet::features}, DType::f32, -1, 1, seed)},
                                  {"label", label},
                                  {"second", second},
                                  {"weight", random_tensor({n}, DType::f32, 0, 2, seed + 3)}});
}

/// The text of the E that `call` throws; empty when it throws none.
template <class E, class Call>
std::string message_of(Call&& call) {
  try {
    call();
  } catch (const E& error) {
    return error.what();
  }
  return "";
}

/// Every part is in the text.
inline void expect_parts_of(const std::string& text, std::initializer_list<std::string> parts) {
  for (const std::string& part : parts)
    EXPECT_NE(text.find(part), std::string::npos) << "'" << part << "' in: " << text;
}

}  // namespace sluice::test
