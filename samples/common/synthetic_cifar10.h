#pragma once

#include <cstdint>
#include <string>

namespace sluice::samples {

/// Writes made-up images as the files of CIFAR-10's binary version, for training without a download: data_batch_1.bin
/// to data_batch_5.bin and test_batch.bin in `directory`, which is created. The same arguments give the same bytes on
/// any machine. Sample i has the label i modulo 10 and shows, on a shaded ground under noise, one striped shape of
/// random place, size and shade: label / 2 is the shape (disc, ring, square, diamond, cross), label modulo 2 the
/// direction of its stripes, and its hue leans towards the label's, half way to its neighbours'. So colour alone gives
/// about half of the labels, and the rest needs shapes. index.txt, written last, has a hash of each file. Files are
/// written whole or not at all. Throws UsageError for fewer than 5 training samples or 1 test sample, Error when a file
/// cannot be written.
void write_synthetic_cifar10(const std::string& directory, std::uint64_t seed, std::int64_t train_samples,
                             std::int64_t test_samples);

/// Whether `directory` holds such a set: every byte is read and compared with the index.
bool has_synthetic_cifar10(const std::string& directory, std::uint64_t seed, std::int64_t train_samples,
                           std::int64_t test_samples);

/// A set of 10 000 + 2000 images in cache_folder(), found there or written. Where that cannot be, in a temporary folder
/// of its own, which is removed with this object.
class SyntheticCifar10 {
 public:
  static constexpr std::int64_t train_samples = 10'000, test_samples = 2'000;

  /// Says on standard output what it does, unless `quiet`. Throws Error when there is no place at all.
  SyntheticCifar10(std::uint64_t seed, bool quiet);
  ~SyntheticCifar10() { remove(); }
  SyntheticCifar10(const SyntheticCifar10&) = delete;
  SyntheticCifar10& operator=(const SyntheticCifar10&) = delete;

  const std::string& directory() const { return directory_; }

 private:
  void tell(const char* what, const std::string& more, bool quiet) const;
  void remove() noexcept;

  std::string directory_, temporary_;
};

}  // namespace sluice::samples
