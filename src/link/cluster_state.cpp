// SPDX-License-Identifier: Apache-2.0
#include "link/cluster_state.hpp"

#include <utility>

#include <hallway/server_url.hpp>

namespace hallway::link {

namespace {

/// Complaints posted to the loop and not handled yet; further ones are dropped.
constexpr std::size_t most_complaints = 100;

/// The URLs, separated by commas, without the part before an @.
std::string without_secrets(const std::vector<std::string>& urls) {
  std::string all;
  for (const std::string& url : urls) {
    if (!all.empty()) all += ", ";
    all += ServerUrl::without_secrets(url);
  }
  return all;
}

}  // namespace

ClusterState::ClusterState(Loop& its_loop, LinkOptions its_options, Cluster::Role its_role,
                           Cluster::Observer& its_observer)
    : options(std::move(its_options)),
      role(std::move(its_role)),
      outbox(options.outbound, options.overflow),
      inbox(options.inbound, OverflowPolicy::drop_newest),
      loop(&its_loop),
      observer(&its_observer) {}

void ClusterState::post_event(const Shared& self, std::function<void(Cluster::Observer&)> what) {
  const std::lock_guard lock(self->observer_mutex);
  if (self->loop == nullptr) return;
  self->loop->post([self, call = std::move(what)] {
    if (self->observer != nullptr) call(*self->observer);
  });
}

void ClusterState::report(const Shared& self, LinkEvent::Kind kind, std::error_code code,
                          const std::vector<std::string>& urls, ByteView reason, ByteView hint) {
  LinkEvent event{.kind = kind,
                  .about = {.code = code,
                            .operation = "link to",
                            .subject = without_secrets(urls),
                            .reason = printable(reason),
                            .hint = std::string(hint)},
                  .account = self->role.account};
  // A server may complain at any rate, and the loop may be slow.
  const bool limited = kind == LinkEvent::Kind::complaint;
  if (limited) {
    const std::lock_guard lock(self->observer_mutex);
    if (self->complaints >= most_complaints) return;
    ++self->complaints;
  }
  post_event(self, [self, limited, event = std::move(event)](Cluster::Observer& observer) {
    if (limited) {
      const std::lock_guard lock(self->observer_mutex);
      --self->complaints;
    }
    observer.changed(event);
  });
}

void ClusterState::arrive(const Shared& self, ForwardedMessage message) {
  bool first = false;
  {
    const std::lock_guard lock(self->mutex);
    first = self->inbox.empty();
    self->counts.dropped_in += self->inbox.offer(std::move(message));
  }
  if (first) post_event(self, [](Cluster::Observer& observer) { observer.arrived(); });
}

void ClusterState::set(Connection now) {
  const std::lock_guard lock(mutex);
  connection = now;
  counts.up = now == Connection::up;
  if (now == Connection::up) {
    ++counts.connects;
    announce_all = request_announcements = report_up = true;
  } else if (!options.keep_while_away) {
    counts.dropped_out += outbox.clear();
  }
  changed.notify_all();
}

}  // namespace hallway::link
