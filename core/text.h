#pragma once

#include <locale>
#include <sstream>
#include <string>
#include <vector>

namespace sluice {

/// A stream for text that reads the same everywhere. Numbers are written in C++'s classic locale, with a point and
/// without grouping, whatever std::locale::global() and setlocale() say: text goes into hashes and files.
class TextStream : public std::ostringstream {
 public:
  TextStream() { imbue(std::locale::classic()); }
};

/// `number` with the digits that tell it from its neighbours: "0.1", "1e-08", "inf". The same in every locale.
std::string number_text(double number);
std::string number_text(float number);

/// What lies between the separators of `text`, in order. A separator at the end is followed by nothing.
std::vector<std::string> split_text(const std::string& text, char separator);

}  // namespace sluice
