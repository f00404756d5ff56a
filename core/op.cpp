#include <sluice/core/op.h>

#include <sluice/core/error.h>

namespace sluice {

std::string ValueSpec::str() const {
  return std::string(name(dtype)) + (by_product ? shape.str() + " by-product" : shape.str(is_sample()));
}

std::string IntegerRange::str() const {
  return std::to_string(first) + " to " + std::to_string(last) +
         (also ? ", or " + std::to_string(*also) + " (ignored)" : "") + (because.empty() ? "" : ": " + because);
}

void Op::gradient(GradientContext&) const {
  throw ShapeError(std::string(type()) + ": is not differentiable; expected a loss that does not depend on it");
}

double Op::flops(std::span<const ValueSpec>, std::span<const ValueSpec> outputs) const {
  return outputs.empty() ? 0.0 : static_cast<double>(outputs[0].shape.elements());
}

void throw_shape_error(const Op& op, const std::string& what, std::string_view names, std::span<const ValueSpec> inputs,
                       const std::string& rule) {
  std::string text = std::string(op.type()) + ": " + what + "; got ";
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::size_t comma = names.find(',');
    const std::string_view label = names.substr(0, comma);
    names = comma == std::string_view::npos ? std::string_view() : names.substr(comma + 1);
    text +=
        (i ? ", " : "") + (label.empty() ? "input " + std::to_string(i) : std::string(label)) + "=" + inputs[i].str();
  }
  throw ShapeError(text + "; expected " + rule);
}

}  // namespace sluice
