// SPDX-License-Identifier: Apache-2.0
//
// What a client's errors say. Its results share it, because they may outlive the client and its
// loop.
#pragma once

#include <optional>
#include <string>
#include <system_error>

#include <hallway/error.hpp>

namespace hallway::detail {

class ClientErrors {
 public:
  /// @param hub  the hub's address, unescaped
  explicit ClientErrors(std::string hub) : hub_(std::move(hub)) {}

  [[nodiscard]] Error about(std::errc code, std::string operation, std::string reason,
                            std::string hint = {}) const;

  /// The error for an outcome. @param why  a more specific reason, or nullptr
  [[nodiscard]] Error explain(const char* operation, Outcome outcome, const char* why) const;

  /// Why the client has ended.
  void set_reason(Error reason) { reason_ = std::move(reason); }

 private:
  std::string hub_;
  std::optional<Error> reason_;
};

}  // namespace hallway::detail
