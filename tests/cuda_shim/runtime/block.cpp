#include "block.h"

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "fiber.h"
#include "policy.h"
#include "shared_memory.h"

uint3 threadIdx{}, blockIdx{};
dim3 blockDim, gridDim;

namespace cuda_shim {
namespace {

struct Place {
  const char* file = "";
  int line = 0;
  bool operator==(const Place& other) const { return line == other.line && std::string_view(file) == other.file; }
  std::string str() const {
    const std::string_view path = file;
    return std::string(path.substr(path.rfind('/') + 1)) + ":" + std::to_string(line);
  }
};

enum class State { fresh, ready, at_barrier, at_warp_op, finished };

struct Thread {
  State state = State::fresh;
  Fiber* fiber = nullptr;  ///< while it is under way
  Place place;             ///< where it waits
  WarpOp op = WarpOp::sync;
  unsigned mask = 0;
  std::uint64_t value = 0;  ///< what it brought to the warp operation, then what it takes away
  int source = 0;
};

/// Fibers that wait for work. They survive launches: a stack is expensive.
struct Workers {
  std::vector<std::unique_ptr<Fiber>> all;
  std::vector<Fiber*> idle;
};

Workers& workers() {
  static Workers workers;
  return workers;
}

void work_for_ever();

Fiber* idle_worker() {
  if (workers().idle.empty()) {
    workers().all.push_back(std::make_unique<Fiber>(work_for_ever));
    workers().idle.push_back(workers().all.back().get());
  }
  Fiber* const worker = workers().idle.back();
  workers().idle.pop_back();
  return worker;
}

class Block {
 public:
  explicit Block(const Launch& launch) : launch_(launch), threads_(launch.block.x) {}

  /// Rounds: every thread that can go on goes on until it waits or ends.
  std::string run() {
    for (;;) {
      arrange(round_, static_cast<int>(threads_.size()));
      std::erase_if(round_, [&](int t) { return at(t).state != State::fresh && at(t).state != State::ready; });
      if (round_.empty() && !release()) break;
      for (next_ = 0; next_ < round_.size() && failure_.empty();) start(round_[next_++]);
      if (!failure_.empty()) break;
    }
    if (!failure_.empty()) abandon();
    return failure_;
  }

  /// On a fiber: runs its thread, then those of the round that have not begun, as plain calls. So threads that never
  /// wait cost no switch of stacks.
  void work() {
    for (;;) {
      launch_.thread();
      at(current_).state = State::finished;
      at(current_).fiber = nullptr;
      if (next_ == round_.size() || at(round_[next_]).state != State::fresh) return;
      Fiber* const fiber = fiber_;
      become(round_[next_++]);
      at(current_).fiber = fiber;
    }
  }

  void wait_at_barrier(const Place& place) {
    self().state = State::at_barrier;
    self().place = place;
    Fiber::leave();
  }

  std::uint64_t warp_op(WarpOp op, unsigned mask, std::uint64_t value, int source, const Place& place) {
    Thread& thread = self();
    thread.op = op;
    thread.mask = mask;
    thread.value = value;
    thread.source = source;
    thread.place = place;
    thread.state = State::at_warp_op;
    if (!(mask >> lane() & 1)) fail("a lane is not in its own mask");
    if (op == WarpOp::shuffle && !(mask >> source & 1))
      fail("a shuffle reads lane " + std::to_string(source) + ", which takes no part");
    if (all_arrived()) complete(mask);
    if (thread.state != State::ready) Fiber::leave();
    return thread.value;
  }

  int lane() const { return current_ % warpSize; }
  Fiber* fiber() const { return fiber_; }

 private:
  Thread& at(int t) { return threads_[static_cast<std::size_t>(t)]; }
  Thread& self() { return at(current_); }
  Thread& neighbour(int lane) { return at(current_ / warpSize * warpSize + lane); }

  void become(int t) {
    current_ = t;
    threadIdx.x = static_cast<unsigned>(t);
  }

  void start(int t) {
    become(t);
    if (!self().fiber) self().fiber = idle_worker();
    fiber_ = self().fiber;
    fiber_->enter();
  }

  /// Whether threads may go on, all of them being at one barrier; false when all are finished.
  bool release() {
    const auto waiting = [](const Thread& thread) { return thread.state == State::at_barrier; };
    const auto finished = [](const Thread& thread) { return thread.state == State::finished; };
    if (std::all_of(threads_.begin(), threads_.end(), finished)) return false;
    for (const Thread& thread : threads_)
      if (!waiting(thread) || !(thread.place == threads_[0].place)) {
        failure_ = "threads do not meet: " + account();
        return false;
      }
    for (Thread& thread : threads_) thread.state = State::ready;
    return true;
  }

  /// How many threads wait where.
  std::string account() const {
    std::vector<std::pair<std::string, int>> counts;
    for (const Thread& thread : threads_) {
      std::string where = "ended";
      if (thread.state == State::at_barrier) where = "wait at the barrier " + thread.place.str();
      if (thread.state == State::at_warp_op) where = "wait for lanes at " + thread.place.str();
      const auto same = [&](const auto& entry) { return entry.first == where; };
      const auto found = std::find_if(counts.begin(), counts.end(), same);
      found == counts.end() ? counts.emplace_back(where, 1).second : ++found->second;
    }
    std::string text;
    for (const auto& [where, count] : counts) text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + where;
    return text;
  }

  /// Whether every lane of the mask is at this operation.
  bool all_arrived() {
    const Thread& mine = self();
    for (int lane = 0; lane < warpSize; ++lane) {
      if (!(mine.mask >> lane & 1)) continue;
      if (current_ / warpSize * warpSize + lane >= static_cast<int>(threads_.size()))
        fail("a mask names lanes that the block does not have");
      const Thread& other = neighbour(lane);
      if (other.state != State::at_warp_op) return false;
      if (other.op != mine.op || other.mask != mine.mask)
        fail("lanes of one mask are at different operations, " + other.place.str() + " and " + mine.place.str());
    }
    return true;
  }

  void complete(unsigned mask) {
    std::array<std::uint64_t, warpSize> values{};
    std::uint64_t ballot = 0;
    for (int lane = 0; lane < warpSize; ++lane)
      if (mask >> lane & 1) {
        values[static_cast<std::size_t>(lane)] = neighbour(lane).value;
        ballot |= (neighbour(lane).value & 1) << lane;
      }
    for (int lane = 0; lane < warpSize; ++lane) {
      if (!(mask >> lane & 1)) continue;
      Thread& thread = neighbour(lane);
      thread.value = thread.op == WarpOp::ballot ? ballot : values[static_cast<std::size_t>(thread.source)];
      thread.state = State::ready;
    }
  }

  /// On a fiber; it is not entered again.
  void fail(const std::string& why) {
    failure_ = why + ", at " + self().place.str() + " (thread " + std::to_string(current_) + ")";
    Fiber::leave();
  }

  void abandon() {
    for (Thread& thread : threads_)
      if (thread.fiber) {
        thread.fiber->restart();
        workers().idle.push_back(thread.fiber);
      }
  }

  const Launch& launch_;
  std::vector<Thread> threads_;
  std::vector<int> round_;
  std::size_t next_ = 0;  ///< in the round
  int current_ = 0;
  Fiber* fiber_ = nullptr;  ///< which the current thread is on
  std::string failure_;
};

Block* block = nullptr;  ///< the one that runs

void work_for_ever() {
  for (;;) {
    block->work();
    workers().idle.push_back(block->fiber());
    Fiber::leave();
  }
}

}  // namespace

std::string run(const Launch& launch) {
  const SharedMemory shared(launch.kernel);
  blockDim = launch.block;
  gridDim = launch.grid;
  std::vector<int> order;
  arrange(order, static_cast<int>(launch.grid.x));
  for (const int index : order) {
    blockIdx.x = static_cast<unsigned>(index);
    shared.poison();
    Block current(launch);
    block = &current;
    if (std::string failure = current.run(); !failure.empty()) return failure;
  }
  return "";
}

void block_barrier(const char* file, int line) { block->wait_at_barrier({file, line}); }

std::uint64_t warp_op(WarpOp op, unsigned mask, std::uint64_t value, int source, const char* file, int line) {
  return block->warp_op(op, mask, value, source, {file, line});
}

int lane() { return block->lane(); }

}  // namespace cuda_shim
