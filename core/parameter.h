#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <sluice/core/tensor.h>

namespace sluice {

/// Returns the number of calls of note_model_change() in this process. A Trainer checks whether its model has changed
/// when this number has, and before every epoch and evaluation.
std::uint64_t model_changes();
/// Must be called by code that changes what a model computes: its mode, a rate, freezing, or which parameter a layer
/// has. A module calls it in the setters of its own options.
void note_model_change();

/// Reads and writes parameters while their values are in the slab of a Trainer or Predictor.
class ParameterHome {
 public:
  virtual ~ParameterHome() = default;
  /// The value in the logical layout.
  virtual Tensor read(const struct ParameterData& parameter) const = 0;
  virtual void write(const struct ParameterData& parameter, const Tensor& value) = 0;
};

/// A tensor of a model: a trainable or frozen parameter, or a buffer. The layer that made it and the graphs that use it
/// share it. Its identity is its address.
struct ParameterData {
  std::string name;   ///< path in the model, "features.0.weight"
  Tensor value = {};  ///< the value on the host; stale or released while `home` is set
  bool trainable = true;
  bool buffer = false;  ///< state that no gradient reaches (running statistics); never trainable
  /// Fills `value` with its first values. They depend only on shape, seed and stream (the parameter's number in its
  /// model).
  std::function<void(Tensor& value, std::uint64_t seed, std::uint32_t stream)> initializer = {};
  bool initialized = false;       ///< by initialize() or write()
  ParameterHome* home = nullptr;  ///< holds the current value; null: `value` is current
};

/// Handle to ParameterData; copies refer to the same parameter.
class Parameter {
 public:
  Parameter() = default;
  explicit Parameter(Tensor value, std::string name = {})
      : data_(std::make_shared<ParameterData>(ParameterData{.name = std::move(name), .value = std::move(value)})) {}

  /// A handle to an existing parameter.
  explicit Parameter(std::shared_ptr<ParameterData> data) : data_(std::move(data)) {}

  const std::shared_ptr<ParameterData>& data() const { return data_; }
  explicit operator bool() const { return data_ != nullptr; }
  const std::string& name() const { return data_->name; }
  const Shape& shape() const { return data_->value.shape(); }
  bool trainable() const { return data_->trainable; }
  /// Freezes or unfreezes the parameter. A frozen parameter has no gradient and no optimizer state, and backward nodes
  /// that only serve it are not planned. A buffer never becomes trainable.
  void set_trainable(bool trainable) {
    data_->trainable = trainable && !data_->buffer;
    note_model_change();
  }
  bool is_buffer() const { return data_->buffer; }

  /// Returns the current value, from the host or the slab.
  Tensor read() const { return data_->home ? data_->home->read(*data_) : data_->value; }
  /// Sets the current value. Throws ShapeError if shape or dtype differ.
  void write(const Tensor& value);

 private:
  std::shared_ptr<ParameterData> data_;
};

}  // namespace sluice
