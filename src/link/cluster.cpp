// SPDX-License-Identifier: Apache-2.0
#include "link/cluster.hpp"

#include <chrono>
#include <cstdint>
#include <mutex>
#include <utility>

#include "core/deadline.hpp"
#include "core/thread_with_signals_blocked.hpp"
#include "link/callbacks.hpp"
#include "link/cluster_state.hpp"
#include "link/cluster_thread.hpp"
#include "link/libnats.hpp"

namespace hallway::link {

namespace {

/// What a thread gets besides the time of an attempt to connect, to end by itself.
constexpr Duration slack = std::chrono::milliseconds(500);

}  // namespace

Cluster::Cluster(Loop& loop, LinkOptions options, std::string id, std::string answers,
                 Observer& observer)
    : state_(std::make_shared<ClusterState>(loop, std::move(options), std::move(id),
                                            std::move(answers), observer)),
      thread_(core::thread_with_signals_blocked([state = state_] { serve_cluster(state); })) {}

// The thread may be in getaddrinfo(3), which ends when it likes, and libnats has threads that may
// be as well. They keep what they work with, and nobody waits for them.
Cluster::~Cluster() {
  bool ended = false;
  {
    std::unique_lock lock(state_->mutex);
    state_->stopping = true;
    state_->news.notify_all();
    ended = state_->news.wait_until(lock, give_up_at(), [this] { return state_->ended; });
  }
  if (ended) {
    thread_.join();
  } else {
    callbacks::abandon();
    thread_.detach();
  }
  const std::lock_guard lock(state_->telling);
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
  if (first) state_->news.notify_all();
}

std::optional<ForwardedMessage> Cluster::take() {
  const std::lock_guard lock(state_->mutex);
  return state_->inbox.take();
}

void Cluster::want(const std::string& pattern, bool wanted) {
  const std::lock_guard lock(state_->mutex);
  state_->changes.note(pattern, wanted);
  state_->news.notify_all();
}

void Cluster::announce_all() {
  const std::lock_guard lock(state_->mutex);
  state_->announce_all = true;
  state_->news.notify_all();
}

void Cluster::request_announcements() {
  const std::lock_guard lock(state_->mutex);
  state_->request_announcements = true;
  state_->news.notify_all();
}

/// As soon as that is asked, it is decided.
Loop::Clock::time_point Cluster::give_up_at() {
  if (!give_up_at_) give_up_at_ = Loop::Clock::now() + state_->options.connect_time + slack;
  return *give_up_at_;
}

void Cluster::finish() {
  static_cast<void>(give_up_at());
  const std::lock_guard lock(state_->mutex);
  state_->finishing = true;
  state_->news.notify_all();
}

LinkStatistics Cluster::statistics() const {
  const std::lock_guard lock(state_->mutex);
  LinkStatistics counts = state_->counts;
  counts.kept = state_->outbox.size();
  counts.dropped_in += state_->overruns;
  return counts;
}

// A message that libnats destroys goes to its collector, a thread; told to close, that one may end
// before the one that delivers, and leave behind what comes from there (3.4.1). So that one is to
// have nothing left to do.
bool Cluster::end_threads(Duration within) {
  const core::Deadline deadline(within);
  if (callbacks::any_abandoned()) return false;
  callbacks::wait_until_gone(within);
  const std::int64_t left = within == forever ? 0 : milliseconds(deadline.left());  // 0: no end
  return nats_CloseAndWait(left) == NATS_OK;
}

}  // namespace hallway::link
