#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <sluice/core/shape.h>

namespace sluice {

/// An array of u8 items from an IDX file, the format of MNIST (http://yann.lecun.com/exdb/mnist):
/// big-endian, two zero bytes, the type (8 = u8), the rank, one u32 for each dimension, then the
/// elements row-major.
struct IdxFile {
  std::int64_t items = 0;         ///< the file's first dimension; `values` may have fewer items
  Shape shape;                    ///< of `values`: [n, ...], rank 1 to 4
  std::vector<std::byte> values;  ///< u8, row-major
};

/// What the caller expects of an IDX file.
struct IdxExpectations {
  /// Shape of one item: [28,28] for images, [] for labels; nothing: any.
  std::optional<Shape> item = {};
  /// Number of items to return, from the first on; the whole file is still checked. 0: all.
  std::int64_t keep = 0;
};

/// Reads an IDX file, plain or gzip. Throws DataError naming the file: missing, a directory,
/// damaged or truncated gzip data, another magic number, a zero dimension, items of another shape,
/// data shorter or longer than the dimensions say. Memory is taken as data arrives, whatever the
/// header claims.
IdxFile read_idx(const std::string& path, const IdxExpectations& expectations = {});

/// The same for the contents of a file; `name` stands for the path in messages.
IdxFile parse_idx(std::span<const std::byte> bytes, const std::string& name, const IdxExpectations& expectations = {});

}  // namespace sluice
