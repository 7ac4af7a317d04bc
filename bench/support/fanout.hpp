// SPDX-License-Identifier: Apache-2.0
//
// The work `fanout`: one publisher, a broker, and --subscribers that get everything. Each broker is
// spoken to in its own protocol by the same raw sockets, so that the broker is what is measured:
//
//   --mode batches  the publisher, too, is a raw socket, which writes 64 KiB at a time
//   --mode each     it is a program on the broker's client library that sends one message after the
//                   other, and leaves it to the library how they travel
//
// Every subscriber checks the number of every message. --processes share the subscribers among
// them: one has all, unless it says so. So that no broker has to keep what cannot be delivered yet,
// the publisher is at most a window ahead of the slowest subscriber; one that pushes back by itself
// needs none in the mode `each`.
#pragma once

#include <sys/types.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "directory.hpp"
#include "numbered.hpp"
#include "options.hpp"
#include "sides.hpp"
#include "stream.hpp"

namespace bench {

/// How messages of one topic look on their way to a broker and from it. All messages of a run have
/// one size, and so have their frames.
struct Protocol {
  std::string publisher_says = {};   ///< before anything else
  std::string subscriber_says = {};  ///< the same; whatever is answered to it is skipped
  std::string before = {};           ///< the message on its way to the broker
  std::string after = {};
  std::string delivered_before = {};  ///< the same on its way from it
  std::string delivered_after = {};
  std::string between = {};  ///< what the broker may say between two messages
};

/// The subscribers in one process, as the publisher sees them.
struct alignas(64) Listeners {
  std::atomic<bool> complete;          ///< each subscriber has heard something
  std::atomic<bool> measuring;         ///< they have begun to
  std::atomic<bool> satisfied;         ///< each has heard everything
  std::atomic<std::uint64_t> slowest;  ///< messages that each of them has heard
};

/// What the publisher and the subscribers know of each other, in memory that they share.
class Audience {
 public:
  static constexpr std::size_t most_processes = 1000;

  /// Precondition: at most most_processes.
  explicit Audience(std::size_t processes);

  std::span<Listeners> listeners() { return std::span(all_).first(processes_); }
  bool are_all(std::atomic<bool> Listeners::* state) {
    return std::ranges::all_of(listeners(),
                               [&](const Listeners& some) { return (some.*state).load(); });
  }
  /// Messages that every subscriber has heard.
  std::uint64_t slowest();

  std::atomic<bool> warm = false;          ///< the publisher asks to measure from here on
  std::atomic<std::uint64_t> awaited = 0;  ///< of slowest(), for the publisher to go on; 0: it does
  std::atomic<std::uint64_t> published;    ///< in total, once the publisher has ended
  pid_t broker = 0;
  const int room_made;  ///< eventfds: for the publisher
  const int news;       ///< for the subscribers

 private:
  const std::size_t processes_;
  std::array<Listeners, most_processes> all_{};
};

/// What a publisher sends. It goes round twice, once to warm up:
///
///     while (publication.announcing()) send(publication.announcement());
///     do {
///       while (const auto message = publication.next()) send(*message);
///       flush();
///     } while (publication.again());
class Publication {
 public:
  /// @param windowed  whether it waits for the slowest subscriber
  Publication(Side& side, const Options& options, Audience& audience, bool windowed);

  /// Whether some subscriber has not heard anything yet. Waits a moment before it says so.
  [[nodiscard]] bool announcing() const;
  [[nodiscard]] std::string_view announcement() { return message_.last(); }

  /// The next message, borrowed until the call after it; none when time is up. Waits for room in
  /// the window: what was sent has to be on its way by then, all but a thousand messages.
  std::optional<std::string_view> next() {
    if (next_ == look_up_at_ && !look_up()) return std::nullopt;
    return message_.with(next_++);
  }

  /// Waits until each subscriber has heard everything, which must be on its way. True: now the
  /// same is measured.
  bool again();

 private:
  bool look_up();
  void await_room();

  Side& side_;
  Audience& audience_;
  bool windowed_;
  std::uint64_t duration_;
  Numbered message_;
  std::uint64_t end_at_ = 0;
  std::uint64_t next_ = 0;
  std::uint64_t look_up_at_ = 0;
};

/// A broker, and how to get at it.
struct Broker {
  std::function<void()> serve;  ///< runs it until the process is ended
  Protocol protocol = {};
  std::function<Socket()> connect_subscriber = {};  ///< once it listens
  std::function<Socket()> connect_publisher = {};
  /// With its client library; where there is none, a raw socket writes 64 KiB at a time.
  std::function<void(Publication&)> publish_each = {};
  bool pushes_back = false;
};

/// Runs the broker that `make` describes, its subscribers and its publisher, and prints the line.
/// Whatever the broker keeps is in `directory`.
int run_fanout(int argc, char** argv,
               const std::function<Broker(const Options&, const Directory&)>& make);

/// The same for what goes over a Unix socket as len32 frames and needs no word in advance.
Broker plain_broker(const Options& options, const std::string& path, std::function<void()> serve);

/// Becomes another program, which says nothing.
[[noreturn]] void become(std::vector<std::string> command);

}  // namespace bench
