#pragma once

#include <functional>
#include <span>
#include <string>

namespace CLI {
class App;
}

namespace sluice::samples {

/// A subcommand of the tool `sluice`: one function makes it, samples/sluice.cpp lists them all.
struct Command {
  std::string name, about;
  /// Declares the flags on a command line of its own. Returns what runs when they were parsed, which returns the exit
  /// code; wrong flags that only show then are UsageErrors.
  std::function<std::function<int()>(CLI::App& app)> declare;
};

/// Parses the command line, runs the command it names, and returns the exit code: the command's, or 1 after an error,
/// or 2 for wrong usage; both print a message on standard error.
int run_tool(int argc, const char* const* argv, std::span<const Command> commands);

}  // namespace sluice::samples
