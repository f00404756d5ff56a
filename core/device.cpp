#include <sluice/core/device.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <map>
#include <mutex>
#include <vector>

#include <sluice/core/error.h>
#include <sluice/core/open_cuda.h>
#include <sluice/core/run_context.h>

namespace sluice {

/// The embedded default, defined by kernels/cpu or, in a build without it, kernels/without_cpu.
std::unique_ptr<Backend> make_cpu_backend();

namespace {

struct Registry {
  std::mutex mutex;
  std::map<std::pair<Device::Kind, int>, std::unique_ptr<Backend>> backends;
};

Registry& registry() {
  // Never destroyed: buffers of static lifetime may outlive any order of destruction.
  static Registry* const registry = new Registry;
  return *registry;
}

/// Ops that have a CPU kernel; none in a build without the CPU device.
std::vector<std::string> cpu_ops() {
  try {
    return Device::cpu().backend().kernels().types();
  } catch (const DeviceError&) {
    return {};
  }
}

thread_local const char* kernel_running_here = "";

}  // namespace

Device Device::best() {
  try {
    const KernelTable& kernels = cuda().backend().kernels();
    for (const std::string& op : cpu_ops())
      if (!kernels.find(op)) return cpu();
    return cuda();
  } catch (const DeviceError&) {
    return cpu();  // what best() promises; asking for cuda by name is never answered by the CPU
  }
}

Device Device::parse(const std::string& text) {
  if (text == "cpu") return cpu();
  if (text == "cuda") return cuda();
  if (text.starts_with("cuda:")) {
    int index = -1;
    const auto [end, error] = std::from_chars(text.data() + 5, text.data() + text.size(), index);
    if (error == std::errc() && end == text.data() + text.size() && index >= 0) return cuda(index);
  }
  throw DeviceError("device: no such device; got '" + text + "'; expected cpu, cuda or cuda:<index>");
}

std::string Device::str() const {
  switch (kind_) {
    case Kind::cpu: return "cpu";
    case Kind::cuda: return index_ ? "cuda:" + std::to_string(index_) : "cuda";
    case Kind::reference: return "reference";
  }
  return "?";
}

Backend& Device::backend() const {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  std::unique_ptr<Backend>& slot = all.backends[{kind_, index_}];
  if (!slot) {
    if (kind_ == Kind::cpu)
      slot = make_cpu_backend();
    else if (kind_ == Kind::cuda)
      slot = open_cuda(index_);
    else
      throw DeviceError(
          "reference: this device is for tests; expected register_reference_device() to have been called");
  }
  return *slot;
}

void register_backend(Device::Kind kind, std::unique_ptr<Backend> backend) {
  Registry& all = registry();
  const std::lock_guard lock(all.mutex);
  std::unique_ptr<Backend>& slot = all.backends[{kind, 0}];
  if (slot) throw UsageError("device: it is open already; got " + slot->description() + "; expected no use of it yet");
  slot = std::move(backend);
}

const char* running_kernel() { return kernel_running_here; }
RunningKernel::RunningKernel(const char* name) { kernel_running_here = name; }
RunningKernel::~RunningKernel() { kernel_running_here = ""; }

Buffer::~Buffer() {
  if (backend_) backend_->release(data_, bytes_, count_.get());
}

Backend::~Backend() = default;

void Backend::do_with_threads(int, const std::function<void()>& work) { work(); }

Precision Backend::resolved(Precision precision) const {
  if (precision == Precision::tf32)
    throw DeviceError("precision: this device multiplies in fp32; got tf32 for " + description() +
                      "; expected fp32 or strict, or a CUDA device of compute capability 8.0 or later");
  return precision == Precision::strict ? Precision::strict : Precision::fp32;
}

std::string_view name(Precision precision) {
  switch (precision) {
    case Precision::automatic: return "automatic";
    case Precision::fp32: return "fp32";
    case Precision::tf32: return "tf32";
    case Precision::strict: return "strict";
  }
  return "";
}

std::vector<std::uint32_t> Backend::changed_lines(const void* device, std::size_t bytes, std::size_t line_bytes,
                                                  unsigned char fill) {
  const std::vector<std::byte> filled(line_bytes, std::byte{fill});
  const std::size_t piece = (std::size_t{16} << 20) / line_bytes * line_bytes;
  std::vector<std::byte> copy;
  std::vector<std::uint32_t> words((bytes + 32 * line_bytes - 1) / (32 * line_bytes));
  for (std::size_t begin = 0; begin < bytes; begin += piece) {
    const std::size_t size = std::min(piece, bytes - begin);
    const std::byte* data = static_cast<const std::byte*>(device) + begin;
    if (!host_visible()) {
      copy.resize(size);
      copy_out(copy.data(), data, size);
      data = copy.data();
    }
    for (std::size_t i = 0; i < size; i += line_bytes) {
      const std::size_t line = (begin + i) / line_bytes;
      const bool changed = std::memcmp(data + i, filled.data(), std::min(line_bytes, size - i)) != 0;
      words[line / 32] |= static_cast<std::uint32_t>(changed) << (line % 32);
    }
  }
  return words;
}

void Backend::store_in_slot(void* slots, const void* plain, std::size_t bytes, std::size_t stride,
                            const RunContext& context) {
  copy(static_cast<std::byte*>(slots) + static_cast<std::size_t>(context.replay) * stride, plain, bytes);
}

void Backend::load_from_slot(void* plain, const void* slots, std::size_t bytes, std::size_t stride,
                             const RunContext& context) {
  copy(plain, static_cast<const std::byte*>(slots) + static_cast<std::size_t>(context.replay) * stride, bytes);
}

void Backend::set_counters(RunCounters*, const RunContext&) {}
void Backend::advance_counters(RunCounters*, std::int64_t) {}

std::unique_ptr<Recording> Backend::record(const std::function<void()>&) {
  throw BackendError("device: " + description() + " cannot record kernels");
}

std::unique_ptr<Uploader> Backend::make_uploader(std::size_t) { return nullptr; }

void Backend::add_kernel(std::string_view op_type, KernelFactory factory, std::initializer_list<DType> also) {
  if (kernels().find(op_type))
    throw BackendError("kernel table: this device has a kernel for " + std::string(op_type) + " already");
  added_kernels_.add(op_type, std::move(factory), also);
}

bool Backend::computes(std::string_view op_type, DType stored) const {
  return computes(stored) || kernels().also_computes(op_type, stored) || added_kernels_.also_computes(op_type, stored);
}

const KernelFactory* Backend::kernel(std::string_view op_type) const {
  const KernelFactory* const own = kernels().find(op_type);
  return own ? own : added_kernels_.find(op_type);
}

const Fusion* Backend::fusion(std::string_view first, std::string_view second) const {
  return kernels().fusion(first, second);
}

}  // namespace sluice
