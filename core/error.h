#pragma once

#include <stdexcept>
#include <string>

namespace sluice {

/// Base of every error Sluice throws. Messages read "<who>: <what is wrong>; got <values>; expected <rule>".
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Shapes, dtypes or scopes that an op cannot take.
class ShapeError : public Error {
 public:
  using Error::Error;
};

/// Options that contradict each other, or a call at the wrong time (after a change of the model, say).
class UsageError : public Error {
 public:
  using Error::Error;
};

/// A device that is absent, or that does not support a request.
class DeviceError : public Error {
 public:
  using Error::Error;
};

/// A plan that does not fit its budget, or an allocation that is not in the plan.
class OutOfMemory : public Error {
 public:
  using Error::Error;
};

/// Data files or samples that are missing, damaged or out of range.
class DataError : public Error {
 public:
  using Error::Error;
};

/// A failing call of a vendor library, or an op without a kernel on a device.
class BackendError : public Error {
 public:
  using Error::Error;
};

/// A NaN or infinity where training needs a finite number.
class NumericError : public Error {
 public:
  using Error::Error;
};

/// A kernel that broke its contract in verify mode: wrote outside its ranges, allocated, ...
class VerifyError : public Error {
 public:
  using Error::Error;
};

}  // namespace sluice
