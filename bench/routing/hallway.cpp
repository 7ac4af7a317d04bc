// SPDX-License-Identifier: Apache-2.0
//
// How long the hub's router takes to find whom a message is for: among --connections subscriptions
// (100,000), every second with a wildcard, --subscribers of them for each subject. With
// `--mode hot` a few hundred subjects are published again and again, with `--mode all` all of them
// in random order. One thread; a message that is for another number of subscriptions ends the
// measurement.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "../support/clock.hpp"
#include "../support/fail.hpp"
#include "../support/json.hpp"
#include "../support/options.hpp"
#include "subject/router.hpp"

namespace {

using namespace bench;
using hallway::hub::RoutedSubscription;
using hallway::hub::Router;

std::string subject_of(std::size_t number) {
  return "house." + std::to_string(number % 317) + ".lamp." + std::to_string(number) + ".on";
}

/// The subject itself, or one of four that cover it.
std::string covering(std::size_t number, std::size_t form) {
  const std::string room = std::to_string(number % 317);
  const std::string lamp = std::to_string(number);
  switch (form % 8) {
    case 1: return "house.*.lamp." + lamp + ".on";
    case 3: return "house." + room + ".lamp." + lamp + ".>";
    case 5: return "*." + room + ".lamp." + lamp + ".*";
    case 7: return "house." + room + ".*." + lamp + ".on";
    default: return subject_of(number);
  }
}

/// A router full of subscriptions, and the subjects that they are interested in.
class Work {
 public:
  explicit Work(const Options& options)
      : subscribers_(options.subscribers),
        router_({random_(), random_()}, [this] { return static_cast<std::uint32_t>(random_()); }) {
    for (std::size_t i = 0; i < options.connections; ++i) {
      const std::size_t number = i / subscribers_;
      subscriptions_.emplace_back(this, covering(number, i));
      router_.add(subscriptions_.back());
      if (i % subscribers_ == subscribers_ - 1) subjects_.push_back(subject_of(number));
    }
    std::ranges::shuffle(subjects_, random_);
    constexpr std::size_t few = 256;
    if (options.mode == "hot") subjects_.resize(std::min(few, subjects_.size()));
  }
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  ~Work() {
    for (RoutedSubscription& one : subscriptions_) router_.remove(one);
  }

  /// Matches each subject once. @return how many that were
  std::size_t match_all() {
    for (std::size_t i = 0; i < subjects_.size(); ++i) {
      // A subject that has just been received is in the cache.
      __builtin_prefetch(subjects_[std::min(i + soon, subjects_.size() - 1)].data());
      router_.match(subjects_[i], matched_);
      if (matched_.size() != subscribers_) fail("a message is for others than it should be");
    }
    return subjects_.size();
  }

 private:
  static constexpr std::size_t soon = 4;

  const std::size_t subscribers_;
  std::mt19937_64 random_{1};
  Router router_;
  std::deque<RoutedSubscription> subscriptions_;
  std::vector<std::string> subjects_;
  std::vector<hallway::hub::SubscriptionId> matched_;
};

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse_options(argc, argv, {.connections = 100'000, .mode = "all"});
  if (options.mode != "all" && options.mode != "hot") fail("--mode is all or hot");
  Work work(options);
  for (int warm_up = 0; warm_up < 3; ++warm_up) work.match_all();

  // On the clock of its own CPU: nobody else takes part.
  const std::uint64_t began = cpu_time();
  const auto until = began + static_cast<std::uint64_t>(options.duration * 1e9);
  std::uint64_t count = 0;
  while (cpu_time() < until) count += work.match_all();
  const auto nanoseconds = static_cast<double>(cpu_time() - began);
  JsonLine()
      .add("count", count)
      .add("seconds", nanoseconds / 1e9)
      .add("value", nanoseconds / static_cast<double>(count))
      .add("unit", "ns")
      .print();
}
