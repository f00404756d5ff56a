#pragma once

#include <memory>
#include <string>
#include <vector>

#include <sluice/sluice.h>

#include "models/catalog.h"
#include "models/fashion_cnn.h"
#include "models/resnet.h"
#include "support/tensors.h"

namespace sluice::test {

/// A net of samples/models that is trained on random bytes, small enough for the reference device.
struct SmallModel {
  std::string name;
  Shape image;
  std::unique_ptr<Module> (*make)(BatchNormMode mode);
  /// Largest relative error of a parameter's gradient in fp32, and with contractions in tf32: rounding, over the depth
  /// of the net and its normalisations.
  double fp32_tolerance, tf32_tolerance;
};

inline constexpr std::int64_t small_model_classes = 10;

/// The Fashion CNN as it is, with dropout; ResNet-18 for small images with few channels.
inline const std::vector<SmallModel>& small_models() {
  static const std::vector<SmallModel> models = {
      {"fashion_cnn",
       {1, 28, 28},
       [](BatchNormMode) -> std::unique_ptr<Module> { return std::make_unique<samples::FashionCnn>(); },
       2e-5,
       2e-2},
      {"resnet18_cifar/8",
       {3, 32, 32},
       [](BatchNormMode mode) -> std::unique_ptr<Module> {
         return std::make_unique<samples::ResNet18Cifar>(samples::ResNet18Cifar::Options{.mode = mode, .width = 8});
       },
       1e-4,
       1e-1},
  };
  return models;
}

/// Images as bytes, which are normalised on the device, and labels.
inline TensorDataset random_images(const SmallModel& model, std::int64_t samples) {
  const std::vector<double> mean(static_cast<std::size_t>(model.image[0]), 0.5), std(mean.size(), 0.25);
  return TensorDataset("random",
                       {{"image", random_tensor(model.image.with_leading(samples), DType::u8, 0, 255, 1), mean, std},
                        {"label", random_tensor({samples}, DType::i32, 0, small_model_classes - 1, 2)}});
}

}  // namespace sluice::test
