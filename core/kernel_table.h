#pragma once

#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <sluice/core/dtype.h>

namespace sluice {

class Kernel;
class LoweringContext;

/// Lowers an op: makes its kernel for the op, operands and limits in the context.
using KernelFactory = std::function<std::unique_ptr<Kernel>(LoweringContext&)>;

/// How a device does two ops in one pass: an op with one output, and the one-input op that is its only reader.
struct Fusion {
  /// Makes the kernel of both ops, which writes output 0 of the second (LoweringContext::second). May return null if it
  /// is not possible for these operands.
  KernelFactory both;
  /// Makes the kernel of the other outputs of the second op, if they have readers. Its only input is output 0 of the
  /// second op. It has one algorithm.
  KernelFactory rest;
  std::string rest_name;  ///< of that kernel, for listings
  std::string library = "own";
};

/// Op type → kernel factory, one table per device.
class KernelTable {
 public:
  /// Adds a kernel. `also`: dtypes that it supports besides those that all kernels of the device do. `library`:
  /// "oneDNN", "cuDNN", "cuBLAS", or "own" for kernels of this project. Throws BackendError if the type has a kernel.
  void add(std::string_view op_type, KernelFactory factory, std::initializer_list<DType> also = {},
           std::string_view library = "own");
  /// Returns the `library` of a type that has a kernel.
  const std::string& library(std::string_view op_type) const;
  /// Returns null if the device has no kernel for the op.
  const KernelFactory* find(std::string_view op_type) const;
  bool also_computes(std::string_view op_type, DType stored) const;
  std::vector<std::string> types() const;

  /// Adds a fusion. Throws BackendError if the pair has one.
  void add_fusion(std::string_view first, std::string_view second, Fusion fusion);
  /// Returns null if the device runs the two one after the other.
  const Fusion* fusion(std::string_view first, std::string_view second) const;
  using Pair = std::pair<std::string, std::string>;
  const std::map<Pair, Fusion>& fusions() const { return fusions_; }

 private:
  struct Entry {
    KernelFactory factory;
    std::vector<DType> also;
    std::string library;
  };
  std::map<std::string, Entry, std::less<>> entries_;
  std::map<Pair, Fusion> fusions_;
};

}  // namespace sluice
