// SPDX-License-Identifier: Apache-2.0
#include "io/ready_fd.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>

#include <hallway/descriptor.hpp>

#include "io/report.hpp"

namespace hallway::tool {

Result<void> report_ready(int descriptor) {
  // Do not wait for a full pipe: signals would not be handled meanwhile.
  pollfd ready{.fd = descriptor, .events = POLLOUT, .revents = 0};
  errno = EAGAIN;
  const bool wrote = poll(&ready, 1, 0) == 1 && ::write(descriptor, "\n", 1) == 1;
  const int code = errno;
  // The standard descriptors are still needed.
  if (descriptor > STDERR_FILENO) Descriptor::adopt(descriptor).close();
  if (!wrote) return std::unexpected(error_of(code, "write", "--ready-fd"));
  return {};
}

}  // namespace hallway::tool
