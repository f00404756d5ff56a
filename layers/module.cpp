#include <sluice/layers/module.h>

#include <cstdlib>
#include <memory>
#include <set>
#include <typeinfo>

#include <cxxabi.h>

#include <sluice/core/error.h>
#include <sluice/layers/init.h>

namespace sluice {
namespace {

using PathVisitor = std::function<void(const std::string& path, Parameter& parameter)>;

/// What a walk over a tree has visited.
struct Visited {
  std::set<const ParameterData*> parameters;
  std::set<std::string> parameter_paths, module_paths;
};

/// Adds a name to those of the children or parameters (`what`) of `module`, which is at `path`. Throws if it is there.
void add_name(std::set<std::string>& names, std::string_view name, const std::string& what, const ModuleBase& module,
              const std::string& path) {
  if (!names.emplace(name).second)
    throw UsageError("model: two " + what + " of " + (path.empty() ? "the model" : "layer " + path) + " (" +
                     module.str() + ") are called '" + std::string(name) + "'; expected different names");
}

void add_path(std::set<std::string>& paths, const std::string& path, const std::string& what) {
  if (!paths.insert(path).second)
    throw UsageError("model: two " + what + " have the path '" + path + "'; expected different names");
}

void visit_all(ModuleBase& module, const std::string& path, Visited& visited, const PathVisitor& visit) {
  const auto join = [&](std::string_view name) {
    return path.empty() ? std::string(name) : path + "." + std::string(name);
  };
  std::set<std::string> parameters, children;
  module.parameters([&](std::string_view name, Parameter& parameter) {
    if (!parameter) return;
    add_name(parameters, name, "parameters", module, path);
    if (!visited.parameters.insert(parameter.data().get()).second) return;
    add_path(visited.parameter_paths, join(name), "parameters");
    visit(join(name), parameter);
  });
  module.children([&](std::string_view name, ModuleBase& child) {
    add_name(children, name, "children", module, path);
    add_path(visited.module_paths, join(name), "layers");
    visit_all(child, join(name), visited, visit);
  });
}

/// Each parameter once, with its path. Throws UsageError for two of one path.
void visit_parameters(ModuleBase& root, const PathVisitor& visit) {
  Visited visited;
  visit_all(root, "", visited, visit);
}

/// A walk from a subtree knows only the end of a path: it leaves a longer one as it is.
void name_parameters(ModuleBase& root) {
  visit_parameters(root, [](const std::string& path, Parameter& parameter) {
    std::string& name = parameter.data()->name;
    if (!name.ends_with("." + path)) name = path;
  });
}

}  // namespace

void ModuleBase::name_tree_of_root(const Graph& graph) {
  if (!graph.layer().empty() || !name_.empty()) return;
  name_children(*this);
  name_parameters(*this);
}

void ModuleBase::rethrow_in_layer(const ShapeError& error, const Graph& graph) const {
  const std::string text = error.what();
  const bool innermost = text.find(" (in layer ") == std::string::npos;
  if (!innermost || graph.layer().empty()) throw;
  throw ShapeError(text + " (in layer " + graph.layer() + ": " + str() + ")");
}

ModuleBase& ModuleBase::operator=(ModuleBase&& other) noexcept {
  name_ = std::move(other.name_);
  training_ = other.training_;
  statistics_frozen_ = other.statistics_frozen_;
  life_token_ = std::move(other.life_token_);
  note_model_change();
  return *this;
}

std::string ModuleBase::str() const {
  const char* const mangled = typeid(*this).name();
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> demangled(abi::__cxa_demangle(mangled, nullptr, nullptr, &status),
                                                              &std::free);
  const std::string name = status == 0 ? demangled.get() : mangled;
  const std::size_t scope = name.find('<') == std::string::npos ? name.rfind("::") : std::string::npos;
  return scope == std::string::npos ? name : name.substr(scope + 2);
}

void ModuleBase::set_training(bool training) {
  training_ = training;
  note_model_change();
  children([&](std::string_view, ModuleBase& child) { child.set_training(training); });
}

void ModuleBase::set_trainable(bool trainable) {
  for (Parameter& parameter : all_parameters(*this)) parameter.set_trainable(trainable);
}

void ModuleBase::freeze_statistics(bool frozen) {
  statistics_frozen_ = frozen;
  note_model_change();
  children([&](std::string_view, ModuleBase& child) { child.freeze_statistics(frozen); });
}

void ModuleBase::name_children(ModuleBase& parent) {
  parent.children([](std::string_view name, ModuleBase& child) {
    child.name_ = name;
    name_children(child);
  });
}

void name_modules(ModuleBase& root) {
  ModuleBase::name_children(root);
  visit_parameters(root, [](const std::string& path, Parameter& parameter) { parameter.data()->name = path; });
}

std::vector<NamedParameter> named_parameters(ModuleBase& root) {
  name_parameters(root);
  std::vector<NamedParameter> parameters;
  visit_parameters(root, [&](const std::string& path, Parameter& parameter) {
    parameters.push_back({path, parameter});
  });
  return parameters;
}

std::vector<Parameter> all_parameters(ModuleBase& root) {
  std::vector<Parameter> parameters;
  for (NamedParameter& named : named_parameters(root)) parameters.push_back(std::move(named.parameter));
  return parameters;
}

void initialize(ModuleBase& root, std::uint64_t seed, bool only_new) {
  std::uint32_t stream = 0;
  for (Parameter& parameter : all_parameters(root)) {
    ParameterData& data = *parameter.data();
    const std::uint32_t number = stream++;
    if (data.initializer.target<init::None>()) continue;
    if (!(only_new && data.initialized) && data.initializer) {
      Tensor value(parameter.shape(), data.value.dtype());
      data.initializer(value, seed, number);
      parameter.write(value);
    }
    data.initialized = true;
  }
}

}  // namespace sluice
