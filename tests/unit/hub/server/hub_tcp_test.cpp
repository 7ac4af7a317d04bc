// SPDX-License-Identifier: Apache-2.0
//
// Clients of a hub that connect over TCP.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "support/faults.hpp"
#include "support/hub_serving.hpp"
#include "support/inventory.hpp"
#include "support/processes.hpp"
#include "support/raw_tcp.hpp"

namespace hallway {
namespace {

using namespace test;
using testing::ElementsAre;
using testing::HasSubstr;

class a_hub_over_tcp : public HubServing {
 protected:
  void SetUp() override {
    NEEDS_TO_BE_SOMEBODY();
    start_over_tcp();
    if (HasFatalFailure()) return;
    RawStream probe(raw_tcp_connected(tcp));
    until([&] { return !log.empty(); });
    probe.close();
    if (log.front().kind == ServerEvent::Kind::turned_away) {
      GTEST_SKIP() << "this kernel does not report who is there: " << log.front().reason;
    }
    log.clear();
  }

  void start_over_tcp(HubOptions options = {}) {
    hub.reset();
    options.listen = {"tcp:127.0.0.1:0"};
    options.on_event = [this](const ServerEvent& event) { log.push_back(event); };
    start(std::move(options));
    ASSERT_TRUE(hub);
    ASSERT_EQ(hub->tcp_addresses().size(), 1U);
    tcp = hub->tcp_addresses().front();
  }

  /// A client that has heard its INFO, which is in `info`, and said `first`.
  RawStream connect_over_tcp(std::string_view first = connect_as_programs_do) {
    RawStream client(raw_tcp_connected(tcp));
    greet(client, first);
    return client;
  }

  /// The first event of a kind, once it is there.
  const ServerEvent& event(ServerEvent::Kind kind) {
    const auto found = [&] {
      return std::ranges::find(log, kind, [](const ServerEvent& one) { return one.kind; });
    };
    EXPECT_TRUE(until([&] { return found() != log.end(); }));
    return *found();
  }

  std::string tcp;
  std::vector<ServerEvent> log;
};

TEST_F(a_hub_over_tcp, passes_messages_to_and_from_clients_on_its_unix_socket) {
  RawStream near = connect();
  RawStream far = connect_over_tcp();
  send(near, "SUB a 1\r\n");
  send(far, "SUB a 2\r\n");
  EXPECT_EQ(answer(far, pub("a", "from afar")), msg("a", "2", "from afar"));
  EXPECT_TRUE(until_received(near, msg("a", "1", "from afar")));
  near.received.clear();
  far.received.clear();
  EXPECT_EQ(answer(near, pub("a", "near")), msg("a", "1", "near"));
  EXPECT_TRUE(until_received(far, msg("a", "2", "near")));
  EXPECT_EQ(hub->statistics().connections, 2U);
}

TEST_F(a_hub_over_tcp, passes_large_messages_in_both_directions) {
  RawStream far = connect_over_tcp();
  send(far, "SUB a 1\r\n");
  const std::string large(1 * mebibyte, 'x');
  far.received.clear();
  send_all(far, pub("a", large));
  EXPECT_TRUE(until_received(far, msg("a", "1", large)));
}

TEST_F(a_hub_over_tcp, names_the_host_and_port_that_the_client_has_reached_and_no_other) {
  const std::string port = tcp.substr(tcp.rfind(':') + 1);
  (void)connect_over_tcp();
  EXPECT_THAT(info, HasSubstr(R"("host":"127.0.0.1","port":)" + port));
  EXPECT_THAT(info, testing::Not(HasSubstr("connect_urls")));
  (void)connect();
  EXPECT_THAT(info, testing::Not(HasSubstr("\"host\"")));
}

TEST_F(a_hub_over_tcp, identifies_a_publisher_by_its_uid_alone) {
  HubOptions options;
  options.rules.stamped = {"a"};
  start_over_tcp(std::move(options));
  RawStream far = connect_over_tcp();
  send(far, "SUB a 1\r\n");
  const std::string header = "NATS/1.0\r\nHallway-Uid: " + std::to_string(::geteuid()) + "\r\n\r\n";
  const std::string sizes = std::to_string(header.size()) + " " + std::to_string(header.size() + 1);
  EXPECT_EQ(answer(far, pub("a", "x")), "HMSG a 1 " + sizes + "\r\n" + header + "x\r\n");
}

TEST_F(a_hub_over_tcp, admits_its_own_user_and_root_and_others_only_by_a_rule_for_their_uid) {
  NEEDS_ROOT_TO_BECOME_ANOTHER_USER();
  const auto connect_as_other = [this] {
    const ActingAs other(some_user);
    return RawStream(raw_tcp_connected(tcp));
  };
  for (const std::vector<AllowRule>& rules :
       {std::vector<AllowRule>{}, {allow::gid(some_user)}, {allow::same_uid(), allow::root()}}) {
    HubOptions options;
    options.rules.allow = rules;
    start_over_tcp(std::move(options));
    log.clear();
    (void)connect_over_tcp();
    RawStream other = connect_as_other();
    EXPECT_TRUE(until_ended(other));
    EXPECT_EQ(other.received, "");
    const ServerEvent& away = event(ServerEvent::Kind::turned_away);
    EXPECT_EQ(away.peer.uid, some_user);
    EXPECT_EQ(away.reason, "no rule admits it");
  }
  HubOptions options;
  options.rules.allow = {allow::uid(some_user)};
  start_over_tcp(std::move(options));
  RawStream other = connect_as_other();
  greet(other, connect_as_programs_do);
  EXPECT_THAT(info, HasSubstr("INFO {"));
  (void)connect_over_tcp();  // as on an abstract name, also admitted
}

TEST_F(a_hub_over_tcp, counts_clients_of_a_user_together_whichever_way_they_come) {
  HubOptions options;
  options.limits.max_connections_per_uid = 2;
  start_over_tcp(std::move(options));
  RawStream near = connect();
  RawStream far = connect_over_tcp();
  RawStream over(raw_tcp_connected(tcp));
  EXPECT_TRUE(until_ended(over));
  EXPECT_THAT(over.received, HasSubstr("-ERR 'maximum connections exceeded'"));
  ASSERT_EQ(hub->users().size(), 1U);
  EXPECT_EQ(hub->users().front().connections, 2U);
}

TEST_F(a_hub_over_tcp, turns_away_a_client_whose_user_the_kernel_does_not_report) {
  RawStream client(raw_tcp_connected(tcp));
  {
    const FaultOn fault(sys::Call::socket, 1, EPERM, FaultOn::always);
    EXPECT_TRUE(until_ended(client));
  }
  EXPECT_EQ(client.received, "");
  const ServerEvent& away = event(ServerEvent::Kind::turned_away);
  EXPECT_THAT(away.reason, HasSubstr("may not ask the kernel"));
  EXPECT_EQ(away.peer.uid, Peer::overflow_uid);
  EXPECT_TRUE(away.peer.over_tcp);
  (void)connect_over_tcp();  // the next one is served
}

TEST_F(a_hub_over_tcp, turns_away_a_client_that_has_gone_before_it_is_accepted) {
  RawStream gone(raw_tcp_connected(tcp));
  gone.send("PUB a 0\r\n\r\n");
  gone.close();
  const ServerEvent& away = event(ServerEvent::Kind::turned_away);
  EXPECT_THAT(away.reason, HasSubstr("closed the connection before it was accepted"));
  EXPECT_EQ(hub->statistics().messages_in, 0U);
}

TEST_F(a_hub_over_tcp, pauses_and_resumes_at_its_limit_of_connections) {
  HubOptions options;
  options.limits.max_connections = 1;
  start_over_tcp(std::move(options));
  RawStream first = connect_over_tcp();
  RawStream second(raw_tcp_connected(tcp));
  (void)event(ServerEvent::Kind::accepting_paused);
  first.close();
  greet(second, connect_as_programs_do);
  EXPECT_THAT(info, HasSubstr("INFO {"));
}

TEST_F(a_hub_over_tcp, serves_clients_that_wait_when_it_drains_and_then_closes_its_port) {
  RawStream first = connect_over_tcp();
  RawStream waiting(raw_tcp_connected(tcp));
  hub->drain();
  EXPECT_TRUE(until_ended(first));
  EXPECT_TRUE(until_ended(waiting));
  EXPECT_THAT(first.received, HasSubstr("\"ldm\":true"));
  EXPECT_THAT(waiting.received, HasSubstr("INFO {"));
  EXPECT_FALSE(raw_tcp_connected(tcp).holds_one());
}

// A program may do so when it sees what happened, in the middle of accepting.
TEST_F(a_hub_over_tcp, can_be_drained_by_its_own_event) {
  HubOptions options;
  options.listen = {"tcp:127.0.0.1:0"};
  options.on_event = [this](const ServerEvent& event) {
    if (event.kind == ServerEvent::Kind::connected) hub->drain();
  };
  hub.reset();
  start(std::move(options));
  RawStream client(raw_tcp_connected(hub->tcp_addresses().front()));
  EXPECT_TRUE(until_ended(client));
}

TEST_F(a_hub_over_tcp, hands_its_port_over_to_a_successor) {
  hub.reset();
  const auto serving = [this](const std::string& address) {
    return [this, address](const ForkedProcess::Say& say) {
      Loop of_its_own;
      HubOptions options;
      options.takeover = true;
      options.listen = {address};
      const auto running = Hub::start(of_its_own, path, std::move(options));
      say(running ? running->tcp_addresses().front() : running.error().explain());
      of_its_own.run();
      say("ended");
    };
  };
  ForkedProcess first(serving("tcp:127.0.0.1:0"));
  const std::string address = first.line();
  ASSERT_TRUE(address.starts_with("tcp:127.0.0.1:")) << address;
  const Descriptor client = raw_tcp_connected(address);
  EXPECT_TRUE(raw_receive(client.get(), 65536, true).bytes.starts_with("INFO {"));
  ForkedProcess second(serving(address));
  ASSERT_EQ(second.line(), address);
  EXPECT_TRUE(raw_receive(client.get(), 65536, true).bytes.contains("\"ldm\":true"));
  EXPECT_EQ(raw_receive(client.get(), 65536, true).result, 0);
  EXPECT_EQ(first.line(), "ended");
  const Descriptor fresh = raw_tcp_connected(address);
  EXPECT_TRUE(raw_receive(fresh.get(), 65536, true).bytes.starts_with("INFO {"));
}

TEST_F(a_hub_over_tcp, leaves_nothing_open) {
  hub.reset();
  const Inventory before = Inventory::take();
  start_over_tcp();
  {
    RawStream client = connect_over_tcp();
    send(client, "SUB a 1\r\n");
  }
  hub.reset();
  EXPECT_EQ(lasting_difference(before), "");
}

TEST_F(a_hub_over_tcp, is_not_started_at_an_address_that_it_cannot_have) {
  const auto refusal_at = [this](const std::string& address) {
    HubOptions options;
    options.listen = {address};
    const auto started = Hub::start(loop, directory / "other", std::move(options));
    EXPECT_FALSE(started) << address;
    return started ? Error() : started.error();
  };
  EXPECT_EQ(refusal_at(tcp).code, std::errc::address_in_use);
  EXPECT_EQ(refusal_at("tcp:0.0.0.0:0").code, std::errc::invalid_argument);
  EXPECT_EQ(refusal_at("127.0.0.1:4222").code, std::errc::invalid_argument);
  EXPECT_THAT(std::vector{hub->address().unescaped()}, ElementsAre("unix:" + path));
}

}  // namespace
}  // namespace hallway
