// SPDX-License-Identifier: Apache-2.0
#include "link/cluster.hpp"

#include <chrono>
#include <cstdint>
#include <mutex>
#include <utility>

#include <hallway/deadline.hpp>

#include "core/thread_with_signals_blocked.hpp"
#include "link/callbacks.hpp"
#include "link/cluster_state.hpp"
#include "link/cluster_thread.hpp"
#include "link/libnats.hpp"

namespace hallway::link {

namespace {

/// Time that the thread gets to end, on top of the time of one attempt to connect.
constexpr Duration slack = std::chrono::milliseconds(500);

}  // namespace

Cluster::Cluster(Loop& loop, LinkOptions options, Role role, Observer& observer)
    : state_(std::make_shared<ClusterState>(loop, std::move(options), std::move(role), observer)),
      thread_(core::thread_with_signals_blocked([state = state_] { serve_cluster(state); })) {}

// Our thread and libnats' threads may be in getaddrinfo(3), which cannot be interrupted. Such a
// thread is not waited for: it is detached, and shares ownership of the state.
Cluster::~Cluster() {
  stop();
  bool ended = false;
  {
    std::unique_lock lock(state_->mutex);
    ended = state_->changed.wait_until(lock, give_up_at(), [this] { return state_->ended; });
  }
  if (ended) {
    thread_.join();
  } else {
    callbacks::abandon();
    thread_.detach();
  }
  const std::lock_guard lock(state_->observer_mutex);
  state_->loop = nullptr;
  state_->observer = nullptr;
}

void Cluster::offer(ForwardedMessage message) {
  const std::lock_guard lock(state_->mutex);
  if (!state_->options.keep_while_away && state_->connection != ClusterState::Connection::up) {
    ++state_->counts.dropped_out;
    return;
  }
  const bool first = state_->outbox.empty();
  state_->counts.dropped_out += state_->outbox.offer(std::move(message));
  if (first) state_->changed.notify_all();
}

std::optional<ForwardedMessage> Cluster::take() {
  const std::lock_guard lock(state_->mutex);
  return state_->inbox.take();
}

void Cluster::want(const std::string& pattern, bool wanted) {
  const std::lock_guard lock(state_->mutex);
  state_->changes.note(pattern, wanted);
  state_->changed.notify_all();
}

void Cluster::announce_all() {
  const std::lock_guard lock(state_->mutex);
  state_->announce_all = true;
  state_->changed.notify_all();
}

void Cluster::request_announcements() {
  const std::lock_guard lock(state_->mutex);
  state_->request_announcements = true;
  state_->changed.notify_all();
}

/// The first call fixes the time.
Loop::Clock::time_point Cluster::give_up_at() {
  if (!give_up_at_) give_up_at_ = Loop::Clock::now() + state_->options.connect_time + slack;
  return *give_up_at_;
}

void Cluster::stop() {
  static_cast<void>(give_up_at());
  const std::lock_guard lock(state_->mutex);
  state_->stopping = true;
  state_->changed.notify_all();
}

void Cluster::finish() {
  static_cast<void>(give_up_at());
  const std::lock_guard lock(state_->mutex);
  state_->finishing = true;
  state_->changed.notify_all();
}

LinkStatistics Cluster::statistics() const {
  const std::lock_guard lock(state_->mutex);
  LinkStatistics counts = state_->counts;
  counts.kept = state_->outbox.size();
  counts.dropped_in += state_->overruns;
  return counts;
}

// libnats 3.4.1 frees messages on a garbage-collector thread. At shutdown that thread may exit
// before the delivery thread and leak what is delivered afterwards, so wait until no delivery is
// pending.
bool Cluster::end_threads(Duration within) {
  const Deadline deadline(within);
  if (callbacks::any_abandoned()) return false;
  callbacks::wait_until_gone(within);
  const std::int64_t left = within == forever ? 0 : milliseconds(deadline.left());  // 0: no limit
  return nats_CloseAndWait(left) == NATS_OK;
}

}  // namespace hallway::link
