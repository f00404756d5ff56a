// Looks at one property of a device by training nets on it; a part of ./dev gpu-check:
//
//   build-gpu/bin/gpu_check replay --device cuda
//
// Prints a line for each claim, with figures. Exit codes: 0 all hold, 1 one does not or the device cannot be used, 2
// wrong usage. --help lists the properties.

#include <algorithm>
#include <iostream>

#include <fmt/format.h>
#include <CLI/CLI.hpp>

#include "gpu/checks.h"

using namespace sluice;
using namespace sluice::test;

namespace {

int run(const std::string& name, const std::string& device_name) {
  prepare_devices();
  const Device device = Device::parse(device_name);
  std::cout << device.backend().description() << std::endl;
  const std::span<const Check> all = checks();
  const auto check = std::find_if(all.begin(), all.end(), [&](const Check& c) { return c.name == name; });
  Findings findings;
  check->run(device, findings);
  return findings.all_hold() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> names;
  std::string about = "Looks at one property of a device by training nets on it:\n";
  for (const Check& check : checks()) {
    names.push_back(check.name);
    about += fmt::format("  {:<11}{}\n", check.name, check.about);
  }
  CLI::App app(about, "gpu_check");
  std::string name, device = "cuda";
  app.add_option("CHECK", name, "the property")->required()->check(CLI::IsMember(names));
  app.add_option("--device", device, "cuda, cuda:<index> or cpu [cuda]")->type_name("NAME");
  try {
    app.parse(argc, argv);
    return run(name, device);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  } catch (const std::exception& error) {
    std::cout << std::flush;
    std::cerr << "gpu_check: " << error.what() << '\n';
    return 1;
  }
}
