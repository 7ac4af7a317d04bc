// SPDX-License-Identifier: Apache-2.0
//
// A hub driven by chance: clients of several users that publish, subscribe, read slowly or not at
// all, ask for statistics, close half of their connection or all of it, and say nonsense, while the
// rules change. What each subscription has to get is known from the rules; in the end every message
// was delivered, reported as lost, or refused.
//
// HALLWAY_HUB_OPERATIONS says how many operations per seed (5,000; in a full run a million),
// HALLWAY_SEED the only seed; otherwise some fixed ones, in a full run one of chance. The seeds are
// printed. They decide what the clients do; which member of a queue group gets a message, the hub
// decides by a chance of its own. Users other than ours take part where we are root.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <hallway/hub.hpp>

#include "support/hub_serving.hpp"
#include "support/processes.hpp"
#include "support/watchdog.hpp"
#include "torture/chance.hpp"
#include "torture/driven_client.hpp"
#include "torture/driven_rules.hpp"
#include "torture/torture.hpp"

namespace hallway::torture {
namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

std::vector<std::uint64_t> seeds() {
  if (std::getenv("HALLWAY_SEED") != nullptr) return {from_environment("HALLWAY_SEED", 0)};
  if (in_full()) return {std::random_device{}()};
  return {1, 2, 3, 4};
}

class hub_driver : public test::HubServing {
 protected:
  static constexpr std::size_t clients_at_once = 12;
  static constexpr auto longest = seconds(60);  // until the hub has done all it was told

  std::size_t any(std::size_t below) { return chance_.number(below); }
  bool chance(unsigned percent) { return chance_.percent(percent); }
  template <typename T>
  const T& one_of(const std::vector<T>& from) {
    return chance_.one_of(from);
  }

  void change_rules() {
    const HubRules rules = any_rules(chance_);
    rules_.take(rules);
    ASSERT_TRUE(hub->set_rules(rules));
    for (const auto& client : clients_) {
      std::erase_if(client->subscribed, [&](const auto& entry) {
        return !rules_.may_subscribe(*client, entry.second.pattern);
      });
    }
  }

  // Clients ------------------------------------------------------------------------------------

  void connect_one() {
    const unsigned uid =
        root_ && chance(70) ? test::some_user + static_cast<unsigned>(any(3)) : ::geteuid();
    const OverflowPolicy policy = any_policy(chance_);
    const bool echo = chance(80);
    const bool headers = chance(70);
    const std::string first = std::string(R"(CONNECT {"verbose":false,"headers":)") +
                              (headers ? "true" : "false") + R"(,"echo":)" +
                              (echo ? "true" : "false") + R"(,"full":")" +
                              std::string(to_string(policy)) + "\"}\r\n";
    clients_.push_back(std::make_unique<DrivenClient>(
        uid == ::geteuid() ? connect(first) : connect_as(uid, first), uid));
    DrivenClient& client = *clients_.back();
    client.stream.received.clear();
    client.policy = policy;
    client.echo = echo;
    client.headers = headers;
    for (std::size_t i = any(4) + 1; i > 0; --i) subscribe(client, any_group());
  }

  std::string any_group() {
    static const std::vector<std::string> groups{"", "", "", "g", "h"};
    return one_of(groups);
  }

  /// @return its account, if it may subscribe to that
  Subscribed* subscribe(DrivenClient& client, const std::string& group) {
    static const std::vector<std::string> patterns{
        ">",   "*",   "a.>", "a.*",   "*.b",        "a",          "b",        "a.b",
        "b.c", "c.>", "*.>", "a.b.c", "_INBOX.x.*", "_INBOX.x.1", "_INBOX.>", "_INBOX.*.1"};
    ++operations_;
    const std::string& pattern = one_of(patterns);
    const std::string sid = std::to_string(++last_sid_);
    client.to_send += "SUB " + pattern + ' ' + group + ' ' + sid + "\r\n";
    if (!rules_.may_subscribe(client, pattern)) return nullptr;
    Subscribed made{
        .pattern = pattern, .group = group, .policy = rules_.policy_of(client, pattern)};
    return &client.subscribed.emplace(sid, std::move(made)).first->second;
  }

  /// To a number of messages. In no group: the others of it would get what comes after that.
  void subscribe_to_some(DrivenClient& client) {
    Subscribed* made = subscribe(client, "");
    if (made == nullptr) return;
    made->most = 1 + any(80);
    client.to_send +=
        "UNSUB " + std::to_string(last_sid_) + ' ' + std::to_string(made->most) + "\r\n";
  }

  /// They may have ended or not.
  void end_limited() {
    for (const auto& client : clients_) {
      for (const auto& [sid, one] : client->subscribed) {
        if (one.limited()) client->to_send += "UNSUB " + sid + "\r\n";
      }
      std::erase_if(client->subscribed, [](const auto& entry) { return entry.second.limited(); });
    }
  }

  void unsubscribe(DrivenClient& client) {
    ++operations_;
    if (client.subscribed.empty()) return;
    const auto which = std::next(client.subscribed.begin(),
                                 static_cast<std::ptrdiff_t>(any(client.subscribed.size())));
    client.to_send += "UNSUB " + which->first + "\r\n";
    client.subscribed.erase(which);
  }

  // Publishing ---------------------------------------------------------------------------------

  void publish(DrivenClient& from) {
    static const std::vector<std::string> subjects{
        "a",          "b",          "a.b",      "a.c",    "b.c",          "c.a", "a.b.c",
        "_INBOX.x.1", "_INBOX.y.1", "_INBOX.x", "a.\x01", "$SYS.HUB.GAP", "a.\v"};
    static const std::vector<std::string> some_headers{
        "NATS/1.0\r\n\r\n", "NATS/1.0\r\nA: b\r\n\r\n", "NATS/1.0\r\nHallway-Uid: 0\r\n\r\n"};
    ++operations_;
    ++published_;
    const std::string& subject = one_of(subjects);
    const std::string header = from.headers && chance(20) ? one_of(some_headers) : "";
    std::string payload = "#";
    payload.resize(chance(8) ? 12'000 : 1 + any(600), '.');
    from.to_send += header.empty() ? "PUB " : "HPUB ";
    from.to_send += subject + (chance(20) ? " _INBOX.x.1 " : " ");
    if (!header.empty()) from.to_send += std::to_string(header.size()) + ' ';
    from.to_send +=
        std::to_string(header.size() + payload.size()) + "\r\n" + header + payload + "\r\n";
    if (from.wild) return;
    if (rules_.may_publish(from, subject)) {
      expect(from, subject);
    } else {
      ++from.refused_expected;
    }
  }

  void expect(const DrivenClient& from, const std::string& subject) {
    std::set<std::string> groups;  // one of each, whatever the patterns of its members
    for (const auto& client : clients_) {
      if (client.get() == &from && !from.echo) continue;
      for (auto& [sid, to] : client->subscribed) {
        if (!rules_.hears(*client, to, subject)) continue;
        if (to.group.empty()) {
          ++to.expected;
        } else if (groups.emplace(to.group).second) {
          ++expected_of_groups_[to.group];
        }
      }
    }
  }

  void ask_for_statistics(DrivenClient& client) {
    client.to_send += "PUB $SYS.HUB.STATS _INBOX.x.1 0\r\n\r\n";
    ++client.asked;
    ++operations_;
  }

  // What is not accounted for ------------------------------------------------------------------

  void do_something_wild(DrivenClient& client) {
    ++operations_;
    client.wild = true;
    exact_ = false;  // what it said before may be lost with it
    const std::string sid = client.subscribed.empty() ? "1" : client.subscribed.begin()->first;
    std::string& says = client.to_send;
    switch (any(11)) {
      case 0: client.stream.shut_writing(); break;
      case 1:
        client.stream.close();
        client.stream.ended = true;
        break;
      case 2: says += "UNSUB " + sid + ' ' + std::to_string(any(30)) + "\r\n"; break;
      case 3: says += "SUB $SYS.HUB.INTEREST i\r\nUNSUB i 3\r\n"; break;
      case 4: says += "SUB a." + std::to_string(any(1000)) + " g w\r\nUNSUB w\r\n"; break;
      case 5: says += std::string(any(30), static_cast<char>(any(256))) + "\r\n"; break;
      case 6: says += "CONNECT {\"verbose\":true,\"headers\":true}\r\n"; break;
      case 7:
        says += "CONNECT {\"headers\":true,\"link\":\"l\"}\r\nSUB a.> _HALLWAY.L l\r\n";
        break;
      case 8: says += "PUB _HALLWAY.ASKED.h." + std::to_string(any(99)) + ".a 1\r\n#\r\n"; break;
      case 9: says += "HPUB x 3 3\r\nbad\r\n"; break;
      default: publish(client);
    }
  }

  void do_something_wild() {
    do_something_wild(*one_of(clients_));
    if (!chance(10)) return;
    ++operations_;
    reloaded_ = true;
    change_rules();
  }

  // Turns --------------------------------------------------------------------------------------

  void turn() {
    for (const auto& client : clients_) {
      client->send_some(chance(30) ? 1 + any(client->to_send.size() + 1) : SIZE_MAX);
      if (client->reads) client->read_some();
    }
    loop.turn();
  }

  /// Everybody reads until the hub has done all that was said, and then until each has what the
  /// hub had for it at that time: the answer to the first PING may have gone out before that.
  void quiesce() {
    everybody_pings();
    everybody_pings();
  }
  void everybody_pings() {
    for (const auto& client : clients_) {
      client->reads = true;
      client->to_send += "PING\r\n";
      ++client->pings;
    }
    const auto quiet = [this] {
      for (const auto& client : clients_) {
        client->send_some(SIZE_MAX);
        client->read_some();
      }
      return waiting() == 0 &&
             std::ranges::all_of(clients_, [](const auto& client) { return client->quiet(); });
    };
    EXPECT_TRUE(test::run_until(loop, quiet, longest)) << where() << state();
    read_rest();
  }
  /// What waits for a subscription that has had its number is not in the hub's statistics. As long
  /// as there is any, each turn of the loop brings something to clients that read.
  void read_rest() {
    for (unsigned silent = 0; silent < 4; ++silent) {
      loop.turn();
      for (const auto& client : clients_) {
        if (client->read_some()) silent = 0;
      }
    }
  }
  [[nodiscard]] std::uint64_t waiting() const {
    std::uint64_t sum = 0;
    for (const auto& one : hub->subscriptions()) sum += one.waiting;
    return sum;
  }

  // A round ------------------------------------------------------------------------------------

  void play_round() {
    while (clients_.size() < clients_at_once) connect_one();
    quiesce();
    if (chance(30)) change_rules();
    if (chance(30)) subscribe(*one_of(clients_), any_group());
    for (std::size_t i = any(6); i > 0; --i) subscribe_to_some(*one_of(clients_));
    if (chance(30)) unsubscribe(*one_of(clients_));
    quiesce();
    if (HasFailure()) return;  // the accounts would only repeat it
    begin_accounts();
    let_them_speak();
    quiesce();
    if (HasFailure()) return;
    check_accounts();
    end_limited();
    std::erase_if(clients_, [this](const auto& client) { return !client->whole() || chance(5); });
    EXPECT_TRUE(test::run_until(
        loop, [this] { return hub->statistics().connections == clients_.size(); }, longest))
        << where() << hub->statistics().connections << " of " << clients_.size();
  }

  void let_them_speak() {
    const bool wild_round = chance(40);
    // In other rounds most clients soon wait for one that does not read, and few queues get full.
    const bool waiters_read = chance(60);
    const auto reads = [&](const DrivenClient& client) {
      return chance(50) || (waiters_read && client.has_publishers_wait());
    };
    for (const auto& client : clients_) client->reads = reads(*client);
    for (std::size_t i = 100 + any(800); i > 0; --i) {
      if (wild_round && chance(2)) do_something_wild();
      DrivenClient& client = *one_of(clients_);
      if (client.stream.ended) continue;
      if (chance(3)) {
        ask_for_statistics(client);
      } else if (!client.wild || chance(20)) {
        publish(client);
      }
      if (chance(10)) turn();
      if (chance(2)) client.reads = reads(client);
    }
  }

  // Accounts -----------------------------------------------------------------------------------

  void begin_accounts() {
    expected_of_groups_.clear();
    exact_ = true;
    reloaded_ = false;
    superseded_before_ = hub->statistics().superseded;
    slow_before_ = hub->statistics().slow_consumers;
    for (const auto& client : clients_) client->begin_account();
  }

  /// A client that was cut, or did what is not accounted for, may have taken along messages: those
  /// of the groups it was in. What such clients published may have come to anybody, or not.
  void check_accounts() {
    for (const auto& client : clients_) {
      exact_ = exact_ && client->whole();
      if (client->whole()) {
        EXPECT_TRUE(reloaded_ || client->refused == client->refused_expected)
            << where() << client->refused << " refused, not " << client->refused_expected;
        EXPECT_LE(client->answered, client->asked) << where();
      }
    }
    check_cuts();
    if (!exact_) return;
    for (const auto& client : clients_) check_subscriptions(*client);
    check_groups();
    check_superseded();
  }

  /// Nobody is cut but a client that did not read, and that is counted.
  void check_cuts() {
    const auto count = [this](auto holds) {
      return static_cast<std::uint64_t>(std::ranges::count_if(clients_, holds));
    };
    const auto cut =
        count([](const auto& client) { return !client->wild && client->stream.ended; });
    const auto wild = count([](const auto& client) { return client->wild; });
    const std::uint64_t slow = hub->statistics().slow_consumers - slow_before_;
    EXPECT_GE(slow, cut) << where() << state();
    EXPECT_LE(slow, cut + wild) << where();
    cut_ += cut;
  }

  /// The answers it asked for may be among what it lost.
  void check_subscriptions(const DrivenClient& client) {
    for (const auto& [sid, one] : client.subscribed) {
      if (!one.group.empty()) continue;
      const auto most = std::min(one.expected + client.asked, one.most);
      EXPECT_LE(one.told(), most) << where() << one.pattern;
      if (one.latest_only()) continue;
      // Answers are not counted, but among a limited number.
      const auto least = one.limited() ? std::min(one.expected, most - std::min(most, client.asked))
                                       : one.expected;
      EXPECT_GE(one.told(), least) << where() << one.pattern << ' ' << sid;
      accounted_ += one.told();
    }
  }

  void check_groups() {
    std::map<std::string, std::uint64_t> told;
    std::set<std::string> inexact;
    for (const auto& client : clients_) {
      for (const auto& [sid, one] : client->subscribed) {
        told[one.group] += one.told();
        if (one.latest_only()) inexact.insert(one.group);
      }
    }
    told.erase("");
    for (const auto& [group, sum] : told) {
      if (!inexact.contains(group)) {
        EXPECT_EQ(sum, expected_of_groups_[group]) << where() << group;
      }
    }
  }

  /// What a subscription to the latest message does not get is superseded, and counted.
  void check_superseded() {
    std::uint64_t missing = 0;
    for (const auto& client : clients_) {
      if (client->asked > 0) return;
      for (const auto& [sid, one] : client->subscribed) {
        if (!one.latest_only()) continue;
        if (!one.group.empty() || one.limited()) return;
        missing += one.expected - one.told();
      }
    }
    EXPECT_EQ(missing, hub->statistics().superseded - superseded_before_) << where();
  }

  /// For a round that does not come to its end.
  [[nodiscard]] std::string state() const {
    std::string text;
    for (const auto& one : hub->subscriptions()) {
      if (one.waiting == 0) continue;
      text += "uid " + std::to_string(one.peer.uid) + ": " + std::to_string(one.waiting) +
              " wait for " + one.subject + ", " + std::string(to_string(one.overflow)) + '\n';
    }
    for (const auto& user : hub->users()) {
      text += "uid " + std::to_string(user.uid) + ": " + std::to_string(user.memory) + " of " +
              std::to_string(user.memory_share) + " bytes\n";
    }
    for (const auto& client : clients_) {
      text += "uid " + std::to_string(client->uid) + ", " + std::string(to_string(client->policy)) +
              (client->wild ? ", wild" : "") + (client->stream.ended ? ", ended: " : ": ") +
              std::to_string(client->pongs) + " of " + std::to_string(client->pings) +
              " PONGs, to send: \"" + printable(std::string_view(client->to_send).substr(0, 60)) +
              "\"; " + client->last_error + '\n';
    }
    return text;
  }
  [[nodiscard]] std::string where() const {
    return "seed " + std::to_string(seed_) + ", operation " + std::to_string(operations_) + ": ";
  }

  // A drive ------------------------------------------------------------------------------------

  void start_hub() {
    HubOptions options;
    options.file.mode = 0666;
    options.limits.outbound = 16 * kibibyte;
    options.limits.send_buffer = 4 * kibibyte;
    options.limits.max_pending_per_subscription = 8 * kibibyte;
    options.limits.max_memory_per_uid = 64 * kibibyte;
    options.limits.slow_time = longest;  // the driver decides what is slow, not the machine
    options.rules.allow = {allow::any()};
    rules_.take(options.rules);
    start(std::move(options));
  }

  void drive(std::uint64_t seed, std::uint64_t operations) {
    seed_ = seed;
    chance_ = Chance(seed);
    operations_ = 0;
    start_hub();
    while (operations_ < operations && !HasFailure()) {
      play_round();
      events.clear();
    }
    dropped_ += hub->statistics().dropped;
    superseded_ += hub->statistics().superseded;
    clients_.clear();
    EXPECT_TRUE(until([this] { return hub->statistics().connections == 0; }));
    EXPECT_EQ(hub->statistics().subscriptions, 0U);
    hub.reset();
  }

  const bool root_ = ::geteuid() == 0;
  std::uint64_t seed_ = 0;
  Chance chance_{seed_};
  DrivenRules rules_;
  std::vector<std::unique_ptr<DrivenClient>> clients_;
  std::uint64_t last_sid_ = 100;
  std::uint64_t operations_ = 0;
  // Of a round:
  std::map<std::string, std::uint64_t> expected_of_groups_;
  bool exact_ = true;      // all that was said is accounted for
  bool reloaded_ = false;  // while messages were under way
  std::uint64_t superseded_before_ = 0;
  std::uint64_t slow_before_ = 0;
  // Of all drives:
  std::uint64_t published_ = 0;
  std::uint64_t accounted_ = 0;
  std::uint64_t cut_ = 0;
  std::uint64_t dropped_ = 0;
  std::uint64_t superseded_ = 0;
};

TEST_F(hub_driver, accounts_for_every_message_whatever_its_clients_do) {
  test::Watchdog::allow(in_full() ? 1'000 : 300);
  const auto begin = Clock::now();
  const std::uint64_t operations =
      from_environment("HALLWAY_HUB_OPERATIONS", times(1'000'000, 5'000));
  std::string driven;
  for (const std::uint64_t seed : seeds()) {
    if (!HasFailure()) drive(seed, operations);
    driven += ' ' + std::to_string(seed);
  }
  const std::chrono::duration<double> took = Clock::now() - begin;
  report("hub driver: seeds" + driven + ", each " + std::to_string(operations) +
         " operations, in " + rounded(took.count()) + " s; " + std::to_string(published_) +
         " published, " + std::to_string(accounted_) + " accounted for one by one, " +
         std::to_string(dropped_) + " dropped, " + std::to_string(superseded_) + " superseded, " +
         std::to_string(cut_) + " clients cut");
  EXPECT_GT(accounted_, 0U);
}

}  // namespace
}  // namespace hallway::torture
