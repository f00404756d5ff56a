#pragma once

#include <cstddef>

#include <sluice/core/device.h>
#include <sluice/core/program.h>

namespace sluice {

/// Copies a value that is stored across stages between the arena and the slot of the current micro-batch.
class KeptCopy final : public Kernel {
 public:
  KeptCopy(Backend& backend, const StorageTable& storages, int storage, std::size_t bytes, bool store)
      : backend_(backend),
        storages_(storages),
        storage_(storage),
        bytes_(bytes),
        store_(store) {}

  void bind(const Addresses& addresses) override {
    Kernel::bind(addresses);
    stride_ = aligned(storages_.slot_bytes(storage_));
  }
  void run(const RunContext& context) override {
    if (store_)
      backend_.store_in_slot(out<std::byte>(0), in<std::byte>(0), bytes_, stride_, context);
    else
      backend_.load_from_slot(out<std::byte>(0), in<std::byte>(0), bytes_, stride_, context);
  }

 private:
  Backend& backend_;
  const StorageTable& storages_;
  int storage_;
  std::size_t bytes_;
  bool store_;
  std::size_t stride_ = 0;
};

}  // namespace sluice
