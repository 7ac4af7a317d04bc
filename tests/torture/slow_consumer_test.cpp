// SPDX-License-Identifier: Apache-2.0
//
// Subscribers of a broadcast, some of which have stopped reading.
#include "support/raw_socket.hpp"
#include "torture/slow_consumers.hpp"

namespace hallway::torture {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t soft = 64 * kibibyte;

/// Tells whoever asks how many messages it missed.
Task<> tell_missed(Connection connection) {
  while (auto message = co_await connection.receive()) {
    co_await connection.send("missed " + std::to_string(connection.counters().dropped));
  }
}

class slow_consumers : public SlowConsumers {
 protected:
  void perform(OverflowPolicy policy, const std::string& what) {
    ServerProcess server(
        path,
        ServerProcess::Library{
            .options = {.connection = {.limits = {.outbound_soft = soft}, .overflow = policy},
                        .server_limits = {.max_connections = many,
                                          .max_connections_per_uid = many}},
            .handler = tell_missed,
            .also = [this](Loop& loop, Server& running) { loop.spawn(broadcast(loop, running)); }});
    SlowConsumers::perform(server, soft, "T19 slow consumers, " + what);
  }

 private:
  /// Broadcasts what is wanted, at a steady rate.
  Task<> broadcast(Loop& loop, Server& server) {
    while (!show->end) {
      if (show->published >= show->wanted || is_ahead(soft)) {
        co_await loop.sleep(1ms);
        continue;
      }
      const std::string text = message(show->published + 1, message_size - 1);
      co_await server.broadcast(text);
      ++show->published;
      co_await loop.sleep(between);
    }
  }

  void publish() override {}  // the server does

  Account account(int socket) override {
    Account account;
    test::raw_send(socket, "what did I miss?\n");
    std::string text;
    while (!text.ends_with('\n') || text.find("missed ") == std::string::npos) {
      const auto piece = test::raw_receive(socket, 65536, true);
      if (piece.result <= 0) return account;
      text += piece.bytes;
    }
    for (std::size_t at = 0; text[at] != 'm'; at = text.find('\n', at) + 1) {
      account.note(std::stoull(text.substr(at, 20)));
    }
    account.missed = std::stoull(text.substr(text.find("missed ") + 7));
    return account;
  }

  std::uint64_t dropped(ServerProcess& server) override { return server.events().dropped; }
};

TEST_F(slow_consumers, lose_the_oldest_and_delay_no_other_client) {
  perform(OverflowPolicy::drop_oldest, "drop_oldest");
}

TEST_F(slow_consumers, lose_the_newest_and_delay_no_other_client) {
  perform(OverflowPolicy::drop_newest, "drop_newest");
}

}  // namespace
}  // namespace hallway::torture
