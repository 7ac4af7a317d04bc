// SPDX-License-Identifier: Apache-2.0
//
// recv(2) that sleeps in the kernel: the simplest program there is.
#include <sys/socket.h>

#include "../support/raw_round_trips.hpp"

namespace {

class Blocking {
 public:
  explicit Blocking(int socket) noexcept : socket_(socket) {}

  ssize_t read(std::span<char> space) const { return recv(socket_, space.data(), space.size(), 0); }

 private:
  int socket_;
};

}  // namespace

int main(int argc, char** argv) { return bench::run_raw_round_trips<Blocking>(argc, argv); }
