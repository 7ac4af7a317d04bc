// SPDX-License-Identifier: Apache-2.0
//
// Subscribers of a hub, some of which have stopped reading.
#include <charconv>
#include <string_view>

#include <hallway/hub.hpp>

#include "support/raw_socket.hpp"
#include "torture/slow_consumers.hpp"

namespace hallway::torture {
namespace {

using test::raw_receive;
using test::raw_send;

constexpr std::size_t waiting = 64 * kibibyte;  // for a connection, and for its subscription

/// Reads until it has this at the end; gives all of it.
std::string read_until(int socket, std::string_view end) {
  std::string text;
  while (!text.ends_with(end)) {
    const auto piece = raw_receive(socket, 65536, true);
    if (piece.result <= 0) break;
    text += piece.bytes;
  }
  return text;
}

/// The operations of a subscription that follow each other: a line, and the payload in another one.
Account read_account(std::string_view text) {
  Account account;
  while (true) {
    const std::size_t line = text.find("\r\n");
    if (line == std::string_view::npos) return account;
    const std::size_t end = text.find("\r\n", line + 2);
    if (end == std::string_view::npos) return account;
    std::uint64_t number = 0;
    std::from_chars(text.data() + line + 2, text.data() + end, number);
    if (text.starts_with("MSG $SYS.HUB.GAP ")) {
      account.missed += number;
    } else {
      account.note(number);
    }
    text.remove_prefix(end + 2);
  }
}

class slow_subscribers : public SlowConsumers {
 protected:
  void perform(const std::string& policy) {
    policy_ = policy;
    const std::size_t clients = many + 1;
    ServerProcess server(path, HubOptions{.limits = {.max_connections = clients,
                                                     .max_connections_per_uid = clients,
                                                     .max_pending_per_subscription = waiting,
                                                     .outbound = waiting,
                                                     .send_buffer = 0}});
    SlowConsumers::perform(server, 2 * waiting, "T19 slow subscribers of a hub, " + policy);
  }

 private:
  [[nodiscard]] std::size_t lines_of_a_message() const override { return 2; }

  void join(int socket) override {
    raw_send(socket,
             "CONNECT {\"verbose\":false,\"full\":\"" + policy_ + "\"}\r\nSUB show 1\r\nPING\r\n");
    read_until(socket, "PONG\r\n");
  }

  void publish() override {
    if (publisher_.get() < 0) {
      publisher_ = test::raw_connected(SOCK_STREAM, path);
      raw_send(publisher_.get(), "CONNECT {\"verbose\":false}\r\nPING\r\n");
      read_until(publisher_.get(), "PONG\r\n");
    }
    while (show->published < show->wanted) {
      if (!is_ahead(waiting)) {
        const std::string text = message(show->published + 1, message_size);
        raw_send(publisher_.get(),
                 "PUB show " + std::to_string(text.size()) + "\r\n" + text + "\r\n");
        ++show->published;
      }
      pause_briefly(between);
    }
  }

  /// The last of them may be missing, and then a gap says so.
  Account account(int socket) override {
    std::string text;
    while (true) {
      const auto piece = raw_receive(socket, 65536, true);
      text += piece.bytes;
      const Account account = read_account(text);
      const bool whole = account.first + account.kept + account.missed > show->published;
      if (piece.result <= 0 || whole) return account;
    }
  }

  std::uint64_t dropped(ServerProcess&) override {
    raw_send(publisher_.get(), "SUB answer 1\r\nPUB $SYS.HUB.STATS answer 0\r\n\r\nPING\r\n");
    const std::string answer = read_until(publisher_.get(), "PONG\r\n");
    constexpr std::string_view name = "\"dropped\":";
    const std::size_t at = answer.find(name);
    return at == std::string::npos ? 0 : std::stoull(answer.substr(at + name.size()));
  }

  std::string policy_;
  Descriptor publisher_;
};

TEST_F(slow_subscribers, lose_the_oldest_are_notified_and_delay_no_other_client) {
  perform("drop_oldest");
}

TEST_F(slow_subscribers, lose_the_newest_are_notified_and_delay_no_other_client) {
  perform("drop_newest");
}

}  // namespace
}  // namespace hallway::torture
