#include <sluice/layers/module.h>

#include <cstdlib>
#include <memory>
#include <set>
#include <typeinfo>

#include <cxxabi.h>

#include <sluice/core/error.h>

namespace sluice {
namespace {

using PathVisitor = std::function<void(const std::string& path, Parameter& parameter)>;

void visit_all(Module& module, const std::string& path, std::set<const ParameterData*>& seen,
               const PathVisitor& visit) {
  const auto join = [&](std::string_view name) {
    return path.empty() ? std::string(name) : path + "." + std::string(name);
  };
  module.parameters([&](std::string_view name, Parameter& parameter) {
    if (parameter && seen.insert(parameter.data().get()).second) visit(join(name), parameter);
  });
  module.children([&](std::string_view name, Module& child) { visit_all(child, join(name), seen, visit); });
}

/// Each parameter once, with its path.
void visit_parameters(Module& root, const PathVisitor& visit) {
  std::set<const ParameterData*> seen;
  visit_all(root, "", seen, visit);
}

}  // namespace

Var Module::operator()(Var x) {
  Graph& graph = x.graph();
  const LayerScope scope(graph, name_);
  try {
    return forward(x);
  } catch (const ShapeError& error) {
    const std::string text = error.what();
    const bool innermost = text.find(" (in layer ") == std::string::npos;
    if (!innermost || graph.layer().empty()) throw;
    throw ShapeError(text + " (in layer " + graph.layer() + ": " + str() + ")");
  }
}

std::string Module::str() const {
  const char* const mangled = typeid(*this).name();
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> demangled(abi::__cxa_demangle(mangled, nullptr, nullptr, &status),
                                                              &std::free);
  const std::string name = status == 0 ? demangled.get() : mangled;
  const std::size_t scope = name.find('<') == std::string::npos ? name.rfind("::") : std::string::npos;
  return scope == std::string::npos ? name : name.substr(scope + 2);
}

void Module::set_training(bool training) {
  training_ = training;
  note_model_change();
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
  visit_parameters(root, [](const std::string& path, Parameter& parameter) { parameter.data()->name = path; });
}

std::vector<Parameter> all_parameters(Module& root) {
  std::vector<Parameter> parameters;
  visit_parameters(root, [&](const std::string&, Parameter& parameter) { parameters.push_back(parameter); });
  return parameters;
}

void initialize(Module& root, std::uint64_t seed, bool only_new) {
  std::uint32_t stream = 0;
  for (Parameter& parameter : all_parameters(root)) {
    ParameterData& data = *parameter.data();
    if (!(only_new && data.initialized) && data.initializer) {
      Tensor value(parameter.shape(), data.value.dtype());
      data.initializer(value, seed, stream);
      parameter.write(value);
    }
    data.initialized = true;
    ++stream;
  }
}

}  // namespace sluice
