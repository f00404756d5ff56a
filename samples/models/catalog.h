#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <sluice/sluice.h>

namespace sluice::samples {

/// Options of a model in the catalog; an empty one means the default of the model.
struct ModelOptions {
  std::optional<Shape> input = {};           ///< image of a sample: [C,H,W]
  std::optional<std::int64_t> classes = {};  ///< at least 1
  /// Of batch normalisation. Models without it have nothing that depends on the split in either mode.
  BatchNormMode batch_norm = BatchNormMode::local;
  std::int64_t samples = 50000;  ///< of the data set: decides the steps of an epoch, and its tail
  DType image = DType::u8;       ///< u8, normalised on the device, or f32
};

/// A model that a tool can look up by name.
struct CatalogModel {
  std::string name;
  std::string about;         ///< one line for people
  Shape input;               ///< [C,H,W] unless the options say otherwise
  std::int64_t classes = 0;  ///< likewise
  bool per_pixel = false;    ///< a label for every pixel instead of one for the image
  bool batch_norm = false;   ///< the mode matters
  std::unique_ptr<Module> (*make)(const Shape& input, std::int64_t classes, BatchNormMode mode) = nullptr;
};

/// All models: lenet, fashion_cnn, resnet18_cifar, resnet18, resnet50, vgg16, vgg16_bn, unet.
std::span<const CatalogModel> catalog();

/// The model called `name`. Throws UsageError naming all of them.
const CatalogModel& find_model(std::string_view name);

/// Everything a Trainer wants but the optimizer; no data. Keep it while the Trainer lives: `step` uses `net`.
struct ModelSetup {
  std::unique_ptr<Module> net;
  /// Cross entropy over "label", for every image or every pixel; reports "accuracy".
  StepFunction step;
  DataSpec data;  ///< "image" [C,H,W] and "label", i32 [] or [H,W]
};

/// The model called `name` with its step and the data it takes:
///
///   ModelSetup setup = set_up_model("resnet50", {.input = Shape{3, 160, 160}});
///   Trainer trainer(*setup.net, optimizer, setup.step, setup.data, {.batch = 256, .budget = 2_GiB});
///
/// Throws UsageError for an unknown name or options out of range, ShapeError for an input that the model does not take.
ModelSetup set_up_model(std::string_view name, const ModelOptions& options = {});

/// A step that classifies images, or pixels, as `net` sees them; `net` must outlive it.
StepFunction classify(Module& net);

}  // namespace sluice::samples
