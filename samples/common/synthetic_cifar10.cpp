#include "common/synthetic_cifar10.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <span>
#include <vector>

#include <fmt/format.h>
#include <sluice/core/error.h>
#include <sluice/core/philox.h>
#include <sluice/data/cifar10.h>
#include <unistd.h>

namespace sluice::samples {
namespace {

namespace fs = std::filesystem;

constexpr int recipe = 1;  // in the cache's name: to be counted up when the images change
constexpr int side = 32;
constexpr int hues = 6 * 256;

using Colour = std::array<int, 3>;

/// The random numbers of one sample. Integers throughout, so that the bytes do not depend on how a machine rounds.
class Random {
 public:
  Random(std::uint64_t seed, Split split, std::int64_t sample)
      : seed_(seed),
        split_(static_cast<std::uint32_t>(split)),
        sample_(static_cast<std::uint64_t>(sample)) {}

  std::uint32_t word() {
    if (next_ == 4) {
      block_ = Philox::at(seed_, sample_ >> 32, split_, static_cast<std::uint32_t>(sample_), blocks_++);
      next_ = 0;
    }
    return block_.v[next_++];
  }
  /// From `least` to `most`, both included.
  int between(int least, int most) {
    const auto choices = static_cast<std::uint64_t>(most - least + 1);
    return least + static_cast<int>(word() * choices >> 32);
  }

 private:
  std::uint64_t seed_;
  std::uint32_t split_;
  std::uint64_t sample_;
  std::uint32_t blocks_ = 0;
  Philox::Block block_{};
  int next_ = 4;
};

/// Fully saturated, around the wheel from red over green and blue.
Colour colour_of(int hue) {
  Colour colour{};
  for (int channel = 0; channel < 3; ++channel) {
    const int turned = (hue + hues - channel * hues / 3) % hues;  // 0 where this channel is strongest
    const int distance = std::min(turned, hues - turned);
    colour[static_cast<std::size_t>(channel)] = std::clamp(2 * 256 - distance, 0, 255);
  }
  return colour;
}

bool inside(int shape, int dx, int dy, int radius) {
  const int x = std::abs(dx), y = std::abs(dy), squared = x * x + y * y;
  switch (shape) {
    case 0: return squared <= radius * radius;
    case 1: return squared <= radius * radius && 4 * squared >= radius * radius;
    case 2: return 8 * std::max(x, y) <= 7 * radius;
    case 3: return 4 * (x + y) <= 5 * radius;
    default: return std::max(x, y) <= radius && 3 * std::min(x, y) <= radius;
  }
}

/// Writes one record: label, then the planes of red, green and blue.
void draw(std::span<std::uint8_t> record, int label, Random random) {
  const int hue = label * hues / Cifar10::classes + random.between(-hues / 10, hues / 10);
  const Colour ink = colour_of((hue + hues) % hues);
  const int cx = random.between(11, 20), cy = random.between(11, 20), radius = random.between(7, 11);
  const int opacity = random.between(120, 256), half_period = random.between(2, 3), phase = random.between(0, 5);
  Colour ground{}, slope_x{}, slope_y{};
  for (std::size_t channel = 0; channel < 3; ++channel) {
    ground[channel] = random.between(60, 190);
    slope_x[channel] = random.between(-2, 2);
    slope_y[channel] = random.between(-2, 2);
  }

  record[0] = static_cast<std::uint8_t>(label);
  std::uint8_t* to = record.data() + 1;
  std::uint32_t noise = 0;
  for (std::size_t channel = 0; channel < 3; ++channel)
    for (int y = 0; y < side; ++y)
      for (int x = 0; x < side; ++x, ++to) {
        int value = ground[channel] + slope_x[channel] * (x - side / 2) + slope_y[channel] * (y - side / 2);
        if (inside(label / 2, x - cx, y - cy, radius)) {
          const bool dark = ((label % 2 ? x : y) + phase) / half_period % 2 != 0;
          value += ((dark ? ink[channel] / 3 : ink[channel]) - value) * opacity / 256;
        }
        noise = x % 4 == 0 ? random.word() : noise >> 8;
        value += (static_cast<int>(noise & 255) - 128) / 3;
        *to = static_cast<std::uint8_t>(std::clamp(value, 0, 255));
      }
}

[[noreturn]] void cannot_write(const fs::path& path, const std::string& got) {
  throw Error("synthetic_cifar10: cannot write '" + path.string() + "'; got: " + got + "; expected a writable place");
}

void write_file(const fs::path& path, std::uint64_t seed, Split split, std::int64_t first, std::int64_t count) {
  const fs::path temporary = path.parent_path() / fmt::format(".{}.{}", path.filename().string(), getpid());
  errno = 0;
  std::ofstream file(temporary, std::ios::binary);
  std::array<std::uint8_t, Cifar10::record_bytes> record{};
  for (std::int64_t i = first; i < first + count && file; ++i) {
    draw(record, static_cast<int>(i % Cifar10::classes), Random(seed, split, i));
    file.write(reinterpret_cast<const char*>(record.data()), static_cast<std::streamsize>(record.size()));
  }
  file.close();
  std::error_code error;
  if (file) fs::rename(temporary, path, error);
  if (file && !error) return;
  const std::string why = error ? error.message() : std::strerror(errno);
  fs::remove(temporary, error);
  cannot_write(path, why);
}

/// Calls `visit(file name, split, first sample, samples)` for each file of a set.
template <class Visit>
void for_each_file(std::int64_t train_samples, std::int64_t test_samples, Visit visit) {
  for (const Split split : {Split::train, Split::test}) {
    const std::vector<std::string> names = Cifar10::file_names(split);
    const std::int64_t samples = split == Split::train ? train_samples : test_samples;
    const auto files = static_cast<std::int64_t>(names.size());
    for (std::int64_t i = 0; i < files; ++i) {
      const std::int64_t first = samples * i / files;
      visit(names[static_cast<std::size_t>(i)], split, first, samples * (i + 1) / files - first);
    }
  }
}

}  // namespace

void write_synthetic_cifar10(const std::string& directory, std::uint64_t seed, std::int64_t train_samples,
                             std::int64_t test_samples) {
  if (train_samples < 5 || test_samples < 1)
    throw UsageError(
        fmt::format("synthetic_cifar10: too few samples; got {} to train and {} to test; expected at "
                    "least 5 and 1, one for each file",
                    train_samples, test_samples));
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) cannot_write(directory, error.message());
  for_each_file(train_samples, test_samples,
                [&](const std::string& name, Split split, std::int64_t first, std::int64_t count) {
                  write_file(fs::path(directory) / name, seed, split, first, count);
                });
}

bool has_synthetic_cifar10(const std::string& directory, std::int64_t train_samples, std::int64_t test_samples) {
  bool complete = true;
  for_each_file(train_samples, test_samples, [&](const std::string& name, Split, std::int64_t, std::int64_t count) {
    std::error_code error;
    const std::uintmax_t bytes = fs::file_size(fs::path(directory) / name, error);
    complete = complete && !error && bytes == static_cast<std::uintmax_t>(count) * Cifar10::record_bytes;
  });
  return complete;
}

std::string cached_synthetic_cifar10(std::uint64_t seed, bool quiet) {
  constexpr std::int64_t train_samples = 10'000, test_samples = 2'000;
  const std::string name =
      fmt::format("sluice-synthetic-cifar10-v{}-{}+{}-seed{}", recipe, train_samples, test_samples, seed);
  std::error_code error;
  const fs::path temporary = fs::temp_directory_path(error);
  if (error)
    throw Error("synthetic_cifar10: no temporary directory; got: " + error.message() +
                "; expected one in $TMPDIR, or /tmp");
  std::string directory = (temporary / name).string();
  const bool complete = has_synthetic_cifar10(directory, train_samples, test_samples);
  if (!quiet)
    std::cout << fmt::format("synthetic data: {} {} + {} images in {}\n", complete ? "found" : "writing", train_samples,
                             test_samples, directory)
              << std::flush;
  if (!complete) write_synthetic_cifar10(directory, seed, train_samples, test_samples);
  return directory;
}

}  // namespace sluice::samples
