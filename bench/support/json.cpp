// SPDX-License-Identifier: Apache-2.0
#include "json.hpp"

#include <array>
#include <cstdio>

namespace bench {

JsonLine& JsonLine::add(std::string_view name, double value) {
  std::array<char, 32> digits{};
  std::snprintf(digits.data(), digits.size(), "%.10g", value);
  return add_raw(name, digits.data());
}

JsonLine& JsonLine::add(std::string_view name, std::uint64_t value) {
  return add_raw(name, std::to_string(value));
}

JsonLine& JsonLine::add(std::string_view name, std::string_view text) {
  return add_raw(name, '"' + std::string(text) + '"');
}

JsonLine& JsonLine::add(std::string_view name, const JsonLine& object) {
  return add_raw(name, object.to_string());
}

JsonLine& JsonLine::add_raw(std::string_view name, std::string_view value) {
  if (!fields_.empty()) fields_ += ", ";
  ((((fields_ += '"') += name) += "\": ") += value);
  return *this;
}

void JsonLine::print() const { std::puts(to_string().c_str()); }

}  // namespace bench
