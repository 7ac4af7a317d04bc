// SPDX-License-Identifier: Apache-2.0
#include "sys/memory_file.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <csignal>

#include "sys/signal.hpp"

namespace hallway::sys {

Expected<Descriptor> make_memory_file(const char* name) {
  const auto number = retry_on_eintr(Call::open, [&] { return ::memfd_create(name, MFD_CLOEXEC); });
  if (!number) return std::unexpected(number.error());
  return Descriptor::adopt(*number);
}

Expected<void> write_at(int file, std::string_view bytes, std::uint64_t offset) {
  const SignalHeld held(SIGXFSZ);  // it comes with EFBIG, over RLIMIT_FSIZE
  while (!bytes.empty()) {
    const auto written = retry_on_eintr(Call::write, [&] {
      return ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    });
    if (!written) return std::unexpected(written.error());
    bytes.remove_prefix(static_cast<std::size_t>(*written));
    offset += static_cast<std::uint64_t>(*written);
  }
  return {};
}

Expected<std::size_t> read_at(int file, char* to, std::size_t most, std::uint64_t offset) {
  const auto size = retry_on_eintr(
      Call::read, [&] { return ::pread(file, to, most, static_cast<off_t>(offset)); });
  if (!size) return std::unexpected(size.error());
  return static_cast<std::size_t>(*size);
}

}  // namespace hallway::sys
