// SPDX-License-Identifier: Apache-2.0
//
// Hubs with links to real servers, and their clients, all on one loop.
#pragma once

#include <gtest/gtest.h>
#include <nats/nats.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <hallway/hub.hpp>
#include <hallway/hub_client.hpp>
#include <hallway/link.hpp>

#include "link/nats_server.hpp"
#include "support/temp_directory.hpp"
#include "support/waiting.hpp"

namespace hallway::test {

/// Hubs here need not wait long for each other.
inline LinkOptions quick(std::vector<std::string> urls) {
  LinkOptions options;
  options.urls = std::move(urls);
  options.reconnect = {.first_wait = 10ms, .max_wait = 100ms};
  options.heartbeat = 200ms;
  return options;
}

/// A machine with a hub, a program on it, and links.
class Machine {
 public:
  explicit Machine(Loop& of, HubOptions options = {}) : loop(&of) {
    auto started = Hub::start(of, path, std::move(options));
    EXPECT_TRUE(started) << started.error().explain();
    hub.emplace(std::move(*started));
    program.emplace(connect());
  }

  hub::Client connect() const {
    auto client = loop->run(hub::Client::connect(*loop, path));
    EXPECT_TRUE(client) << client.error().explain();
    return std::move(*client);
  }

  void link(LinkOptions options) {
    options.on_event = [this](const LinkEvent& event) { events.push_back(event); };
    auto started = loop->run(Link::start(*loop, path, options));
    ASSERT_TRUE(started) << started.error().explain();
    links.push_back(std::move(*started));
  }

  [[nodiscard]] std::size_t count(LinkEvent::Kind kind) const {
    return static_cast<std::size_t>(
        std::ranges::count_if(events, [kind](const auto& event) { return event.kind == kind; }));
  }

  hub::Subscription subscribe(const std::string& subject) {
    auto made = program->subscribe(subject);
    EXPECT_TRUE(made) << made.error().explain();
    return std::move(*made);
  }

  void publish(const std::string& subject, const std::string& payload,
               const hub::PublishOptions& with = {}) {
    EXPECT_TRUE(program->try_publish(subject, payload, with));
  }

  /// Whether the link asks this hub for messages of that pattern: somebody elsewhere wants them.
  [[nodiscard]] bool leaves(const std::string& pattern) const {
    return std::ranges::any_of(hub->subscriptions(), [&](const auto& one) {
      return one.subject == pattern && one.group.starts_with("_HALLWAY.LINK.");
    });
  }

  [[nodiscard]] LinkStatistics statistics() const { return links.front().statistics(); }

  Loop* loop;
  TempDirectory directory;
  std::string path = directory / "hub";
  std::optional<Hub> hub;
  std::optional<hub::Client> program;
  std::vector<LinkEvent> events;
  std::vector<Link> links;
};

/// A program that is a client of the cluster itself.
class Foreigner {
 public:
  explicit Foreigner(const std::string& url) {
    EXPECT_EQ(natsConnection_ConnectTo(&connection_, url.c_str()), NATS_OK);
  }
  Foreigner(const Foreigner&) = delete;
  Foreigner& operator=(const Foreigner&) = delete;
  ~Foreigner() {
    for (natsSubscription* one : subscriptions_) natsSubscription_Destroy(one);
    natsConnection_Destroy(connection_);
  }

  natsSubscription* subscribe(const std::string& subject) {
    natsSubscription* made = nullptr;
    EXPECT_EQ(natsConnection_SubscribeSync(&made, connection_, subject.c_str()), NATS_OK);
    EXPECT_EQ(natsConnection_Flush(connection_), NATS_OK);
    subscriptions_.push_back(made);
    return made;
  }

  void publish(const std::string& subject, const std::string& payload,
               const std::string& reply = {}) {
    const natsStatus status =
        reply.empty() ? natsConnection_PublishString(connection_, subject.c_str(), payload.c_str())
                      : natsConnection_PublishRequestString(connection_, subject.c_str(),
                                                            reply.c_str(), payload.c_str());
    EXPECT_EQ(status, NATS_OK);
    EXPECT_EQ(natsConnection_Flush(connection_), NATS_OK);
  }

  [[nodiscard]] natsConnection* get() const noexcept { return connection_; }

 private:
  natsConnection* connection_ = nullptr;
  std::vector<natsSubscription*> subscriptions_;
};

using NatsMessage = std::unique_ptr<natsMsg, decltype([](natsMsg* one) { natsMsg_Destroy(one); })>;

class LinkedHubs : public testing::Test {
 protected:
  // As a link would; but not each test gets as far as that.
  void SetUp() override { ASSERT_EQ(nats_Open(-1), NATS_OK); }

  void TearDown() override {
    foreigners.clear();
    machines.clear();
    servers.clear();
    // It keeps threads for the next connection; and one that flushes takes up to ten seconds.
    EXPECT_EQ(nats_CloseAndWait(20000), NATS_OK);
  }

  NatsServer& add_server(const std::string& settings = {}) {
    servers.push_back(std::make_unique<NatsServer>(settings));
    NatsServer& server = *servers.back();
    EXPECT_TRUE(until([&] { return server.ready(); })) << server.log();
    return server;
  }

  Machine& add_machine(HubOptions options = {}) {
    machines.push_back(std::make_unique<Machine>(loop, std::move(options)));
    return *machines.back();
  }

  Foreigner& add_foreigner(const std::string& url) {
    foreigners.push_back(std::make_unique<Foreigner>(url));
    return *foreigners.back();
  }

  /// A machine with a link that is up.
  Machine& add_linked(LinkOptions options) {
    Machine& machine = add_machine();
    machine.link(std::move(options));
    EXPECT_TRUE(until([&] { return machine.count(LinkEvent::Kind::up) > 0; }));
    return machine;
  }

  bool until(const std::function<bool()>& condition) { return run_until(loop, condition); }

  /// The next message for it; empty: none came.
  hub::Message next(hub::Subscription& from) {
    hub::Received received;
    EXPECT_TRUE(until([&] {
      received = from.try_receive();
      return static_cast<bool>(received);
    })) << "on "
        << from.subject();
    return *received;
  }
  std::string text(hub::Subscription& from) { return std::string(next(from).payload()); }

  NatsMessage next(natsSubscription* from) {
    natsMsg* message = nullptr;
    EXPECT_TRUE(until([&] { return natsSubscription_NextMsg(&message, from, 1) == NATS_OK; }));
    return NatsMessage(message);
  }

  /// Answers every request to `subject` with what it was asked, behind `prefix`.
  void serve(Machine& machine, const std::string& subject, const std::string& prefix) {
    auto requests = machine.program->subscribe(subject);
    ASSERT_TRUE(requests);
    loop.spawn([](hub::Client& by, hub::Subscription from, std::string with) -> Task<> {
      while (const hub::Received request = co_await from.receive()) {
        const std::string answer = with + std::string(request->payload());
        const std::vector<hub::Field> header = request->header();
        const hub::PublishOptions options{.header = header};
        const hub::Sent sent = co_await by.publish(request->reply(), answer, options);
        EXPECT_TRUE(sent);
      }
    }(*machine.program, std::move(*requests), prefix));
  }

  /// What a request gave.
  hub::Received ask(Machine& machine, const std::string& subject, const std::string& payload,
                    const std::vector<hub::Field>& header = {}) {
    return loop.run(machine.program->request(subject, payload, patience, header));
  }

  Loop loop;
  std::vector<std::unique_ptr<NatsServer>> servers;
  std::vector<std::unique_ptr<Machine>> machines;
  std::vector<std::unique_ptr<Foreigner>> foreigners;
};

}  // namespace hallway::test
