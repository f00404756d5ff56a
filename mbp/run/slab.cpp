#include <sluice/mbp/run/slab.h>

#include <algorithm>

#include <sluice/core/error.h>
#include <sluice/core/transfer.h>

namespace sluice {

Slab::Slab(RunPlan& plan, Backend& backend, std::size_t guard_bytes, unsigned char poison)
    : plan_(plan),
      backend_(backend),
      buffer_(backend.allocate(plan.summary.planned_peak_bytes() + guard_bytes)),
      poison_(poison) {
  for (int id = 0; id < plan_.storages.size(); ++id)
    addresses_.push_back(buffer_.data() + plan_.storage_offsets[static_cast<std::size_t>(id)]);
  bind();
  backend_.fill(buffer_.data(), poison, buffer_.bytes());  // after bind(), which may try a kernel out
  initialize();
}

void Slab::bind() {
  for (Program* program : {&plan_.train, &plan_.evaluate, &plan_.predict})
    program->for_each_part([&](PackedPart& part) {
      parts_[&part] =
          bind_part(part.part, addresses_, buffer_.data() + plan_.arena_offset, part.lifetimes, part.packing.offsets);
    });
}

void Slab::initialize() {
  for (int id = 0; id < plan_.storages.size(); ++id) {
    const Storage& storage = plan_.storages[id];
    if (!storage.leaf) continue;
    if (storage.leaf->kind == LeafKind::parameter) {
      write(id, Parameter(storage.leaf->parameter).read());
    } else if (storage.leaf->kind == LeafKind::state && storage.leaf->constant == 0) {
      clear(id);
    } else if (storage.leaf->kind == LeafKind::state || storage.leaf->kind == LeafKind::constant) {
      Tensor values(storage.dims, DType::f64);
      std::fill(values.values<double>().begin(), values.values<double>().end(), storage.leaf->constant);
      write(id, values);
    }
  }
}

std::span<const std::byte> Slab::content(std::size_t begin, std::size_t bytes, std::vector<std::byte>& copy) const {
  if (backend_.host_visible()) return {buffer_.data() + begin, bytes};
  copy.resize(bytes);
  backend_.copy_out(copy.data(), buffer_.data() + begin, bytes);
  return copy;
}

int Slab::find(const StorageKey& key) const {
  const int id = plan_.storages.find(key);
  if (id < 0) throw Error("slab: no storage '" + key.str() + "' in this plan");
  return id;
}

Tensor Slab::read(int id) const {
  const Storage& storage = plan_.storages[id];
  return read_logical(backend_, this->storage(id), storage.dims, storage.dtype, plan_.storages.layout(id));
}

void Slab::write(int id, const Tensor& value) {
  write_logical(backend_, storage(id), plan_.storages[id].dtype, plan_.storages.layout(id), value);
}

void Slab::write_scalar(int id, double number) {
  std::byte bytes[sizeof(double)];
  convert(&number, DType::f64, bytes, plan_.storages[id].dtype, 1);
  backend_.copy_in(storage(id), bytes, size_bytes(plan_.storages[id].dtype));
}

}  // namespace sluice
