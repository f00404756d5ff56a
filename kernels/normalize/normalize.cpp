#include <sluice/kernels/normalize/normalize.h>

#include <algorithm>

#include <sluice/core/error.h>
#include <sluice/core/text.h>

namespace sluice {

std::string NormalizeOp::options() const {
  TextStream text;
  text << std::hexfloat << "scale=" << options_.scale << ",mean=";
  for (const double mean : options_.mean) text << mean << ';';
  text << ",std=";
  for (const double std : options_.std) text << std << ';';
  return text.str();
}

std::vector<ValueSpec> NormalizeOp::infer(std::span<const ValueSpec> inputs) const {
  const ValueSpec& x = inputs[0];
  if (!x.is_sample() || x.is_scalar() || (x.dtype != DType::u8 && x.dtype != DType::f32))
    throw_shape_error(*this, "x is no image", "x", inputs, "a sample value [N,C,...] of dtype u8 or f32");
  const auto fits = [&](const std::vector<double>& numbers) {
    return numbers.size() == 1 || static_cast<std::int64_t>(numbers.size()) == x.shape[0];
  };
  if (!fits(options_.mean) || !fits(options_.std))
    throw_shape_error(*this,
                      std::to_string(options_.mean.size()) + " means and " + std::to_string(options_.std.size()) +
                          " stds do not fit x",
                      "x", inputs, "one of each, or one per channel");
  return {{x.shape, DType::f32, Scope::sample}};
}

Var normalize(Var x, const NormalizeOptions& options) {
  if (std::ranges::count(options.std, 0.0) > 0) throw UsageError("normalize: a std is 0; expected std > 0");
  return x.graph().add1(std::make_shared<NormalizeOp>(options), {x});
}

}  // namespace sluice
