// What cuDNN answered for a GPU, kept in a file.

#include <sluice/core/lowering.h>
#include <sluice/kernels/relu/relu.h>

#include "kernels/planned_convolutions.h"

namespace sluice::test {
namespace {

class CudnnPlanCache : public CudnnPlans {};

TEST_F(CudnnPlanCache, AreReadFromTheFile) {
  const std::string gpu = renamed_t4("cached");
  const auto first = a_convolution().lower_all(*open_planned_cuda(gpu), 32);
  const std::filesystem::path written = cache_file(folder());
  auto json = nlohmann::json::parse(read_file(written));
  ASSERT_EQ(json.at("plans").size(), 3U);

  // What cuDNN would never say shows that it was not asked.
  for (auto& [key, engines] : json.at("plans").items()) {
    engines = {engines[0]};
    engines[0]["engine"] = 4711;
  }
  const std::filesystem::path other = folder() / "other";
  std::filesystem::create_directories(other);
  std::ofstream(other / written.filename()) << json;
  cache_in(other);
  const auto second = a_convolution().lower_all(*open_planned_cuda(gpu), 32);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(second[i].algorithm.starts_with("engine 4711")) << second[i].algorithm;
    EXPECT_EQ(second[i].workspace_bytes, first[i].workspace_bytes);
  }
}

TEST_F(CudnnPlanCache, DamagedAndForeignFilesAreReplaced) {
  const std::string gpu = renamed_t4("damaged");
  const auto plans = a_convolution().lower_all(*open_planned_cuda(gpu), 32);
  const std::filesystem::path written = cache_file(folder());
  const std::string good = read_file(written);
  using Json = nlohmann::json;
  const auto changed = [&](const char* key, const Json& value) {
    Json json = Json::parse(good);
    json[key] = value;
    return json.dump();
  };
  Json engine = *Json::parse(good)["plans"].begin();
  engine[0]["workspace_bytes"] = -1;
  int number = 0;
  for (const std::string& bad :
       {std::string(), std::string("{}"), good.substr(0, good.size() / 2), std::string(1000, '\0'),
        changed("cudnn", "8.9.7"), changed("device", Json::object()), changed("sluice_cudnn_plans", 1),
        changed("plans", 5), changed("plans", Json{{"a", engine}})}) {
    SCOPED_TRACE(bad.substr(0, 200));
    const std::filesystem::path place = folder() / std::to_string(number++);
    std::filesystem::create_directories(place);
    std::ofstream(place / written.filename()) << bad;
    cache_in(place);
    testing::internal::CaptureStderr();
    EXPECT_EQ(a_convolution().lower_all(*open_planned_cuda(gpu), 32), plans);
    const std::string told = testing::internal::GetCapturedStderr();
    EXPECT_NE(told.find((place / written.filename()).string()), std::string::npos) << told;
    EXPECT_EQ(read_file(place / written.filename()), good);
  }
}

TEST_F(CudnnPlanCache, GoOnWithoutAPlaceForTheFile) {
  const auto plans = a_convolution().lower_all(*open_planned_cuda(renamed_t4("placeless")), 32);
  cache_in(file("not-a-folder", ""));
  testing::internal::CaptureStderr();
  EXPECT_EQ(a_convolution().lower_all(*open_planned_cuda(renamed_t4("placeless")), 32), plans);
  const std::string told = testing::internal::GetCapturedStderr();
  EXPECT_NE(told.find("not written"), std::string::npos) << told;
}

// Without a bias there is no such plan. That is not for the file: it may be of a moment without memory. Of the H200,
// because cuDNN 9.19 offers an H200 less in a process in which it has declined a relu for a T4.
TEST_F(CudnnPlanCache, LeaveAReluThatTheyHaveNoPlanFor) {
  const std::string gpu = renamed("h200", "declined");
  Graph graph;
  const Var y = relu(conv2d(graph.input("x", {64, 28, 28}), graph.constant(1, {96, 64, 3, 3}), {.padding = 1}));
  const std::vector<ValueId> outputs{y.id()};
  for (const char* pass : {"asked", "from the cache"}) {
    SCOPED_TRACE(pass);
    StorageTable storages;
    const StageCut cut = cut_into_stages(graph, outputs);
    std::vector<std::string> names;
    {
      const auto backend = open_planned_cuda(gpu);  // the file is written when it is closed
      const Part part = Lowering(graph, cut, storages, *backend, {}).everything(cut.stages.at(0).replayed, 32, outputs);
      for (const Instruction& instruction : part.instructions)
        if (instruction.node >= 0) names.push_back(instruction.name);
    }
    EXPECT_EQ(names, (std::vector<std::string>{"conv2d", "relu"}));
    const auto plans = nlohmann::json::parse(read_file(cache_file(folder()))).at("plans");
    ASSERT_EQ(plans.size(), 1U);
    EXPECT_EQ(plans.begin().key().find("relu"), std::string::npos);
  }
}

}  // namespace
}  // namespace sluice::test
