// What optimizers make of their options, through the public classes and one device kernel: on the reference device to
// 1e-12 of the rule in long double, elsewhere with an error like that of PyTorch in fp32, or a smaller one.

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include <sluice/core/kernel.h>
#include <sluice/core/parameter.h>
#include <sluice/kernels/reference/reference_backend.h>
#include <sluice/optim/adam.h>
#include <sluice/optim/schedule.h>
#include <sluice/optim/sgd.h>

#include "support/device_under_test.h"

namespace sluice::test {
namespace {

struct Options {
  double lr = 0, momentum = 0, weight_decay = 0;
  bool nesterov = false;
  double beta1 = 0.9, beta2 = 0.999, eps = 1e-8;
  double schedule = 1;  ///< factor at the milestones 3 and 500
};

struct Error {
  double rms, max;
};

struct Case {
  const char* name;  ///< begins with the optimizer's
  Options options;
  Error pytorch[4];
};

#include "pytorch_optimizer_errors.h"

constexpr std::int64_t elements = 256;
/// How far two equally good sequences of roundings are apart, for this many elements.
constexpr double chance = 1.5;
/// The stand-in for CUDA has no fused multiply-adds: it rounds twice where PyTorch rounds once.
constexpr double without_fma = 2.5;
using Reals = std::vector<long double>;

bool is(const Case& c, const std::string& optimizer) { return std::string(c.name).rfind(optimizer + "_", 0) == 0; }

/// As numbers() of the script: in [-1,1), exact in f32.
std::vector<double> numbers(std::uint64_t first) {
  std::vector<double> made(elements);
  for (std::size_t i = 0; i < made.size(); ++i) {
    const std::uint64_t word = (first + i + 1) * 2654435761u % (std::uint64_t{1} << 32);
    made[i] = static_cast<double>(word >> 8) / 8388608.0 - 1;
  }
  return made;
}
std::vector<double> gradient(int step) { return numbers(static_cast<std::uint64_t>(step + 1) * elements); }

/// The published rules, element by element.
class Truth {
 public:
  explicit Truth(const Case& c) : case_(c), m_(elements), v_(elements) {
    const std::vector<double> start = numbers(0);
    p.assign(start.begin(), start.end());
  }

  void step(int step) {
    const std::vector<double> g = gradient(step);
    const Options& o = case_.options;
    const long double lr = static_cast<long double>(o.lr) * (step < 3 ? 1.0L : step < 500 ? o.schedule : squared());
    bias1_ = o.beta1 * bias1_ + (1.0L - o.beta1);  // 1 − beta1^t
    bias2_ = o.beta2 * bias2_ + (1.0L - o.beta2);
    for (std::size_t i = 0; i < p.size(); ++i)
      is(case_, "sgd") ? sgd(p[i], g[i], m_[i], lr) : adam(p[i], g[i], m_[i], v_[i], lr);
  }

  Reals p;

 private:
  long double squared() const { return static_cast<long double>(case_.options.schedule) * case_.options.schedule; }

  void sgd(long double& w, long double g, long double& velocity, long double lr) const {
    const Options& o = case_.options;
    g += o.weight_decay * w;
    velocity = o.momentum * velocity + g;
    w -= lr * (o.nesterov ? g + o.momentum * velocity : velocity);
  }

  void adam(long double& w, long double g, long double& first, long double& second, long double lr) const {
    const Options& o = case_.options;
    if (is(case_, "adamw"))
      w -= lr * o.weight_decay * w;
    else
      g += o.weight_decay * w;
    first = o.beta1 * first + (1.0L - o.beta1) * g;
    second = o.beta2 * second + (1.0L - o.beta2) * g * g;
    w -= lr * (first / bias1_) / (std::sqrt(second / bias2_) + o.eps);
  }

  const Case& case_;
  Reals m_, v_;
  long double bias1_ = 0, bias2_ = 0;
};

std::unique_ptr<Optimizer> make_optimizer(const Case& c) {
  const Options& o = c.options;
  const Schedule schedule = o.schedule == 1 ? Schedule() : schedule::milestones({.at = {3, 500}, .factor = o.schedule});
  if (is(c, "sgd"))
    return std::make_unique<Sgd>(SgdOptions{.lr = o.lr,
                                            .momentum = o.momentum,
                                            .weight_decay = o.weight_decay,
                                            .nesterov = o.nesterov,
                                            .schedule = schedule});
  return std::make_unique<Adam>(AdamOptions{.lr = o.lr,
                                            .beta1 = o.beta1,
                                            .beta2 = o.beta2,
                                            .eps = o.eps,
                                            .weight_decay = o.weight_decay,
                                            .decoupled = is(c, "adamw"),
                                            .schedule = schedule});
}

/// The optimizer's node on a device, with memory for its inputs.
class Update {
 public:
  Update(const Case& c, Device device, bool clear)
      : backend_(device.backend()),
        real_(backend_.stored(DType::f32)),
        optimizer_(make_optimizer(c)) {
    const Parameter p(Tensor({elements}), "p"), g(Tensor({elements}), "g");
    const Trained trained{p, graph_.parameter(p), graph_.parameter(g), clear};
    optimizer_->update(graph_, std::span(&trained, 1));
    const Node& node = graph_.node(graph_.nodes() - 1);
    std::vector<LoweredValue> inputs;
    for (const ValueId id : node.inputs) {
      inputs.push_back({graph_.value(id).spec.shape, real_, Scope::batch, {}, false});
      names_.push_back(graph_.value(id).leaf.name);
      memory_.push_back(backend_.allocate(inputs.back().bytes()));
      backend_.fill(memory_.back().data(), 0, inputs.back().bytes());
    }
    LoweringContext context(*node.op, backend_, inputs, {}, 0);
    kernel_ = (*backend_.kernel(node.op->type()))(context);
    Addresses addresses;
    for (const Buffer& buffer : memory_) addresses.inputs.push_back(buffer.data());
    kernel_->bind(addresses);
    write(0, numbers(0));
  }

  void step(int step) {
    write(1, gradient(step));
    for (const auto& [name, number] : optimizer_->scalars(step))
      write(static_cast<std::size_t>(std::find(names_.begin(), names_.end(), name) - names_.begin()), {number});
    kernel_->run({});
    backend_.synchronize();
  }

  /// Input `i`: 0 the parameter, 1 the gradient.
  std::vector<double> read(std::size_t i) const {
    Tensor stored({elements}, real_);
    backend_.copy_out(stored.data(), memory_[i].data(), stored.bytes());
    const Tensor values = stored.to(DType::f64);
    const auto span = values.values<double>();
    return {span.begin(), span.end()};
  }

 private:
  void write(std::size_t i, const std::vector<double>& values) {
    const Tensor stored = Tensor::of<double>({static_cast<std::int64_t>(values.size())}, values).to(real_);
    backend_.copy_in(memory_.at(i).data(), stored.data(), stored.bytes());
  }

  Backend& backend_;
  DType real_;
  std::unique_ptr<Optimizer> optimizer_;
  Graph graph_;
  std::vector<std::string> names_;
  std::vector<Buffer> memory_;
  std::unique_ptr<Kernel> kernel_;
};

Error error_of(const std::vector<double>& got, const Reals& right) {
  long double squares = 0, scale = 0, max = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const long double error = std::abs(got[i] - right[i]);
    squares += error * error;
    scale += right[i] * right[i];
    max = std::isnan(error) ? error : std::max(max, error);
  }
  return {static_cast<double>(std::sqrt(squares / scale)),
          static_cast<double>(max / std::sqrt(scale / static_cast<long double>(got.size())))};
}

class OptimizerAccuracy : public testing::TestWithParam<Device> {};

TEST_P(OptimizerAccuracy, IsNoWorseThanPyTorchForEveryOption) {
  register_reference_device();
  const bool reference = GetParam() == Device::reference();
  const double limit = GetParam().kind() == Device::Kind::cuda ? without_fma : chance;
  for (const Case& c : cases) {
    Truth truth(c);
    Update update(c, GetParam(), /*clear=*/false), clearing(c, GetParam(), /*clear=*/true);
    std::size_t checked = 0;
    for (int step = 0; checked < std::size(steps); ++step) {
      truth.step(step);
      update.step(step);
      clearing.step(step);
      if (step + 1 != steps[checked]) continue;
      const Error got = error_of(update.read(0), truth.p), pytorch = c.pytorch[checked++];
      const double rms = reference ? 1e-12 : limit * pytorch.rms, max = reference ? 1e-12 : limit * pytorch.max;
      EXPECT_LE(got.rms, rms) << c.name << ", t = " << step + 1;
      EXPECT_LE(got.max, max) << c.name << ", t = " << step + 1;
      EXPECT_EQ(clearing.read(0), update.read(0)) << c.name;
      EXPECT_EQ(clearing.read(1), std::vector<double>(elements)) << c.name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, OptimizerAccuracy, testing::Values(device_under_test(), Device::reference()),
                         [](const auto& info) { return info.param.str(); });

// The first step of Adam is lr long whatever the gradient and the betas, within f32.
TEST(AdamFirstStep, IsAsLongAsTheLearningRate) {
  for (const double beta1 : {0.0, 0.5, 0.9, 0.999999, 0.99999999})
    for (const double beta2 : {0.0, 0.5, 0.999, 0.999999, 0.99999999, 1 - 0x1p-53}) {
      const Case c{"adam_first", {.lr = 1, .beta1 = beta1, .beta2 = beta2}, {}};
      Update update(c, device_under_test(), false);
      update.step(0);
      const std::vector<double> p = update.read(0), start = numbers(0), g = gradient(0);
      for (std::size_t i = 0; i < p.size(); ++i)
        EXPECT_NEAR(p[i], start[i] - g[i] / (std::abs(g[i]) + 1e-8), 5e-7) << beta1 << ", " << beta2;
    }
}

}  // namespace
}  // namespace sluice::test
