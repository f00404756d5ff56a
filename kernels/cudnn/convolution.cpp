#include <sluice/kernels/cudnn/convolution.h>

#include <sluice/core/shape.h>

namespace sluice::cudnn {
namespace {

const char* name(Direction direction) {
  switch (direction) {
    case Direction::forward: return "forward";
    case Direction::backward_data: return "backward data";
    case Direction::backward_filter: break;
  }
  return "backward filter";
}

std::string shape(std::int64_t a, std::int64_t b, Size2d size) { return Shape{a, b, size.h, size.w}.str(); }

}  // namespace

std::string Convolution::str() const {
  return std::string(name(direction)) + " x=" + shape(n, c, in) + " w=" + shape(k, c / groups, kernel) +
         " y=" + shape(n, k, out) + " stride=" + stride.str() + " padding=" + padding.str() +
         " dilation=" + dilation.str() + " groups=" + std::to_string(groups) + (bias ? " bias" : "") +
         (relu ? " relu" : "");
}

}  // namespace sluice::cudnn
