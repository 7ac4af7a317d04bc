// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bench {

/// An object of JSON, put together from its first field to its last.
///
///     JsonLine line;
///     line.add("unit", "us").add("p50", 3.6).add("cpu_ns", cpu);
class JsonLine {
 public:
  JsonLine& add(std::string_view name, double value);
  JsonLine& add(std::string_view name, std::uint64_t value);
  JsonLine& add(std::string_view name, std::string_view text);  ///< which needs no escapes
  JsonLine& add(std::string_view name, const char* text) {
    return add(name, std::string_view(text));
  }
  JsonLine& add(std::string_view name, const JsonLine& object);

  [[nodiscard]] bool empty() const noexcept { return fields_.empty(); }
  [[nodiscard]] std::string to_string() const { return "{" + fields_ + "}"; }

  void print() const;  ///< to standard output

 private:
  JsonLine& add_raw(std::string_view name, std::string_view value);

  std::string fields_;
};

}  // namespace bench
