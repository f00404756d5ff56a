#pragma once

#include <memory>

namespace sluice {

/// A member that tells others, who only hold a reference, whether its object is still there. A copy is another object
/// with a lifetime of its own; a move ends the lifetime of the object that was moved from.
class LifeToken {
 public:
  LifeToken() = default;
  LifeToken(const LifeToken&) {}
  LifeToken(LifeToken&& other) noexcept { other.token_.reset(); }
  LifeToken& operator=(const LifeToken&) { return *this; }  // NOLINT(bugprone-unhandled-self-assignment)
  LifeToken& operator=(LifeToken&& other) noexcept {
    if (this != &other) other.token_.reset();
    return *this;
  }
  ~LifeToken() = default;

  /// Expires when the object is destroyed or moved from.
  std::weak_ptr<const void> watch() const {
    if (!token_) token_ = std::make_shared<char>();
    return token_;
  }

 private:
  mutable std::shared_ptr<const void> token_;
};

}  // namespace sluice
