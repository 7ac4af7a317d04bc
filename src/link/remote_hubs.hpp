// SPDX-License-Identifier: Apache-2.0
//
// The other hubs on the cluster, and what they want. Pure: it is told the time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <hallway/bytes.hpp>
#include <hallway/limits.hpp>
#include <hallway/loop.hpp>

#include "link/interest.hpp"
#include "link/interest_gossip.hpp"

namespace hallway::link {

class RemoteHubs {
 public:
  using Time = Loop::Clock::time_point;

  /// A hub that wants more patterns than that wants everything, and so does one whose patterns
  /// would take up more memory, in bytes, together with those of all others: whoever may publish in
  /// the cluster can say what a thousand hubs want. Of more hubs than that, the first ones are
  /// listened to.
  static constexpr std::size_t most_patterns = 16'384;
  static constexpr std::size_t most_memory = 16 * mebibyte;
  static constexpr std::size_t most_hubs = 1024;

  /// @param exports  what they can have at all; the rest of what they want is passed over
  explicit RemoteHubs(const std::vector<std::string>& exports);

  /// Precondition: it is not our own, nor InterestGossip::Kind::ask.
  /// @return false: something was missed; they are to be asked
  bool hear(const InterestGossip& word, Time now);

  /// Who was not heard since then is gone.
  void forget_silent_since(Time time);

  /// Nobody could be heard until now.
  void extend_liveness(Time now);

  [[nodiscard]] bool want(ByteView subject) { return interest_.wants(subject); }
  /// Whether they want anything that this one of our exports matches.
  [[nodiscard]] bool want_some_of(ByteView pattern) const;

  /// How many patterns they want, all together.
  [[nodiscard]] std::size_t patterns() const noexcept { return interest_.size(); }
  /// What they take up, in bytes.
  [[nodiscard]] std::size_t memory() const noexcept { return memory_; }

 private:
  struct RemoteHub {
    std::uint64_t number = 0;  // of the last thing it said that we understood
    bool known = false;        // we know what it wants
    bool everything = false;   // it wants too much to be kept one by one
    Time heard;
    std::set<std::string, std::less<>> wants;
  };

  struct Export {
    std::string pattern;
    std::size_t wanted = 0;  // patterns that have subjects in common with it
  };

  void apply(RemoteHub& remote_hub, const std::vector<std::string>& lines);
  void begin_to_want(RemoteHub& remote_hub, ByteView pattern);
  void want_everything(RemoteHub& remote_hub);
  void cease_to_want(ByteView pattern);
  void count(ByteView pattern, std::ptrdiff_t change);
  void withdraw(RemoteHub& remote_hub);

  std::vector<Export> exports_;
  std::map<std::string, RemoteHub> all_;
  Interest interest_;
  std::size_t memory_ = 0;
};

}  // namespace hallway::link
