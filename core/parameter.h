#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <sluice/core/tensor.h>

namespace sluice {

/// How often something in this process was changed that decides what models compute: modes, rates, freezing, which
/// parameter a layer has. A Trainer looks for a changed model when the number is another one, and before every epoch
/// and evaluation.
std::uint64_t model_changes();
/// For whoever changes such a thing: a module in the setters of options of its own, for example.
void note_model_change();

/// Where a parameter's current value is while a Trainer holds it.
class ParameterHome {
 public:
  virtual ~ParameterHome() = default;
  /// The value in the logical layout.
  virtual Tensor read(const struct ParameterData& parameter) const = 0;
  virtual void write(const struct ParameterData& parameter, const Tensor& value) = 0;
};

/// A trainable tensor (or, with `trainable` false, a frozen one) of a model, or a buffer. Shared by the layer that made
/// it and the graphs that mention it; its identity is its address.
struct ParameterData {
  std::string name;   ///< path in the model, "features.0.weight"
  Tensor value = {};  ///< on the host; while `home` is set it is stale, or released
  bool trainable = true;
  bool buffer = false;  ///< state that no gradient reaches (running statistics); never trainable
  /// Fills `value` with its first values: the same for the same seed and stream (the parameter's number in its model).
  std::function<void(Tensor& value, std::uint64_t seed, std::uint32_t stream)> initializer = {};
  bool initialized = false;       ///< by initialize() or write()
  ParameterHome* home = nullptr;  ///< the slab it is bound to, if any
};

/// Handle to ParameterData; copies refer to the same parameter.
class Parameter {
 public:
  Parameter() = default;
  explicit Parameter(Tensor value, std::string name = {})
      : data_(std::make_shared<ParameterData>(ParameterData{.name = std::move(name), .value = std::move(value)})) {}

  /// A handle to a parameter that exists already.
  explicit Parameter(std::shared_ptr<ParameterData> data) : data_(std::move(data)) {}

  const std::shared_ptr<ParameterData>& data() const { return data_; }
  explicit operator bool() const { return data_ != nullptr; }
  const std::string& name() const { return data_->name; }
  const Shape& shape() const { return data_->value.shape(); }
  bool trainable() const { return data_->trainable; }
  /// A frozen parameter prunes its gradient, optimizer state and every backward node that only served it. A buffer
  /// stays what it is.
  void set_trainable(bool trainable) {
    data_->trainable = trainable && !data_->buffer;
    note_model_change();
  }
  bool is_buffer() const { return data_->buffer; }

  /// The current value, wherever it lives.
  Tensor read() const { return data_->home ? data_->home->read(*data_) : data_->value; }
  /// Sets the value, wherever it lives. Throws ShapeError when shape or dtype differ.
  void write(const Tensor& value);

 private:
  std::shared_ptr<ParameterData> data_;
};

}  // namespace sluice
