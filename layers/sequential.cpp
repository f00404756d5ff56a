#include <sluice/layers/sequential.h>

#include <string>

namespace sluice {

Var Sequential::forward(Var x) {
  for (const auto& module : modules_) x = (*module)(x);
  return x;
}

void Sequential::children(const ChildVisitor& visit) {
  for (std::size_t i = 0; i < modules_.size(); ++i) visit(std::to_string(i), *modules_[i]);
}

}  // namespace sluice
