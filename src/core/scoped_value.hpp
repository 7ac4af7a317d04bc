// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <utility>

namespace hallway::core {

/// Sets a variable, and restores its former value when it is destroyed.
///
///     const ScopedValue accepting(accepting_, true);
template <typename T>
class ScopedValue {
 public:
  ScopedValue(T& variable, T value) noexcept
      : variable_(variable), former_(std::exchange(variable, std::move(value))) {}
  ScopedValue(const ScopedValue&) = delete;
  ScopedValue& operator=(const ScopedValue&) = delete;
  ~ScopedValue() { variable_ = std::move(former_); }

 private:
  T& variable_;
  T former_;
};

}  // namespace hallway::core
