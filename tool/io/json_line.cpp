// SPDX-License-Identifier: Apache-2.0
#include "io/json_line.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include <hallway/bytes.hpp>

#include "io/escape.hpp"

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
    // Some of it is not UTF-8. Only this rare case makes a copy.
    return as_text(object).dump(-1, ' ', true, Json::error_handler_t::replace) + "\n";
  }
}

}  // namespace hallway::tool
