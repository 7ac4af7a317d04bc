// SPDX-License-Identifier: Apache-2.0
#include "core/foreign_descriptors.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>

#include "support/raw_socket.hpp"
#include "support/waiting.hpp"

namespace hallway::core {
namespace {

using namespace test;

constexpr int linger_seconds = 2;

/// A TCP socket whose close(2) waits for a peer that does not read.
struct Lingering {
  Lingering() {
    const auto listener = Descriptor::adopt(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* raw = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener.get(), raw, size), 0);
    EXPECT_EQ(::listen(listener.get(), 1), 0);
    EXPECT_EQ(::getsockname(listener.get(), raw, &size), 0);
    ours = Descriptor::adopt(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(ours.get(), raw, size), 0);
    theirs = Descriptor::adopt(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const linger wait{1, linger_seconds};
    EXPECT_EQ(::setsockopt(ours.get(), SOL_SOCKET, SO_LINGER, &wait, sizeof wait), 0);
    const std::string bytes(65536, 'x');
    while (::send(ours.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) > 0) {
    }
  }
  Descriptor ours;
  Descriptor theirs;
};

TEST(foreign_descriptors, do_not_make_us_wait_for_their_close) {
  Loop loop;  // before: it would get the numbers that become free
  Lingering socket;
  const int number = socket.ours.get();
  const auto before = std::chrono::steady_clock::now();
  close_in_background(std::move(socket.ours));
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(linger_seconds) / 2);
  socket.theirs.close();  // unread bytes: a reset, which ends the wait
  EXPECT_TRUE(run_until(loop, [&] { return !is_open(number); }));
}

TEST(foreign_descriptors, are_all_closed_however_many_there_are) {
  Loop loop;
  std::vector<int> numbers;
  for (int batch = 0; batch < 4; ++batch) {
    std::vector<Descriptor> list;
    for (int i = 0; i < 100; ++i) {
      list.push_back(some_file());
      numbers.push_back(list.back().get());
    }
    ForeignDescriptors(std::move(list)).clear();
  }
  EXPECT_TRUE(run_until(loop, [&] { return std::ranges::none_of(numbers, is_open); }));
}

TEST(foreign_descriptors, that_were_taken_out_stay_open) {
  std::vector<Descriptor> list;
  list.push_back(some_file());
  Descriptor kept;
  {
    ForeignDescriptors came(std::move(list));
    kept = std::move(came.list().front());
  }
  EXPECT_TRUE(is_open(kept.get()));
}

}  // namespace
}  // namespace hallway::core
