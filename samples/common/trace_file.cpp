#include "common/trace_file.h"

#include <algorithm>
#include <map>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sluice::samples {
namespace {

using Json = nlohmann::ordered_json;

std::size_t at(int i) { return static_cast<std::size_t>(i); }

constexpr int training_track = 1, loader_track = 2;

/// Writes events, one a line.
class Events {
 public:
  void add(const Json& event) {
    text_ += text_.empty() ? "" : ",\n";
    text_ += event.dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  void name(const char* what, int track, const std::string& text) {
    add({{"ph", "M"}, {"name", what}, {"pid", 1}, {"tid", track}, {"args", {{"name", text}}}});
  }
  void slice(const std::string& name, const char* kind, int track, const TimedSlice& s, Json args) {
    add({{"ph", "X"},
         {"name", name},
         {"cat", kind},
         {"pid", 1},
         {"tid", track},
         {"ts", microseconds(s.begin_ns)},
         {"dur", microseconds(s.end_ns - s.begin_ns)},
         {"args", std::move(args)}});
  }
  void counter(const std::string& name, std::int64_t ns, Json values) {
    add({{"ph", "C"}, {"name", name}, {"pid", 1}, {"ts", microseconds(ns)}, {"args", std::move(values)}});
  }
  std::string str() const { return "{\"displayTimeUnit\": \"ms\", \"traceEvents\": [\n" + text_ + "\n]}\n"; }

 private:
  static double microseconds(std::int64_t ns) { return static_cast<double>(ns) / 1000; }

  std::string text_;
};

/// Bytes in use by category while each kernel of a part runs.
std::vector<Json> counters_of(const PlanDetails& details, const PartDetails& part) {
  std::map<std::string, std::size_t> always;
  for (const StorageDetails& s : details.storages)
    always[region_of(s.category) == Region::arena ? "kept" : std::string(name(s.category))] += s.bytes;
  std::vector<Json> counters;
  for (int k = 0; k < static_cast<int>(part.instructions.size()); ++k) {
    std::map<Role, std::size_t> live;
    std::size_t sum = 0, end = details.arena_offset;
    for (const ItemDetails& item : part.items) {
      if (k < item.first || item.last < k) continue;
      live[item.role] += item.bytes;
      sum += item.bytes;
      end = std::max(end, item.offset + item.bytes);
    }
    Json values = always;
    for (const Role role : {Role::activation, Role::gradient, Role::copy, Role::workspace})
      values[std::string(name(role))] = live[role];
    values["unused between"] = end - details.arena_offset - sum;
    counters.push_back(std::move(values));
  }
  return counters;
}

std::string title(const PartDetails& part, const TimedSlice& s) {
  if (part.kind != PartKind::replayed) return part.name;
  return fmt::format("{}, micro-batch {}", part.name, s.replay);
}

Json args_of(const PartDetails& part, const TimedSlice& s) {
  Json args{{"part", part.name}, {"stage", part.stage}, {"step", s.step}};
  if (part.kind == PartKind::replayed) {
    args["micro_batch"] = s.replay;
    args["samples"] = part.micro_batch;
  }
  return args;
}

}  // namespace

std::string trace_json(const PlanDetails& details, const KernelTimes& times) {
  Events events;
  events.name("process_name", training_track, "sluice");
  events.name("thread_name", training_track, "training");
  events.name("thread_name", loader_track, "loader");
  std::map<int, std::vector<Json>> counters;  // by part
  for (const TimedSlice& s : times.slices) {
    switch (s.kind) {
      case SliceKind::step:
        events.slice(fmt::format("step {}", s.step), "step", training_track, s, {{"step", s.step}});
        for (const std::int64_t when : {s.begin_ns, s.end_ns})
          events.counter("asked of the device, bytes", when, {{"slab", times.asked_bytes}});
        break;
      case SliceKind::part: {
        const PartDetails& part = details.parts[at(s.part)];
        events.slice(title(part, s), "part", training_track, s, args_of(part, s));
        break;
      }
      case SliceKind::kernel: {
        const PartDetails& part = details.parts[at(s.part)];
        const InstructionDetails& kernel = part.instructions[at(s.instruction)];
        Json args = args_of(part, s);
        args["layer"] = kernel.layer;
        args["algorithm"] = kernel.algorithm;
        if (kernel.recomputed) args["recomputed"] = true;
        events.slice(kernel.name, "kernel", training_track, s, std::move(args));
        auto [known, fresh] = counters.try_emplace(s.part);
        if (fresh) known->second = counters_of(details, part);
        events.counter("planned, bytes", s.begin_ns, known->second[at(s.instruction)]);
        break;
      }
      case SliceKind::inputs:
      case SliceKind::waiting: {
        const bool waiting = s.kind == SliceKind::waiting;
        events.slice(waiting ? "wait for the loader" : "take inputs", waiting ? "waiting" : "inputs", training_track, s,
                     {{"step", s.step}, {"micro_batch", s.replay}});
        break;
      }
      case SliceKind::loading:
        events.slice("load", "loading", loader_track, s, {{"first", s.replay}, {"samples", s.samples}});
        break;
    }
  }
  return events.str();
}

}  // namespace sluice::samples
