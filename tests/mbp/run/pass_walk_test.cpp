#include <sluice/mbp/run/pass_walk.h>

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sluice::test {
namespace {

/// A program of empty parts, told apart by their names.
Program named_program(int stages) {
  const auto part = [](const std::string& name) {
    return PackedPart{.part = {.name = name, .values = {}, .instructions = {}}, .lifetimes = {}, .packing = {}};
  };
  Program program;
  program.cut.stages.resize(static_cast<std::size_t>(stages));
  program.prologue = part("prologue");
  program.derived.push_back(part("derived"));
  program.writers = part("writers");
  for (int s = 0; s < stages; ++s) {
    const std::string number = std::to_string(s);
    program.once.push_back(part("once " + number));
    program.derived.push_back(part("derived " + number));
    for (const std::int64_t size : {3, 2})
      program.replayed[size].push_back(part("stage " + number + " of " + std::to_string(size)));
  }
  return program;
}

class Log final : public PassVisitor {
 public:
  explicit Log(int ends_at = -1) : ends_at_(ends_at) {}
  void run_once(const PackedPart& part) override { lines.push_back(part.part.name); }
  void begin_stage(int stage) override { lines.push_back("begin " + std::to_string(stage)); }
  bool run_replay(int, std::int64_t replay, const PackedPart& part) override {
    lines.push_back(part.part.name + ", replay " + std::to_string(replay));
    return static_cast<int>(lines.size()) != ends_at_;
  }
  void end_replays(int stage) override { lines.push_back("end " + std::to_string(stage)); }

  std::vector<std::string> lines;

 private:
  int ends_at_;
};

TEST(PassWalk, VisitsThePartsOfAPassInOrder) {
  Log log;
  EXPECT_TRUE(walk_pass(named_program(2), MicroBatches(5, 3), log));
  const std::vector<std::string> expected = {
      "prologue", "derived",   "begin 0", "stage 0 of 3, replay 0", "stage 0 of 2, replay 1", "end 0",
      "once 0",   "derived 0", "begin 1", "stage 1 of 3, replay 0", "stage 1 of 2, replay 1", "end 1",
      "once 1",   "derived 1"};
  EXPECT_EQ(log.lines, expected);
}

TEST(PassWalk, EndsWhereAReplaySaysSo) {
  Log log(/*ends_at=*/4);
  EXPECT_FALSE(walk_pass(named_program(2), MicroBatches(5, 3), log));
  EXPECT_EQ(log.lines.back(), "stage 0 of 3, replay 0");
}

TEST(PassWalk, WithoutSamplesRunsWhatRunsOnce) {
  Log log;
  EXPECT_TRUE(walk_pass(named_program(1), MicroBatches(0, 1), log));
  const std::vector<std::string> expected = {"prologue", "derived", "begin 0", "end 0", "once 0", "derived 0"};
  EXPECT_EQ(log.lines, expected);
}

}  // namespace
}  // namespace sluice::test
