// SPDX-License-Identifier: Apache-2.0
//
// The other hubs on the cluster, and what they want. Pure: it is told the time.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include <hallway/bytes.hpp>
#include <hallway/loop.hpp>

#include "link/interest.hpp"
#include "link/word.hpp"

namespace hallway::link {

class Neighbours {
 public:
  using Time = Loop::Clock::time_point;

  /// Wanting more patterns than that counts as wanting everything; of more hubs than that, the
  /// first ones are listened to.
  static constexpr std::size_t most_patterns = 100'000;
  static constexpr std::size_t most_hubs = 1024;

  /// @param exports  what they can have at all; the rest of what they want is passed over
  explicit Neighbours(const std::vector<std::string>& exports);

  /// Precondition: it is not our own, nor Word::Kind::ask.
  /// @return false: something was missed; they are to be asked
  bool hear(const Word& word, Time now);

  /// Who was not heard since then is gone.
  void forget_silent_since(Time time);

  /// Nobody could be heard until now.
  void excuse_silence(Time now);

  [[nodiscard]] bool want(ByteView subject) { return interest_.wants(subject); }
  /// Whether they want anything that this one of our exports matches.
  [[nodiscard]] bool want_some_of(ByteView pattern) const;

  /// How many patterns they want, all together.
  [[nodiscard]] std::size_t patterns() const noexcept { return interest_.size(); }

 private:
  struct Neighbour {
    std::uint64_t number = 0;  // of the last thing it said that we understood
    bool known = false;        // we know what it wants
    Time heard;
    std::set<std::string, std::less<>> wants;
  };

  struct Export {
    std::string pattern;
    std::size_t wanted = 0;  // patterns that have subjects in common with it
  };

  void apply(Neighbour& neighbour, const std::vector<std::string>& lines);
  void begin_to_want(Neighbour& neighbour, ByteView pattern);
  void cease_to_want(ByteView pattern);
  void withdraw(const Neighbour& neighbour);

  std::vector<Export> exports_;
  std::map<std::string, Neighbour> all_;
  Interest interest_;
};

}  // namespace hallway::link
