// Any bytes are a safetensors file whose tensors lie within it, or a DataError.
#include <sluice/core/safetensors.h>

#include <cstdlib>

#include <sluice/core/error.h>

namespace {

using namespace sluice;

void read(const SafetensorsFile& file, const std::string& name, DType dtype) try {
  const Tensor tensor = file.read(name, dtype);
  if (tensor.dtype() != dtype ||
      tensor.bytes() != size_bytes(dtype) * static_cast<std::size_t>(tensor.shape().elements()))
    std::abort();
} catch (const DataError&) {
}

void parse(std::span<const std::byte> bytes) try {
  const SafetensorsFile file(bytes, "input");
  for (const auto& [name, tensor] : file.tensors()) {
    if (!tensor.data.empty() &&
        (tensor.data.data() < bytes.data() || tensor.data.data() + tensor.data.size() > bytes.data() + bytes.size()))
      std::abort();
    for (const DType dtype : {DType::f32, DType::f64, DType::i32, DType::u8}) read(file, name, dtype);
  }
} catch (const DataError&) {
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  parse(std::as_bytes(std::span(data, size)));
  return 0;
}
