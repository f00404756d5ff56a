#include <sluice/core/kernel_table.h>

#include <algorithm>

#include <sluice/core/error.h>

namespace sluice {

void KernelTable::add(std::string_view op_type, KernelFactory factory, std::initializer_list<DType> also,
                      std::string_view library) {
  if (!entries_.emplace(op_type, Entry{std::move(factory), also, std::string(library)}).second)
    throw BackendError("kernel table: " + std::string(op_type) + " has two kernels for one device");
}

const KernelFactory* KernelTable::find(std::string_view op_type) const {
  const auto found = entries_.find(op_type);
  return found == entries_.end() ? nullptr : &found->second.factory;
}

bool KernelTable::also_computes(std::string_view op_type, DType stored) const {
  const auto found = entries_.find(op_type);
  if (found == entries_.end()) return false;
  const std::vector<DType>& also = found->second.also;
  return std::find(also.begin(), also.end(), stored) != also.end();
}

const std::string& KernelTable::library(std::string_view op_type) const {
  const auto found = entries_.find(op_type);
  if (found == entries_.end())
    throw BackendError("kernel table: this device has no kernel for " + std::string(op_type));
  return found->second.library;
}

std::vector<std::string> KernelTable::types() const {
  std::vector<std::string> types;
  for (const auto& [type, entry] : entries_) types.push_back(type);
  return types;
}

void KernelTable::add_fusion(std::string_view first, std::string_view second, Fusion fusion) {
  if (!fusions_.emplace(Pair(first, second), std::move(fusion)).second)
    throw BackendError("kernel table: " + std::string(first) + " and " + std::string(second) +
                       " have two fusions for one device");
}

const Fusion* KernelTable::fusion(std::string_view first, std::string_view second) const {
  const auto found = fusions_.find(Pair(first, second));
  return found == fusions_.end() ? nullptr : &found->second;
}

}  // namespace sluice
