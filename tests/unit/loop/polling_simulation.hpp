// SPDX-License-Identifier: Apache-2.0
//
// Two programs that send one message to and fro, in virtual time: each on a core of its own and
// with a polling policy of its own. Waking a sleeping process costs what the machine's description
// says, and other processes may take a core away. Deterministic: the seed decides everything.
#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include <hallway/limits.hpp>

#include "support/waiting.hpp"

namespace hallway::test {

using VirtualTime = std::chrono::steady_clock::time_point;

/// Another process on a core, awake for `awake` of every `period`. A period of zero: there is none.
struct Disturber {
  Duration period{};
  Duration awake{};
  Duration phase{};

  /// When a yield at `now` gets the core back.
  [[nodiscard]] VirtualTime gives_back(VirtualTime now) const {
    if (period == Duration::zero()) return now;
    const Duration into = (now.time_since_epoch() + phase) % period;
    return into < awake ? now + (awake - into) : now;
  }
};

struct Machine {
  Duration wake = 45us;       // from a send to a sleeping process until that process runs
  Duration wake_send = 15us;  // of that, within the sender's call
  Duration send = 1us;        // to a process that is awake
  Duration poll = 700ns;      // one round of polling
  Duration long_yield = 100us;
  std::array<Disturber, 2> disturbers{};
};

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : bits_(seed) {}

  Duration up_to(Duration bound) {
    return Duration(static_cast<std::int64_t>(bits_() % static_cast<std::uint64_t>(bound.count())));
  }
  /// A fifth less to a fifth more.
  Duration around(Duration mean) { return mean * 4 / 5 + up_to(mean * 2 / 5); }

 private:
  std::mt19937_64 bits_;
};

struct Arrival {
  VirtualTime at;
  bool woken;  // the receiver was asleep
};

/// One program: how it waits. `Policy` has the functions of SpinBackoff.
template <typename Policy>
class SimulatedProgram {
 public:
  SimulatedProgram(Policy policy, const Machine& machine, std::size_t core, Dice& dice)
      : policy_(policy), machine_(machine), disturber_(machine.disturbers.at(core)), dice_(dice) {}

  void begin_wait(VirtualTime now) { began_ = now; }

  /// Ends the wait, by a message that is there from `sent` on.
  Arrival receive(VirtualTime sent) {
    if (sent <= began_) return {began_, false};
    VirtualTime now = began_;
    if (poll(now, sent)) return {now, false};
    const bool asleep = now < sent;
    if (asleep) now = wake(sent);
    policy_.note_woken(now, true);
    return {now, asleep};
  }

  /// Time spent in polling, found or not, and the part of it that found nothing.
  [[nodiscard]] Duration polled() const { return polled_; }
  [[nodiscard]] Duration polled_in_vain() const { return in_vain_; }
  /// Time for which yields gave the core to others.
  [[nodiscard]] Duration lost() const { return lost_; }

 private:
  bool poll(VirtualTime& now, VirtualTime sent) {
    const Duration longest =
        policy_.poll_time(began_, [this] { return began_.time_since_epoch(); });
    if (longest <= Duration::zero()) return false;
    while (now - began_ < longest) {
      if (now >= sent) {
        policy_.note_found(now);
        polled_ += now - began_;
        return true;
      }
      now += machine_.poll;
      const Duration away = disturber_.gives_back(now) - now;
      now += away;
      if (away > machine_.long_yield) {
        policy_.note_crowded(now, away);
        lost_ += away;
        return now >= sent;
      }
    }
    policy_.note_missed();
    polled_ += now - began_;
    in_vain_ += now - began_;
    return false;
  }

  VirtualTime wake(VirtualTime sent) {
    const VirtualTime awake = sent + dice_.around(machine_.wake);
    const bool taken = disturber_.gives_back(awake) > awake;  // and takes its time to be preempted
    return taken ? awake + dice_.up_to(100us) : awake;
  }

  Policy policy_;
  const Machine& machine_;
  const Disturber disturber_;
  Dice& dice_;
  VirtualTime began_;
  Duration polled_{};
  Duration in_vain_{};
  Duration lost_{};
};

/// What a conversation came to. Shares are of one core, the greater one of both sides.
struct Exchange {
  Duration median{};
  Duration mean{};
  Duration longest_slow{};  // the longest time without a fast round trip
  double polled{};
  double polled_in_vain{};
  double lost{};
};

struct Pace {
  Duration lasts = 100ms;
  Duration thinks = 1us;  // the second program, before it answers
  Duration pauses = 1us;  // the first program, before it asks again
};

template <typename First, typename Second>
Exchange converse(const Machine& machine, First first, Second second, std::uint64_t seed,
                  Pace pace = {}) {
  constexpr Duration fast = 20us;
  Dice dice(seed);
  SimulatedProgram client(first, machine, 0, dice);
  SimulatedProgram server(second, machine, 1, dice);
  const VirtualTime start = VirtualTime(1h) + dice.up_to(10ms);
  server.begin_wait(start - 1ms);
  Exchange exchange;
  std::vector<Duration> latencies;
  VirtualTime last_fast = start;
  VirtualTime now = start;
  while (now - start < pace.lasts) {
    const VirtualTime asked = now;
    const Arrival question = server.receive(asked + machine.send);
    client.begin_wait(asked + (question.woken ? machine.wake_send : machine.send));
    const VirtualTime answered = question.at + pace.thinks;
    const Arrival answer = client.receive(answered + machine.send);
    server.begin_wait(answered + (answer.woken ? machine.wake_send : machine.send));
    latencies.push_back(answer.at - asked);
    exchange.longest_slow = std::max(exchange.longest_slow, answer.at - last_fast);
    if (latencies.back() < pace.thinks + fast) last_fast = answer.at;
    now = answer.at + pace.pauses;
  }
  std::ranges::sort(latencies);
  exchange.median = latencies[latencies.size() / 2];
  for (const Duration latency : latencies) exchange.mean += latency;
  exchange.mean /= static_cast<std::int64_t>(latencies.size());
  const auto share = [&](Duration one, Duration other) {
    return static_cast<double>(std::max(one, other).count()) /
           static_cast<double>((now - start).count());
  };
  exchange.polled = share(client.polled(), server.polled());
  exchange.polled_in_vain = share(client.polled_in_vain(), server.polled_in_vain());
  exchange.lost = share(client.lost(), server.lost());
  return exchange;
}

}  // namespace hallway::test
