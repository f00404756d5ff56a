// Counts every operator new of this program and of libsluice, on all threads, while `counting` is
// set.
#include <array>
#include <atomic>
#include <cstdlib>
#include <new>

#include <gtest/gtest.h>

#include <sluice/data/loader.h>
#include <sluice/data/tensor_dataset.h>

namespace {

std::atomic<bool> counting = false;
std::atomic<int> allocations = 0;

void* counted(std::size_t bytes) {
  if (counting) ++allocations;
  if (void* memory = std::malloc(bytes ? bytes : 1)) return memory;
  throw std::bad_alloc();
}

}  // namespace

// Inlined, GCC would take them for a mismatch of new and free, or of malloc and delete.
[[gnu::noinline]] void* operator new(std::size_t bytes) { return counted(bytes); }
[[gnu::noinline]] void* operator new[](std::size_t bytes) { return counted(bytes); }
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace sluice {
namespace {

TEST(LoaderAllocation, TheCounterSeesTheLibrary) {
  counting = true;
  { const Tensor tensor({1000}); }
  { const TensorDataset data("toy", {{"x", Tensor({4, 2})}}); }
  counting = false;
  EXPECT_GT(allocations.exchange(0), 2);
}

TEST(LoaderAllocation, NoneAfterConstruction) {
  const TensorDataset data("toy", {{"image", Tensor({200, 3, 8, 8}, DType::u8)}, {"label", Tensor({200}, DType::i32)}});
  std::vector<std::byte> image(std::size_t{50} * 192), label(std::size_t{50} * 4);
  const std::array<std::byte*, 2> fields{image.data(), label.data()};
  Loader loader(data);
  counting = true;
  std::int64_t sum = 0;
  for (std::uint64_t epoch = 0; epoch < 3; ++epoch)
    for (std::int64_t first = 0; first < 200; first += 50) {
      loader.request(epoch, first, 50, fields);
      sum += loader.index_of(epoch, first);
      loader.wait();
    }
  counting = false;
  EXPECT_EQ(allocations.exchange(0), 0);
  EXPECT_GE(sum, 0);
}

}  // namespace
}  // namespace sluice
