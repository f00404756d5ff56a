#include <sluice/core/parameter.h>

#include <atomic>

namespace sluice {
namespace {
std::atomic<std::uint64_t> changes = 0;
}

std::uint64_t model_changes() { return changes; }
void note_model_change() { ++changes; }

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
