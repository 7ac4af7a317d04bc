// SPDX-License-Identifier: Apache-2.0
#include <hallway/message.hpp>

#include <ostream>

namespace hallway {

std::ostream& operator<<(std::ostream& to, const Message& message) {
  return to << printable(message.bytes());
}

}  // namespace hallway
