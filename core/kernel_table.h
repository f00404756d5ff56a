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

/// Lowers an op: makes its kernel for what the context says.
using KernelFactory = std::function<std::unique_ptr<Kernel>(LoweringContext&)>;

/// How a device does two ops in one pass: one with a single output, and the one-input op that alone reads it.
struct Fusion {
  /// Lowers the first op with the second's output 0 in place of its own (LoweringContext::second). May return null: not
  /// for these operands.
  KernelFactory both;
  /// Lowers the second op's other outputs, if anybody reads them; its output 0 is the only input. Has no algorithms to
  /// choose from.
  KernelFactory rest;
  std::string rest_name;  ///< of that kernel, for listings
  std::string library = "own";
};

/// Op type → kernel factory, one table per device.
class KernelTable {
 public:
  /// `also`: dtypes that this kernel works on besides those that all of the device's do. `library`: who does the work,
  /// "oneDNN", "cuDNN", "cuBLAS"; "own" for kernels of this project. Throws BackendError when the type already has a
  /// kernel here.
  void add(std::string_view op_type, KernelFactory factory, std::initializer_list<DType> also = {},
           std::string_view library = "own");
  /// Who does the work of a type that has a kernel here.
  const std::string& library(std::string_view op_type) const;
  /// Null when this device has no kernel for the op.
  const KernelFactory* find(std::string_view op_type) const;
  bool also_computes(std::string_view op_type, DType stored) const;
  std::vector<std::string> types() const;

  /// Throws BackendError when the pair has a fusion.
  void add_fusion(std::string_view first, std::string_view second, Fusion fusion);
  /// Null when the device does the two one after the other.
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
