// SPDX-License-Identifier: Apache-2.0
#include "support/refusal.hpp"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include <hallway/descriptor.hpp>

#include "support/processes.hpp"

namespace hallway::test {

std::string refusal_of(const std::function<void()>& work) {
  const Descriptor printed = Descriptor::adopt(::memfd_create("stderr", MFD_CLOEXEC));
  std::string end = in_a_child([&] {
    const rlimit no_core{};
    ::setrlimit(RLIMIT_CORE, &no_core);
    ::dup2(printed.get(), STDERR_FILENO);
    work();
    return std::string("nothing happened");
  });
  if (end != "signal " + std::to_string(SIGABRT)) return end;
  std::array<char, 4096> text;
  const ssize_t size = ::pread(printed.get(), text.data(), text.size(), 0);
  return size < 0 ? "unreadable" : std::string(text.data(), static_cast<std::size_t>(size));
}

}  // namespace hallway::test
