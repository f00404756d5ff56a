#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <sluice/mbp/pack/packing.h>

namespace sluice::samples {

/// A packing problem as the community writes it down: a header line, then a line for each buffer.
///
/// Columns in any order: id (also buffer, buffer_id), lower (begin, start), upper or, one less, the inclusive end;
/// size; and, if there are such, alignment (an empty cell: 1) and offset. Others are kept, but mean nothing. Numbers
/// are whole and not negative. Cells may be quoted and have spaces around them; lines end with LF or CRLF; empty lines
/// are skipped.
struct PackingCsv {
  std::unique_ptr<const std::string> text;  ///< the file; the views point into it
  std::string_view header;                  ///< without a byte order mark
  std::vector<std::string_view> lines;      ///< by item
  std::vector<PackingItem> items;
  std::vector<std::string> unused_columns;
  int offset_column = -1;
  bool crlf = false;
};

/// Reads a file, or standard input for "-". Throws DataError when that fails.
std::string read_text(const std::string& path);

/// Takes in the columns; offsets only with `fixed_offsets` (an empty cell: not fixed). Throws DataError with `name`,
/// the line and what is wrong there: a column that is missing or there twice, too few or too many cells, no number, a
/// number that is too large, a lifetime that ends before it begins, an id for the second time, sums that overflow.
PackingCsv parse_packing_csv(std::string text, const std::string& name, bool fixed_offsets);

/// The same lines with `offsets` in the column offset, which comes last if there is none.
std::string with_offsets(const PackingCsv& csv, std::span<const std::size_t> offsets);

}  // namespace sluice::samples
