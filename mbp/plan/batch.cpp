#include <sluice/mbp/plan/batch.h>

#include <sluice/core/error.h>
#include <sluice/kernels/normalize/normalize.h>

namespace sluice {

Batch::Batch(Graph& graph, const DataSpec& spec) : graph_(graph), spec_(spec) {}

Var Batch::operator[](const std::string& field) const {
  std::string known;
  for (const FieldSpec& f : spec_.fields) {
    if (f.name == field) {
      const Var input = graph_.input(f.name, f.shape, f.dtype);
      return f.mean.empty() ? input : normalize(input, {.mean = f.mean, .std = f.std});
    }
    known += (known.empty() ? "" : ", ") + f.name;
  }
  throw UsageError("batch: no field '" + field + "' in data set " + spec_.name + "; expected one of " + known);
}

void Batch::output(const std::string& name, Var value) const {
  for (const auto& [known, var] : outputs_)
    if (known == name && var != value) throw UsageError("batch: two outputs are called '" + name + "'");
  if (value.spec().by_product || value.dtype() == DType::bit || (!value.is_sample() && !value.spec().is_scalar()))
    throw ShapeError("batch: output '" + name + "' is neither a metric nor a prediction; got " + value.spec().str() +
                     "; expected a batch scalar or a sample value");
  outputs_.emplace_back(name, value);
}

}  // namespace sluice
