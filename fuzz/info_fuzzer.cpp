// SPDX-License-Identifier: Apache-2.0
//
// Any bytes as what a hub says to a hub::Client, from its INFO on, in pieces of any size: the
// client takes it or says why not, never waits for what cannot come, publishes nothing larger than
// the hub said it accepts, and receives only what was sent to its subscription.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <hallway/hub_client.hpp>
#include <hallway/loop.hpp>

#include "input.hpp"
#include "support/raw_socket.hpp"

namespace {

using namespace hallway;
using fuzz::require;
using test::RawStream;

// Bytes of the largest message that the client takes.
constexpr std::size_t largest = 4 * kibibyte;

// Far more turns of the loop than any conversation needs.
constexpr int patience = 100'000;

/// What stands in the place of bytes that only a lucky fuzzer would find.
constexpr std::string_view phrases[] = {
    "INFO {\"server_id\":\"N\",\"headers\":true,\"max_payload\":64}\r\n",
    "INFO {\"max_payload\":\"64\",\"headers\":1}\r\n",
    "INFO {\"headers\":true,\"max_payload\":18446744073709551616}\r\n",
    "INFO {\"a\":{\"b\":[1,{\"c\":\"\\u0041\"}]},\"headers\":true}\r\n",
    "PONG\r\n",
    "PING\r\n",
    "+OK\r\n",
    "-ERR 'Permissions Violation for Subscription to \"a.*\"'\r\n",
    "-ERR 'Authorization Violation'\r\n",
    "MSG a.b 1 3\r\nabc\r\n",
    "MSG a.b 1 r 0\r\n\r\n",
    "HMSG a.b 1 12 14\r\nNATS/1.0\r\n\r\nab\r\n",
    "HMSG a.b 1 26 26\r\nNATS/1.0 503\r\nA: b\r\n\r\n\r\n\r\n",
    "MSG $SYS.HUB.GAP 1 2\r\n12\r\n",
    "INFO {\"ldm\":true}\r\n",
    "INFO ",
};

Task<> connect(Loop& loop, std::string address, std::optional<Result<hub::Client>>& made) {
  hub::ClientOptions options{.name = "fuzzed"};
  options.reconnect.max_attempts = 0;
  options.limits.max_message = largest;
  auto client = co_await hub::Client::connect(loop, std::move(address), options);
  made.emplace(std::move(client));
}

void check_publishing(hub::Client& client) {
  const std::string fitting(std::min(client.max_payload(), largest), 'x');
  require(client.try_publish("a", fitting).outcome() != Outcome::failed);
  if (fitting.size() == largest) return;
  require(client.try_publish("a", fitting + 'x').outcome() != Outcome::ok);
}

/// A hub that says what the input says.
class Conversation {
 public:
  explicit Conversation(fuzz::Input input) : input_(input) {}

  void run(Loop& loop, const std::string& address, int listening) {
    loop.spawn(connect(loop, address, made_));
    int accepted = -1;
    for (int i = 0; i < patience && accepted < 0; ++i) {
      loop.turn(Duration::zero());
      accepted = ::accept4(listening, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    }
    RawStream hub(Descriptor::adopt(accepted));
    require(hub.get() >= 0);
    while (!input_.used_up()) {
      hub.send(input_.chance() ? phrases[input_.below(std::size(phrases))]
                               : input_.take(input_.byte()));
      if (input_.chance()) turn(loop);
      hub.collect();
    }
    hub.shut_writing();
    // Without more to come, it is decided soon: no deadline is waited for.
    for (int i = 0; i < patience && !is_over(); ++i) {
      turn(loop);
      hub.collect();
    }
    require(is_over());
    if (!*made_) require(!made_->error().explain().empty());
  }

 private:
  [[nodiscard]] bool is_over() const { return made_ && (!*made_ || !(*made_)->connected()); }

  void turn(Loop& loop) {
    loop.turn(Duration::zero());
    if (!made_ || !*made_ || !(*made_)->connected()) return;
    hub::Client& client = **made_;
    if (!subscription_) {
      auto subscribed = client.subscribe("a.*");
      require(subscribed.has_value());
      subscription_.emplace(std::move(*subscribed));
    }
    check_publishing(client);
    while (const hub::Received message = subscription_->try_receive()) {
      require(message->payload().size() <= largest);
    }
  }

  fuzz::Input input_;
  std::optional<Result<hub::Client>> made_;
  std::optional<hub::Subscription> subscription_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string address = "@hallway-info-fuzzer-" + std::to_string(::getpid());
  static const Descriptor listening = test::raw_listening(SOCK_STREAM, address);
  static Loop loop;
  require(::fcntl(listening.get(), F_SETFL, O_NONBLOCK) == 0);
  Conversation(fuzz::Input(data, size)).run(loop, address, listening.get());
  for (int i = 0; i < 10; ++i) loop.turn(Duration::zero());
  return 0;
}
