// SPDX-License-Identifier: Apache-2.0
#include "hub/hub_greeting.hpp"

#include <algorithm>
#include <charconv>

#include <hallway/version.hpp>

namespace hallway::hub {

namespace {

/// Walks over one line of JSON. Of values only the extent is found: what nobody asks for may be
/// anything that has its quotes and brackets in pairs.
class JsonWalk {
 public:
  explicit JsonWalk(ByteView text) noexcept : rest_(text) {}

  bool at_end() noexcept {
    skip_blanks();
    return rest_.empty();
  }

  bool take(char expected) noexcept {
    skip_blanks();
    if (!rest_.starts_with(expected)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  /// A string without its quotes, its escapes as they stand.
  std::optional<ByteView> take_string() noexcept {
    if (!take('"')) return std::nullopt;
    std::size_t end = 0;
    while (end < rest_.size() && rest_[end] != '"') end += rest_[end] == '\\' ? 2U : 1U;
    if (end >= rest_.size()) return std::nullopt;
    const ByteView inside = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return inside;
  }

  /// Any value, as it stands.
  std::optional<ByteView> take_value() noexcept {
    skip_blanks();
    const ByteView from = rest_;
    std::size_t depth = 0;
    do {
      skip_blanks();
      if (rest_.empty()) return std::nullopt;
      const char first = rest_.front();
      if (first == '"') {
        if (!take_string()) return std::nullopt;
        continue;
      }
      if (first == '{' || first == '[') ++depth;
      if (first == '}' || first == ']') {
        if (depth == 0) return std::nullopt;
        --depth;
      }
      const bool bare = depth == 0 && first != '}' && first != ']';
      rest_.remove_prefix(bare ? std::min(rest_.find_first_of(",}] \t"), rest_.size()) : 1);
    } while (depth > 0);
    return from.substr(0, from.size() - rest_.size());
  }

 private:
  void skip_blanks() noexcept {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \t\r\n"), rest_.size()));
  }

  ByteView rest_;
};

void note(ServerInfo& info, ByteView name, ByteView value) {
  if (name == "headers") info.headers = value == "true";
  if (name == "max_payload") {
    std::from_chars(value.data(), value.data() + value.size(), info.max_payload);
  }
}

/// In quotes.
std::string json_string(ByteView text) {
  std::string quoted = "\"";
  // Of what JSON wants escaped, printable() leaves only these.
  for (const char letter : printable(text)) {
    if (letter == '"' || letter == '\\') quoted += '\\';
    quoted += letter;
  }
  return quoted + '"';
}

}  // namespace

std::optional<ServerInfo> ServerInfo::parse(ByteView text) {
  ServerInfo info;
  JsonWalk walk(text);
  if (!walk.take('{')) return std::nullopt;
  bool more = !walk.take('}');
  while (more) {
    const auto name = walk.take_string();
    if (!name || !walk.take(':')) return std::nullopt;
    const auto value = walk.take_value();
    if (!value || value->empty()) return std::nullopt;
    note(info, *name, *value);
    more = walk.take(',');
    if (!more && !walk.take('}')) return std::nullopt;
  }
  return walk.at_end() ? std::optional(info) : std::nullopt;
}

std::string greeting_of(const HubClientOptions& options) {
  return "{\"verbose\":false,\"pedantic\":false,\"lang\":\"hallway\",\"version\":\"" +
         std::string(version) +
         "\",\"protocol\":1,\"headers\":true,\"no_responders\":true,\"echo\":" +
         (options.echo ? "true" : "false") +
         (options.delivery ? ",\"full\":" + json_string(to_string(*options.delivery)) : "") +
         ",\"name\":" + json_string(options.name) + "}";
}

}  // namespace hallway::hub
