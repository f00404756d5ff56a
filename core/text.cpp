#include <sluice/core/text.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <iomanip>

namespace sluice {
namespace {

template <class Number>
std::string shortest(Number number) {
  std::array<char, 32> text;  // -2.2250738585072014e-308 has 24 characters
  const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), number, std::chars_format::general);
  return error == std::errc() ? std::string(text.data(), end) : "?";
}

}  // namespace

std::string number_text(double number) { return shortest(number); }
std::string number_text(float number) { return shortest(number); }

std::string ratio_text(std::size_t a, std::size_t b) {
  TextStream text;
  text << std::fixed << std::setprecision(3) << (b ? static_cast<double>(a) / static_cast<double>(b) : 1.0);
  return text.str();
}

std::vector<std::string> split_text(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

}  // namespace sluice
