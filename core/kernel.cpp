#include <sluice/core/kernel.h>

#include <algorithm>

#include <sluice/core/device.h>
#include <sluice/core/error.h>

namespace sluice {

std::string LoweringContext::key() const {
  std::string text(op_.type());
  if (second_) text += "+" + std::string(second_->type());
  for (const Op* op : {&op_, second_})
    if (op && !op->options().empty()) text += " " + op->options();
  for (const LoweredValue& input : inputs_) text += " " + input.dims.str();
  for (const LoweredValue& output : outputs_) text += " -> " + output.dims.str();
  return text;
}

const KernelFactory* LoweringContext::factory() const {
  if (!second_) return backend_.kernel(op_.type());
  const Fusion* const fusion = backend_.fusion(op_.type(), second_->type());
  return fusion ? &fusion->both : nullptr;
}

void LoweringContext::set_layout(int i, const Layout& layout) {
  LoweredValue& value = outputs_[static_cast<std::size_t>(i)];
  if (value.pinned && value.layout != layout)
    throw BackendError(std::string(op_.type()) + ": output " + std::to_string(i) + " must lie as " +
                       value.layout.str(value.dims.rank()) + "; its kernel wants " + layout.str(value.dims.rank()));
  value.layout = layout;
}

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
