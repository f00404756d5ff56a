#include "tool/packing_csv.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fstream>
#include <iostream>
#include <iterator>
#include <limits>
#include <optional>
#include <unordered_set>

#include <fmt/format.h>
#include <sluice/core/error.h>

namespace sluice::samples {
namespace {

enum Column { id, lower, upper, size, alignment, offset, columns };
constexpr std::array<const char*, columns> column_names = {"id", "lower", "upper", "size", "alignment", "offset"};

/// As pack() limits sums of bytes.
constexpr std::size_t most_bytes = std::size_t{1} << 62;

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  return first == std::string_view::npos ? std::string_view()
                                         : text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// For messages: what is printable, and not too much of it.
std::string shown(std::string_view cell) {
  std::string text;
  for (const char c : cell.substr(0, 40)) text += c >= ' ' && c != 127 ? c : '?';
  return cell.size() > 40 ? text + "..." : text;
}

constexpr std::size_t no_quote = std::string_view::npos, open_quote = no_quote - 1;

/// Where the quote closes that the cell from `at` on begins with. A doubled quote stands for one.
std::size_t closing_quote(std::string_view line, std::size_t at) {
  const std::size_t first = line.find_first_not_of(" \t", at);
  if (first == std::string_view::npos || line[first] != '"') return no_quote;
  std::size_t close = line.find('"', first + 1);
  while (close != std::string_view::npos && close + 1 < line.size() && line[close + 1] == '"')
    close = line.find('"', close + 2);
  return close == std::string_view::npos ? open_quote : close;
}

/// The comma behind the cell from `at` on, or the end of the line.
std::size_t cell_end(std::string_view line, std::size_t at) {
  const std::size_t close = closing_quote(line, at);
  return close == open_quote ? line.size() : std::min(line.size(), line.find(',', close == no_quote ? at : close));
}

class Reader {
 public:
  Reader(PackingCsv& csv, const std::string& name, bool fixed_offsets)
      : csv_(csv),
        name_(name),
        fixed_offsets_(fixed_offsets) {}

  void read() {
    std::string_view rest = *csv_.text;
    if (rest.starts_with("\xef\xbb\xbf")) rest.remove_prefix(3);
    if (rest.find_first_not_of(" \t\r\n") == std::string_view::npos)
      throw DataError(fmt::format("'{}': the file is empty; expected a header line and a line for each buffer", name_));
    while (!rest.empty()) {
      const std::size_t end = rest.find('\n');
      std::string_view line = rest.substr(0, end);
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
      ++line_;
      const bool crlf = line.ends_with('\r');
      if (crlf) line.remove_suffix(1);
      if (trimmed(line).empty()) continue;
      split(line);
      if (count_ == 0) {
        csv_.crlf = crlf;
        read_header(line);
      } else {
        read_item(line);
      }
    }
  }

 private:
  [[noreturn]] void reject(const std::string& what) const {
    throw DataError(fmt::format("'{}' line {}: {}", name_, line_, what));
  }

  /// Fills cells_: trimmed, without their quotes.
  void split(std::string_view line) {
    cells_.clear();
    for (std::size_t at = 0;; ++at) {
      const std::size_t close = closing_quote(line, at), end = cell_end(line, at);
      const std::string_view cell = trimmed(line.substr(at, end - at));
      if (close == open_quote) reject("a quote is not closed");
      if (close != no_quote && &cell.back() != &line[close])
        reject("there is something between a closing quote and the next comma");
      cells_.push_back(close == no_quote ? cell : cell.substr(1, cell.size() - 2));
      at = end;
      if (at == line.size()) return;
    }
  }

  std::optional<Column> column_of(std::string_view cell) {
    std::string name;
    for (const char c : trimmed(cell)) name += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    inclusive_ |= name == "end";
    if (name == "buffer" || name == "buffer_id") return id;
    if (name == "begin" || name == "start") return lower;
    if (name == "end") return upper;
    for (int c = 0; c < columns; ++c)
      if (name == column_names[static_cast<std::size_t>(c)]) return static_cast<Column>(c);
    return std::nullopt;
  }

  void read_header(std::string_view line) {
    csv_.header = line;
    count_ = cells_.size();
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      const auto column = column_of(cells_[i]);
      if (!column) {
        csv_.unused_columns.push_back(shown(cells_[i]));
        continue;
      }
      int& where = where_[*column];
      if (where >= 0)
        reject(fmt::format("two columns for {}: '{}' and '{}'", column_names[*column],
                           shown(cells_[static_cast<std::size_t>(where)]), shown(cells_[i])));
      where = static_cast<int>(i);
    }
    for (const Column needed : {id, lower, upper, size})
      if (where_[needed] < 0)
        reject(
            fmt::format("no column for {}; got '{}'; expected id,lower,upper,size in any order, or other names for "
                        "them: buffer or buffer_id, begin or start, end (inclusive)",
                        column_names[needed], shown(line)));
    csv_.offset_column = where_[offset];
  }

  std::string_view cell(Column column) const { return cells_[static_cast<std::size_t>(where_[column])]; }

  std::size_t number(Column column, std::size_t least, std::size_t most) const {
    const std::string_view text = trimmed(cell(column));
    std::size_t value = 0;
    const auto [last, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || last != text.data() + text.size() || value < least || value > most)
      reject(fmt::format("{}; got '{}'; expected a whole number from {} to {}", column_names[column], shown(text),
                         least, most));
    return value;
  }
  bool has(Column column) const { return where_[column] >= 0 && !trimmed(cell(column)).empty(); }

  void read_item(std::string_view line) {
    if (cells_.size() != count_) reject(fmt::format("{} cells; expected {}, as in the header", cells_.size(), count_));
    if (cell(id).empty()) reject("the id is empty");
    if (!ids_.insert(cell(id)).second) reject(fmt::format("the id '{}' is there for the second time", shown(cell(id))));
    constexpr std::size_t latest = std::numeric_limits<std::int64_t>::max() - 1;
    PackingItem item{.lower = static_cast<std::int64_t>(number(lower, 0, latest)),
                     .upper = static_cast<std::int64_t>(number(upper, 0, latest)),
                     .bytes = number(size, 0, most_bytes - 1)};
    if (item.upper + (inclusive_ ? 1 : 0) <= item.lower)
      reject(fmt::format("the lifetime ends before it begins; got lower {}, {} {}; expected {}", item.lower,
                         inclusive_ ? "end" : "upper", item.upper, inclusive_ ? "end >= lower" : "upper > lower"));
    item.upper += inclusive_ ? 1 : 0;
    if (has(alignment)) item.alignment = number(alignment, 1, most_bytes - 1);
    if (fixed_offsets_ && has(offset)) item.fixed_offset = number(offset, 0, most_bytes - 1);
    // What a packing can at most reach; items are at most 2^62 each, so this sum does not overflow unseen.
    sum_ += item.bytes;
    if (item.alignment > 1) sum_ += 2 * std::min(item.alignment, most_bytes / 2);
    if (sum_ >= most_bytes) reject("the sum of the sizes (and alignments) up to here is 2^62 bytes or more");
    csv_.items.push_back(item);
    csv_.lines.push_back(line);
  }

  PackingCsv& csv_;
  const std::string& name_;
  bool fixed_offsets_, inclusive_ = false;
  std::size_t line_ = 0, count_ = 0, sum_ = 0;
  std::vector<std::string_view> cells_;
  std::array<int, columns> where_ = {-1, -1, -1, -1, -1, -1};
  std::unordered_set<std::string_view> ids_;
};

/// The line with its cell `column` replaced.
void append_replaced(std::string& out, std::string_view line, int column, std::string_view by) {
  std::size_t begin = 0;
  for (; column > 0; --column) begin = cell_end(line, begin) + 1;
  out.append(line.substr(0, begin)).append(by).append(line.substr(cell_end(line, begin)));
}

}  // namespace

std::string read_text(const std::string& path) {
  std::string text;
  const auto read = [&](std::istream& in) {
    std::array<char, 1 << 16> piece;
    while (in.read(piece.data(), piece.size()) || in.gcount() > 0)
      text.append(piece.data(), static_cast<std::size_t>(in.gcount()));
    if (in.bad()) throw DataError(fmt::format("cannot read '{}'", path));
  };
  if (path == "-") {
    read(std::cin);
    return text;
  }
  std::ifstream file(path, std::ios::binary);
  if (!file) throw DataError(fmt::format("cannot read '{}'; expected a CSV file, or - for standard input", path));
  read(file);
  return text;
}

PackingCsv parse_packing_csv(std::string text, const std::string& name, bool fixed_offsets) {
  PackingCsv csv;
  csv.text = std::make_unique<const std::string>(std::move(text));
  Reader(csv, name, fixed_offsets).read();
  return csv;
}

std::string with_offsets(const PackingCsv& csv, std::span<const std::size_t> offsets) {
  const std::string_view line_end = csv.crlf ? "\r\n" : "\n";
  std::string out(csv.header);
  if (csv.offset_column < 0) out += ",offset";
  out += line_end;
  for (std::size_t i = 0; i < csv.lines.size(); ++i) {
    const std::string number = std::to_string(offsets[i]);
    if (csv.offset_column < 0)
      out.append(csv.lines[i]).append(",").append(number);
    else
      append_replaced(out, csv.lines[i], csv.offset_column, number);
    out += line_end;
  }
  return out;
}

}  // namespace sluice::samples
