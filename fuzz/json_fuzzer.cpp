// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as the JSON of an INFO or a CONNECT: our reader and nlohmann/json, which the command
// uses, agree on what is an object, and on its members. What is read of either is read from valid
// objects only, and a CONNECT that is said again changes nothing.
#include <algorithm>
#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "hub/client/hub_greeting.hpp"
#include "hub/json.hpp"
#include "hub/server/requested_options.hpp"
#include "input.hpp"
#include "text.hpp"

namespace {

using namespace hallway;
using namespace hallway::hub;
using fuzz::require;
using nlohmann::json;

/// What nlohmann/json makes of a text, and where it must not be asked.
struct Reference {
  explicit Reference(std::string_view text) {
    const auto note_depth = [this](int depth, json::parse_event_t, json&) {
      deepest = std::max(deepest, depth);
      return true;
    };
    try {
      value = json::parse(text, note_depth);
    } catch (const json::out_of_range&) {
      beyond = true;  // a number that no double holds
    } catch (const json::parse_error&) {
      value.reset();
    }
  }

  [[nodiscard]] bool is_object() const { return value && (value->is_object() || value->is_null()); }

  std::optional<json> value;
  bool beyond = false;
  int deepest = 0;
};

/// A NUL ends a text for it, and a byte order mark may begin one.
bool means_something_else(std::string_view text) {
  return text.contains('\0') || text.starts_with("\xEF\xBB\xBF");
}

/// It looks into strings, where any bytes will do for us.
bool has_plain_strings(std::string_view text) {
  if (text.contains("\\u")) return false;
  while (!text.empty()) {
    const std::size_t size = fuzz::well_formed(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

JsonKind kind_of(const json& value) {
  if (value.is_null()) return JsonKind::null;
  if (value.is_boolean()) return JsonKind::boolean;
  if (value.is_number()) return JsonKind::number;
  if (value.is_string()) return JsonKind::string;
  return value.is_array() ? JsonKind::array : JsonKind::object;
}

void check_member(const JsonMember& member) {
  const bool quoted = member.kind == JsonKind::string;
  const std::string value =
      quoted ? '"' + std::string(member.value) + '"' : std::string(member.value);
  const Reference reference(value);
  if (reference.beyond || !has_plain_strings(value)) return;
  require(reference.value && kind_of(*reference.value) == member.kind);
}

/// @return whether it is an object
bool check_reader(std::string_view text) {
  JsonReader reader(text);
  std::size_t members = 0;
  while (const JsonMember* member = reader.next()) {
    ++members;
    check_member(*member);
  }
  const bool valid = reader.valid();
  if (means_something_else(text)) {
    require(!valid);
    return false;
  }
  const Reference reference(text);
  constexpr int outermost = 2;  // one for the object, and depths begin at 0 or 1
  const bool shallow = reference.deepest + outermost < static_cast<int>(JsonReader::deepest);
  if (reference.is_object() && shallow) require(valid && reference.value->size() <= members);
  if (valid && !reference.beyond && has_plain_strings(text)) require(reference.is_object());
  return valid;
}

bool same(const RequestedOptions& one, const RequestedOptions& other) {
  return one.verbose == other.verbose && one.pedantic == other.pedantic && one.echo == other.echo &&
         one.headers == other.headers && one.no_responders == other.no_responders &&
         one.protocol == other.protocol && one.overflow == other.overflow &&
         one.unknown_policy == other.unknown_policy && one.seen == other.seen &&
         one.link == other.link;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::Input(data, size).take_rest();
  const bool valid = check_reader(text);
  require(ServerInfo::parse(text).has_value() == valid);
  const auto options = RequestedOptions().with(text);
  require(valid || !options);
  if (!options) return 0;
  const auto again = options->with(text);
  require(again && same(*options, *again));
  return 0;
}
