#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <sluice/core/device.h>
#include <CLI/CLI.hpp>

#include "common/planner_flags.h"

namespace sluice::samples {

// Words of a command line to values, for CLI11; what does not fit throws CLI::ValidationError saying what would.

/// CLI11 would take 010 for eight and 1.5 for one: numbers are read here, and must be all there is.
template <std::integral T>
T parse_whole(const std::string& text, T least, T most = std::numeric_limits<T>::max()) {
  T number = 0;
  const char* const end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || last != end || error != std::errc() || number < least || number > most)
    throw CLI::ValidationError(fmt::format("got '{}'; expected a whole number from {} to {}", text, least, most));
  return number;
}

/// `rule` completes "expected a number …".
double parse_real(const std::string& text, const std::string& rule, bool (*valid)(double));
/// At least one byte; 0 for "none", free_memory for "free".
std::size_t parse_budget(const std::string& text);
std::string parse_choice(const std::string& text, const std::vector<std::string>& choices);
/// The name of a device that exists here.
std::string parse_device(const std::string& text);
Precision parse_precision(const std::string& text);
/// The number of threads, of which 0 stands for all.
int parse_threads(const std::string& text);
/// The name of a directory: an unset variable of a script is none.
std::string parse_directory(const std::string& text);
/// The name of an output file, which must not be empty: an unset variable of a script must not cost the results.
std::string parse_file_name(const std::string& text);
/// The same of a file that is read as well, so that it cannot be "-".
std::string parse_state_name(const std::string& text);

/// --help and --version, which print and end the program (CLI::CallForHelp, CLI::CallForVersion).
void add_help_and_version(CLI::App& app, const std::string& program);
/// What is wrong with the command line that `app` could not parse; words that nothing reads come in the user's order.
std::string usage_error(const CLI::App& app, const CLI::ParseError& error);
/// Prints what a command line that ends the program asks for, or what is wrong with it. Returns the exit code, 0 or 2.
int end_of_parsing(const CLI::App& app, const std::string& who, const CLI::ParseError& error);

/// Adds a flag that takes one word; `set` throws CLI::ValidationError without the flag's name, which is put in front.
template <class Set>
void add(CLI::App& app, const std::string& name, const std::string& type, const std::string& help, Set set) {
  const auto named = [name, set](const std::string& text) {
    try {
      set(text);
    } catch (const CLI::ValidationError& error) {
      throw CLI::ValidationError(name, error.what());
    }
  };
  app.add_option_function<std::string>(name, named, help)->type_name(type)->take_last();
}

/// --svg.
void add_svg(CLI::App& app, std::string& directory);
/// --micro-batch.
void add_micro_batch(CLI::App& app, std::int64_t& micro_batch, bool& fastest);
/// --recompute and the switches of the planner's passes.
void add_planner_flags(CLI::App& app, PlannerFlags& flags);

}  // namespace sluice::samples
