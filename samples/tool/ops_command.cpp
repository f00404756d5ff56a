#include "tool/ops_command.h"

#include <iostream>
#include <memory>
#include <set>

#include <fmt/format.h>
#include <sluice/core/device.h>
#include <sluice/core/error.h>
#include <sluice/core/open_cuda.h>

#include "common/flag_parsers.h"

namespace sluice::samples {
namespace {

struct OpsFlags {
  std::string gpu;
};

/// The table of a device, or null and the reason on standard error.
const KernelTable* table_of(Device device) {
  try {
    return &device.backend().kernels();
  } catch (const DeviceError& error) {
    std::cerr << "sluice: " << device.str() << " is left out: " << error.what() << '\n';
    return nullptr;
  }
}

}  // namespace

std::string op_table(const KernelTable* cpu, const KernelTable* cuda) {
  std::vector<std::pair<const char*, const KernelTable*>> devices;
  if (cpu) devices.emplace_back("cpu", cpu);
  if (cuda) devices.emplace_back("cuda", cuda);
  std::string head = "| op |", line = "|---|", rows;
  std::set<std::string> ops;
  for (const auto& [name, table] : devices) {
    head += fmt::format(" {} |", name);
    line += "---|";
    for (const std::string& op : table->types()) ops.insert(op);
  }
  for (const std::string& op : ops) {
    rows += fmt::format("| {} |", op);
    for (const auto& [name, table] : devices) rows += fmt::format(" {} |", table->find(op) ? table->library(op) : "–");
    rows += '\n';
  }
  std::string fusions;
  for (const auto& [name, table] : devices)
    for (const auto& [ops, fusion] : table->fusions())
      fusions += fmt::format("| {}+{} | {} | {} |\n", ops.first, ops.second, name, fusion.library);
  if (!fusions.empty())
    fusions =
        "\nTwo ops in one pass, where the first's result has no other reader and the library has a plan:\n\n"
        "| ops | device | library |\n|---|---|---|\n" +
        fusions;
  return head + '\n' + line + '\n' + rows + fusions;
}

Command ops_command() {
  return {.name = "ops", .about = "Which library does an op's work on which device", .declare = [](CLI::App& app) {
            const auto flags = std::make_shared<OpsFlags>();
            add(app, "--gpu", "FILE", "list the CUDA device by the description of a GPU, where there is none",
                [flags](const std::string& s) { flags->gpu = parse_state_name(s); });
            return [flags] {
              if (!flags->gpu.empty()) plan_for_gpu(flags->gpu);
              const KernelTable* const cpu = table_of(Device::cpu());
              std::cout << op_table(cpu, table_of(Device::cuda()));
              return 0;
            };
          }};
}

}  // namespace sluice::samples
