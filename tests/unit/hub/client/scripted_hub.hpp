// SPDX-License-Identifier: Apache-2.0
//
// A hub that does what a test tells it, and notes what its clients say. By itself it only greets
// and answers PING.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <hallway/hub_client.hpp>
#include <hallway/server.hpp>

#include "loop/timed_wait.hpp"
#include "support/nats_operations.hpp"
#include "support/temp_directory.hpp"
#include "support/waiting.hpp"
#include "wire/nats_parser.hpp"

namespace hallway::test {

class ScriptedHub {
 public:
  ScriptedHub(Loop& loop, std::string path) : loop_(&loop), path_(std::move(path)) {}

  void open() {
    ServerOptions options;
    options.connection.framing = Framing::raw();
    options.connection.limits.outbound_soft = 64 * mebibyte;
    auto opened = Server::open(
        *loop_, path_, [this](Connection client) { return serve(std::move(client)); }, options);
    ASSERT_TRUE(opened) << opened.error().explain();
    server_.emplace(std::move(*opened));
  }

  /// As if it had crashed: clients lose their connections, and nobody listens.
  void crash() {
    cut();
    server_.reset();
    client_ = nullptr;
  }
  void cut() {
    if (client_ != nullptr) client_->abort();
  }

  /// To the client that came last.
  void send(const std::string& bytes) const {
    ASSERT_NE(client_, nullptr);
    EXPECT_TRUE(client_->try_send(bytes));
  }
  void deliver(const std::string& subject, std::size_t sid, const std::string& payload) const {
    send("MSG " + subject + " " + std::to_string(sid) + " " + std::to_string(payload.size()) +
         "\r\n" + payload + "\r\n");
  }

  void read_on(bool reads) {
    reads_ = reads;
    detail::wake_all(loop_->core(), resumed_);
  }

  [[nodiscard]] std::size_t unsent_bytes() const {
    return client_ == nullptr ? 0 : client_->unsent_bytes();
  }
  [[nodiscard]] bool has_client() const noexcept { return client_ != nullptr; }
  [[nodiscard]] bool has_received(const std::string& operation) const {
    return std::ranges::find(received, operation) != received.end();
  }

  std::string info = R"({"server_name":"a \"{hub\"","headers":true,"max_payload":1048576})";
  bool greets = true;
  bool answers_pings = true;
  bool in_single_bytes = false;
  std::string refusal;                ///< said in place of the first PONG
  std::vector<std::string> received;  ///< from all clients, without CONNECT and PING
  std::string greeting;               ///< the last client's CONNECT
  std::size_t greeted = 0;            ///< how many clients there were

 private:
  Task<> serve(Connection client) {
    client_ = &client;
    nats::Parser parser(nats::Sender::client, {.payload = 16 * mebibyte});
    if (greets) answer(client, "INFO " + info + "\r\n");
    while (true) {
      while (!reads_) co_await detail::TimedWait(loop_->core(), resumed_);
      const Received piece = co_await client.receive();
      if (!piece) break;
      parser.arrive(piece->bytes());
      while (const nats::Operation* operation = parser.next()) handle(client, *operation);
    }
    if (client_ == &client) client_ = nullptr;
  }

  void handle(Connection& client, const nats::Operation& operation) {
    if (operation.verb == nats::Verb::connect) {
      greeting = operation.text;
      ++greeted;
    } else if (operation.verb != nats::Verb::ping) {
      received.push_back(describe(operation));
    } else if (!refusal.empty()) {
      answer(client, "-ERR '" + refusal + "'\r\n");
    } else if (answers_pings) {
      answer(client, "PONG\r\n");
    }
  }

  void answer(Connection& client, const std::string& bytes) {
    if (!in_single_bytes) {
      EXPECT_TRUE(client.try_send(bytes));
      return;
    }
    loop_->spawn(dribble(client, bytes));
  }

  /// Each byte is written before the next one comes.
  static Task<> dribble(Connection& client, std::string bytes) {
    for (const char byte : bytes) {
      co_await client.send({&byte, 1});
      co_await client.flush();
    }
  }

  Loop* loop_;
  std::string path_;
  std::optional<Server> server_;
  Connection* client_ = nullptr;
  bool reads_ = true;
  detail::WaiterList resumed_;
};

/// A client of such a hub.
class HubClientTest : public testing::Test {
 protected:
  using Kind = hub::ClientEvent::Kind;

  void SetUp() override { hub.open(); }

  hub::ClientOptions noting(hub::ClientOptions options) {
    options.on_event = [this](const hub::ClientEvent& event) { events.push_back(event); };
    return options;
  }

  void connect(hub::ClientOptions options = {}) {
    options = noting(std::move(options));
    auto connected = loop.run(hub::Client::connect(loop, path, options));
    ASSERT_TRUE(connected) << connected.error().explain();
    client.emplace(std::move(*connected));
  }

  /// The error of an attempt that must fail.
  Error connect_error(hub::ClientOptions options = {}) {
    options = noting(std::move(options));
    const auto connected = loop.run(hub::Client::connect(loop, path, options));
    EXPECT_FALSE(connected);
    return connected ? Error() : connected.error();
  }

  /// A client that comes back soon.
  static hub::ClientOptions tireless() {
    hub::ClientOptions options;
    options.reconnect.first_wait = 1ms;
    options.reconnect.max_wait = 10ms;
    return options;
  }

  hub::Subscription subscribe(ByteView subject, const hub::SubscribeOptions& options = {}) {
    auto made = client->subscribe(subject, options);
    EXPECT_TRUE(made) << made.error().explain();
    return std::move(*made);
  }

  Outcome publish(ByteView subject, ByteView payload, const hub::PublishOptions& options = {}) {
    return client->try_publish(subject, payload, options).outcome();
  }

  Outcome flush(Duration within = patience) { return loop.run(client->flush(within)).outcome(); }

  /// The next message's payload, or the outcome in words.
  std::string next(hub::Subscription& from, Duration within = patience) {
    return loop.run([](hub::Subscription& subscription, Duration longest) -> Task<std::string> {
      const hub::Received received = co_await subscription.receive(longest);
      if (received) co_return std::string(received->payload());
      co_return std::string(to_string(received.outcome()));
    }(from, within));
  }

  bool until(const std::function<bool()>& condition) { return run_until(loop, condition); }
  bool until_received(const std::string& operation) {
    return until([&] { return hub.has_received(operation); });
  }
  bool until_reported(Kind kind) {
    return until(
        [&] { return std::ranges::find(events, kind, &hub::ClientEvent::kind) != events.end(); });
  }
  [[nodiscard]] std::size_t count(Kind kind) const {
    return static_cast<std::size_t>(std::ranges::count(events, kind, &hub::ClientEvent::kind));
  }

  TempDirectory directory;
  std::string path = directory / "hub";
  Loop loop;
  ScriptedHub hub{loop, path};
  std::vector<hub::ClientEvent> events;
  std::optional<hub::Client> client;
};

}  // namespace hallway::test
