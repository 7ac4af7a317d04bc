// SPDX-License-Identifier: Apache-2.0
//
// Connections that come and go, in every manner a client may have.
#include <gtest/gtest.h>

#include <sys/socket.h>

#include <memory>

#include "support/raw_socket.hpp"
#include "support/temp_directory.hpp"
#include "support/watchdog.hpp"
#include "torture/server_process.hpp"
#include "torture/torture.hpp"

namespace hallway::torture {
namespace {

using test::ForkedProcess;
using test::TempDirectory;
using test::Watchdog;

struct Manners {
  std::atomic<std::uint64_t> connections;
  std::atomic<std::uint64_t> answered;
  std::atomic<std::uint64_t> stuck;
};

bool echoed(int socket) {
  if (::send(socket, "hello\n", 6, MSG_NOSIGNAL) != 6) return false;
  return test::raw_receive(socket, 64, true).bytes == "hello\n";
}

/// One connection, ended in one of six ways.
void come_and_go(const std::string& path, unsigned manner, Manners& manners) {
  const Descriptor socket = test::raw_connected(SOCK_STREAM, path);
  if (!socket.holds_one()) {
    ++manners.stuck;
    return;
  }
  ++manners.connections;
  const timeval patience{10, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  switch (manner) {
    case 0: break;                                               // a probe
    case 1: test::raw_send(socket.get(), "hello\n"); break;      // wants no answer
    case 2: test::raw_send(socket.get(), "half a mess"); break;  // changes its mind
    case 3: ::shutdown(socket.get(), SHUT_RDWR); break;          // both ways at once
    case 4:                                                      // all it has to say
      test::raw_send(socket.get(), "hello\n");
      ::shutdown(socket.get(), SHUT_WR);
      if (test::raw_receive(socket.get(), 64, true).bytes == "hello\n" &&
          test::raw_receive(socket.get(), 64, true).result == 0) {
        ++manners.answered;
      } else {
        ++manners.stuck;
      }
      break;
    default: ++(echoed(socket.get()) ? manners.answered : manners.stuck);
  }
}

TEST(churn, leaks_nothing_and_leaves_no_client_stuck) {
  Watchdog::allow(in_full() ? 900 : 60);
  constexpr unsigned clients = 2;
  constexpr unsigned kinds = 6;
  const unsigned each = times(1'000'000, 20'000) / clients;
  const TempDirectory directory;
  const std::string path = directory / "s";
  ServerProcess server(path, ServerProcess::Library{
                                 .options = {.server_limits = {.max_connections = 4096,
                                                               .max_connections_per_uid = 4096}}});
  ASSERT_TRUE(server.serving());
  const std::size_t descriptors_before = footprint_of(server.pid()).descriptors;

  Shared<Manners> manners;
  const auto begin = Clock::now();
  std::vector<std::unique_ptr<ForkedProcess>> processes;
  for (unsigned i = 0; i < clients; ++i) {
    processes.push_back(std::make_unique<ForkedProcess>([&](const auto&) {
      for (unsigned n = 0; n < each; ++n) come_and_go(path, n % kinds, *manners);
    }));
  }
  const std::uint64_t all = std::uint64_t{each} * clients;
  const auto through = [&] { return manners->connections + manners->stuck; };
  // What the first tenth made it grow to is what it needs.
  ASSERT_TRUE(eventually([&] { return through() >= all / 10; }, seconds(600)));
  const std::size_t memory_before = footprint_of(server.pid()).memory_kib;
  for (const auto& process : processes) EXPECT_EQ(process->wait(), 0);
  const double took = std::chrono::duration<double>(Clock::now() - begin).count();

  Events& events = server.events();
  EXPECT_TRUE(eventually([&] { return events.closed == all; }))
      << events.closed << " of " << all << " closed";
  const Footprint after = footprint_of(server.pid());
  EXPECT_EQ(events.connected, all);
  EXPECT_EQ(manners->connections, all);
  EXPECT_EQ(manners->stuck, 0U);
  EXPECT_EQ(after.descriptors, descriptors_before);
  if (!test::sanitized) {
    EXPECT_LE(after.memory_kib, memory_before + memory_before / 20 + 64);
  }
  EXPECT_EQ(server.terminate(), 0);
  report("T14 churn: asked " + std::to_string(all) + " connections, 0 leaks, 0 stuck; reached " +
         std::to_string(events.closed) + " closed, " + std::to_string(manners->answered) +
         " answered, " + std::to_string(manners->stuck) + " stuck; server's descriptors " +
         std::to_string(descriptors_before) + " before and " + std::to_string(after.descriptors) +
         " after, memory " + std::to_string(memory_before) + " KiB after a tenth and " +
         std::to_string(after.memory_kib) + " KiB after all; " +
         rounded(static_cast<double>(all) / took, 0) + " connections/s");
}

}  // namespace
}  // namespace hallway::torture
