// Files that describe GPUs, and devices that are only planned for.

#include <nlohmann/json.hpp>

#include <sluice/core/device_run.h>
#include <sluice/core/kernel.h>

#include "support/planned_gpu.h"

namespace sluice::test {
namespace {

class GpuProperties : public PlannedGpuTest {
 protected:
  /// Why a file with this text is refused.
  std::string refusal(const std::string& text) {
    const std::string path = file("gpu.json", text);
    try {
      open_planned_cuda(path);
    } catch (const DeviceError& error) {
      EXPECT_NE(std::string(error.what()).find("'" + path + "'"), std::string::npos) << error.what();
      return error.what();
    }
    return "it was taken";
  }
};

TEST_F(GpuProperties, ShippedFilesDescribeTheirGpus) {
  const struct {
    const char *file, *name, *capability;
    bool tf32;
  } gpus[] = {{"h200", "H200", "9.0", true},
              {"a100-80gb", "A100", "8.0", true},
              {"rtx4090", "4090", "8.9", true},
              {"rtx3060-12gb", "3060", "8.6", true},
              {"t4", "T4", "7.5", false}};
  for (const auto& gpu : gpus) {
    const auto backend = open_planned_cuda(shipped(gpu.file));
    const std::string text = backend->description();
    EXPECT_NE(text.find(gpu.name), std::string::npos) << text;
    EXPECT_NE(text.find("compute capability " + std::string(gpu.capability)), std::string::npos) << text;
    EXPECT_NE(text.find("not here"), std::string::npos) << text;
    EXPECT_EQ(backend->precision(), gpu.tf32 ? Precision::tf32 : Precision::fp32);
  }
}

TEST_F(GpuProperties, RatesAreThoseOfTheDataSheets) {
  const auto rates = [&](const char* name, Precision precision) {
    const auto backend = open_planned_cuda(shipped(name));
    const DeviceRun run(*backend, precision);
    const DeviceRun::Scope scope(run);
    return backend->rates();
  };
  // Of the peaks, half and four fifths.
  EXPECT_NEAR(rates("a100-80gb", Precision::tf32).flops_per_s, 0.5 * 156e12, 1e12);
  EXPECT_NEAR(rates("a100-80gb", Precision::fp32).flops_per_s, 0.5 * 19.5e12, 1e11);
  EXPECT_NEAR(rates("a100-80gb", Precision::fp32).bytes_per_s, 0.8 * 2039e9, 1e10);
  EXPECT_NEAR(rates("rtx4090", Precision::tf32).flops_per_s, 0.5 * 82.6e12, 1e12);
  EXPECT_NEAR(rates("t4", Precision::fp32).flops_per_s, 0.5 * 8.1e12, 1e11);
  EXPECT_NEAR(rates("t4", Precision::fp32).bytes_per_s, 0.8 * 320e9, 1e9);
  EXPECT_NEAR(rates("h200", Precision::tf32).bytes_per_s, 0.8 * 4.8e12, 0.2e12);
}

TEST_F(GpuProperties, PrecisionIsTheDevices) {
  const auto t4 = open_planned_cuda(shipped("t4")), h200 = open_planned_cuda(shipped("h200"));
  EXPECT_THROW(DeviceRun(*t4, Precision::tf32), DeviceError);
  const auto fingerprint_in = [&](Precision precision) {
    const DeviceRun run(*h200, precision);
    const DeviceRun::Scope scope(run);
    EXPECT_EQ(h200->precision(), precision == Precision::automatic ? Precision::tf32 : precision);
    return h200->fingerprint();
  };
  EXPECT_EQ(fingerprint_in(Precision::automatic), h200->fingerprint());
  EXPECT_EQ(fingerprint_in(Precision::tf32), h200->fingerprint());
  EXPECT_NE(fingerprint_in(Precision::fp32), h200->fingerprint());
  EXPECT_NE(fingerprint_in(Precision::strict), fingerprint_in(Precision::fp32));
}

TEST_F(GpuProperties, WhatNeedsTheDeviceIsRefused) {
  const auto backend = open_planned_cuda(shipped("t4"));
  EXPECT_THROW(backend->allocate(64), DeviceError);
  EXPECT_EQ(backend->allocated_bytes(), 0U);
  char byte = 0;
  EXPECT_THROW(backend->copy_in(&byte, &byte, 1), DeviceError);
  EXPECT_THROW(backend->copy_out(&byte, &byte, 1), DeviceError);
  EXPECT_THROW(backend->copy(&byte, &byte, 1), DeviceError);
  EXPECT_THROW(backend->fill(&byte, 0, 1), DeviceError);
  EXPECT_THROW(backend->synchronize(), DeviceError);
}

TEST_F(GpuProperties, WrongFilesAreTold) {
  EXPECT_THROW(open_planned_cuda((folder() / "none.json").string()), DeviceError);
  EXPECT_THROW(open_planned_cuda(folder().string()), DeviceError);
  EXPECT_NE(refusal("").find("not JSON"), std::string::npos);
  EXPECT_NE(refusal("{\"version\":1,").find("not JSON"), std::string::npos);
  EXPECT_NE(refusal("[1,2]").find("object"), std::string::npos);
  EXPECT_NE(refusal(std::string(100000, '[')).find("not JSON"), std::string::npos);
}

TEST_F(GpuProperties, WrongPropertiesAreTold) {
  using Json = nlohmann::json;
  const Json good = Json::parse(read_file(shipped("h200")));
  for (const auto& [key, value] : good.items()) {
    if (key == "version" || key == "pciDeviceId" || key == "cudaDeviceId" || key == "maxSharedMemoryPerSM") continue;
    Json json = good;
    if (key != "memoryBusWidth") {
      json.erase(key);
      EXPECT_NE(refusal(json.dump()).find(key), std::string::npos) << refusal(json.dump());
    }
    for (const Json& wrong : {Json(nullptr), Json("12"), Json(-1), Json(1.5), Json(1e300), Json(18446744073709551615u),
                              Json::array(), Json::object()}) {
      if (key == "deviceName" && wrong.is_string()) continue;
      json[key] = wrong;
      const std::string why = refusal(json.dump());
      EXPECT_NE(why.find(key), std::string::npos) << wrong << ": " << why;
      EXPECT_NE(why.find("got " + wrong.dump()), std::string::npos) << wrong << ": " << why;
      EXPECT_NE(why.find("expected "), std::string::npos) << wrong << ": " << why;
    }
  }
  Json old = good;
  old["deviceVer"] = 610;
  EXPECT_NE(refusal(old.dump()).find("compute capability 6.1; expected 7.5 or later"), std::string::npos);
  old["deviceVer"] = 905;
  EXPECT_NE(refusal(old.dump()).find("deviceVer"), std::string::npos);
  old["deviceVer"] = 9990;  // cuDNN itself would plan for it
  EXPECT_THROW(open_planned_cuda(file("new.json", old.dump())), DeviceError);
}

}  // namespace
}  // namespace sluice::test
