#include <sluice/core/open_cuda.h>

#include <array>
#include <filesystem>

#include <dlfcn.h>

#include <sluice/core/error.h>

namespace sluice {
namespace {

/// The directory of the library this code is in, with a trailing slash.
std::string library_directory() {
  Dl_info info{};
  if (!dladdr(reinterpret_cast<const void*>(&library_directory), &info) || !info.dli_fname) return {};
  const std::string path = info.dli_fname;
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? std::string() : path.substr(0, slash + 1);
}

std::string module_path() { return library_directory() + SLUICE_CUDA_MODULE; }  // the file's name, from the build

std::string last_dl_error() {
  const char* const why = dlerror();
  return why ? why : "no reason given";
}

void require_module() {
  if (const std::string path = module_path(); !std::filesystem::exists(path))
    throw DeviceError("cuda: this build of Sluice has no CUDA module; got no file " + path +
                      "; expected a build with SLUICE_CUDA=ON, or the device cpu");
}

/// The driver's library is small; the module brings cuBLAS and cuDNN, which take a tenth of a second to load.
void require_driver() {
  if (dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL)) return;
  throw DeviceError("cuda: no NVIDIA driver is installed; got '" + last_dl_error() +
                    "'; expected an NVIDIA GPU and its driver, the device cpu, or a file of GPU properties to plan for "
                    "(sluice plan --gpu FILE)");
}

template <class Function>
Function find(const char* name) {
  const std::string path = module_path();
  void* const module = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!module)
    throw DeviceError("cuda: the CUDA module cannot be loaded; got '" + last_dl_error() +
                      "'; expected the CUDA libraries it was built with (the CUDA runtime, cuBLAS, cuDNN 9), or the "
                      "device cpu");
  const auto function = reinterpret_cast<Function>(dlsym(module, name));
  if (!function)
    throw DeviceError("cuda: the CUDA module is not one of Sluice's; got no " + std::string(name) + " in " + path);
  return function;
}

/// Calls a function of the module that returns a backend, or null and the reason.
template <class What>
std::unique_ptr<Backend> open(const char* name, What what) {
  using Open = Backend* (*)(What what, char* why, std::size_t why_bytes);
  std::array<char, 2048> why{};
  Backend* const backend = find<Open>(name)(what, why.data(), why.size());
  if (!backend) throw DeviceError(why.data());
  return std::unique_ptr<Backend>(backend);
}

}  // namespace

std::unique_ptr<Backend> open_cuda(int index) {
  require_module();
  require_driver();
  return open<int>("sluice_open_cuda", index);
}

std::unique_ptr<Backend> open_planned_cuda(const std::string& properties_file) {
  require_module();
  return open<const char*>("sluice_plan_cuda", properties_file.c_str());
}

void plan_for_gpu(const std::string& properties_file) {
  register_backend(Device::Kind::cuda, open_planned_cuda(properties_file));
}

}  // namespace sluice
