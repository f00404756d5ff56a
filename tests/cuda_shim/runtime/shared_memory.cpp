#include "shared_memory.h"

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

#include <cxxabi.h>
#include <link.h>

namespace cuda_shim {
namespace {

/// The loaded file that an address belongs to.
struct Library {
  std::uintptr_t address = 0;  ///< to look for
  std::string path;
  std::uintptr_t base = 0;
  void* tls = nullptr;
  std::size_t tls_bytes = 0;
};

int visit(dl_phdr_info* info, std::size_t, void* data) {
  auto& library = *static_cast<Library*>(data);
  bool inside = false;
  std::size_t tls_bytes = 0;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& segment = info->dlpi_phdr[i];
    if (segment.p_type == PT_TLS) tls_bytes = segment.p_memsz;
    if (segment.p_type == PT_LOAD)
      inside |= library.address - (info->dlpi_addr + segment.p_vaddr) < segment.p_memsz;  // wraps around below
  }
  if (!inside) return 0;
  library.path = *info->dlpi_name ? info->dlpi_name : "/proc/self/exe";
  library.base = info->dlpi_addr;
  library.tls = info->dlpi_tls_data;
  library.tls_bytes = tls_bytes;
  return 1;
}

Library library_of(const void* function) {
  Library library;
  library.address = reinterpret_cast<std::uintptr_t>(function);
  dl_iterate_phdr(visit, &library);
  return library;
}

std::string demangled(const char* symbol) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(symbol, nullptr, nullptr, &status), std::free);
  return name ? name.get() : symbol;
}

}  // namespace

SharedMemory::SharedMemory(const void* kernel) {
  const Library library = library_of(kernel);
  data_ = library.tls;
  bytes_ = library.tls ? library.tls_bytes : 0;
}

void SharedMemory::poison() const {
  if (bytes_ > 0) std::memset(data_, 0xFF, bytes_);
}

// Kernels are local symbols, which dladdr does not know.
std::string function_name(const void* function) {
  const Library library = library_of(function);
  std::ifstream file(library.path, std::ios::binary);
  const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  if (bytes.size() < sizeof(ElfW(Ehdr))) return "a kernel";
  const auto* const header = reinterpret_cast<const ElfW(Ehdr)*>(bytes.data());
  const auto* const sections = reinterpret_cast<const ElfW(Shdr)*>(bytes.data() + header->e_shoff);
  for (int s = 0; s < header->e_shnum; ++s) {
    if (sections[s].sh_type != SHT_SYMTAB) continue;
    const auto* const symbols = reinterpret_cast<const ElfW(Sym)*>(bytes.data() + sections[s].sh_offset);
    const char* const names = bytes.data() + sections[sections[s].sh_link].sh_offset;
    for (std::size_t i = 0; i < sections[s].sh_size / sizeof(ElfW(Sym)); ++i)
      if (library.base + symbols[i].st_value == library.address && (symbols[i].st_info & 0xF) == STT_FUNC)
        return demangled(names + symbols[i].st_name);
  }
  return "a kernel";
}

}  // namespace cuda_shim
