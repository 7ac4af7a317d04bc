// SPDX-License-Identifier: Apache-2.0
//
// Servers that end, by force, calmly, or in favour of another, while clients keep coming.
#include <gtest/gtest.h>

#include <sys/socket.h>

#include <filesystem>
#include <optional>
#include <random>

#include "support/processes.hpp"
#include "support/temp_directory.hpp"
#include "support/watchdog.hpp"
#include "torture/load.hpp"
#include "torture/server_process.hpp"
#include "torture/torture.hpp"

namespace hallway::torture {
namespace {

using test::TempDirectory;
using test::Watchdog;

// All clients here are of one uid, and a server that drains holds those of the last moments.
constexpr ServerLimits roomy{.max_connections_per_uid = 1024};

class restart : public testing::Test {
 protected:
  void SetUp() override { Watchdog::allow(in_full() ? 600 : 60); }

  [[nodiscard]] ServerProcess library(bool takeover = false,
                                      SocketType type = SocketType::stream) const {
    return {path, ServerProcess::Library{
                      .options = {.type = type, .server_limits = roomy, .takeover = takeover}}};
  }
  [[nodiscard]] ServerProcess command(std::vector<std::string> more = {}) const {
    std::vector<std::string> flags{"--echo", "--max-per-uid", "1024"};
    flags.insert(flags.end(), more.begin(), more.end());
    return {path, ServerProcess::Command{flags}};
  }

  void expect_nothing_lost(const Load& load) const {
    EXPECT_EQ(load.sum(&Tally::lost), 0U) << "a request was accepted and not answered";
    EXPECT_EQ(load.sum(&Tally::wrong), 0U) << "a reply belonged to another request";
    EXPECT_EQ(load.sum(&Tally::answered), load.sum(&Tally::sent));
  }

  TempDirectory directory;
  std::string path = directory / "s";
  std::mt19937 random{std::random_device{}()};
};

TEST_F(restart, after_sigkill_needs_no_help) {
  const unsigned cycles = times(1000, 25);
  Load load(path, SOCK_STREAM, 1);
  Clock::duration longest{};
  unsigned unaided = 0;
  for (unsigned i = 0; i < cycles; ++i) {
    const auto begin = Clock::now();
    // Every other one leaves a control socket behind, too.
    ServerProcess server = library(i % 2 == 1);
    if (!server.serving()) break;
    longest = std::max(longest, Clock::now() - begin);
    ASSERT_TRUE(load.answered(1 + random() % 50)) << "clients did not find it again";
    server.kill();
    ++unaided;
  }
  EXPECT_TRUE(load.stop());
  EXPECT_EQ(unaided, cycles);
  EXPECT_EQ(load.sum(&Tally::wrong), 0U);
  ServerProcess last = library();
  EXPECT_TRUE(last.serving());
  EXPECT_EQ(last.terminate(), 0);
  EXPECT_TRUE(std::filesystem::remove(path + ".control") ||
              !std::filesystem::exists(path + ".control"));
  report("T15 kill -9 and restart: asked " + std::to_string(cycles) +
         " cycles under load, 0 manual clean-up; reached " + std::to_string(unaided) +
         " restarts without help (the slowest served after " +
         rounded(std::chrono::duration<double, std::milli>(longest).count()) + " ms), " +
         std::to_string(load.sum(&Tally::answered)) + " requests answered between them, " +
         std::to_string(load.sum(&Tally::lost)) + " lost with the server they had reached");
}

/// Drains servers one after the other; every request that was accepted has to be answered.
class drained : public restart {
 protected:
  void drain_many(unsigned cycles, int type, const std::function<ServerProcess(unsigned)>& start,
                  const std::string& what) {
    Load load(path, type, 2);
    const auto begin = Clock::now();
    for (unsigned i = 0; i < cycles; ++i) {
      ServerProcess server = start(i);
      ASSERT_TRUE(server.serving());
      ASSERT_TRUE(load.answered(1 + random() % 200)) << "cycle " << i;
      ASSERT_EQ(server.terminate(), 0) << "cycle " << i;
      ASSERT_TRUE(std::filesystem::is_empty(directory.path()));
    }
    const double took = std::chrono::duration<double>(Clock::now() - begin).count();
    EXPECT_TRUE(load.stop());
    expect_nothing_lost(load);
    report("T16 SIGTERM under load, " + what + ": asked " + std::to_string(cycles) +
           " drains, 0 accepted requests without their reply; reached " +
           std::to_string(load.sum(&Tally::lost)) + " of " +
           std::to_string(load.sum(&Tally::sent)) + " accepted requests on " +
           std::to_string(load.sum(&Tally::connections)) + " connections (" +
           std::to_string(load.sum(&Tally::not_sent)) + " sends failed because nothing reads), " +
           rounded(took) + " s");
  }
};

TEST_F(drained, servers_of_the_library_answer_what_they_accepted) {
  drain_many(times(500, 15), SOCK_STREAM, [&](unsigned) { return library(); }, "library, stream");
}

TEST_F(drained, seqpacket_servers_answer_what_they_accepted) {
  drain_many(
      times(500, 15), SOCK_SEQPACKET,
      [&](unsigned) { return library(false, SocketType::seqpacket); }, "library, seqpacket");
}

TEST_F(drained, commands_answer_what_they_accepted) {
  if (command_path().empty()) GTEST_SKIP() << "needs the command: set HALLWAY to its path";
  drain_many(times(500, 15), SOCK_STREAM, [&](unsigned) { return command(); }, "hallway serve");
}

/// Replaces a server by the next, and the next; nobody may notice.
class hot_restart : public restart {
 protected:
  void take_over_many(unsigned takeovers, int type, const std::function<ServerProcess()>& start,
                      const std::string& what) {
    NEEDS_TO_BE_SOMEBODY();
    std::optional<ServerProcess> server;
    server.emplace(start());
    ASSERT_TRUE(server->serving());
    Load load(path, type, 2);
    const auto begin = Clock::now();
    for (unsigned i = 0; i < takeovers; ++i) {
      ASSERT_TRUE(load.answered(100)) << "takeover " << i;
      ServerProcess successor = start();
      ASSERT_TRUE(successor.serving()) << "takeover " << i;
      ASSERT_EQ(server->wait(), 0) << "takeover " << i;
      server = std::move(successor);
    }
    const double took = std::chrono::duration<double>(Clock::now() - begin).count();
    EXPECT_TRUE(load.stop());
    EXPECT_EQ(server->terminate(), 0);
    EXPECT_EQ(load.sum(&Tally::refused), 0U) << "a client found no server";
    expect_nothing_lost(load);
    EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
    report("T18 hot restart, " + what + ": asked " + std::to_string(takeovers) +
           " takeovers under load, 0 refused, 0 lost; reached " +
           std::to_string(load.sum(&Tally::refused)) + " refused of " +
           std::to_string(load.sum(&Tally::connections)) + " connections, " +
           std::to_string(load.sum(&Tally::lost)) + " lost of " +
           std::to_string(load.sum(&Tally::sent)) + " requests, at " +
           rounded(static_cast<double>(load.sum(&Tally::answered)) / took, 0) + " requests/s and " +
           rounded(took / takeovers * 1000) + " ms a takeover");
  }
};

TEST_F(hot_restart, of_library_servers_refuses_and_loses_no_client) {
  take_over_many(times(200, 10), SOCK_STREAM, [&] { return library(true); }, "library, stream");
}

TEST_F(hot_restart, of_seqpacket_servers_refuses_and_loses_no_client) {
  take_over_many(
      times(200, 10), SOCK_SEQPACKET, [&] { return library(true, SocketType::seqpacket); },
      "library, seqpacket");
}

TEST_F(hot_restart, of_commands_refuses_and_loses_no_client) {
  if (command_path().empty()) GTEST_SKIP() << "needs the command: set HALLWAY to its path";
  take_over_many(
      times(200, 10), SOCK_STREAM, [&] { return command({"--takeover"}); }, "hallway serve");
}

}  // namespace
}  // namespace hallway::torture
