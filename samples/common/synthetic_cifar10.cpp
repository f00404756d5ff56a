#include "common/synthetic_cifar10.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <span>
#include <vector>

#include <fmt/format.h>
#include <sluice/core/cache_folder.h>
#include <sluice/core/error.h>
#include <sluice/core/hash.h>
#include <sluice/core/philox.h>
#include <sluice/core/write_file.h>
#include <sluice/data/cifar10.h>

namespace sluice::samples {
namespace {

namespace fs = std::filesystem;

constexpr int recipe = 1;  // to be counted up when the images or their index change
constexpr const char* index_name = "index.txt";
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

/// One file's records.
std::string records(std::uint64_t seed, Split split, std::int64_t first, std::int64_t count) {
  std::string bytes(static_cast<std::size_t>(count) * Cifar10::record_bytes, '\0');
  auto* at = reinterpret_cast<std::uint8_t*>(bytes.data());
  for (std::int64_t i = first; i < first + count; ++i, at += Cifar10::record_bytes)
    draw({at, Cifar10::record_bytes}, static_cast<int>(i % Cifar10::classes), Random(seed, split, i));
  return bytes;
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

/// What the index of a set says: where it is from, and what its files hold.
std::string index_line(std::uint64_t seed, std::int64_t train_samples, std::int64_t test_samples) {
  return fmt::format("synthetic cifar-10, recipe {}, {}+{} samples, seed {}\n", recipe, train_samples, test_samples,
                     seed);
}
std::string index_line(const std::string& name, const std::string& bytes) {
  return fmt::format("{} {}\n", Hash().add(bytes).str(), name);
}

/// Whether it is a file itself: nothing is read from a pipe, and nothing written through a link, in a cache.
bool is_plain(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(fs::symlink_status(path, error));
}

/// The contents of a file; nothing where it cannot be read.
std::string read_all(const fs::path& path) {
  if (!is_plain(path)) return {};
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// Writes files into a folder, and removes them again unless all is well.
class FilesInFolder {
 public:
  /// Throws Error.
  explicit FilesInFolder(const fs::path& folder) : folder_(folder) { make_private_folder(folder.string()); }
  ~FilesInFolder() {
    std::error_code ignored;
    for (const std::string& name : written_) fs::remove(folder_ / name, ignored);
  }
  FilesInFolder(const FilesInFolder&) = delete;
  FilesInFolder& operator=(const FilesInFolder&) = delete;

  /// Throws Error.
  void write(const std::string& name, const std::string& bytes) {
    const fs::path path = folder_ / name;
    std::error_code error;
    if (fs::exists(fs::symlink_status(path, error)) && !is_plain(path))
      throw Error("'" + path.string() + "' is no regular file");
    write_whole(path.string(), bytes);
    written_.push_back(name);
  }
  void keep() { written_.clear(); }

 private:
  fs::path folder_;
  std::vector<std::string> written_;
};

/// A new folder in the temporary directory. Throws Error.
std::string make_temporary_folder() {
  std::error_code error;
  std::string folder = (fs::temp_directory_path(error) / "sluice-XXXXXX").string();
  if (!error && !mkdtemp(folder.data())) error = {errno, std::generic_category()};
  if (error) throw Error("no temporary directory; got: " + error.message() + "; expected one in $TMPDIR, or /tmp");
  return folder;
}

}  // namespace

void write_synthetic_cifar10(const std::string& directory, std::uint64_t seed, std::int64_t train_samples,
                             std::int64_t test_samples) {
  if (train_samples < 5 || test_samples < 1)
    throw UsageError(
        fmt::format("synthetic_cifar10: too few samples; got {} to train and {} to test; expected at "
                    "least 5 and 1, one for each file",
                    train_samples, test_samples));
  try {
    FilesInFolder files(directory);
    std::string index = index_line(seed, train_samples, test_samples);
    for_each_file(train_samples, test_samples,
                  [&](const std::string& name, Split split, std::int64_t first, std::int64_t count) {
                    const std::string bytes = records(seed, split, first, count);
                    index += index_line(name, bytes);
                    files.write(name, bytes);
                  });
    files.write(index_name, index);
    files.keep();
  } catch (const Error& error) {
    throw Error(std::string("synthetic_cifar10: ") + error.what());
  }
}

bool has_synthetic_cifar10(const std::string& directory, std::uint64_t seed, std::int64_t train_samples,
                           std::int64_t test_samples) {
  const std::string written = read_all(fs::path(directory) / index_name);
  std::string index = index_line(seed, train_samples, test_samples);
  if (!written.starts_with(index)) return false;
  for_each_file(train_samples, test_samples, [&](const std::string& name, Split, std::int64_t, std::int64_t) {
    index += index_line(name, read_all(fs::path(directory) / name));
  });
  return written == index;
}

SyntheticCifar10::SyntheticCifar10(std::uint64_t seed, bool quiet) {
  std::string why;
  try {
    const fs::path cache = cache_folder();
    if (cache.empty()) throw Error("there is no cache folder: SLUICE_CACHE_DIR, XDG_CACHE_HOME and HOME name none");
    // Versions that make other images have folders of their own, or they would write over each other's by turns.
    directory_ =
        (cache / fmt::format("synthetic-cifar10-recipe{}-{}+{}-seed{}", recipe, train_samples, test_samples, seed))
            .string();
    const bool complete = has_synthetic_cifar10(directory_, seed, train_samples, test_samples);
    tell(complete ? "found" : "writing", "", quiet);
    if (!complete) write_synthetic_cifar10(directory_, seed, train_samples, test_samples);
    return;
  } catch (const Error& error) {
    why = error.what();
  }
  try {
    temporary_ = directory_ = make_temporary_folder();
    tell("writing", ", for this run alone: " + why, quiet);
    write_synthetic_cifar10(directory_, seed, train_samples, test_samples);
  } catch (const Error& error) {
    remove();
    throw Error(fmt::format("synthetic_cifar10: no place for the images; {}; {}", why, error.what()));
  }
}

void SyntheticCifar10::tell(const char* what, const std::string& more, bool quiet) const {
  if (!quiet)
    std::cout << fmt::format("synthetic data: {} {} + {} images in {}{}\n", what, train_samples, test_samples,
                             directory_, more)
              << std::flush;
}

void SyntheticCifar10::remove() noexcept {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
}

}  // namespace sluice::samples
