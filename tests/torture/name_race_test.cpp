// SPDX-License-Identifier: Apache-2.0
//
// Processes that want one name at the same moment.
#include <gtest/gtest.h>

#include <fcntl.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <memory>

#include <hallway/listener.hpp>
#include <hallway/peer.hpp>

#include "support/processes.hpp"
#include "support/raw_socket.hpp"
#include "support/temp_directory.hpp"
#include "support/watchdog.hpp"
#include "torture/torture.hpp"

namespace hallway::torture {
namespace {

using test::ForkedProcess;
using test::TempDirectory;
using test::Watchdog;

constexpr unsigned contenders = 3;

/// Holds processes back until all are there.
class Barrier {
 public:
  explicit Barrier(unsigned processes) {
    pthread_barrierattr_t attributes{};
    ::pthread_barrierattr_init(&attributes);
    ::pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    ::pthread_barrier_init(&*barrier_, &attributes, processes);
  }
  void wait() { ::pthread_barrier_wait(&*barrier_); }

 private:
  Shared<pthread_barrier_t> barrier_;
};

/// What one contender got in a round.
struct Attempts {
  std::array<std::atomic<bool>, contenders> owner;
  std::atomic<std::uint64_t> unexpected;
  std::atomic<bool> stop;
};

class name_race : public testing::Test {
 protected:
  void SetUp() override { Watchdog::allow(in_full() ? 300 : 60); }

  /// What a killed server leaves behind.
  void leave_stale(bool with_lock) const {
    ::unlink(path.c_str());
    ::unlink((path + ".lock").c_str());
    (void)test::raw_listening(SOCK_STREAM, path);  // closed at once; the file stays
    if (!with_lock) return;
    const auto lock =
        Descriptor::adopt(::open((path + ".lock").c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    constexpr std::string_view signature = "hallway 4194303\n";
    ASSERT_EQ(::write(lock.get(), signature.data(), signature.size()),
              static_cast<ssize_t>(signature.size()));
  }

  /// Binds in each round, and keeps the name until the referee has looked.
  void contend(Barrier& barrier, Attempts& attempts, unsigned me) const {
    while (true) {
      barrier.wait();
      if (attempts.stop) return;
      auto listener = Listener::bind(path);
      if (!listener && listener.error().code != std::errc::address_in_use) ++attempts.unexpected;
      attempts.owner.at(me) = listener.has_value();
      barrier.wait();  // all have tried
      barrier.wait();  // the referee has looked
      if (listener) listener->close();
      barrier.wait();
    }
  }

  TempDirectory directory;
  std::string path = directory / "s";
};

TEST_F(name_race, for_a_stale_socket_has_exactly_one_winner) {
  const unsigned rounds = times(10'000, 300);
  Barrier barrier(contenders + 1);
  Shared<Attempts> attempts;
  std::vector<std::unique_ptr<ForkedProcess>> processes;
  for (unsigned me = 0; me < contenders; ++me) {
    processes.push_back(
        std::make_unique<ForkedProcess>([&, me](const auto&) { contend(barrier, *attempts, me); }));
  }
  std::uint64_t one_owner = 0;
  std::uint64_t reachable = 0;
  for (unsigned round = 0; round < rounds; ++round) {
    leave_stale(round % 2 == 0);
    barrier.wait();
    barrier.wait();
    unsigned owners = 0;
    pid_t owner = 0;
    for (unsigned i = 0; i < contenders; ++i) {
      if (!attempts->owner.at(i)) continue;
      ++owners;
      owner = processes[i]->pid();
    }
    if (owners == 1) ++one_owner;
    const Descriptor client = test::raw_connected(SOCK_STREAM, path);
    const auto peer = client.holds_one() ? Peer::of(client.get()) : Result<Peer>(Peer{});
    if (peer && peer->pid == owner) ++reachable;
    barrier.wait();
    barrier.wait();
  }
  attempts->stop = true;
  barrier.wait();
  for (const auto& process : processes) EXPECT_EQ(process->wait(), 0);
  EXPECT_EQ(one_owner, rounds);
  EXPECT_EQ(reachable, rounds)
      << "a client did not reach the server that believes it owns the name";
  EXPECT_EQ(attempts->unexpected, 0U) << "a loser got an error other than address_in_use";
  report("T17 takeover race: asked " + std::to_string(rounds) + " rounds x " +
         std::to_string(contenders) + " contenders, exactly 1 owner each; reached " +
         std::to_string(one_owner) + " rounds with 1 owner, " + std::to_string(reachable) +
         " with that owner reached by a client");
}

// The same race without the rule of names: probe, remove, bind. If this found no round with two
// owners, the test above would prove nothing.
TEST_F(name_race, is_lost_by_servers_that_probe_and_unlink) {
  const unsigned most_rounds = times(10'000, 50'000);
  Barrier barrier(contenders + 1);
  Shared<Attempts> attempts;
  std::vector<std::unique_ptr<ForkedProcess>> processes;
  for (unsigned me = 0; me < contenders; ++me) {
    processes.push_back(std::make_unique<ForkedProcess>([&, me](const auto&) {
      while (true) {
        barrier.wait();
        if (attempts->stop) return;
        if (test::raw_connect_error(SOCK_STREAM, path) == ECONNREFUSED) ::unlink(path.c_str());
        const Descriptor socket = test::raw_listening(SOCK_STREAM, path);
        attempts->owner.at(me) = socket.holds_one();
        barrier.wait();
      }
    }));
  }
  unsigned double_owners = 0;
  unsigned round = 0;
  while (round < most_rounds && (in_full() || double_owners == 0)) {
    leave_stale(false);
    barrier.wait();
    barrier.wait();
    unsigned owners = 0;
    for (const auto& owner : attempts->owner) owners += owner ? 1U : 0U;
    if (owners > 1) ++double_owners;
    ++round;
  }
  attempts->stop = true;
  barrier.wait();
  for (const auto& process : processes) EXPECT_EQ(process->wait(), 0);
  EXPECT_GT(double_owners, 0U);
  report("T17 the naive contender: asked at least 1 round with two owners; reached " +
         std::to_string(double_owners) + " of " + std::to_string(round));
}

/// What those saw who hand a name round.
struct Referee {
  std::atomic<int> owners;
  std::atomic<std::uint64_t> turns;
  std::atomic<std::uint64_t> doubles;
  std::atomic<std::uint64_t> unreachable;
  std::atomic<std::uint64_t> unexpected;
};

/// Takes the name whenever it is free, and gives it back at once.
void hand_round(const std::string& path, unsigned turns, Referee& referee) {
  while (referee.turns < turns) {
    auto listener = Listener::bind(path);
    if (!listener) {
      if (listener.error().code != std::errc::address_in_use) ++referee.unexpected;
      continue;
    }
    if (referee.owners.fetch_add(1) != 0) ++referee.doubles;
    const Descriptor client = test::raw_connected(SOCK_STREAM, path);
    const auto peer = client.holds_one() ? Peer::of(client.get()) : Result<Peer>(Peer{});
    if (!peer || peer->pid != ::getpid()) ++referee.unreachable;
    ++referee.turns;
    --referee.owners;
    listener->close();
  }
}

// A name that changes hands as fast as it can. Whoever has it must be the one clients reach, and
// closing must take away neither the next owner's socket nor its lock.
TEST_F(name_race, for_a_name_that_changes_hands_has_one_owner_at_a_time) {
  const unsigned turns = times(30'000, 600);
  Shared<Referee> referee;
  std::vector<std::unique_ptr<ForkedProcess>> processes;
  for (unsigned me = 0; me < contenders; ++me) {
    processes.push_back(
        std::make_unique<ForkedProcess>([&](const auto&) { hand_round(path, turns, *referee); }));
  }
  for (const auto& process : processes) EXPECT_EQ(process->wait(), 0);
  EXPECT_EQ(referee->doubles, 0U);
  EXPECT_EQ(referee->unreachable, 0U);
  EXPECT_EQ(referee->unexpected, 0U);
  report("T17 a name handed round: asked " + std::to_string(turns) +
         " turns among 3 processes, 1 owner at a time; reached " + std::to_string(referee->turns) +
         " turns, " + std::to_string(referee->doubles) + " with two owners, " +
         std::to_string(referee->unreachable) + " in which the owner was not reached");
}

}  // namespace
}  // namespace hallway::torture
