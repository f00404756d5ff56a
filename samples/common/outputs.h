#pragma once

#include <functional>
#include <string>
#include <vector>

namespace sluice::samples {

/// A file that a flag names; an empty path: the flag is not there.
struct FileFlag {
  enum class Use {
    result,  ///< a short text, printed where it cannot be written
    page,    ///< a long one, put into a file elsewhere then
    state,   ///< read and written by something else: must be a file
    input,   ///< only read: no output may replace it
  };

  const char* flag;
  std::string path;
  Use use = Use::result;
};

/// The output files of a program. Each is tried at the start and written by itself at the end; when one fails, a line
/// on standard error says so, and the others are still written. While one of them is standard output ("-"), everything
/// that is printed goes to standard error.
class Outputs {
 public:
  /// Throws UsageError, with the flag, for a file that cannot be written and for two flags that name the same one.
  Outputs(std::string program, std::vector<FileFlag> files);
  ~Outputs();
  Outputs(const Outputs&) = delete;
  Outputs& operator=(const Outputs&) = delete;

  /// Writes what `text` makes, if the flag is there; nothing where that is empty. What cannot be written is printed on
  /// standard output, or put into a new file: beside the one that was asked for, else in $TMPDIR, else in /tmp. The
  /// message on standard error says which.
  void write(const std::string& flag, const std::function<std::string()>& text);

  /// Whether the flag is there.
  bool wants(const std::string& flag) const;

  /// The exit code of a program that would end with `code`: 1 after any failure.
  int exit_code(int code) const { return failed_ ? 1 : code; }

 private:
  void put(const FileFlag& file, const std::string& text) const;
  std::string rescue(const FileFlag& file, const std::string& text) const;

  std::string program_;
  std::vector<FileFlag> files_;
  std::string printed_flag_ = {};  ///< of the output that has standard output for itself
  int standard_output_ = -1;       ///< its descriptor, then
  bool failed_ = false;
};

}  // namespace sluice::samples
