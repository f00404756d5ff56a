#include "tool/command.h"

#include <exception>
#include <iostream>

#include <fmt/format.h>
#include <sluice/core/error.h>
#include <sluice/core/host_memory.h>
#include <CLI/CLI.hpp>

#include "common/checked_main.h"

namespace sluice::samples {
namespace {

int parse_and_run(int argc, const char* const* argv, std::span<const Command> commands) {
  std::string who = "sluice";
  const auto fail = [&](const std::exception& error, const char* hint, int code) {
    std::cout << std::flush;
    std::cerr << who << ": " << message_of(error) << hint << '\n';
    return code;
  };
  CLI::App app("Plans and packs memory.", who);
  app.set_help_flag("-h,--help", "print this and exit");
  app.require_subcommand(1);
  std::function<int()> chosen;
  for (const Command& command : commands) {
    CLI::App* const sub = app.add_subcommand(command.name, command.about);
    sub->set_help_flag("-h,--help", "print this and exit");
    const std::function<int()> body = command.declare(*sub);
    sub->parse_complete_callback([&chosen, &who, body, name = command.name] {
      chosen = body;
      who = "sluice " + name;
    });
  }
  try {
    app.parse(argc, argv);
    return chosen();
  } catch (const CLI::CallForHelp&) {
    std::cout << app.help();
    return 0;
  } catch (const CLI::ParseError& error) {
    return fail(error, " (see --help)", 2);
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
