// SPDX-License-Identifier: Apache-2.0
//
// The cluster's end of a link: a connection to one of its servers, renewed whenever it is lost.
//
// libnats blocks while it connects and while a socket's send buffer is full. A thread of ours
// therefore makes all these calls. The loop only queues work for it, under a lock: messages to send
// and patterns to subscribe to. libnats' threads queue incoming messages for the loop in the same
// way. Loop::post() wakes the loop once, until it has taken everything.
//
// The thread sends all waiting messages, then sends a PING. The server's PONG shows that it has
// received all of them. If the connection ends before, it is unknown which ones arrived.
//
// This thread also announces the wanted patterns to other hubs (interest_gossip.hpp): they are the
// patterns that it subscribes to.
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
  /// Is notified of events on the loop.
  class Observer {
   public:
    virtual ~Observer() = default;
    virtual void changed(const LinkEvent& event) = 0;
    virtual void arrived() = 0;  ///< take() returns a message
    /// A heartbeat interval has passed with the cluster connected. `now` is read on our thread.
    virtual void heartbeat(Loop::Clock::time_point now) = 0;
    virtual void finished() = 0;  ///< after finish()
  };

  /// What a connection is for.
  struct Role {
    std::string id;       ///< of this link, or of the account
    std::string answers;  ///< pattern of the subjects on which answers return over it
    /// Name of the account. Empty: it is the link's own connection, which exchanges gossip with
    /// other hubs. That of an account does not.
    std::string account = {};
  };

  /// @param observer  outlives this
  Cluster(Loop& loop, LinkOptions options, Role role, Observer& observer);
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;
  /// Blocking: until its thread has ended, but not longer than LinkOptions::connect_time and half a
  /// second. Then it detaches the thread, because a name look-up cannot be interrupted.
  ~Cluster();

  /// Queues a message for the cluster. A message that is lost is counted.
  void offer(ForwardedMessage message);

  /// The next message that arrived; nullopt if there is none.
  std::optional<ForwardedMessage> take();

  /// Subscribes to a pattern or unsubscribes from it, and announces that to the other hubs.
  void want(const std::string& pattern, bool wanted);

  void announce_all();           ///< announces all wanted patterns to the other hubs
  void request_announcements();  ///< asks the other hubs to announce all of theirs

  /// Sends the waiting messages, and ends. If the cluster is not connected, they are lost.
  void finish();

  /// Tells its thread to end. The destructor waits for that: a link with several calls this for all
  /// before it destroys the first, so that it waits for all at once.
  void stop();

  /// The time at which it ends in any case, counted from the first call, stop() or
  /// finish().
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
