#include <sluice/data/fashion_mnist.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <utility>

#include <sluice/core/error.h>
#include <sluice/core/host_memory.h>
#include <sluice/data/file_kind.h>
#include <sluice/data/idx.h>

namespace sluice {
namespace {

constexpr const char* package_hint = "on Debian: apt-get install dataset-fashion-mnist";

/// The file `stem`.gz in `directory`, or `stem` where only that exists.
std::string find_file(const std::string& directory, const std::string& stem) {
  const std::filesystem::path plain = std::filesystem::path(directory) / stem;
  const std::filesystem::path gzip = plain.string() + ".gz";
  std::error_code error;
  if (!std::filesystem::is_directory(directory, error))
    throw DataError("fashion_mnist: no data; got '" + directory + "'" + kind_of_no_folder(directory) +
                    "; expected a directory with " + stem + ".gz (" + package_hint + ")");
  if (std::filesystem::exists(gzip, error)) return gzip.string();
  if (std::filesystem::exists(plain, error)) return plain.string();
  throw DataError("fashion_mnist: file is missing; got directory '" + directory + "' without " + stem +
                  "[.gz]; expected it there (" + package_hint + ")" + contents_of(directory));
}

/// u8 labels as i32; throws for one that is no class.
std::vector<std::byte> widen_labels(const IdxFile& file, const std::string& path, std::size_t count) {
  const std::size_t bytes = count * sizeof(std::int32_t);
  std::vector<std::byte> labels =
      host_memory_for("the labels of '" + path + "'", bytes, [&] { return std::vector<std::byte>(bytes); });
  for (std::size_t i = 0; i < file.values.size(); ++i) {
    const auto label = std::to_integer<std::int32_t>(file.values[i]);
    if (label >= FashionMnist::classes)
      throw DataError("fashion_mnist: label out of range; got " + std::to_string(label) + " at index " +
                      std::to_string(i) + " in '" + path +
                      "'; expected 0 to 9 (other sets of this format, such as EMNIST, have more classes)");
    if (i < count) std::memcpy(labels.data() + i * sizeof(label), &label, sizeof(label));
  }
  return labels;
}

std::vector<TensorDataset::Field> load_fashion_mnist(Split split, const std::string& directory, std::int64_t limit) {
  if (limit < 0)
    throw UsageError("fashion_mnist: limit; got " + std::to_string(limit) + "; expected >= 0 (0: all samples)");
  const std::string prefix = split == Split::train ? "train" : "t10k";
  const std::string image_path = find_file(directory, prefix + "-images-idx3-ubyte");
  const std::string label_path = find_file(directory, prefix + "-labels-idx1-ubyte");
  IdxFile images = read_idx(image_path, {.item = Shape{28, 28}, .keep = limit});
  const IdxFile labels = read_idx(label_path, {.item = Shape{}});  // all of them: every label is checked
  if (images.items != labels.items)
    throw DataError("fashion_mnist: counts differ; got " + std::to_string(images.items) + " images in '" + image_path +
                    "' and " + std::to_string(labels.items) + " labels in '" + label_path + "'; expected equal counts");
  std::vector<TensorDataset::Field> fields;
  fields.emplace_back(FieldSpec{"image", Shape{1, 28, 28}, DType::u8, {0.2860}, {0.3530}}, std::move(images.values));
  fields.emplace_back(FieldSpec{"label", Shape{}, DType::i32},
                      widen_labels(labels, label_path, static_cast<std::size_t>(images.shape[0])));
  return fields;
}

}  // namespace

FashionMnist::FashionMnist(Split split, const std::string& directory, std::int64_t limit)
    : TensorDataset(split == Split::train ? "fashion-mnist train" : "fashion-mnist test",
                    load_fashion_mnist(split, directory, limit)) {}

std::string FashionMnist::default_directory() {
  const char* directory = std::getenv("SLUICE_DATA");
  return directory && *directory ? directory : "/usr/share/datasets/fashion-mnist";
}

}  // namespace sluice
