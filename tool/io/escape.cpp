// SPDX-License-Identifier: Apache-2.0
#include "io/escape.hpp"

#include <hallway/bytes.hpp>

namespace hallway::tool {

std::string excerpt(std::string_view bytes, std::size_t most) {
  if (bytes.size() <= most) return printable(bytes);
  return printable(bytes.substr(0, most)) + "...";
}

}  // namespace hallway::tool
