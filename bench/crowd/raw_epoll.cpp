// SPDX-License-Identifier: Apache-2.0
//
// The least that works: accept until there is nobody, one buffer for all, nothing kept for anybody.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "../support/crowd.hpp"
#include "../support/fail.hpp"
#include "../support/stream.hpp"

namespace {

using namespace bench;

void watch(int events, int descriptor) {
  epoll_event event{EPOLLIN, {.fd = descriptor}};
  if (epoll_ctl(events, EPOLL_CTL_ADD, descriptor, &event) != 0) fail_with_errno("epoll_ctl");
}

void serve(const Options& /*options*/, const std::string& path) {
  const Socket listener = listen_at(path);
  make_nonblocking(listener.get());
  const Socket events(epoll_create1(EPOLL_CLOEXEC));
  watch(events.get(), listener.get());
  std::array<epoll_event, 256> ready{};
  std::vector<char> buffer(64 << 10);
  while (true) {
    const int count = epoll_wait(events.get(), ready.data(), static_cast<int>(ready.size()), -1);
    for (int i = 0; i < count; ++i) {
      const int descriptor = ready[static_cast<std::size_t>(i)].data.fd;
      if (descriptor == listener.get()) {
        int client = -1;
        while ((client = accept4(descriptor, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >=
               0) {
          watch(events.get(), client);
        }
        continue;
      }
      const ssize_t got = recv(descriptor, buffer.data(), buffer.size(), 0);
      if (got <= 0) {
        close(descriptor);
      } else {
        write_all(descriptor, {buffer.data(), static_cast<std::size_t>(got)});
      }
    }
  }
}

}  // namespace

int main(int argc, char** argv) { return run_crowd(argc, argv, serve); }
