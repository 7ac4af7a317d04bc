// SPDX-License-Identifier: Apache-2.0
#include "torture/slow_consumers.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <memory>
#include <vector>

#include "support/raw_socket.hpp"
#include "support/watchdog.hpp"

namespace hallway::torture {

using namespace std::chrono_literals;
using test::ForkedProcess;

namespace {

constexpr unsigned processes = 2;

}  // namespace

void Account::note(std::uint64_t number) {
  if (kept == 0) first = number;
  in_order = in_order && number > last;
  last = number;
  ++kept;
}

/// Those of one process.
class SlowConsumers::Audience {
 public:
  Audience(SlowConsumers& test, unsigned many, unsigned stopping)
      : test_(test), show_(*test.show), stopping_(stopping) {
    for (unsigned i = 0; i < many; ++i) {
      sockets_.push_back(test::raw_connected(SOCK_STREAM, test.path));
      test.join(sockets_[i].get());
      epoll_event event{.events = EPOLLIN, .data = {.u32 = i}};
      ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, sockets_[i].get(), &event);
    }
    ++show_.joined;
  }

  void watch() {
    std::array<epoll_event, 64> events{};
    bool left_out = false;
    while (!show_.end) {
      if (show_.stopped && !left_out) {
        for (unsigned i = 0; i < stopping_; ++i) {
          ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, sockets_[i].get(), nullptr);
        }
        left_out = true;
      }
      if (show_.ask) return give_account();
      const int count = ::epoll_wait(epoll_.get(), events.data(), events.size(), 5);
      for (int i = 0; i < count; ++i) take(events.at(static_cast<std::size_t>(i)).data.u32);
    }
  }

 private:
  void take(unsigned which) {
    std::array<char, 65536> bytes;
    const ssize_t size = ::recv(sockets_[which].get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
    if (size <= 0 || which < stopping_) return;
    lines_ += static_cast<std::size_t>(std::count(bytes.begin(), bytes.begin() + size, '\n'));
    show_.received += lines_ / test_.lines_of_a_message();
    lines_ %= test_.lines_of_a_message();
  }

  void give_account() {
    for (unsigned i = 0; i < stopping_; ++i) {
      const Account account = test_.account(sockets_[i].get());
      show_.kept += account.kept;
      show_.missed += account.missed;
      const std::uint64_t all = show_.published - (account.first - 1);
      if (account.in_order && account.kept + account.missed == all) ++show_.exact;
    }
  }

  SlowConsumers& test_;
  Show& show_;
  unsigned stopping_;
  std::size_t lines_ = 0;  // of all sockets together, beyond the messages they made
  Descriptor epoll_ = Descriptor::adopt(::epoll_create1(EPOLL_CLOEXEC));
  std::vector<Descriptor> sockets_;
};

void SlowConsumers::SetUp() {
  test::Watchdog::allow(120);
  ::getrlimit(RLIMIT_NOFILE, &before_);
  if (raise_descriptor_limit(many + 200) < many + 200) {
    GTEST_SKIP() << "needs " << many + 200 << " descriptors";
  }
}

void SlowConsumers::perform(ServerProcess& server, std::size_t most, const std::string& what) {
  ASSERT_TRUE(server.serving());
  std::vector<std::unique_ptr<ForkedProcess>> audience;
  for (unsigned i = 0; i < processes; ++i) {
    audience.push_back(std::make_unique<ForkedProcess>(
        [&, i](const auto&) { Audience(*this, many / processes, i == 0 ? stopping : 0).watch(); }));
  }
  ASSERT_TRUE(eventually([&] { return show->joined == processes; }));
  ASSERT_TRUE(eventually([&] { return server.events().connected >= many; }));

  const double baseline = rate_of_the_others();
  const std::size_t memory_before = footprint_of(server.pid()).memory_kib;
  show->stopped = true;
  pause_briefly(20ms);  // longer than an audience looks away from its flags
  const double beside = rate_of_the_others();
  const std::size_t memory_after = footprint_of(server.pid()).memory_kib;
  show->ask = true;
  EXPECT_EQ(audience[0]->wait(), 0);
  show->end = true;
  EXPECT_EQ(audience[1]->wait(), 0);
  EXPECT_TRUE(eventually([&] { return server.events().closed >= many; }));

  EXPECT_EQ(show->exact, stopping) << "the count of dropped messages is not what was missing";
  EXPECT_GT(show->missed, 0U);
  EXPECT_EQ(dropped(server), show->missed) << "a client that read missed messages";
  EXPECT_EQ(server.terminate(), 0);
  const std::size_t cap = 11 * most * stopping / 10 / kibibyte;
  const auto growth = static_cast<long>(memory_after) - static_cast<long>(memory_before);
  if (!test::sanitized) {
    EXPECT_LE(growth, static_cast<long>(cap));
  }
  if (in_full()) {
    EXPECT_GE(beside, 0.95 * baseline);
  }
  report(what + ": asked " + std::to_string(many) + " subscribers, " + std::to_string(stopping) +
         " stopped, others >= 95 % of baseline, memory <= caps + 10 % (" + std::to_string(cap) +
         " KiB), counters exact; reached " + rounded(100 * beside / baseline) + " % (" +
         rounded(beside, 0) + " of " + rounded(baseline, 0) + " deliveries/s), memory +" +
         std::to_string(growth) + " KiB, exact for " + std::to_string(show->exact) + " (" +
         std::to_string(show->kept) + " kept, " + std::to_string(show->missed) + " missed)");
}

/// Has so many messages published and gives what those who read got in a second.
double SlowConsumers::rate_of_the_others() {
  constexpr std::uint64_t messages = 400;
  const std::uint64_t expected = show->received + messages * (many - stopping);
  const auto begin = Clock::now();
  show->wanted += messages;
  publish();
  EXPECT_TRUE(eventually([&] { return show->received >= expected; }, 30s));
  return static_cast<double>(messages * (many - stopping)) /
         std::chrono::duration<double>(Clock::now() - begin).count();
}

std::string SlowConsumers::message(std::uint64_t number, std::size_t size) {
  std::string text = std::to_string(number) + " ";
  text.resize(size, 'x');
  return text;
}

bool SlowConsumers::is_ahead(std::size_t queue) const {
  const std::uint64_t readers = many - stopping;
  const std::uint64_t most_ahead = queue / message_size / 4;
  return show->published * readers > show->received + most_ahead * readers;
}

}  // namespace hallway::torture
