#include <sluice/kernels/conv2d/conv2d_options.h>

namespace sluice {

std::string Conv2dOptions::str() const {
  return "stride=" + stride.str() + " padding=" + padding.str() + " dilation=" + dilation.str() +
         " groups=" + std::to_string(groups);
}

}  // namespace sluice
