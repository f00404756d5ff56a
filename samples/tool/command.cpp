#include "tool/command.h"

#include <exception>
#include <iostream>

#include <fmt/format.h>
#include <sluice/core/error.h>
#include <sluice/core/host_memory.h>
#include <CLI/CLI.hpp>

#include "common/checked_main.h"
#include "common/flag_parsers.h"

namespace sluice::samples {
namespace {

/// What is wrong where no command was named.
UsageError no_command(const CLI::App& app, std::span<const Command> commands) {
  std::string names;
  for (const Command& command : commands) names += (names.empty() ? "" : " or ") + command.name;
  const std::vector<std::string> words = app.remaining();
  if (words.empty()) return UsageError("the command is missing; expected " + names);
  return UsageError("no command is called so; got '" + words.front() + "'; expected " + names);
}

int parse_and_run(int argc, const char* const* argv, std::span<const Command> commands) {
  std::string who = "sluice";
  const auto fail = [&](const std::exception& error, const char* hint, int code) {
    std::cout << std::flush;
    std::cerr << who << ": " << message_of(error) << hint << '\n';
    return code;
  };
  CLI::App app("Plans what training takes, packs buffers, lists ops. Every command has a --help of its own.", who);
  add_help_and_version(app, "sluice");
  app.require_subcommand(1);
  std::function<int()> chosen;
  for (const Command& command : commands) {
    CLI::App* const sub = app.add_subcommand(command.name, command.about);
    add_help_and_version(*sub, "sluice");
    const std::function<int()> body = command.declare(*sub);
    sub->parse_complete_callback([&chosen, body] { chosen = body; });
    sub->preparse_callback([&who, name = command.name](std::size_t) { who = "sluice " + name; });
  }
  try {
    app.parse(argc, argv);
    return chosen();
  } catch (const CLI::RequiredError& error) {
    if (who == "sluice") return fail(no_command(app, commands), " (see --help)", 2);
    return end_of_parsing(app, who, error);
  } catch (const CLI::ParseError& error) {
    return end_of_parsing(app, who, error);
  } catch (const UsageError& error) {
    return fail(error, "", 2);
  } catch (const std::exception& error) {
    return fail(error, "", 1);
  }
}

}  // namespace

int run_tool(int argc, const char* const* argv, std::span<const Command> commands) {
  return checked_main("sluice", [&] { return parse_and_run(argc, argv, commands); });
}

}  // namespace sluice::samples
