// SPDX-License-Identifier: Apache-2.0
//
// A thousand subscribers, some of whom stop reading. The others must not notice, the server must
// not pay, and those who stopped must be told exactly what they missed.
#pragma once

#include <gtest/gtest.h>

#include <sys/resource.h>

#include <atomic>
#include <cstdint>
#include <string>

#include "support/temp_directory.hpp"
#include "torture/server_process.hpp"
#include "torture/torture.hpp"

namespace hallway::torture {

/// What the processes of such a test tell each other.
struct Show {
  std::atomic<std::uint64_t> wanted;     // messages to be published in all
  std::atomic<std::uint64_t> published;  // so far
  std::atomic<std::uint64_t> received;   // by those who do not stop, together
  std::atomic<unsigned> joined;
  std::atomic<bool> stopped;  // those who stop do not read
  std::atomic<bool> ask;      // they read all that is there, and ask what they missed
  std::atomic<bool> end;
  std::atomic<std::uint64_t> kept;
  std::atomic<std::uint64_t> missed;
  std::atomic<unsigned> exact;  // of those who stopped: what they got and missed is all there was
};

/// What one who had stopped found when it read on. It had read everything before, so the first
/// number is where it stopped.
struct Account {
  /// The next message: they are numbered from 1.
  void note(std::uint64_t number);

  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::uint64_t kept = 0;
  std::uint64_t missed = 0;  ///< by the server's word
  bool in_order = true;
};

class SlowConsumers : public testing::Test {
 protected:
  static constexpr std::size_t message_size = 1024;

  void SetUp() override;
  void TearDown() override { ::setrlimit(RLIMIT_NOFILE, &before_); }

  /// All of it, with a server that serves at `path`. @param most  bytes that may wait for one
  void perform(ServerProcess& server, std::size_t most, const std::string& what);

  /// A message begins with its number and has this many line feeds.
  [[nodiscard]] virtual std::size_t lines_of_a_message() const { return 1; }
  /// A new connection becomes that of a subscriber.
  virtual void join(int) {}
  /// Reads all that is there for one who had stopped.
  virtual Account account(int socket) = 0;
  /// Sees to it that `show->wanted` messages are published.
  virtual void publish() = 0;
  /// Messages that the server says it dropped, now that everybody has read all and gone.
  virtual std::uint64_t dropped(ServerProcess& server) = 0;

  static std::string message(std::uint64_t number, std::size_t size);
  /// On a busy machine those who read may be late without being slow: who publishes does not get so
  /// far ahead of all of them together that a queue of so many bytes is full.
  [[nodiscard]] bool is_ahead(std::size_t queue) const;

  const unsigned many = times(1000, 100);
  const unsigned stopping = times(10, 3);
  const milliseconds between{in_full() ? 10 : 3};
  Shared<Show> show;
  test::TempDirectory directory;
  std::string path = directory / "s";

 private:
  class Audience;
  double rate_of_the_others();

  rlimit before_{};
};

}  // namespace hallway::torture
