// SPDX-License-Identifier: Apache-2.0
#include <hallway/framing.hpp>

#include "core/number.hpp"

namespace hallway {

Result<Framing> Framing::parse(std::string_view text) {
  if (text == "lines") return lines();
  if (text == "null") return null();
  if (text == "len32") return len32();
  if (text == "len32be") return len32be();
  if (text == "len32le") return len32le();
  if (text == "raw") return raw();
  if (text.starts_with("raw:")) {
    const std::uint32_t max_message = core::parse_number<std::uint32_t>(text.substr(4)).value_or(0);
    if (max_message > 0) return raw(max_message);
  }
  return std::unexpected(Error{std::make_error_code(std::errc::invalid_argument), "framing",
                               std::string(text), "not a framing",
                               "use lines, null, len32, len32be, len32le, raw or raw:BYTES"});
}

std::string Framing::to_string() const {
  switch (kind_) {
    case Kind::lines: return "lines";
    case Kind::null: return "null";
    case Kind::len32: return "len32";
    case Kind::len32be: return "len32be";
    case Kind::len32le: return "len32le";
    case Kind::raw:
      if (max_message_ == UINT32_MAX) return "raw";
      return "raw:" + std::to_string(max_message_);
  }
  return {};
}

Frame Framing::last(ByteView rest, std::size_t limit) const noexcept {
  const bool delimited = kind_ == Kind::lines || kind_ == Kind::null;
  if (rest.empty() || !delimited) return {};
  ByteView message = rest;
  if (kind_ == Kind::lines && message.ends_with('\r')) message.remove_suffix(1);
  // next() accepts one byte over the limit, because it could be a carriage return.
  if (message.size() > limit) return {Frame::State::too_large};
  return {Frame::State::complete, rest.size(), message};
}

}  // namespace hallway
