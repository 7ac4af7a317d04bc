// SPDX-License-Identifier: Apache-2.0
//
// Many connections: none lost, and none that costs more than it should.
#include <gtest/gtest.h>

#include <malloc.h>
#include <sys/resource.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support/serving.hpp"

namespace hallway {
namespace {

using namespace test;

/// Each connection takes two descriptors here, the client's and the server's.
class scale : public Serving {
 protected:
  static constexpr std::size_t many = 1000;

  void SetUp() override {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit enough = before_;
    enough.rlim_cur = std::min<rlim_t>(enough.rlim_max, 2 * many + 200);
    ::setrlimit(RLIMIT_NOFILE, &enough);
    if (enough.rlim_cur < 2 * many + 200) {
      GTEST_SKIP() << "needs " << 2 * many + 200 << " descriptors, the hard limit here is "
                   << enough.rlim_max;
    }
  }
  void TearDown() override { ::setrlimit(RLIMIT_NOFILE, &before_); }

  void connect_many(ServerOptions options = {}) {
    options.server_limits = {.max_connections = many, .max_connections_per_uid = many};
    open(echo, std::move(options));
    for (std::size_t i = 0; i < many; ++i) {
      clients.push_back(connect());
      if (i % 100 == 99) loop.turn();
    }
    ASSERT_TRUE(until_connections(many));
  }

  std::vector<RawStream> clients;

 private:
  rlimit before_{};
};

TEST_F(scale, a_thousand_connections_lose_nothing) {
  connect_many();
  for (int round = 0; round < 5; ++round) {
    for (std::size_t i = 0; i < many; ++i) {
      clients[i].received.clear();
      clients[i].send("message " + std::to_string(i) + "\n");
    }
    for (std::size_t i = 0; i < many; ++i) {
      ASSERT_TRUE(until_received(clients[i], "message " + std::to_string(i) + "\n")) << i;
    }
  }
  for (RawStream& client : clients) client.close();
  EXPECT_TRUE(until_connections(0));
}

TEST_F(scale, an_idle_connection_costs_at_most_a_kibibyte) {
#ifdef NDEBUG
  constexpr std::size_t most = 1024;
#else
  constexpr std::size_t most = 1536;  // coroutine frames are larger without optimization
#endif
  const auto allocated = [] {
    const auto info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
  };
  clients.reserve(many);
  events.reserve(2 * many);
  // The few buffers that a loop keeps for all its connections are not counted.
  connect_many();
  for (RawStream& client : clients) client.send("x\n");
  for (RawStream& client : clients) ASSERT_TRUE(until_received(client, "x\n"));
  clients.clear();
  ASSERT_TRUE(until_connections(0));
  running.reset();
  events.clear();

  const std::size_t before = allocated();
  connect_many();
  for (RawStream& client : clients) client.send("x\n");
  for (RawStream& client : clients) ASSERT_TRUE(until_received(client, "x\n"));
  const std::size_t after = allocated();
  if (after == before) GTEST_SKIP() << "another allocator counts here (a sanitizer's)";
  // "x\n" fits into the small string itself, so all of the difference is the server's.
  EXPECT_LE((after - before) / many, most);
}

TEST_F(scale, memory_is_given_back_when_connections_end) {
  connect_many();
  const std::string large(200'000, 'x');
  const auto allocated = [] {
    const auto info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
  };
  const std::size_t before = allocated();
  for (std::size_t i = 0; i < 50; ++i) {
    clients[i].send(large);
    loop.turn();
  }
  for (std::size_t i = 0; i < 50; ++i) clients[i].close();
  ASSERT_TRUE(until_connections(many - 50));
  EXPECT_LE(allocated(), before + 8 * mebibyte);  // the few large buffers a loop keeps
}

}  // namespace
}  // namespace hallway
