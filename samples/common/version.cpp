#include "common/version.h"

#include <fmt/format.h>
#include <sluice/core/device.h>
#include <sluice/core/error.h>

namespace sluice::samples {
namespace {

std::string device_text(Device device) {
  try {
    return device.backend().description();
  } catch (const DeviceError& error) {
    const std::string why = error.what();
    return why.starts_with(device.str() + ": ") ? why : device.str() + ": " + why;
  }
}

}  // namespace

std::vector<std::pair<std::string, std::string>> build_rows() {
  return {{"Sluice", SLUICE_VERSION}, {"compiler", SLUICE_COMPILER}, {"build", SLUICE_BUILD_TYPE}};
}

std::string version_text(const std::string& program) {
  std::string text = fmt::format("{} {} (Sluice)\n", program, SLUICE_VERSION);
  for (const auto& [what, value] : build_rows())
    if (what != "Sluice") text += fmt::format("{:<9} {}\n", what, value);
  return text + fmt::format("device    {}\ndevice    {}", device_text(Device::cpu()), device_text(Device::cuda()));
}

}  // namespace sluice::samples
