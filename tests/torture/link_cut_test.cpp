// SPDX-License-Identifier: Apache-2.0
//
// A link that is cut again and again, in the midst of traffic, or whose server is killed: what it
// says it lost is what is missing, and locally nothing is.
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

/// Publishes "s" on one machine and hears it there and on another.
class Traffic {
 public:
  Traffic(Machine& near, Machine& far)
      : near_(near), far_(far), local_(near.subscribe("s")), remote_(far.subscribe("s")) {}

  void publish_some() {
    for (int i = 0; i < 50; ++i) {
      near_.publish("s", std::to_string(published_++) + std::string(200, '.'));
      if (i % 10 == 0) near_.loop->turn();
    }
    collect();
  }

  void collect() {
    while (local_.try_receive()) ++heard_here_;
    while (const HubReceived message = remote_.try_receive()) {
      if (!heard_there_.emplace(message->payload()).second) ++twice_;
    }
  }

  /// Whether each message was heard here, and is counted as one that left or was lost.
  bool is_accounted_for() {
    collect();
    const LinkStatistics now = near_.statistics();
    return heard_here_ == published_ && now.out + now.dropped_out + now.unconfirmed == published_;
  }

  /// Whether all that a server confirmed was heard there.
  bool has_arrived() {
    collect();
    return heard_there_.size() >= near_.statistics().out;
  }

  [[nodiscard]] std::string account() const {
    const LinkStatistics all = near_.statistics();
    const LinkStatistics other = far_.statistics();
    return std::to_string(published_) + " published, " + std::to_string(heard_here_) +
           " heard locally, " + std::to_string(all.out) + " confirmed, " +
           std::to_string(all.unconfirmed) + " unconfirmed, " + std::to_string(all.dropped_out) +
           " dropped, " + std::to_string(all.kept) + " kept, " +
           std::to_string(heard_there_.size()) + " heard elsewhere, where " +
           std::to_string(other.in) + " came in and " + std::to_string(other.dropped_in) +
           " were dropped";
  }

  /// What is true in the end.
  void judge(const std::string& what) const {
    const LinkStatistics all = near_.statistics();
    EXPECT_GE(heard_there_.size(), all.out);
    EXPECT_LE(heard_there_.size(), all.out + all.unconfirmed);
    EXPECT_EQ(twice_, 0U);
    report(what + ": " + account());
  }

 private:
  Machine& near_;
  Machine& far_;
  Subscription local_;
  Subscription remote_;
  std::uint64_t published_ = 0;
  std::uint64_t heard_here_ = 0;
  std::uint64_t twice_ = 0;
  std::set<std::string> heard_there_;
};

class a_link_that_is_cut : public LinkedHubs {
 protected:
  /// No loaded machine is silent for that long.
  static LinkOptions patient(std::vector<std::string> urls) {
    LinkOptions options = quick(std::move(urls));
    options.heartbeat = 1s;
    return options;
  }
  /// Room for fewer messages than are published while it is away.
  static LinkOptions exporting(std::vector<std::string> urls) {
    LinkOptions options = patient(std::move(urls));
    options.exports = {"s"};
    options.outbound = 16 * kibibyte;
    return options;
  }
  static LinkOptions importing(const NatsServer& server) {
    LinkOptions options = patient({server.url()});
    options.imports = {">"};
    return options;
  }
};

TEST_F(a_link_that_is_cut, loses_what_its_counters_say_and_nothing_local) {
  const unsigned cuts = times(200, 3);
  Watchdog::allow(60 + 5 * cuts);
  NatsServer& server = add_server();
  const std::string port = free_port();
  Wire wire(port, server.url().substr(sizeof("nats://") - 1));
  wire.lay();
  Machine& near = add_linked(exporting({"nats://127.0.0.1:" + port}));
  Traffic traffic(near, add_linked(importing(server)));
  ASSERT_TRUE(until([&] { return near.leaves("s"); }));
  for (unsigned i = 0; i < cuts; ++i) {
    traffic.publish_some();
    wire.cut();
    traffic.publish_some();
    ASSERT_TRUE(until([&] { return near.count(LinkEvent::Kind::reconnecting) == i + 1; }));
    traffic.publish_some();
    wire.lay();
    ASSERT_TRUE(until([&] { return near.count(LinkEvent::Kind::up) == i + 2; })) << "cut " << i;
  }
  ASSERT_TRUE(until([&] { return traffic.is_accounted_for() && traffic.has_arrived(); }))
      << traffic.account();
  EXPECT_GT(near.statistics().dropped_out, 0U);
  traffic.judge("link cut " + std::to_string(cuts) + " times");
}

TEST_F(a_link_that_is_cut, goes_on_by_another_server_when_its_own_is_killed) {
  const unsigned kills = times(100, 3);
  Watchdog::allow(60 + 5 * kills);
  // Without no_advertise the links would know all three, and not stay apart.
  const std::string cluster = "cluster { name: c, no_advertise: true, listen: \"127.0.0.1:-1\"";
  NatsServer& last = add_server(cluster + " }\n");
  const std::string routed = cluster + ", routes: [\"" + last.route() + "\"] }\n";
  for (int i = 0; i < 2; ++i) add_server(routed);
  Machine& near = add_linked(exporting({servers[1]->url(), servers[2]->url()}));
  Machine& far = add_linked(importing(last));
  Traffic traffic(near, far);
  Subscription probes = far.subscribe("probe");
  ASSERT_TRUE(until([&] { return near.leaves("s"); }));
  const auto reaches_the_last = [&](const NatsServer& server) {
    Foreigner prober(server.url());
    while (probes.try_receive()) {
    }
    return until([&] {
      prober.publish("probe", {});
      return static_cast<bool>(probes.try_receive());
    });
  };
  for (unsigned i = 0; i < kills; ++i) {
    NatsServer& used =
        near.events.back().about.subject == servers[1]->url() ? *servers[1] : *servers[2];
    NatsServer& other = &used == servers[1].get() ? *servers[2] : *servers[1];
    ASSERT_TRUE(reaches_the_last(other));
    traffic.publish_some();
    // What a server has confirmed and not passed on when it is killed, nobody can count.
    ASSERT_TRUE(until([&] { return traffic.is_accounted_for() && traffic.has_arrived(); }))
        << traffic.account();
    used.kill();
    for (int k = 0; k < 3; ++k) traffic.publish_some();
    ASSERT_TRUE(until([&] { return near.count(LinkEvent::Kind::up) == i + 2; })) << "kill " << i;
    traffic.publish_some();
    used.start();
    ASSERT_TRUE(until([&] { return used.ready(); })) << used.log();
  }
  ASSERT_TRUE(until([&] { return traffic.is_accounted_for() && traffic.has_arrived(); }))
      << traffic.account();
  traffic.judge("a server of the link's cluster killed " + std::to_string(kills) + " times");
}

}  // namespace
}  // namespace hallway::torture
