#pragma once

#include <concepts>
#include <cstddef>
#include <locale>
#include <sstream>
#include <string>
#include <vector>

namespace sluice {

/// A stream for text that goes into hashes and files. Numbers are written in C++'s classic locale, with a point and
/// without grouping, whatever std::locale::global() and setlocale() say.
class TextStream : public std::ostringstream {
 public:
  TextStream() { imbue(std::locale::classic()); }
};

/// Returns the shortest text that identifies `number`: "0.1", "1e-08", "inf". The same in every locale.
std::string number_text(double number);
std::string number_text(float number);

/// A number of things: "1 thread", "2 threads"; `many` is the plural where it is not the word with an s.
template <std::integral Number>
std::string counted(Number number, const std::string& word, const std::string& many = {}) {
  return std::to_string(number) + ' ' + (number == 1 ? word : many.empty() ? word + 's' : many);
}

/// The share a / b with three digits: "1.002"; "1.000" where b is 0.
std::string ratio_text(std::size_t a, std::size_t b);

/// What lies between the separators of `text`, in order. A separator at the end is followed by nothing.
std::vector<std::string> split_text(const std::string& text, char separator);

}  // namespace sluice
