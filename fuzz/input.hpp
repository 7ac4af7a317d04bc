// SPDX-License-Identifier: Apache-2.0
//
// What every fuzzer needs: to stop where a property does not hold, and to read decisions from the
// bytes it was given.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <source_location>
#include <string_view>

namespace hallway::fuzz {

/// Stops the process, naming the line, unless `holds`.
inline void require(bool holds, std::source_location where = std::source_location::current()) {
  if (holds) return;
  std::fprintf(stderr, "%s:%u: the property does not hold\n", where.file_name(), where.line());
  std::abort();
}

/// The input as a source of decisions. When it is used up every further one is 0.
class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size)
      : rest_(reinterpret_cast<const char*>(data), size) {}

  [[nodiscard]] bool used_up() const noexcept { return rest_.empty(); }

  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto value = static_cast<std::uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return value;
  }

  /// A number below `count`, which is at most 256.
  std::size_t below(std::size_t count) { return byte() % count; }
  bool chance() { return (byte() & 1U) != 0; }

  std::string_view take(std::size_t most) {
    const std::string_view taken = rest_.substr(0, most);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  std::string_view take_rest() { return take(rest_.size()); }

 private:
  std::string_view rest_;
};

}  // namespace hallway::fuzz
