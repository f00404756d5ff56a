#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <sluice/core/device.h>
#include <sluice/core/tensor.h>
#include <sluice/mbp/plan/run_plan.h>

namespace sluice {

/// The single device allocation of a run. Every storage and every part of the plan has a fixed place in it.
class Slab {
 public:
  /// Allocates plan.summary.planned_peak_bytes() and `guard_bytes` above them. Fills all of it with `poison`, then
  /// writes parameters, constants and zeroed state, and binds all kernels.
  Slab(RunPlan& plan, Backend& backend, std::size_t guard_bytes, unsigned char poison);

  Backend& backend() const { return backend_; }
  RunPlan& plan() const { return plan_; }
  std::size_t total_bytes() const { return buffer_.bytes(); }
  /// Returns the present content of `bytes` of the slab from `begin` on: the slab itself if the host can read it, else
  /// a copy in `copy`.
  std::span<const std::byte> content(std::size_t begin, std::size_t bytes, std::vector<std::byte>& copy) const;
  void fill(std::size_t begin, std::size_t bytes, unsigned char byte) {
    backend_.fill(buffer_.data() + begin, byte, bytes);
  }
  /// Returns which lines of slab_alignment bytes no longer hold the initial fill (Backend::changed_lines).
  std::vector<std::uint32_t> changed_lines() const {
    return backend_.changed_lines(buffer_.data(), buffer_.bytes(), slab_alignment, poison_);
  }
  std::size_t planned_bytes() const { return plan_.summary.planned_peak_bytes(); }

  std::byte* storage(int id) const { return static_cast<std::byte*>(addresses_[static_cast<std::size_t>(id)]); }
  /// Returns the storage with this key; throws Error if there is none.
  int find(const StorageKey& key) const;
  Tensor read(int id) const;
  void write(int id, const Tensor& value);
  /// Sets a batch scalar.
  void write_scalar(int id, double number);
  void clear(int id) { backend_.fill(storage(id), 0, plan_.storages.bytes(id)); }
  /// Returns the addresses of the values and workspaces of a part.
  const PartAddresses& addresses(const PackedPart& part) const { return parts_.at(&part); }

 private:
  void bind();
  void initialize();

  RunPlan& plan_;
  Backend& backend_;
  Buffer buffer_;
  unsigned char poison_;
  std::vector<void*> addresses_;
  std::map<const PackedPart*, PartAddresses> parts_;
};

}  // namespace sluice
