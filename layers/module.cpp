#include <sluice/layers/module.h>

namespace sluice {
namespace {

void visit_parameters(Module& module, const std::string& path,
                      const std::function<void(const std::string& path, Parameter& parameter)>& visit) {
  const auto join = [&](std::string_view name) { return path.empty() ? std::string(name) : path + "." + std::string(name); };
  module.parameters([&](std::string_view name, Parameter& parameter) {
    if (parameter) visit(join(name), parameter);
  });
  module.children([&](std::string_view name, Module& child) { visit_parameters(child, join(name), visit); });
}

}  // namespace

Var Module::operator()(Var x) {
  const LayerScope scope(x.graph(), name_);
  return forward(x);
}

void Module::set_training(bool training) {
  training_ = training;
  children([&](std::string_view, Module& child) { child.set_training(training); });
}

void Module::set_trainable(bool trainable) {
  for (Parameter& parameter : all_parameters(*this)) parameter.set_trainable(trainable);
}

void name_modules(Module& root) {
  root.children([](std::string_view name, Module& child) {
    child.name_ = name;
    name_modules(child);
  });
  visit_parameters(root, "", [](const std::string& path, Parameter& parameter) { parameter.data()->name = path; });
}

std::vector<Parameter> all_parameters(Module& root) {
  std::vector<Parameter> parameters;
  visit_parameters(root, "", [&](const std::string&, Parameter& parameter) { parameters.push_back(parameter); });
  return parameters;
}

void initialize(Module& root, std::uint64_t seed, bool only_new) {
  std::uint32_t stream = 0;
  for (const Parameter& parameter : all_parameters(root)) {
    ParameterData& data = *parameter.data();
    if (data.initializer && !(only_new && data.initialized)) {
      Tensor value(data.value.shape(), data.value.dtype());
      data.initializer(value, seed, stream);
      Parameter(parameter).write(value);
    }
    ++stream;
  }
}

}  // namespace sluice
