// SPDX-License-Identifier: Apache-2.0
//
// A link that is cut again and again, in the midst of traffic, by a close or a reset, that is slow,
// or whose server is killed, stands still or lets it in no longer: what it says it lost is what is
// missing, and locally nothing is.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <set>
#include <thread>

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

/// A wire that may be slow, and is cut by a reset: what is on it is lost at once, on both sides.
///
/// Its process is killed for that and has no signal handler: a child of a program with threads gets
/// none called by the thread sanitizer.
class ResettableWire {
 public:
  ResettableWire(std::string port, std::string server)
      : port_(std::move(port)), server_(std::move(server)) {}

  /// @param pause  before each piece of 4 KiB that goes to the server
  void lay(std::chrono::microseconds pause = {}) {
    process_.emplace([this, pause](const ForkedProcess::Say&) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // also when the test aborts
      carry(pause);
      ::_exit(0);
    });
  }
  void reset() { process_->kill(); }

 private:
  static sockaddr_in address_of(const std::string& port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(port)));
    return address;
  }

  void carry(std::chrono::microseconds pause) const {
    const sockaddr_in here = address_of(port_);
    const sockaddr_in there = address_of(server_.substr(server_.find(':') + 1));
    const int listening = ::socket(AF_INET, SOCK_STREAM, 0);
    const int on = 1;
    ::setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (::bind(listening, reinterpret_cast<const sockaddr*>(&here), sizeof here) != 0) return;
    ::listen(listening, 1);
    const std::array<int, 2> ends_of_it{::accept(listening, nullptr, nullptr),
                                        ::socket(AF_INET, SOCK_STREAM, 0)};
    ::close(listening);
    const linger at_once{.l_onoff = 1, .l_linger = 0};  // the kernel's close is a reset then
    for (const int end : ends_of_it) {
      ::setsockopt(end, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
    if (::connect(ends_of_it[1], reinterpret_cast<const sockaddr*>(&there), sizeof there) != 0)
      return;
    while (pass_on(ends_of_it, pause)) {
    }
  }

  static bool pass_on(const std::array<int, 2>& ends, std::chrono::microseconds pause) {
    std::array<pollfd, 2> ready{{{ends[0], POLLIN, 0}, {ends[1], POLLIN, 0}}};
    if (::poll(ready.data(), ready.size(), -1) < 0) return false;
    std::array<char, 4096> piece{};
    for (std::size_t from = 0; from < ends.size(); ++from) {
      if ((ready[from].revents & (POLLIN | POLLHUP | POLLERR)) == 0) continue;
      const ssize_t size = ::read(ends[from], piece.data(), piece.size());
      if (size <= 0) return false;
      if (from == 0) std::this_thread::sleep_for(pause);
      const ssize_t sent = ::write(ends[1 - from], piece.data(), static_cast<std::size_t>(size));
      if (sent != size) return false;
    }
    return true;
  }

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
    while (const hub::Received message = remote_.try_receive()) {
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
           " received locally, " + std::to_string(all.out) + " confirmed, " +
           std::to_string(all.unconfirmed) + " unconfirmed, " + std::to_string(all.dropped_out) +
           " dropped, " + std::to_string(all.kept) + " kept, " +
           std::to_string(heard_there_.size()) + " received elsewhere, where " +
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
  hub::Subscription local_;
  hub::Subscription remote_;
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

TEST_F(a_link_that_is_cut, loses_only_what_it_counts_and_nothing_local) {
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
  hub::Subscription probes = far.subscribe("probe");
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

TEST_F(a_link_that_is_cut, loses_only_what_it_counts_when_its_connection_is_reset) {
  const unsigned resets = times(200, 3);
  Watchdog::allow(60 + 5 * resets);
  NatsServer& server = add_server();
  const std::string port = free_port();
  ResettableWire wire(port, server.url().substr(sizeof("nats://") - 1));
  wire.lay();
  Machine& near = add_linked(exporting({"nats://127.0.0.1:" + port}));
  Traffic traffic(near, add_linked(importing(server)));
  ASSERT_TRUE(until([&] { return near.leaves("s"); }));
  for (unsigned i = 0; i < resets; ++i) {
    traffic.publish_some();
    wire.reset();
    for (int k = 0; k < 2; ++k) traffic.publish_some();
    ASSERT_TRUE(until([&] { return near.count(LinkEvent::Kind::reconnecting) == i + 1; }));
    wire.lay();
    ASSERT_TRUE(until([&] { return near.count(LinkEvent::Kind::up) == i + 2; })) << "reset " << i;
  }
  ASSERT_TRUE(until([&] { return traffic.is_accounted_for() && traffic.has_arrived(); }))
      << traffic.account();
  traffic.judge("link reset " + std::to_string(resets) + " times");
}

TEST_F(a_link_that_is_cut, loses_only_what_it_counts_when_its_server_hangs) {
  const unsigned stops = times(50, 2);
  Watchdog::allow(60 + 5 * stops);
  NatsServer& server = add_server();
  Machine& near = add_linked(exporting({server.url()}));
  Traffic traffic(near, add_linked(importing(server)));
  ASSERT_TRUE(until([&] { return near.leaves("s"); }));
  for (unsigned i = 0; i < stops; ++i) {
    traffic.publish_some();
    server.signal(SIGSTOP);
    // As much as there is room for waits, and locally everything goes on.
    const auto lost = near.statistics().dropped_out;
    while (near.statistics().dropped_out == lost) traffic.publish_some();
    server.signal(SIGCONT);
    ASSERT_TRUE(until([&] { return traffic.is_accounted_for() && traffic.has_arrived(); }))
        << traffic.account();
  }
  traffic.judge("a link's server stopped and continued " + std::to_string(stops) + " times");
}

TEST_F(a_link_that_is_cut, loses_only_what_it_counts_on_a_slow_connection) {
  const unsigned rounds = times(50, 2);
  Watchdog::allow(60 + 10 * rounds);
  NatsServer& server = add_server();
  const std::string port = free_port();
  ResettableWire wire(port, server.url().substr(sizeof("nats://") - 1));
  wire.lay(std::chrono::milliseconds(20));
  Machine& near = add_linked(exporting({"nats://127.0.0.1:" + port}));
  Traffic traffic(near, add_linked(importing(server)));
  ASSERT_TRUE(until([&] { return near.leaves("s"); }));
  for (unsigned i = 0; i < rounds; ++i) {
    const auto lost = near.statistics().dropped_out;
    while (near.statistics().dropped_out == lost) traffic.publish_some();
    ASSERT_TRUE(until([&] { return traffic.is_accounted_for() && traffic.has_arrived(); }))
        << traffic.account();
  }
  EXPECT_EQ(near.statistics().unconfirmed, 0U);
  traffic.judge("a slow wire, filled " + std::to_string(rounds) + " times");
}

TEST_F(a_link_that_is_cut, loses_only_what_it_counts_while_its_password_is_wrong) {
  const unsigned changes = times(50, 2);
  Watchdog::allow(60 + 10 * changes);
  const auto guarded = [](const std::string& password) {
    return "authorization { users: [{ user: hub, password: " + password +
           " }, { user: other, password: other }] }\n";
  };
  NatsServer& server = add_server(guarded("right"));
  Machine& near = add_linked(exporting({server.url("hub:right")}));
  LinkOptions importing_as_other = patient({server.url("other:other")});
  importing_as_other.imports = {">"};
  Machine& far = add_linked(importing_as_other);
  Traffic traffic(near, far);
  for (unsigned i = 0; i < changes; ++i) {
    ASSERT_TRUE(until([&] { return near.leaves("s"); }));
    traffic.publish_some();
    ASSERT_TRUE(until([&] { return traffic.is_accounted_for(); })) << traffic.account();
    const auto ups = near.count(LinkEvent::Kind::up);
    const auto downs = near.count(LinkEvent::Kind::down);
    server.replace(guarded("wrong"));
    ASSERT_TRUE(until([&] { return near.count(LinkEvent::Kind::down) > downs; }));
    for (int k = 0; k < 3; ++k) traffic.publish_some();
    server.replace(guarded("right"));
    ASSERT_TRUE(until([&] { return near.count(LinkEvent::Kind::up) > ups; })) << "change " << i;
  }
  ASSERT_TRUE(until([&] { return traffic.is_accounted_for(); })) << traffic.account();
  EXPECT_GT(near.statistics().dropped_out, 0U);
  // What the server confirms before the other hub is back, nobody hears: that is not judged.
  report("a link's password changed " + std::to_string(changes) + " times: " + traffic.account());
}

}  // namespace
}  // namespace hallway::torture
