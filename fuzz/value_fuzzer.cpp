// SPDX-License-Identifier: Apache-2.0
//
// The values of the command line, and the ways it shows bytes. What is written is read back as the
// same, what is shown is harmless on a terminal, and nothing leaves its range.
#include <chrono>
#include <string>
#include <string_view>

#include <hallway/address.hpp>
#include <hallway/bytes.hpp>
#include <hallway/framing.hpp>
#include <hallway/socket.hpp>

#include "input.hpp"
#include "text.hpp"
#include "tool/io/escape.hpp"
#include "tool/io/hex.hpp"
#include "tool/io/number.hpp"
#include "tool/io/values.hpp"

namespace {

using namespace hallway;
using namespace hallway::tool;
using fuzz::require;
using std::string_view;

constexpr std::size_t three_rows = 48;  // of 16

void check_numbers(string_view text) {
  using namespace std::chrono_literals;
  if (const auto duration = read_duration(text)) {
    require(*duration >= 0ns && *duration <= 100'000h);
    // Written in whole milliseconds; beyond 2^53 ns, a hundred days, the double they are read
    // through has no nanoseconds left.
    const auto again = read_duration(write_duration(*duration));
    require(again.has_value());
    const auto lost = *duration - *again;
    if (*duration < Duration(std::int64_t{1} << 53)) require(lost >= 0ns && lost < 1ms);
  }
  if (const auto size = read_size(text)) {
    require(*size <= SIZE_MAX / 2);
    require(read_size(write_size(*size)).value() == *size);
  }
  if (const auto count = read_count(text)) {
    require(*count >= 1 && read_count(std::to_string(*count)).value() == *count);
  }
  if (const auto mode = read_mode(text)) require(*mode <= 0777);
}

std::string in_hex(string_view bytes) {
  constexpr const char* digits = "0123456789abcdef";
  std::string text;
  for (const char byte : bytes) {
    const auto value = static_cast<std::uint8_t>(byte);
    text += "\\x";
    text += digits[value >> 4U];
    text += digits[value & 0xfU];
  }
  return text;
}

void check_escapes_read(string_view text) {
  require(read_escaped(in_hex(text)).value() == text);
  const auto bytes = read_escaped(text);
  if (bytes) require(bytes->size() <= text.size());
  if (!text.contains('\\')) require(bytes.value() == text);
  if (const auto pair = read_word_and_reply(text)) {
    const auto equals = text.find('=');
    require(read_escaped(text.substr(0, equals)).value() == pair->first);
    require(read_escaped(text.substr(equals + 1)).value() == pair->second);
  }
}

void check_shown(string_view bytes) {
  const std::string shown = printable(bytes);
  require(fuzz::is_harmless(shown));
  require(printable(shown) == shown);
  require(fuzz::is_harmless(excerpt(bytes, 16)));
  if (bytes.size() <= 16) require(excerpt(bytes, 16) == shown);

  std::size_t whole = 0;
  while (whole < bytes.size()) {
    const std::size_t size = fuzz::well_formed(bytes.substr(whole));
    if (size == 0) break;
    whole += size;
  }
  require(is_utf8(bytes) == (whole == bytes.size()));
}

void check_base64(string_view bytes) {
  constexpr string_view digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const std::string text = base64(bytes);
  require(text.size() == (bytes.size() + 2) / 3 * 4);
  std::string decoded;
  unsigned bits = 0;
  unsigned count = 0;
  for (const char letter : text) {
    if (letter == '=') break;
    const auto digit = digits.find(letter);
    require(digit != string_view::npos);
    bits = bits << 6U | static_cast<unsigned>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    decoded += static_cast<char>(bits >> count & 0xFFU);
  }
  require(decoded == bytes);
}

unsigned hexadecimal(string_view digits) { return parse_number<unsigned>(digits, 16).value(); }

void check_hex_dump(string_view bytes) {
  const std::string dump = hex_dump(bytes);
  std::string decoded;
  for (string_view rest = dump; !rest.empty();) {
    const auto end = rest.find('\n');
    require(end != string_view::npos);
    const string_view line = rest.substr(0, end);
    const auto bar = line.find('|');
    require(hexadecimal(line.substr(0, 8)) == decoded.size());
    string_view columns = line.substr(8, bar - 8);
    for (auto at = columns.find_first_not_of(' '); at != string_view::npos;
         at = columns.find_first_not_of(' ')) {
      decoded += static_cast<char>(hexadecimal(columns.substr(at, 2)));
      columns.remove_prefix(at + 2);
    }
    for (const char byte : line) require(fuzz::is_between(byte, 0x20, 0x7E));
    rest.remove_prefix(end + 1);
  }
  require(decoded == bytes);
}

void check_names(string_view text) {
  if (const auto framing = Framing::parse(text)) {
    require(Framing::parse(framing->to_string()) == *framing);
  }
  if (const auto type = parse_socket_type(text)) {
    require(parse_socket_type(to_string(*type)) == *type);
  }
  // A word that can only be an address must not be taken for the text of a message.
  const auto address = Address::parse(text);
  const bool has_scheme = address && address->kind() != Address::Kind::path &&
                          address->kind() != Address::Kind::autobind;
  if (has_scheme) require(looks_like_address(text));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const string_view text(reinterpret_cast<const char*>(data), size);
  check_numbers(text);
  check_escapes_read(text);
  check_shown(text);
  check_base64(text);
  check_hex_dump(text.substr(0, three_rows));  // every further row is made the same way
  check_names(text);
  return 0;
}
