// SPDX-License-Identifier: Apache-2.0
//
// The cluster's end of a link: a connection to one of its servers, made anew whenever it is lost.
//
// libnats blocks: where it connects, and where a socket takes no more. So a thread of ours does all
// of that, and the loop only leaves things for it, under a lock: messages that are to leave, and
// which patterns are to be subscribed to. What arrives is left for the loop by libnats' threads in
// the same way, and the loop is woken by Loop::post(), once until it has taken everything.
//
// Whatever waits to leave is written at once, and then the server is asked for a PONG. When that
// comes, it has had all of it; when the connection ends before, nobody knows.
//
// This thread also says to other hubs what is wanted (word.hpp): it is what it subscribes to.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <hallway/bytes.hpp>
#include <hallway/link.hpp>
#include <hallway/loop.hpp>

#include "link/forwarded_message.hpp"

namespace hallway::link {

struct ClusterState;

class Cluster {
 public:
  /// Hears of things on the loop.
  class Observer {
   public:
    virtual ~Observer() = default;
    virtual void changed(const LinkEvent& event) = 0;
    virtual void arrived() = 0;  ///< take() gives something
    /// The time of one has passed, and the cluster was there; `now` as our thread saw it.
    virtual void heartbeat(Loop::Clock::time_point now) = 0;
    virtual void finished() = 0;  ///< after finish()
  };

  /// @param id       of this link
  /// @param answers  pattern of the subjects that lead answers back to it
  /// @param observer  outlives this
  Cluster(Loop& loop, LinkOptions options, std::string id, std::string answers, Observer& observer);
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;
  /// Blocking: until its thread has ended, for the time of one attempt to connect at most. Then it
  /// goes on without it: a name look-up cannot be cut short.
  ~Cluster();

  /// Has a message leave. Where it is lost, it is counted.
  void offer(ForwardedMessage message);

  /// What arrived, one after the other.
  std::optional<ForwardedMessage> take();

  /// Subscribes to a pattern, or not any more, and has the others know it.
  void want(const std::string& pattern, bool wanted);

  void announce_all();           ///< to the others, what is wanted
  void request_announcements();  ///< the others, what they want

  /// Sends what waits, and ends. Where the cluster is away, what waits is lost.
  void finish();

  /// When it ends in any case, counted from the first call, or from finish().
  Loop::Clock::time_point give_up_at();

  [[nodiscard]] LinkStatistics statistics() const;

  /// See Link::end_threads().
  static bool end_threads(Duration within);

 private:
  std::shared_ptr<ClusterState> state_;
  std::thread thread_;
  std::optional<Loop::Clock::time_point> give_up_at_;
};

}  // namespace hallway::link
