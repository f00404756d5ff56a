#pragma once

#include <cstdint>
#include <string>

namespace sluice::samples {

/// Writes made-up images as the files of CIFAR-10's binary version, for training without a download: data_batch_1.bin
/// to data_batch_5.bin and test_batch.bin in `directory`, which is created. The same arguments give the same bytes on
/// any machine. Sample i has the label i modulo 10 and shows, on a shaded ground under noise, one striped shape of
/// random place, size and shade: label / 2 is the shape (disc, ring, square, diamond, cross), label modulo 2 the
/// direction of its stripes, and its hue leans towards the label's, half way to its neighbours'. So colour alone gives
/// about half of the labels, and the rest needs shapes. Each file is written under another name, then renamed.
/// Throws UsageError for fewer than 5 training samples or 1 test sample, Error when a file cannot be written.
void write_synthetic_cifar10(const std::string& directory, std::uint64_t seed, std::int64_t train_samples,
                             std::int64_t test_samples);

/// Whether `directory` holds the files of such a set, of these sizes.
bool has_synthetic_cifar10(const std::string& directory, std::int64_t train_samples, std::int64_t test_samples);

/// The directory of a set with 10 000 + 2000 images by `seed` below $TMPDIR (or /tmp). Written at the first call and
/// used again after that; says on standard output which of the two, unless `quiet`. Throws Error as above.
std::string cached_synthetic_cifar10(std::uint64_t seed, bool quiet);

}  // namespace sluice::samples
