#pragma once

#include <charconv>
#include <string>

namespace sluice {

/// The shortest decimal that reads back as the same double, whatever the locale: "0.1", "1e-08", "0.99999999".
inline std::string number_text(double number) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, number, std::chars_format::general).ptr;
  return {text, end};
}

}  // namespace sluice
