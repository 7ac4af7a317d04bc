// SPDX-License-Identifier: Apache-2.0
#include <hallway/descriptor.hpp>

#include <unistd.h>

#include <cerrno>

namespace hallway {

void Descriptor::close() noexcept {
  if (number_ < 0) return;
  const int kept = errno;
  ::close(std::exchange(number_, -1));
  errno = kept;
}

}  // namespace hallway
