// SPDX-License-Identifier: Apache-2.0
//
// The state shared by the loop, a cluster's own thread and libnats' threads. Any of them may be its
// last owner.
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

  ClusterState(Loop& its_loop, LinkOptions its_options, Cluster::Role its_role,
               Cluster::Observer& its_observer);

  /// Calls the observer on the loop, unless the cluster was destroyed meanwhile.
  static void post_event(const Shared& self, std::function<void(Cluster::Observer&)> what);

  /// Reports an event about the servers at `urls`, with the secrets in them removed.
  static void report(const Shared& self, LinkEvent::Kind kind, std::error_code code,
                     const std::vector<std::string>& urls, ByteView reason, ByteView hint = {});

  /// Queues a message for the loop.
  static void arrive(const Shared& self, ForwardedMessage message);

  void set(Connection now);

  const LinkOptions options;
  const Cluster::Role role;

  std::mutex mutex;  // guards what follows
  std::condition_variable changed;
  BoundedQueue outbox;
  BoundedQueue inbox;
  InterestChanges changes;  // of the patterns wanted from the cluster
  LinkStatistics counts;
  std::uint64_t overruns = 0;  // messages dropped by libnats
  Connection connection = Connection::none;
  bool announce_all = false;
  bool request_announcements = false;
  bool report_up = false;
  bool finishing = false;
  bool stopping = false;
  bool ended = false;  // the cluster's own thread no longer uses libnats

  std::mutex observer_mutex;   // guards what follows; locked after `mutex` if both are
  std::size_t complaints = 0;  // posted to the loop and not handled yet
  Loop* loop;
  Cluster::Observer* observer;  // used on the loop only
};

}  // namespace hallway::link
