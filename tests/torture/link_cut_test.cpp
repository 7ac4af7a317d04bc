// SPDX-License-Identifier: Apache-2.0
//
// A link that is cut again and again, in the midst of traffic: what it says it lost is what is
// missing, and locally nothing is.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <csignal>
#include <set>

#include "link/linked_hubs.hpp"
#include "support/watchdog.hpp"
#include "torture/torture.hpp"

namespace hallway::torture {
namespace {

using namespace test;

/// A port of the loopback that nobody has now.
std::string free_port() {
  const Descriptor socket = Descriptor::adopt(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(::bind(socket.get(), generic, size), 0);
  EXPECT_EQ(::getsockname(socket.get(), generic, &size), 0);
  return std::to_string(ntohs(address.sin_port));
}

/// A wire to a server that carries one connection and can be cut.
class Wire {
 public:
  Wire(std::string port, std::string server) : port_(std::move(port)), server_(std::move(server)) {}

  void lay() {
    process_.emplace([this](const ForkedProcess::Say&) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // also when the test aborts
      const std::string from = "TCP-LISTEN:" + port_ + ",bind=127.0.0.1,reuseaddr";
      const std::string to = "TCP:" + server_;
      ::execlp("socat", "socat", from.c_str(), to.c_str(), nullptr);
      ::_exit(126);
    });
  }
  void cut() { process_->kill(); }

 private:
  std::string port_;
  std::string server_;
  std::optional<ForkedProcess> process_;
};

class a_link_that_is_cut : public LinkedHubs {};

TEST_F(a_link_that_is_cut, loses_what_its_counters_say_and_nothing_local) {
  const unsigned cuts = times(200, 3);
  Watchdog::allow(60 + 5 * cuts);
  NatsServer& server = add_server();
  const std::string port = free_port();
  Wire wire(port, server.url().substr(sizeof("nats://") - 1));
  wire.lay();
  LinkOptions options = quick({"nats://127.0.0.1:" + port});
  options.exports = {"s"};
  options.outbound = 16 * kibibyte;
  Machine& near = add_linked(options);
  LinkOptions of_other = quick({server.url()});
  of_other.imports = {"s"};
  Machine& far = add_linked(of_other);
  Subscription local = near.subscribe("s");
  Subscription remote = far.subscribe("s");
  ASSERT_TRUE(until([&] { return near.leaves("s"); }));

  std::uint64_t published = 0;
  std::uint64_t heard_here = 0;
  std::set<std::string> heard_there;
  std::uint64_t twice = 0;
  const auto collect = [&] {
    while (local.try_receive()) ++heard_here;
    while (const HubReceived message = remote.try_receive()) {
      if (!heard_there.emplace(message->payload()).second) ++twice;
    }
  };
  const auto publish_some = [&] {
    for (int i = 0; i < 50; ++i) {
      near.publish("s", std::to_string(published++) + std::string(200, '.'));
      if (i % 10 == 0) loop.turn();
    }
    collect();
  };
  for (unsigned i = 0; i < cuts; ++i) {
    publish_some();
    wire.cut();
    publish_some();
    ASSERT_TRUE(until([&] { return near.count(LinkEvent::Kind::reconnecting) == i + 1; }));
    publish_some();
    wire.lay();
    ASSERT_TRUE(until([&] { return near.count(LinkEvent::Kind::up) == i + 2; })) << "cut " << i;
  }
  const auto count = [&] { return near.statistics(); };
  ASSERT_TRUE(until([&] {
    collect();
    const LinkStatistics now = count();
    return heard_here == published && now.out + now.dropped_out + now.unconfirmed == published;
  }));
  const LinkStatistics all = count();
  ASSERT_TRUE(until([&] {
    collect();
    return heard_there.size() >= all.out;
  }));
  EXPECT_LE(heard_there.size(), all.out + all.unconfirmed);
  EXPECT_EQ(twice, 0U);
  EXPECT_GT(all.dropped_out, 0U);
  report("link cut " + std::to_string(cuts) + " times: " + std::to_string(published) +
         " published, all heard locally; " + std::to_string(all.out) + " confirmed, " +
         std::to_string(all.unconfirmed) + " unconfirmed, " + std::to_string(all.dropped_out) +
         " dropped, " + std::to_string(heard_there.size()) + " heard elsewhere");
}

}  // namespace
}  // namespace hallway::torture
