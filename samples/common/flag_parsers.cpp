#include "common/flag_parsers.h"

#include <algorithm>
#include <cmath>
#include <iostream>

#include <sluice/core/byte_size.h>
#include <sluice/core/device.h>
#include <sluice/core/error.h>
#include <sluice/kernels/cpu/threads.h>
#include <sluice/mbp/train/trainer.h>

#include "common/version.h"

namespace sluice::samples {

double parse_real(const std::string& text, const std::string& rule, bool (*valid)(double)) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, number);
  if (text.empty() || last != end || error != std::errc() || !std::isfinite(number) || !valid(number))
    throw CLI::ValidationError(fmt::format("got '{}'; expected a number {}", text, rule));
  return number;
}

std::size_t parse_budget(const std::string& text) {
  if (text == "none") return 0;
  if (text == "free") return free_memory;
  try {
    const std::size_t bytes = parse_bytes(text);
    if (bytes > 0) return bytes;
  } catch (const UsageError& error) {
    throw CLI::ValidationError(error.what());
  }
  throw CLI::ValidationError(fmt::format("got '{}'; expected at least one byte, none, or free", text));
}

std::string parse_choice(const std::string& text, const std::vector<std::string>& choices) {
  if (std::find(choices.begin(), choices.end(), text) != choices.end()) return text;
  throw CLI::ValidationError(fmt::format("got '{}'; expected {}", text, fmt::join(choices, " or ")));
}

std::string parse_device(const std::string& text) {
  try {
    return Device::parse(text).str();
  } catch (const DeviceError& error) {
    throw CLI::ValidationError(error.what());
  }
}

Precision parse_precision(const std::string& text) {
  const std::string choice = parse_choice(text, {"fp32", "tf32", "strict"});
  return choice == "tf32" ? Precision::tf32 : choice == "strict" ? Precision::strict : Precision::fp32;
}

int parse_threads(const std::string& text) { return parse_whole<int>(text, 0, cpu::most_threads); }

std::string parse_directory(const std::string& text) {
  if (text.empty()) throw CLI::ValidationError("got ''; expected the name of a directory");
  return text;
}

std::string parse_file_name(const std::string& text) {
  if (text.empty()) throw CLI::ValidationError("got ''; expected the name of a file");
  return text;
}

std::string parse_state_name(const std::string& text) {
  if (text == "-") throw CLI::ValidationError("got '-'; expected the name of a file (./- for one of that name)");
  return parse_file_name(text);
}

void add_help_and_version(CLI::App& app, const std::string& program) {
  app.set_help_flag("-h,--help", "print this and exit");
  app.set_version_flag(
      "--version", [program] { return version_text(program); }, "print version, compiler and devices, and exit");
}

std::string usage_error(const CLI::App& app, const CLI::ParseError& error) {
  if (!dynamic_cast<const CLI::ExtrasError*>(&error)) return error.what();
  const std::vector<std::string> words = app.remaining(/*recurse=*/true);
  return fmt::format("nothing here is called so; got '{}'; expected the flags of --help", fmt::join(words, "' '"));
}

int end_of_parsing(const CLI::App& app, const std::string& who, const CLI::ParseError& error) {
  if (dynamic_cast<const CLI::CallForHelp*>(&error)) return (std::cout << app.help()), 0;
  if (dynamic_cast<const CLI::CallForVersion*>(&error)) return (std::cout << error.what() << '\n'), 0;
  std::cout << std::flush;
  std::cerr << who << ": " << usage_error(app, error) << " (see --help)\n";
  return 2;
}

void add_svg(CLI::App& app, std::string& directory) {
  add(app, "--svg", "DIR", "write the figures of that page into a folder, as SVG files; it is made if it is missing",
      [&](const std::string& s) { directory = parse_directory(s); });
}

void add_micro_batch(CLI::App& app, std::int64_t& micro_batch, bool& fastest) {
  add(app, "--micro-batch", "N|auto|fastest",
      fmt::format(
          "most samples per replay (the replays of a step are of even size, so there may be fewer); auto: the largest "
          "that fits without recomputation, or with it where none does, and without a budget the whole batch; fastest: "
          "by predicted time, or by replays that --tune timed [{}]",
          micro_batch ? std::to_string(micro_batch) : "auto"),
      [&](const std::string& s) {
        fastest = s == "fastest";
        micro_batch = fastest || s == "auto" ? 0 : parse_whole<std::int64_t>(s, 1);
      });
}

void add_planner_flags(CLI::App& app, PlannerFlags& flags) {
  add(app, "--recompute", "none|cheap|auto",
      "values to recompute instead of keeping them in memory; cheap: results of one pass over memory; auto: as the "
      "budget requires [auto]",
      [&](const std::string& s) {
        const std::string choice = parse_choice(s, {"none", "cheap", "auto"});
        flags.recompute = choice == "none"    ? Recompute::none
                          : choice == "cheap" ? Recompute::cheap
                                              : Recompute::automatic;
      });
  const auto off = [&](const std::string& name, bool& pass, const std::string& help) {
    app.add_flag_callback(
        name, [&pass] { pass = false; }, help);
  };
  off("--no-in-place", flags.passes.in_place, "no result takes the place of an input that dies with it");
  off("--no-order", flags.passes.order, "kernels run in the order in which the model describes them");
  off("--no-recompute", flags.passes.recompute, "the same as --recompute none");
  off("--no-search", flags.passes.search, "offsets by quick orders alone");
}

}  // namespace sluice::samples
