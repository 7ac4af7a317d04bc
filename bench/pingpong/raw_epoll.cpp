// SPDX-License-Identifier: Apache-2.0
//
// epoll_wait(2), then recv(2): what an event loop by hand does.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include "../support/raw_round_trips.hpp"

namespace {

class Epoll {
 public:
  explicit Epoll(int socket) : socket_(socket), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    epoll_event wanted{.events = EPOLLIN, .data = {}};
    if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket_, &wanted) != 0) {
      bench::fail_with_errno("epoll_ctl");
    }
  }

  ssize_t read(std::span<char> space) const {
    epoll_event event{};
    while (epoll_wait(epoll_.get(), &event, 1, -1) < 0) {
      if (errno != EINTR) bench::fail_with_errno("epoll_wait");
    }
    return recv(socket_, space.data(), space.size(), MSG_DONTWAIT);
  }

 private:
  int socket_;
  bench::Socket epoll_;
};

}  // namespace

int main(int argc, char** argv) { return bench::run_raw_round_trips<Epoll>(argc, argv); }
