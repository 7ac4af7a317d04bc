// SPDX-License-Identifier: Apache-2.0
//
// Unpredictable values: each call reads from the system's random source.
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

namespace hallway::core {

inline std::uint64_t random_number() {
  std::random_device random;
  return (std::uint64_t{random()} << 32U) | random();
}

/// Returns `size` base32 letters, of five bits each, like the names that NATS generates.
inline std::string random_base32(std::size_t size) {
  constexpr std::string_view letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  std::random_device random;
  std::string word(size, '\0');
  for (char& letter : word) letter = letters[random() % letters.size()];
  return word;
}

}  // namespace hallway::core
