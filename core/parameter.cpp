#include <sluice/core/parameter.h>

namespace sluice {

void Parameter::write(const Tensor& value) {
  if (value.shape() != shape() || value.dtype() != data_->value.dtype())
    throw ShapeError((name().empty() ? "parameter" : "parameter " + name()) + ": new value has the wrong shape; got " +
                     std::string(sluice::name(value.dtype())) + value.shape().str() + "; expected " +
                     std::string(sluice::name(data_->value.dtype())) + shape().str());
  data_->initialized = true;
  if (data_->home)
    data_->home->write(*data_, value);
  else
    data_->value = value;
}

}  // namespace sluice
