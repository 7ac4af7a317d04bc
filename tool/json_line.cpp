// SPDX-License-Identifier: Apache-2.0
#include "json_line.hpp"

#include <algorithm>
#include <cstdint>
#include <nlohmann/json.hpp>

#include <hallway/bytes.hpp>

namespace hallway::tool {

namespace {

using Json = nlohmann::ordered_json;

bool is_text(const Json& value) {
  if (value.is_array()) return std::ranges::all_of(value, is_text);
  return !value.is_string() || is_utf8(value.get_ref<const std::string&>());
}

Json in_base64(const Json& value) {
  if (value.is_string()) return base64(value.get_ref<const std::string&>());
  if (!value.is_array()) return value;
  Json all = Json::array();
  for (const Json& one : value) all.push_back(in_base64(one));
  return all;
}

Json as_text(const Json& object) {
  Json text = Json::object();
  for (const auto& [name, value] : object.items()) {
    if (value.is_object()) {
      text[name] = as_text(value);
    } else if (is_text(value)) {
      text[name] = value;
    } else {
      text[name + "_base64"] = in_base64(value);
    }
  }
  return text;
}

}  // namespace

std::string json_line(const Json& object) {
  try {
    return object.dump(-1, ' ', true) + "\n";
  } catch (const Json::type_error&) {
    // Some of it is not UTF-8, which is rare and costs a copy only then.
    return as_text(object).dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
  }
}

std::string base64(std::string_view bytes) {
  constexpr std::string_view digits =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t group = 0;
    for (std::size_t next = at; next < at + 3; ++next) {
      group = group << 8 | (next < bytes.size() ? static_cast<std::uint8_t>(bytes[next]) : 0U);
    }
    const std::size_t present = std::min<std::size_t>(bytes.size() - at, 3);
    for (std::size_t digit = 0; digit < 4; ++digit) {
      text += digit <= present ? digits[group >> (18 - 6 * digit) & 0x3F] : '=';
    }
  }
  return text;
}

}  // namespace hallway::tool
