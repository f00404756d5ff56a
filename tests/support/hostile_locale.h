#pragma once

#include <clocale>
#include <cstdlib>
#include <filesystem>
#include <locale>
#include <string>

namespace sluice::test {

/// Numbers as in German, more so: 1.234.567,5 and "wahr".
class GermanNumbers final : public std::numpunct<char> {
 protected:
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
  std::string do_truename() const override { return "wahr"; }
  std::string do_falsename() const override { return "falsch"; }
};

/// A C++ locale with GermanNumbers, which needs none of the system's.
inline std::locale german_numbers() { return {std::locale::classic(), new GermanNumbers}; }

/// While it lives, the program's C++ locale has GermanNumbers and, where the system has one or can make one, its C
/// locale is German.
class HostileLocale {
 public:
  HostileLocale() : cpp_(std::locale::global(german_numbers())) { c_ = is_german() || (compile() && is_german()); }
  ~HostileLocale() {
    std::setlocale(LC_ALL, "C");
    std::locale::global(cpp_);
    std::error_code ignored;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ignored);
  }
  HostileLocale(const HostileLocale&) = delete;
  HostileLocale& operator=(const HostileLocale&) = delete;

  /// Whether the C locale could be set, too.
  bool c() const { return c_; }

 private:
  static bool is_german() {
    return std::setlocale(LC_ALL, "de_DE.UTF-8") && std::string(std::localeconv()->decimal_point) == ",";
  }
  /// Where glibc's sources of locales are installed, one needs no administrator.
  bool compile() {
    std::string folder = std::filesystem::temp_directory_path() / "sluice-locale-XXXXXX";
    if (!mkdtemp(folder.data())) return false;
    folder_ = folder;
    const std::string command = "localedef -i de_DE -f UTF-8 '" + folder + "/de_DE.UTF-8' >/dev/null 2>&1";
    if (std::system(command.c_str()) != 0) return false;
    setenv("LOCPATH", folder.c_str(), 1);
    return true;
  }

  std::locale cpp_;
  std::filesystem::path folder_;
  bool c_ = false;
};

}  // namespace sluice::test
