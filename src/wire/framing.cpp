// SPDX-License-Identifier: Apache-2.0
#include <hallway/framing.hpp>

#include <charconv>
#include <cstring>

namespace hallway {

Result<Framing> Framing::parse(std::string_view text) {
  if (text == "lines") return lines();
  if (text == "null") return null();
  if (text == "len32") return len32();
  if (text == "len32be") return len32be();
  if (text == "len32le") return len32le();
  if (text == "raw") return raw();
  if (text.starts_with("raw:")) {
    const std::string_view number = text.substr(4);
    std::uint32_t most = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), most);
    if (error == std::errc() && end == number.data() + number.size() && most > 0) return raw(most);
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
      if (most_ == UINT32_MAX) return "raw";
      return "raw:" + std::to_string(most_);
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

namespace {

/// Completes `piece` as the next one of the message in `progress`.
Piece note(Piece piece, Progress& progress) {
  piece.state = Frame::State::complete;
  progress.begun = true;
  progress.taken += piece.bytes.size();
  if (piece.last) progress = {};
  return piece;
}

}  // namespace

Piece Framing::next_piece(ByteView input, std::size_t limit, Progress& progress) const {
  if (input.empty()) return {};
  switch (kind_) {
    case Kind::lines:
    case Kind::null: return next_delimited_piece(input, limit, progress);
    case Kind::raw: {
      const Frame frame = next(input, limit);
      return {frame.state, frame.consumed, frame.message, true};
    }
    default: return next_counted_piece(input, limit, progress);
  }
}

Piece Framing::next_delimited_piece(ByteView input, std::size_t limit, Progress& progress) const {
  const std::size_t end = input.find(kind_ == Kind::null ? '\0' : '\n');
  const bool last = end != ByteView::npos;
  ByteView bytes = input.substr(0, end);
  // A carriage return at the end is not taken until it is known whether a line feed follows.
  if (kind_ == Kind::lines && bytes.ends_with('\r')) bytes.remove_suffix(1);
  if (bytes.size() > limit - progress.taken) return {.state = Frame::State::too_large};
  if (bytes.empty() && !last) return {};
  return note({.consumed = last ? end + 1 : bytes.size(), .bytes = bytes, .last = last}, progress);
}

Piece Framing::next_counted_piece(ByteView input, std::size_t limit, Progress& progress) const {
  std::size_t head = 0;
  std::size_t left = progress.left;
  if (!progress.begun) {
    if (input.size() < length_size) return {};
    std::uint32_t wire = 0;
    std::memcpy(&wire, input.data(), length_size);
    head = length_size;
    left = in_wire_order(wire);
    if (left > limit) return {.state = Frame::State::too_large};
  }
  const ByteView bytes = input.substr(head, left);
  if (bytes.empty() && left > 0) return {};
  progress.left = left - bytes.size();
  return note({.consumed = head + bytes.size(), .bytes = bytes, .last = progress.left == 0},
              progress);
}

Piece Framing::last_piece(ByteView rest, std::size_t limit, Progress& progress) const {
  const bool delimited = kind_ == Kind::lines || kind_ == Kind::null;
  if (!delimited || (rest.empty() && !progress.begun)) return {};
  ByteView bytes = rest;
  if (kind_ == Kind::lines && bytes.ends_with('\r')) bytes.remove_suffix(1);
  if (bytes.size() > limit - progress.taken) return {.state = Frame::State::too_large};
  return note({.consumed = rest.size(), .bytes = bytes, .last = true}, progress);
}

}  // namespace hallway
