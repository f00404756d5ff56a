// Choosing a device, with and without a GPU in the machine.

#include <sluice/core/device.h>

#include <algorithm>

#include <gtest/gtest.h>

#include <sluice/core/error.h>

namespace sluice::test {
namespace {

/// Why the device cannot be used; empty: it can.
std::string refusal(Device device) {
  try {
    device.backend();
    return {};
  } catch (const DeviceError& error) {
    return error.what();
  }
}

TEST(DeviceChoice, Parse) {
  EXPECT_EQ(Device::parse("cpu"), Device::cpu());
  EXPECT_EQ(Device::parse("cuda"), Device::cuda());
  EXPECT_EQ(Device::parse("cuda:0"), Device::cuda());
  EXPECT_EQ(Device::parse("cuda:3"), Device::cuda(3));
  EXPECT_EQ(Device::cuda(3).str(), "cuda:3");
  for (const char* text :
       {"", "gpu", "CUDA", "cpu:0", "cuda:", "cuda:-1", "cuda:1x", "cuda: 1", "cuda:99999999999", "reference"}) {
    try {
      Device::parse(text);
      ADD_FAILURE() << "'" << text << "' was taken";
    } catch (const DeviceError& error) {
      EXPECT_NE(std::string(error.what()).find("'" + std::string(text) + "'"), std::string::npos) << error.what();
    }
  }
}

// Asking by name is answered by that device or by a DeviceError: one line that says whose and why, as often as one
// asks.
TEST(DeviceChoice, CudaOrOneSentence) {
  const std::string why = refusal(Device::cuda());
  if (why.empty()) {
    Backend& backend = Device::cuda().backend();
    EXPECT_EQ(backend.description().find("cuda: "), 0U) << backend.description();
    EXPECT_EQ(&backend, &Device::cuda().backend());
    EXPECT_FALSE(backend.host_visible());
    return;
  }
  EXPECT_EQ(why.find("cuda: "), 0U) << why;
  EXPECT_EQ(why.find("cuda: ", 1), std::string::npos) << why;
  EXPECT_EQ(why.find('\n'), std::string::npos) << why;
  EXPECT_EQ(refusal(Device::cuda()), why);
  RecordProperty("why", why);
}

TEST(DeviceChoice, NoSuchIndex) {
  const std::string why = refusal(Device::cuda(4096));
  ASSERT_FALSE(why.empty());
  if (refusal(Device::cuda()).empty()) {
    EXPECT_NE(why.find("index 4096"), std::string::npos) << why;
  }
}

TEST(DeviceChoice, BestIsOneThatWorks) {
  const Device best = Device::best();
  EXPECT_EQ(best, refusal(Device::cuda()).empty() ? Device::cuda() : Device::cpu());
  EXPECT_EQ(refusal(best), "");
}

}  // namespace
}  // namespace sluice::test
