#include <sluice/kernels/onednn/onednn.h>

#include <utility>

#include <oneapi/dnnl/dnnl_debug.h>

#include <sluice/core/device.h>
#include <sluice/core/error.h>
#include <sluice/core/host_memory.h>

namespace sluice::onednn {
namespace {

[[noreturn]] void fail(const char* call, dnnl_status_t status, const std::string& what) {
  if (status == dnnl_out_of_memory) throw_out_of_host_memory(std::string("oneDNN's ") + call, 0);
  throw BackendError(std::string("oneDNN: ") + call + " failed; got status " + dnnl_status2str(status) +
                     (what.empty() ? "" : " (" + what + ")") + "; expected success");
}

// Where oneDNN gets no memory it goes on at address 0. What it takes for a descriptor is small; the code of a primitive
// is made when it is created, and some of it when it first runs.
void require_room_for_descriptor() { require_host_memory("oneDNN's descriptors", std::size_t{1} << 20); }
void require_room_for_code() { require_host_memory("the code of oneDNN's kernels", std::size_t{16} << 20); }

/// Calls oneDNN and turns its exceptions into ours, naming the call.
template <class Call>
auto checked(const char* call, Call&& function) {
  require_room_for_descriptor();
  try {
    return function();
  } catch (const dnnl::error& error) {
    fail(call, error.status, error.what());
  }
}

/// The same for primitive descriptors: one that oneDNN does not implement comes back empty.
template <class Pd, class Create>
Pd created(const char* call, Create&& create) {
  require_room_for_descriptor();
  try {
    return create();
  } catch (const dnnl::error& error) {
    if (error.status == dnnl_unimplemented) return Pd();
    fail(call, error.status, error.what());
  }
}

/// Scratchpads in our hands; with `accumulate` the result is added to what the output holds.
dnnl::primitive_attr attributes(bool accumulate = false) {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (accumulate) {
    dnnl::post_ops sum;
    sum.append_sum(1.0f);
    attributes.set_post_ops(sum);
  }
  return attributes;
}

/// oneDNN counts the gaps.
dnnl::memory::dims gaps(const dnnl::memory::dims& dilation) {
  dnnl::memory::dims gaps = dilation;
  for (auto& gap : gaps) --gap;
  return gaps;
}

dnnl::memory::dims dims(Size2d size) { return {size.h, size.w}; }

// Version 2 makes a primitive descriptor from an operation descriptor, version 3 directly and with the engine in front.
#if DNNL_VERSION_MAJOR >= 3
template <class Primitive, class... Args>
auto describe(const char* call, const dnnl::primitive_attr& attributes, const Args&... args) {
  using Pd = typename Primitive::primitive_desc;
  return created<Pd>(call, [&] { return Pd(engine(), args..., attributes); });
}
template <class Primitive, class Hint, class... Args>
auto describe_backward(const char* call, const Hint& hint, const Args&... args) {
  using Pd = typename Primitive::primitive_desc;
  if (!hint) return Pd();
  return created<Pd>(call, [&] { return Pd(engine(), args..., hint, attributes()); });
}
#else
template <class Primitive, class... Args>
auto describe(const char* call, const dnnl::primitive_attr& attributes, const Args&... args) {
  using Pd = typename Primitive::primitive_desc;
  return created<Pd>(call, [&] { return Pd(typename Primitive::desc(args...), attributes, engine()); });
}
template <class Primitive, class Hint, class... Args>
auto describe_backward(const char* call, const Hint& hint, const Args&... args) {
  using Pd = typename Primitive::primitive_desc;
  if (!hint) return Pd();
  return created<Pd>(call, [&] { return Pd(typename Primitive::desc(args...), attributes(), engine(), hint); });
}
#endif

}  // namespace

const dnnl::engine& engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

const dnnl::stream& stream() {
  static const dnnl::stream stream(engine());
  return stream;
}

std::string version() {
  const dnnl_version_t* v = dnnl_version();
  return "oneDNN " + std::to_string(v->major) + "." + std::to_string(v->minor) + "." + std::to_string(v->patch);
}

std::string isa() {
  const std::string name = dnnl_cpu_isa2str(dnnl_get_effective_cpu_isa());
  const std::string prefix = "cpu_isa_";
  return name.starts_with(prefix) ? name.substr(prefix.size()) : name;
}

dnnl::convolution_forward::primitive_desc forward(const Convolution& conv, dnnl::algorithm algorithm) {
  return describe<dnnl::convolution_forward>("convolution_forward", attributes(), dnnl::prop_kind::forward_training,
                                             algorithm, conv.x, conv.w, conv.b, conv.y, conv.stride,
                                             gaps(conv.dilation), conv.padding, conv.padding);
}

dnnl::convolution_backward_data::primitive_desc backward_data(const Convolution& conv, dnnl::algorithm algorithm) {
  // The hint only says that a forward pass exists: it need not use the same algorithm.
  const auto hint = forward(conv, dnnl::algorithm::convolution_direct);
  return describe_backward<dnnl::convolution_backward_data>("convolution_backward_data", hint, algorithm, conv.x,
                                                            conv.w, conv.y, conv.stride, gaps(conv.dilation),
                                                            conv.padding, conv.padding);
}

dnnl::convolution_backward_weights::primitive_desc backward_weights(const Convolution& conv,
                                                                    dnnl::algorithm algorithm) {
  const auto hint = forward(conv, dnnl::algorithm::convolution_direct);
  return describe_backward<dnnl::convolution_backward_weights>("convolution_backward_weights", hint, algorithm, conv.x,
                                                               conv.w, conv.y, conv.stride, gaps(conv.dilation),
                                                               conv.padding, conv.padding);
}

Md matrix(std::int64_t rows, std::int64_t columns, std::int64_t row_stride, std::int64_t column_stride) {
  return Md({rows, columns}, dnnl::memory::data_type::f32, dnnl::memory::dims{row_stride, column_stride});
}

dnnl::matmul::primitive_desc matmul(const Md& a, const Md& b, const Md& bias, const Md& y, bool accumulate) {
  return describe<dnnl::matmul>("matmul", attributes(accumulate), a, b, bias, y);
}

dnnl::pooling_forward::primitive_desc forward(const Pooling& pool) {
  return describe<dnnl::pooling_forward>("pooling_forward", attributes(), dnnl::prop_kind::forward_training,
                                         pool.algorithm, pool.x, pool.y, dims(pool.stride), dims(pool.kernel),
#if DNNL_VERSION_MAJOR >= 3
                                         dnnl::memory::dims{0, 0},
#endif
                                         dims(pool.padding), dims(pool.padding));
}

dnnl::pooling_backward::primitive_desc backward(const Pooling& pool) {
  return describe_backward<dnnl::pooling_backward>("pooling_backward", forward(pool), pool.algorithm, pool.x, pool.y,
                                                   dims(pool.stride), dims(pool.kernel),
#if DNNL_VERSION_MAJOR >= 3
                                                   dnnl::memory::dims{0, 0},
#endif
                                                   dims(pool.padding), dims(pool.padding));
}

dnnl::reorder::primitive_desc reorder(const Md& from, const Md& to, bool accumulate) {
  return checked("reorder",
                 [&] { return dnnl::reorder::primitive_desc(engine(), from, engine(), to, attributes(accumulate)); });
}

std::size_t scratchpad_bytes(const dnnl::primitive_desc_base& pd) { return pd.scratchpad_desc().get_size(); }

Execution::Execution(const dnnl::primitive_desc_base& pd, std::vector<Argument> arguments, void* scratchpad) {
  require_room_for_code();
  checked("primitive_create", [&] { primitive_ = dnnl::primitive(pd.get()); });
  if (scratchpad_bytes(pd) > 0) arguments.push_back({DNNL_ARG_SCRATCHPAD, pd.scratchpad_desc(), scratchpad});
  for (const Argument& argument : arguments) {
    memories_.push_back(checked("memory", [&] { return dnnl::memory(argument.md, engine(), argument.data); }));
    arguments_.push_back({argument.index, memories_.back().get()});
  }
}

void Execution::run() const {
  if (!ran_) require_room_for_code();
  ran_ = true;
  const dnnl_status_t status =
      dnnl_primitive_execute(primitive_.get(), stream().get(), static_cast<int>(arguments_.size()), arguments_.data());
  if (status != dnnl_success) fail("primitive_execute", status, running_kernel());
}

}  // namespace sluice::onednn
