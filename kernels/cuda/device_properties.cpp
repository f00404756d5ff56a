#include <sluice/kernels/cuda/device_properties.h>

#include <algorithm>
#include <fstream>
#include <limits>

#include <nlohmann/json.hpp>

#include <sluice/core/error.h>

namespace sluice::cuda {
namespace {

using Json = nlohmann::ordered_json;

/// A number of the file, and what is believable.
struct Property {
  const char* key;
  std::int64_t DeviceProperties::*member;
  std::int64_t least, most;
  bool optional = false;
};

constexpr std::int64_t kib = 1 << 10, mib = 1 << 20, tib = std::int64_t{1} << 40;
constexpr std::int64_t most_int = std::numeric_limits<std::int32_t>::max();

// In the order in which cuDNN writes them.
constexpr Property properties[] = {
    {"regsPerBlock", &DeviceProperties::registers_per_block, 1024, 1 << 20},
    {"multiProcessorCount", &DeviceProperties::multiprocessors, 1, 4096},
    {"warpSize", &DeviceProperties::warp_size, 32, 32},
    {"maxSharedMemoryPerBlock", &DeviceProperties::shared_bytes_per_block, kib, mib},
    {"maxSharedMemoryPerBlockOptin", &DeviceProperties::shared_bytes_per_block_optin, kib, mib},
    {"reservedSharedMemoryPerBlock", &DeviceProperties::shared_bytes_reserved, 0, 64 * kib},
    {"maxRegistersPerSM", &DeviceProperties::registers_per_multiprocessor, 1024, 1 << 20},
    {"maxCtasPerSM", &DeviceProperties::blocks_per_multiprocessor, 1, 1024},
    {"maxThreadsPerBlock", &DeviceProperties::threads_per_block, 32, 4096},
    {"maxThreadsPerSM", &DeviceProperties::threads_per_multiprocessor, 32, 16384},
    {"isTccDriver", &DeviceProperties::tcc_driver, 0, 1},
    {"supportCoopLaunch", &DeviceProperties::cooperative_launch, 0, 1},
    {"totalGlobalMem", &DeviceProperties::memory_bytes, 64 * mib, 16 * tib},
    {"smClockRateKHz", &DeviceProperties::clock_khz, 100'000, 10'000'000},
    {"memClockRateKHz", &DeviceProperties::memory_clock_khz, 100'000, 50'000'000},
    {"l2CacheSize", &DeviceProperties::l2_bytes, 64 * kib, 16384 * mib},
    {"deviceVer", &DeviceProperties::device_version, 100, 9990},
    {"driverVer", &DeviceProperties::driver_version, 9000, 99990},
    {"memoryBusWidth", &DeviceProperties::memory_bus_bits, 32, 65536, /*optional=*/true},
};

/// Reads properties of one file, naming it in errors.
class Reader {
 public:
  explicit Reader(const std::string& file) : file_(file) {
    std::ifstream stream(file);
    if (!stream) reject("the file cannot be read", "", "a file of GPU properties, as in gpus/");
    json_ = Json::parse(stream, nullptr, /*allow_exceptions=*/false);
    if (json_.is_discarded()) reject("it is not JSON", "", "an object of GPU properties, as in gpus/");
    if (!json_.is_object()) reject("it is no object", json_.dump(), "an object of GPU properties, as in gpus/");
  }

  std::int64_t number(const Property& property) const {
    if (property.optional && !json_.contains(property.key)) return 0;
    return whole(property.key, member(property.key), property.least, property.most);
  }

  std::array<std::int64_t, 3> sizes(const char* key) const {
    const Json& value = member(key);
    if (!value.is_array() || value.size() != 3)
      reject(std::string("property ") + key + " has the wrong type", value.dump(), "three whole numbers");
    std::array<std::int64_t, 3> result{};
    for (std::size_t i = 0; i < 3; ++i) result[i] = whole(key, value[i], 1, most_int);
    return result;
  }

  std::string text(const char* key) const {
    const Json& value = member(key);
    if (!value.is_string() || value.get<std::string>().empty() || value.get<std::string>().size() > 255)
      reject(std::string("property ") + key + " is wrong", value.dump(), "the device's name in quotes");
    return value.get<std::string>();
  }

  [[noreturn]] void reject(const std::string& what, std::string value, const std::string& rule) const {
    constexpr std::size_t most = 80;
    if (value.size() > most) value.replace(most, std::string::npos, "...");
    throw DeviceError("cuda: GPU properties '" + file_ + "': " + what + (value.empty() ? "" : "; got " + value) +
                      "; expected " + rule);
  }

 private:
  const Json& member(const char* key) const {
    const auto found = json_.find(key);
    if (found == json_.end()) reject(std::string("property ") + key + " is missing", "", "every one of gpus/h200.json");
    return *found;
  }

  std::int64_t whole(const char* key, const Json& value, std::int64_t least, std::int64_t most) const {
    const std::string rule = "a whole number from " + std::to_string(least) + " to " + std::to_string(most);
    if (!value.is_number_integer()) reject(std::string("property ") + key + " has the wrong type", value.dump(), rule);
    const bool huge = value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(most);
    const std::int64_t number = huge ? most : value.get<std::int64_t>();
    if (huge || number < least || number > most)
      reject(std::string("property ") + key + " is absurd", value.dump(), rule);
    return number;
  }

  std::string file_;
  Json json_;
};

/// f32 lanes of a multiprocessor, and multiply-adds of tf32 that its tensor cores do a cycle (NVIDIA's architecture
/// whitepapers).
struct Throughput {
  double fp32, tf32;
};

Throughput throughput(std::int64_t device_version) {
  if (device_version < 800) return {64, 0};
  if (device_version == 800) return {64, 512};
  if (device_version < 900) return {128, 128};
  if (device_version < 1000) return {128, 1024};
  if (device_version < 1200) return {128, 2048};
  return {128, 128};
}

/// A usual width of the memory's bus if the driver reports none: stacked memory in data-centre chips, GDDR elsewhere.
double usual_bus_bits(std::int64_t device_version) {
  const bool stacked = device_version == 800 || (device_version >= 900 && device_version < 1200);
  return stacked ? 5120 : 256;
}

}  // namespace

std::string DeviceProperties::capability() const {
  return std::to_string(device_version / 100) + "." + std::to_string(device_version / 10 % 10);
}

std::string DeviceProperties::str() const {
  return name + ", compute capability " + capability() + ", " + std::to_string(multiprocessors) + " multiprocessors, " +
         std::to_string(memory_bytes >> 20) + " MiB";
}

std::string DeviceProperties::json() const {
  Json json;
  json["version"] = 1;
  json["maxGridSize"] = grid_size;
  json["maxBlockSize"] = block_size;
  for (const Property& property : properties)
    if (!property.optional) json[property.key] = this->*property.member;
  json["pciDeviceId"] = 0;  // which of several equal devices it is makes no difference to plans
  json["cudaDeviceId"] = 0;
  json["deviceName"] = name;
  return json.dump();
}

DeviceProperties read_device_properties(const std::string& file) {
  const Reader reader(file);
  DeviceProperties device;
  device.name = reader.text("deviceName");
  device.grid_size = reader.sizes("maxGridSize");
  device.block_size = reader.sizes("maxBlockSize");
  for (const Property& property : properties) device.*property.member = reader.number(property);
  if (device.device_version % 10 != 0)
    reader.reject("property deviceVer is absurd", std::to_string(device.device_version),
                  "100 times the compute capability, as 860 for 8.6");
  if (device.device_version < least_device_version)
    reader.reject("the GPU is too old", "compute capability " + device.capability(), "7.5 or later");
  return device;
}

DeviceRates rates(const DeviceProperties& device, Precision precision) {
  const Throughput throughput = cuda::throughput(device.device_version);
  const double adds = precision == Precision::tf32 ? throughput.tf32 : throughput.fp32;
  const double bus_bits =
      device.memory_bus_bits ? static_cast<double>(device.memory_bus_bits) : usual_bus_bits(device.device_version);
  const double bytes_per_s = 2 * 1e3 * static_cast<double>(device.memory_clock_khz) * bus_bits / 8;  // double data rate
  // What kernels usually reach of the peaks.
  constexpr double reached_flops = 0.5, reached_bytes = 0.8, cache_speedup = 3;
  return {.flops_per_s = reached_flops * 2 * adds * static_cast<double>(device.multiprocessors) * 1e3 *
                         static_cast<double>(device.clock_khz),
          .bytes_per_s = reached_bytes * bytes_per_s,
          .launch_s = 3e-6,
          .cache_bytes = static_cast<double>(device.l2_bytes) / 2,
          .cache_bytes_per_s = reached_bytes * bytes_per_s * cache_speedup};
}

}  // namespace sluice::cuda
