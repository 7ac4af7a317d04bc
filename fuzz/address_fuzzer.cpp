// SPDX-License-Identifier: Apache-2.0
//
// Any text as an address: parsed or refused with words, printed without a byte that could upset a
// terminal, and what is printed of a plain address is read back as the same.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <hallway/address.hpp>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto address = hallway::Address::parse(text);
  const std::string printed = address ? address->to_string() : address.error().explain();
  const auto is_control = [](char byte) {
    return static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f;
  };
  if (printed.empty() || std::ranges::any_of(printed, is_control)) std::abort();

  const auto is_plain = [](char byte) { return byte > 0x20 && byte < 0x7f && byte != '\\'; };
  if (address && std::ranges::all_of(text, is_plain)) {
    const auto again = hallway::Address::parse(printed);
    if (!again || !(*again == *address)) std::abort();
  }
  return 0;
}
