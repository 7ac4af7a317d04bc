// SPDX-License-Identifier: Apache-2.0
//
// The other hubs on the cluster, and the patterns they want. Pure: the caller passes the time.
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

  /// Bounds, because any client that may publish in the cluster can announce patterns in the name
  /// of a thousand hubs. A hub counts as wanting everything if it wants more than `most_patterns`,
  /// or if its patterns and those of all other hubs would take more than `most_memory` bytes.
  /// Beyond `most_hubs`, gossip of further hubs is ignored.
  static constexpr std::size_t most_patterns = 16'384;
  static constexpr std::size_t most_memory = 16 * mebibyte;
  static constexpr std::size_t most_hubs = 1024;

  /// @param exports  the only subjects that may leave; patterns without any of them are ignored
  explicit RemoteHubs(const std::vector<std::string>& exports);

  /// Precondition: the message is not our own, nor InterestGossip::Kind::ask.
  /// @return false if a message was missed; the hubs are then to be asked for all their patterns
  bool receive(const InterestGossip& gossip, Time now);

  /// Removes the hubs that have sent nothing since `time`.
  void forget_silent_since(Time time);

  /// Treats all hubs as active at `now`, because nothing could be received from them before.
  void extend_liveness(Time now);

  [[nodiscard]] bool want(ByteView subject) { return interest_.wants(subject); }
  /// Whether any hub wants a subject that this one of our exports matches.
  [[nodiscard]] bool want_some_of(ByteView pattern) const;

  /// Number of distinct patterns that the hubs want.
  [[nodiscard]] std::size_t patterns() const noexcept { return interest_.size(); }
  /// Estimated memory of all patterns, in bytes.
  [[nodiscard]] std::size_t memory() const noexcept { return memory_; }

 private:
  struct RemoteHub {
    std::uint64_t number = 0;  // of its last `all` or `change`
    bool known = false;        // no message was missed since its last `all`
    bool everything = false;   // it wants too much to store pattern by pattern
    Time last_seen;
    std::set<std::string, std::less<>> wants;
  };

  struct Export {
    std::string pattern;
    std::size_t wanted = 0;  // number of wanted patterns that have subjects in common with it
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
