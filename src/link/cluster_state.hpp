// SPDX-License-Identifier: Apache-2.0
//
// What the loop, a cluster's own thread and those of libnats share. Each of them may be the last to
// let go of it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <system_error>
#include <vector>

#include <hallway/bytes.hpp>
#include <hallway/link.hpp>
#include <hallway/loop.hpp>

#include "link/bounded_queue.hpp"
#include "link/cluster.hpp"
#include "link/forwarded_message.hpp"
#include "link/interest.hpp"

namespace hallway::link {

struct ClusterState {
  enum class Connection : std::uint8_t { none, up, away, closed };
  using Shared = std::shared_ptr<ClusterState>;

  ClusterState(Loop& its_loop, LinkOptions its_options, std::string its_id, std::string its_answers,
               Cluster::Observer& its_observer);

  /// Calls the observer on the loop, as long as there is one.
  static void post_event(const Shared& self, std::function<void(Cluster::Observer&)> what);

  /// Tells what has happened between us and servers, whose URLs may hold secrets.
  static void report(const Shared& self, LinkEvent::Kind kind, std::error_code code,
                     const std::vector<std::string>& urls, ByteView reason);

  /// Leaves a message for the loop.
  static void arrive(const Shared& self, ForwardedMessage message);

  void set(Connection now);

  const LinkOptions options;
  const std::string id;
  const std::string answers;

  std::mutex mutex;  // around what follows
  std::condition_variable news;
  BoundedQueue outbox;
  BoundedQueue inbox;
  InterestChanges changes;  // in what is wanted of the cluster
  LinkStatistics counts;
  std::uint64_t overruns = 0;  // lost within libnats
  Connection connection = Connection::none;
  bool announce_all = false;
  bool request_announcements = false;
  bool tell_up = false;
  bool finishing = false;
  bool stopping = false;
  bool ended = false;  // its own thread touches nothing of libnats' from here on

  std::mutex telling;          // around what follows; taken after the other, where both are
  std::size_t complaints = 0;  // on their way to the loop
  Loop* loop;
  Cluster::Observer* observer;  // used on the loop only
};

}  // namespace hallway::link
