// SPDX-License-Identifier: Apache-2.0
//
// SipHash-1-3 (Aumasson and Bernstein, 2012): a hash with a secret key. Without the key, an
// attacker cannot choose texts that collide in a table.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace hallway::core {

/// Random and secret.
struct HashKey {
  std::uint64_t first = 0;
  std::uint64_t second = 0;
};

class SipHash {
 public:
  [[nodiscard]] static std::uint64_t of(std::string_view bytes, const HashKey& key) noexcept {
    SipHash state(key);
    const std::size_t size = bytes.size();
    for (; bytes.size() >= 8; bytes.remove_prefix(8)) state.take(word_of(bytes));
    state.take((static_cast<std::uint64_t>(size) << 56U) | word_of(bytes));
    state.c_ ^= 0xff;
    for (int i = 0; i < 3; ++i) state.round();
    return state.a_ ^ state.b_ ^ state.c_ ^ state.d_;
  }

 private:
  explicit SipHash(const HashKey& key) noexcept
      : a_(0x736f6d6570736575U ^ key.first),
        b_(0x646f72616e646f6dU ^ key.second),
        c_(0x6c7967656e657261U ^ key.first),
        d_(0x7465646279746573U ^ key.second) {}

  template <typename Word>
  static Word little_endian(const char* bytes) noexcept {
    Word word = 0;
    std::memcpy(&word, bytes, sizeof word);
    if constexpr (std::endian::native == std::endian::big) word = std::byteswap(word);
    return word;
  }

  /// The first eight bytes, or all of a shorter text. Some bytes of a short text are read twice,
  /// which is faster than reading them one after the other.
  static std::uint64_t word_of(std::string_view bytes) noexcept {
    const std::size_t size = bytes.size();
    const char* at = bytes.data();
    if (size >= 8) return little_endian<std::uint64_t>(at);
    if (size >= 4) {
      const auto end = std::uint64_t{little_endian<std::uint32_t>(at + size - 4)};
      return little_endian<std::uint32_t>(at) | (end << (8 * (size - 4)));
    }
    if (size == 0) return 0;
    const auto byte = [&](std::size_t i) {
      return std::uint64_t{static_cast<unsigned char>(at[i])} << (8 * i);
    };
    return byte(0) | byte(size / 2) | byte(size - 1);
  }

  void take(std::uint64_t word) noexcept {
    d_ ^= word;
    round();
    a_ ^= word;
  }

  void round() noexcept {
    a_ += b_;
    c_ += d_;
    b_ = std::rotl(b_, 13) ^ a_;
    d_ = std::rotl(d_, 16) ^ c_;
    a_ = std::rotl(a_, 32);
    c_ += b_;
    a_ += d_;
    b_ = std::rotl(b_, 17) ^ c_;
    d_ = std::rotl(d_, 21) ^ a_;
    c_ = std::rotl(c_, 32);
  }

  std::uint64_t a_, b_, c_, d_;
};

}  // namespace hallway::core
