// SPDX-License-Identifier: Apache-2.0
//
// Any text as an address: parsed or refused with words, printed without a byte that could upset a
// terminal; and where nothing had to be escaped, what is printed is read back as the same.
#include <hallway/address.hpp>

#include <string>

#include <hallway/bytes.hpp>

#include "input.hpp"
#include "text.hpp"

namespace {

using namespace hallway;
using fuzz::require;

void check(const Address& address) {
  switch (address.kind()) {
    case Address::Kind::path:
      require(!address.name().empty() && address.name().find('\0') == std::string::npos);
      break;
    case Address::Kind::abstract:
      require(!address.name().empty() && address.name().size() <= 107);
      break;
    case Address::Kind::descriptor: require(address.descriptor() >= 0); break;
    case Address::Kind::exec: require(!address.command().empty()); break;
    case Address::Kind::autobind:
    case Address::Kind::activation: break;
    case Address::Kind::unnamed: require(false);
  }
  const std::string printed = address.to_string();
  require(fuzz::is_harmless(printed) && !printed.empty());
  const auto again = Address::parse(printed);
  if (again) require(again->to_string() == printed);
  if (printable(address.name()) == address.name()) require(again && *again == address);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto address = Address::parse(text)) {
    check(*address);
  } else {
    const std::string why = address.error().explain();
    require(fuzz::is_harmless(why) && fuzz::is_harmless(address.error().hint));
    require(!why.empty());
  }
  return 0;
}
