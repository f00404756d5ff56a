#include <sluice/core/program.h>

#include <algorithm>
#include <map>

#include <gtest/gtest.h>

#include <sluice/core/device.h>
#include <sluice/core/differentiate.h>
#include <sluice/core/error.h>
#include <sluice/core/lowering.h>
#include <sluice/core/structural.h>
#include <sluice/kernels/arithmetic/arithmetic.h>
#include <sluice/kernels/conv2d/conv2d.h>
#include <sluice/kernels/cross_entropy/cross_entropy.h>
#include <sluice/kernels/flatten/flatten.h>
#include <sluice/kernels/linear/linear.h>
#include <sluice/kernels/reduce/reduce.h>
#include <sluice/kernels/relu/relu.h>
#include <sluice/kernels/sgd/sgd.h>

#include "support/tensors.h"

namespace sluice::test {
namespace {

std::size_t at(int i) { return static_cast<std::size_t>(i); }

/// A small conv net with its gradients and an update, lowered for the CPU.
struct Lowered {
  explicit Lowered(std::int64_t micro_batch = 4) : micro_batch(micro_batch) {
    const Var x = graph.input("x", {3, 8, 8}), labels = graph.input("labels", {}, DType::i32);
    std::vector<Var> values, velocities;
    for (const Parameter& p : parameters) {
      values.push_back(graph.parameter(p));
      velocities.push_back(graph.state("velocity", p));
    }
    const Var h = relu(conv2d(x, values[0], values[1], {.padding = 1}));
    const Var logits = linear(flatten(relu(conv2d(h, values[2], {.padding = 1}))), values[3]);
    // Not linear in the sum: a second stage, with values that cross.
    const Var loss = batch_sum(cross_entropy_loss(logits, labels));
    const std::vector<Var> gradients = differentiate(mul(loss, loss), values);
    sgd_update(values, gradients, velocities, graph.scalar("lr"), {.momentum = 0.9f});
    outputs = {loss.id()};
    std::vector<std::pair<std::shared_ptr<ParameterData>, ValueId>> of;
    for (std::size_t i = 0; i < values.size(); ++i) {
      of.emplace_back(parameters[i].data(), gradients[i].id());
      outputs.push_back(gradients[i].id());
      gradient_ids.push_back(gradients[i].id());
    }
    cut = cut_into_stages(graph, outputs);
    lowering = std::make_unique<Lowering>(graph, cut, storages, Device::cpu().backend(), LoweringOptions{}, of);
    prologue = lowering->prologue();
    for (int s = 0; s < static_cast<int>(cut.stages.size()); ++s) {
      replayed.push_back(lowering->replayed(s, micro_batch, 3));
      once.push_back(lowering->once(s));
    }
    writers = lowering->writers();
  }

  std::vector<const Part*> parts() const {
    std::vector<const Part*> all{&prologue, &writers};
    for (const Part& part : replayed) all.push_back(&part);
    for (const Part& part : once) all.push_back(&part);
    return all;
  }

  std::int64_t micro_batch;
  std::vector<Parameter> parameters{
      Parameter(Tensor({20, 3, 3, 3}), "first.weight"), Parameter(Tensor({20}), "first.bias"),
      Parameter(Tensor({20, 20, 3, 3}), "second.weight"), Parameter(Tensor({5, 1280}), "head.weight")};
  Graph graph;
  std::vector<ValueId> outputs, gradient_ids;
  StageCut cut;
  StorageTable storages;
  std::unique_ptr<Lowering> lowering;
  Part prologue, writers;
  std::vector<Part> replayed, once;
};

TEST(Program, LivesFromTheFirstToTheLastUse) {
  const Lowered net;
  for (const Part* part : net.parts()) {
    std::map<int, std::pair<int, int>> uses;  // root → first and last instruction
    for (int i = 0; i < static_cast<int>(part->instructions.size()); ++i) {
      const auto touch = [&](int v) {
        const auto [entry, fresh] = uses.emplace(part->root(v), std::pair(i, i));
        if (!fresh) entry->second.second = i;
      };
      for (const int v : part->instructions[at(i)].inputs) touch(v);
      for (const int v : part->instructions[at(i)].outputs) touch(v);
    }
    for (const Lifetime& l : arena_lifetimes(*part)) {
      EXPECT_EQ(l.bytes % slab_alignment, 0u);
      if (l.value < 0) {
        EXPECT_EQ(l.first, l.last);
        EXPECT_EQ(l.bytes, aligned(part->instructions[at(l.instruction)].workspace_bytes));
        continue;
      }
      const PartValue& value = part->values[at(l.value)];
      ASSERT_TRUE(uses.contains(l.value)) << value.name << " is in the arena and nobody uses it";
      EXPECT_EQ(std::pair(l.first, l.last), uses.at(l.value)) << part->name << ": " << value.name;
      EXPECT_EQ(l.bytes, aligned(value.bytes()));
    }
  }
}

TEST(Program, ReadsNothingThatIsNotWritten) {
  const Lowered net;
  for (const Part* part : net.parts()) {
    std::vector<bool> written(part->values.size());
    for (const Instruction& instruction : part->instructions) {
      for (const int v : instruction.inputs)
        EXPECT_TRUE(written[at(part->root(v))] || part->values[at(part->root(v))].storage >= 0)
            << part->name << ": " << instruction.str() << " reads " << part->values[at(v)].name;
      for (const int v : instruction.outputs) written[at(part->root(v))] = true;
    }
  }
}

TEST(Program, WritesInPlaceOnlyOverWhatDies) {
  const Lowered net;
  int in_place = 0;
  for (const Part& part : net.replayed) {
    std::vector<int> last(part.values.size(), -1);  // by value of the part, aliases apart
    for (int i = 0; i < static_cast<int>(part.instructions.size()); ++i)
      for (const int v : part.instructions[at(i)].inputs) last[at(v)] = i;
    for (int i = 0; i < static_cast<int>(part.instructions.size()); ++i) {
      const Instruction& instruction = part.instructions[at(i)];
      for (const int out : instruction.outputs) {
        const int root = part.root(out);
        if (root == out) continue;
        ++in_place;
        EXPECT_LT(part.values[at(root)].storage, 0) << instruction.str() << " writes over a storage";
        for (int v = 0; v < static_cast<int>(part.values.size()); ++v) {
          const bool older = v != out && part.root(v) == root && last[at(v)] > i;
          const bool made_later = std::any_of(
              part.instructions.begin() + i + 1, part.instructions.end(),
              [&](const Instruction& later) { return std::count(later.outputs.begin(), later.outputs.end(), v) > 0; });
          // A view of the result counts as the result.
          bool of_result = false;
          for (int w = v; part.values[at(w)].alias >= 0; w = part.values[at(w)].alias)
            of_result = of_result || part.values[at(w)].alias == out;
          EXPECT_TRUE(!older || made_later || of_result)
              << instruction.str() << " writes over " << part.values[at(v)].name << ", read later";
        }
        EXPECT_EQ(part.values[at(out)].bytes(), part.values[at(root)].bytes());
      }
    }
  }
  EXPECT_GE(in_place, 2);  // the two relus at least
}

TEST(Program, ViewsShareMemoryAndRunNothing) {
  const Lowered net;
  int views = 0;
  for (const Part* part : net.parts())
    for (const Instruction& instruction : part->instructions) EXPECT_NE(instruction.name, "reshape");
  for (const Part& part : net.replayed)
    for (const PartValue& value : part.values) {
      if (value.value < 0 || net.graph.value(value.value).is_leaf()) continue;
      if (!net.graph.node(net.graph.value(value.value).producer).op->is_view()) continue;
      ++views;
      ASSERT_GE(value.alias, 0);
      EXPECT_EQ(value.bytes(), part.values[at(value.alias)].bytes());
      EXPECT_TRUE(value.layout.is_plain() && part.values[at(value.alias)].layout.is_plain());
    }
  EXPECT_GE(views, 2);  // there and back
}

TEST(Program, GradientsAndStateLieAsTheirParameters) {
  const Lowered net;
  bool blocked = false;
  for (std::size_t i = 0; i < net.parameters.size(); ++i) {
    const std::string& name = net.parameters[i].name();
    const int parameter = net.storages.find({.kind = StorageKind::parameter, .name = name});
    const int state = net.storages.find({.kind = StorageKind::state, .name = name, .detail = "velocity"});
    const int gradient = net.lowering->storage_of(net.gradient_ids[i]);
    ASSERT_TRUE(parameter >= 0 && state >= 0 && gradient >= 0) << net.parameters[i].name();
    EXPECT_TRUE(net.storages.pinned(parameter));
    EXPECT_EQ(net.storages.layout(gradient), net.storages.layout(parameter));
    EXPECT_EQ(net.storages.layout(state), net.storages.layout(parameter));
    EXPECT_EQ(net.storages.bytes(gradient), net.storages.bytes(parameter));
    EXPECT_EQ(net.storages[gradient].category, Category::gradient);
    EXPECT_EQ(net.storages[state].category, Category::optimizer);
    EXPECT_EQ(net.storages[parameter].layer, net.parameters[i].name().substr(0, net.parameters[i].name().rfind('.')));
    blocked = blocked || !net.storages.layout(parameter).is_plain();
  }
  EXPECT_TRUE(blocked);  // else this says nothing
}

TEST(Program, AccumulatesInStoragesAndNowhereElse) {
  const Lowered net;
  for (const Part* part : net.parts())
    for (const Instruction& instruction : part->instructions)
      for (const int v : instruction.outputs)
        if (instruction.node >= 0) {
          EXPECT_EQ(instruction.accumulates, net.graph.accumulates(instruction.node));
          EXPECT_EQ(part->values[at(part->root(v))].storage >= 0,
                    !net.graph.value(part->values[at(v)].value).spec.is_sample());
        }
}

TEST(Program, KeepsASlotForEveryMicroBatch) {
  const Lowered net;
  ASSERT_EQ(net.cut.stages.size(), 2u);
  ASSERT_FALSE(net.cut.stages[0].stored.empty());
  std::map<int, int> stores, loads;  // by storage
  for (const Instruction& i : net.replayed[0].instructions)
    if (i.name == "store") ++stores[net.replayed[0].values[at(i.outputs[0])].storage];
  for (const Instruction& i : net.replayed[1].instructions)
    if (i.name == "load") ++loads[net.replayed[1].values[at(i.inputs[0])].storage];
  EXPECT_EQ(stores.size(), net.cut.stages[0].stored.size());
  EXPECT_EQ(stores, loads);
  for (const auto& [storage, count] : stores) {
    EXPECT_EQ(count, 1);
    EXPECT_EQ(net.storages[storage].slots, 3);
    EXPECT_EQ(net.storages.bytes(storage), 3 * aligned(net.storages.slot_bytes(storage)));
  }
}

TEST(Program, IsTheSameTwice) {
  const Lowered a, b;
  ASSERT_EQ(a.storages.size(), b.storages.size());
  for (std::size_t s = 0; s < a.replayed.size(); ++s) {
    const std::vector<Lifetime> x = arena_lifetimes(a.replayed[s]), y = arena_lifetimes(b.replayed[s]);
    ASSERT_EQ(x.size(), y.size());
    for (std::size_t i = 0; i < x.size(); ++i)
      EXPECT_TRUE(x[i].first == y[i].first && x[i].last == y[i].last && x[i].bytes == y[i].bytes);
  }
}

TEST(Program, BindsAliasesToOneAddress) {
  Lowered net;
  for (Part& part : net.replayed) {
    const std::vector<Lifetime> lifetimes = arena_lifetimes(part);
    std::vector<std::size_t> offsets;
    std::size_t end = 0;
    for (const Lifetime& l : lifetimes) {
      offsets.push_back(end);
      end += l.bytes;
    }
    std::vector<Buffer> memory;
    std::vector<void*> addresses;
    for (int id = 0; id < net.storages.size(); ++id) {
      memory.push_back(Device::cpu().backend().allocate(std::max(net.storages.bytes(id), slab_alignment)));
      addresses.push_back(memory.back().data());
    }
    const Buffer arena = Device::cpu().backend().allocate(end);
    const PartAddresses bound = bind_part(part, addresses, arena.data(), lifetimes, offsets);
    for (int v = 0; v < static_cast<int>(part.values.size()); ++v) {
      const int root = part.root(v), storage = part.values[at(root)].storage;
      EXPECT_NE(bound.values[at(v)], nullptr);
      EXPECT_EQ(bound.values[at(v)], bound.values[at(root)]);
      if (storage >= 0) {
        EXPECT_EQ(bound.values[at(v)], addresses[at(storage)]);
      }
    }
    for (std::size_t i = 0; i < part.instructions.size(); ++i)
      EXPECT_EQ(bound.workspaces[i] != nullptr, part.instructions[i].workspace_bytes > 0);
  }
}

TEST(StorageTable, FollowsLayoutOfAndPinsOnce) {
  StorageTable table;
  const StorageKey p{.kind = StorageKind::parameter, .name = "p"}, g{.kind = StorageKind::result, .number = 3};
  const int parameter = table.get(p, {.name = "p", .layer = {}, .dims = {20, 3, 1, 1}, .layout = {}, .pinned = false});
  const int gradient =
      table.get(g, {.name = "g", .layer = {}, .dims = {20, 3, 1, 1}, .layout = {}, .layout_of = parameter});
  EXPECT_EQ(table.get(p, {}), parameter);
  EXPECT_EQ(table[gradient].key, g);
  EXPECT_EQ(table.find({.kind = StorageKind::state, .name = "p"}), -1);
  EXPECT_FALSE(table.pinned(gradient));
  EXPECT_EQ(table.slot_bytes(gradient), 20u * 3 * 4);
  table.pin(gradient, Layout({0, 1, 2, 3}, {{0, 16}}));
  EXPECT_TRUE(table.pinned(parameter));
  EXPECT_EQ(table.layout(parameter), table.layout(gradient));
  EXPECT_EQ(table.slot_bytes(parameter), 32u * 3 * 4);
  table[parameter].slots = 2;
  EXPECT_EQ(table.bytes(parameter), 2 * aligned(384));
  table[gradient].least_bytes = 1000;
  EXPECT_EQ(table.bytes(gradient), 1024u);
}

}  // namespace
}  // namespace sluice::test
