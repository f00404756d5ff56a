#include "models/catalog.h"

#include <vector>

#include "models/fashion_cnn.h"
#include "models/lenet.h"
#include "models/resnet.h"
#include "models/unet.h"
#include "models/vgg.h"

namespace sluice::samples {
namespace {

template <class Net>
std::unique_ptr<Module> make_small(const Shape& input, std::int64_t classes, BatchNormMode) {
  return std::make_unique<Net>(input, classes);
}

template <class Net>
std::unique_ptr<Module> make_resnet(const Shape& input, std::int64_t classes, BatchNormMode mode) {
  return std::make_unique<Net>(typename Net::Options{.channels = input[0], .classes = classes, .mode = mode});
}

template <bool batch_norm>
std::unique_ptr<Module> make_vgg(const Shape& input, std::int64_t classes, BatchNormMode mode) {
  return std::make_unique<Vgg16>(
      Vgg16::Options{.channels = input[0], .classes = classes, .batch_norm = batch_norm, .mode = mode});
}

std::unique_ptr<Module> make_unet(const Shape& input, std::int64_t classes, BatchNormMode mode) {
  return std::make_unique<UNet>(UNet::Options{.channels = input[0], .classes = classes, .batch_norm = mode});
}

/// Throws unless `net` makes of an image what the step wants: one logit for each class, at each pixel if asked.
void check_output(const CatalogModel& model, Module& net, const Shape& input, std::int64_t classes) {
  Graph graph;
  name_modules(net);
  const Shape expected = model.per_pixel ? Shape{classes, input[1], input[2]} : Shape{classes};
  const Shape output = net(graph.input("image", input)).shape();
  if (output != expected)
    throw ShapeError(model.name + ": the image does not become logits; got " + output.str(true) + " from " +
                     input.str(true) + "; expected " + expected.str(true));
}

DataSpec data_spec(const CatalogModel& model, const Shape& input, const ModelOptions& options) {
  FieldSpec image{.name = "image", .shape = input, .dtype = options.image};
  if (options.image == DType::u8) {
    image.mean.assign(static_cast<std::size_t>(input[0]), 0.5f);
    image.std.assign(static_cast<std::size_t>(input[0]), 0.25f);
  }
  const FieldSpec label{
      .name = "label", .shape = model.per_pixel ? input.without_leading() : Shape(), .dtype = DType::i32};
  return {.name = "made-up", .samples = options.samples, .fields = {image, label}};
}

void check(const CatalogModel& model, const Shape& input, std::int64_t classes, const ModelOptions& options) {
  if (input.rank() != 3)
    throw UsageError(model.name + ": input is no image; got " + input.str() + "; expected [C,H,W], as " +
                     model.input.str());
  if (classes < 1)
    throw UsageError(model.name + ": classes out of range; got " + std::to_string(classes) + "; expected at least 1");
  if (options.samples < 1)
    throw UsageError(model.name + ": samples out of range; got " + std::to_string(options.samples) +
                     "; expected at least 1");
  if (options.image != DType::u8 && options.image != DType::f32)
    throw UsageError(model.name + ": images of another dtype; got " + std::string(name(options.image)) +
                     "; expected u8 or f32");
}

}  // namespace

std::span<const CatalogModel> catalog() {
  static const std::vector<CatalogModel> models = {
      {.name = "lenet", .about = "LeNet-5", .input = {1, 28, 28}, .classes = 10, .make = make_small<LeNet>},
      {.name = "fashion_cnn",
       .about = "two convolutions and two linear layers",
       .input = {1, 28, 28},
       .classes = 10,
       .make = make_small<FashionCnn>},
      {.name = "resnet18_cifar",
       .about = "ResNet-18 with a stem for small images",
       .input = {3, 32, 32},
       .classes = 10,
       .batch_norm = true,
       .make = make_resnet<ResNet18Cifar>},
      {.name = "resnet18",
       .about = "ResNet-18",
       .input = {3, 224, 224},
       .classes = 1000,
       .batch_norm = true,
       .make = make_resnet<ResNet18>},
      {.name = "resnet50",
       .about = "ResNet-50",
       .input = {3, 224, 224},
       .classes = 1000,
       .batch_norm = true,
       .make = make_resnet<ResNet50>},
      {.name = "vgg16", .about = "VGG-16", .input = {3, 224, 224}, .classes = 1000, .make = make_vgg<false>},
      {.name = "vgg16_bn",
       .about = "VGG-16 with batch normalisation",
       .input = {3, 224, 224},
       .classes = 1000,
       .batch_norm = true,
       .make = make_vgg<true>},
      {.name = "unet",
       .about = "U-Net with batch normalisation: a class for every pixel",
       .input = {3, 256, 256},
       .classes = 2,
       .per_pixel = true,
       .batch_norm = true,
       .make = make_unet},
  };
  return models;
}

const CatalogModel& find_model(std::string_view name) {
  std::string names;
  for (const CatalogModel& model : catalog()) {
    if (model.name == name) return model;
    names += (names.empty() ? "" : ", ") + model.name;
  }
  throw UsageError("model: unknown name; got '" + std::string(name) + "'; expected one of " + names);
}

ModelSetup set_up_model(std::string_view name, const ModelOptions& options) {
  const CatalogModel& model = find_model(name);
  const Shape input = options.input.value_or(model.input);
  const std::int64_t classes = options.classes.value_or(model.classes);
  check(model, input, classes, options);
  ModelSetup setup{.net = model.make(input, classes, options.batch_norm), .step = {}, .data = {}};
  check_output(model, *setup.net, input, classes);
  setup.step = classify(*setup.net);
  setup.data = data_spec(model, input, options);
  return setup;
}

StepFunction classify(Module& net) {
  return [&net](const Batch& batch) {
    const Var logits = net(batch["image"]);
    batch.output("accuracy", accuracy(logits, batch["label"]));
    return cross_entropy(logits, batch["label"]);
  };
}

}  // namespace sluice::samples
