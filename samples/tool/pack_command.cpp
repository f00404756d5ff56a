#include "tool/pack_command.h"

#include <charconv>
#include <chrono>
#include <cmath>
#include <iostream>
#include <memory>

#include <fmt/format.h>
#include <sluice/core/byte_size.h>
#include <sluice/core/error.h>
#include <sluice/core/write_file.h>
#include <sluice/mbp/pack/packing.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include "common/flag_parsers.h"
#include "common/json_text.h"
#include "common/outputs.h"
#include "tool/packing_csv.h"

namespace sluice::samples {
namespace {

constexpr int does_not_fit = 3;

struct PackFlags {
  std::string in, out, json;
  std::size_t capacity = 0;  ///< 0: as low as possible
  double time_limit_s = 10;
  bool fixed_offsets = false;
};

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::size_t parse_capacity(const std::string& text) {
  try {
    if (const std::size_t bytes = parse_bytes(text)) return bytes;
  } catch (const UsageError& error) {
    throw CLI::ValidationError("--capacity", error.what());
  }
  throw CLI::ValidationError("--capacity", fmt::format("got '{}'; expected at least one byte", text));
}

double parse_seconds(const std::string& text) {
  constexpr double most = 1e6;
  double seconds = 0;
  const char* const end = text.data() + text.size();
  const auto [last, error] = std::from_chars(text.data(), end, seconds);
  if (text.empty() || last != end || error != std::errc() || !std::isfinite(seconds) || seconds < 0 || seconds > most)
    throw CLI::ValidationError("--time-limit",
                               fmt::format("got '{}'; expected a number of seconds from 0 to {:.0f}", text, most));
  return seconds;
}

/// A line on standard error that is redrawn while a search runs, if that is a terminal.
class SearchLine {
 public:
  SearchLine() = default;
  ~SearchLine() {
    if (drawn_) std::cerr << "\r\x1b[K" << std::flush;
  }
  SearchLine(const SearchLine&) = delete;
  SearchLine& operator=(const SearchLine&) = delete;

  void show(std::size_t peak) {
    if (!terminal_ || Clock::now() < next_) return;
    next_ = Clock::now() + std::chrono::milliseconds(200);
    drawn_ = true;
    std::cerr << fmt::format("\rsearching for {:.0f} s, peak {} bytes so far\x1b[K", seconds_since(start_), peak)
              << std::flush;
  }

 private:
  bool terminal_ = isatty(STDERR_FILENO) != 0, drawn_ = false;
  Clock::time_point start_ = Clock::now(), next_ = start_ + std::chrono::seconds(1);
};

std::string both(std::size_t bytes) { return fmt::format("{} bytes ({})", bytes, format_bytes(bytes)); }

void print(const Packing& packing, const PackFlags& flags, double seconds) {
  std::cout << fmt::format("buffers      {}\nlower bound  {}, the most alive at one time\npeak         {}",
                           packing.offsets.size(), both(packing.lower_bound_bytes), both(packing.peak_bytes));
  if (packing.lower_bound_bytes > 0)
    std::cout << fmt::format(", {:.4f} x the lower bound",
                             static_cast<double>(packing.peak_bytes) / static_cast<double>(packing.lower_bound_bytes));
  std::cout << (packing.proven_optimal() ? "; proven optimal" : "; not proven optimal");
  if (flags.capacity > 0 && packing.peak_bytes <= flags.capacity)
    std::cout << "\nfits         " << both(flags.capacity);
  std::cout << fmt::format("\ntime         {:.3f} s", seconds) << std::endl;
}

std::string result_json(const Packing& packing, double seconds) {
  return json_text({{"buffers", packing.offsets.size()},
                    {"lower_bound_bytes", packing.lower_bound_bytes},
                    {"peak_bytes", packing.peak_bytes},
                    {"proven_optimal", packing.proven_optimal()},
                    {"seconds", seconds}});
}

int run(const PackFlags& flags) {
  Outputs outputs("sluice pack", {{.flag = "--json", .path = flags.json},
                                  {.flag = "--out", .path = flags.out, .use = FileFlag::Use::page}});
  if (!flags.json.empty() && flags.in != "-" && same_output(flags.in, flags.json))
    throw UsageError("--in and --json name the same file; got '" + flags.json + "'; expected two");
  const std::string name = flags.in == "-" ? "standard input" : flags.in;
  const PackingCsv csv = parse_packing_csv(read_text(flags.in), name, flags.fixed_offsets);
  for (const std::string& column : csv.unused_columns)
    std::cerr << "sluice pack: '" << name << "': the column '" << column << "' is not used\n";

  const Clock::time_point start = Clock::now();
  Packing packing;
  try {
    SearchLine line;
    packing = pack(csv.items,
                   {.seconds = flags.time_limit_s, .capacity_bytes = flags.capacity, .progress = [&](std::size_t peak) {
                      line.show(peak);
                      return true;
                    }});
  } catch (const UsageError& error) {  // fixed offsets that cannot be
    throw DataError(fmt::format("'{}': {} (the first buffer is item 0)", name, error.what()));
  }
  const double seconds = seconds_since(start);
  print(packing, flags, seconds);
  const bool fits = flags.capacity == 0 || packing.peak_bytes <= flags.capacity;
  outputs.write("--json", [&] { return result_json(packing, seconds); });
  if (fits) {
    outputs.write("--out", [&] { return with_offsets(csv, packing.offsets); });
    return outputs.exit_code(0);
  }
  std::cout << std::flush;
  std::cerr << fmt::format("sluice pack: does not fit into {}: {}\n", both(flags.capacity),
                           packing.proven_bound_bytes > flags.capacity
                               ? fmt::format("at least {} are needed", both(packing.proven_bound_bytes))
                               : fmt::format("no packing was found within {} s, and it is not known that there is none",
                                             flags.time_limit_s));
  return outputs.exit_code(does_not_fit);
}

std::function<int()> declare(CLI::App& app) {
  const auto flags = std::make_shared<PackFlags>();
  app.add_option_function<std::string>(
         "--in,FILE",
         [flags](const std::string& text) {
           if (text.empty()) throw CLI::ValidationError("--in", "got ''; expected the name of a file, or -");
           flags->in = text;
         },
         "CSV file, - for standard input: columns id, lower, upper (half-open), size, alignment")
      ->required()
      ->type_name("");
  app.add_option_function<std::string>(
         "--capacity", [flags](const std::string& text) { flags->capacity = parse_capacity(text); },
         "stop as soon as it fits into SIZE (64MiB, 800MB, 4096); exit with 3 if it does not")
      ->type_name("SIZE");
  app.add_option_function<std::string>(
         "--time-limit", [flags](const std::string& text) { flags->time_limit_s = parse_seconds(text); },
         fmt::format("end a search that has proven nothing by then [{}]", flags->time_limit_s))
      ->type_name("SECONDS");
  add(app, "--out", "FILE", "write the CSV with a column offset; - for standard output",
      [flags](const std::string& s) { flags->out = parse_file_name(s); });
  add(app, "--json", "FILE", "write the result as one JSON object; - for standard output",
      [flags](const std::string& s) { flags->json = parse_file_name(s); });
  app.add_flag("--fixed-offsets", flags->fixed_offsets,
               "buffers with a number in the column offset must lie there (else that column is not read)");
  app.footer(
      "Other names of columns: buffer, buffer_id (id); begin, start (lower); end (upper - 1: inclusive).\n"
      "Exit codes: 0 done, 1 failure, 2 wrong usage, 3 does not fit into the capacity.");
  return [flags] { return run(*flags); };
}

}  // namespace

Command pack_command() {
  return {.name = "pack",
          .about = "Offsets for buffers whose lifetimes are known, in as little memory as possible",
          .declare = declare};
}

}  // namespace sluice::samples
