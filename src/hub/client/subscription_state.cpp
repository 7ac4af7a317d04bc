// SPDX-License-Identifier: Apache-2.0
#include "hub/client/subscription_state.hpp"

#include <utility>

#include "core/deadline.hpp"
#include "hub/client/hub_client_state.hpp"
#include "loop/timed_wait.hpp"

namespace hallway::detail {

SubscriptionState::SubscriptionState(std::shared_ptr<HubClientState> client, std::uint64_t id,
                                     ByteView subject, const SubscribeOptions& options)
    : client_(std::move(client)),
      id_(id),
      subject_(subject),
      queue_(options.queue),
      max_(options.max),
      inbox_(options.inbox, options.full) {}

void SubscriptionState::deliver(HubMessage message) {
  if (inbox_.overflows()) {
    client_->unsubscribe(*this);
    why_ = "messages came faster than they were taken";
    return end(Outcome::failed);
  }
  if (inbox_.offer(std::move(message))) {
    report_lost("messages are lost: they come faster than they are taken");
  }
  wake_all(client_->loop().core(), receivers_);
  if (max_ > 0 && ++delivered_ == max_) end(Outcome::end_of_stream);
}

void SubscriptionState::note_gap(std::uint64_t count) {
  missing_ += count;
  report_lost("messages are lost: the hub had no room for " + std::to_string(count));
}

void SubscriptionState::report_lost(const std::string& reason) const {
  Error lost = client_->error_about(std::errc::no_buffer_space, "receive", reason);
  lost.subject = subject_;
  client_->report(HubClientEvent::Kind::messages_lost, std::move(lost));
}

void SubscriptionState::end(Outcome outcome) {
  if (end_ != Outcome::ok) return;
  end_ = outcome;
  wake_all(client_->loop().core(), receivers_);
  client_->wake_changed();
}

bool SubscriptionState::take(HubReceived& received) {
  const bool blocked = inbox_.blocks();
  if (auto message = inbox_.take()) {
    if (blocked && !inbox_.blocks()) client_->wake_changed();
    received = {Outcome::ok, std::move(*message), nullptr};
    return true;
  }
  if (end_ == Outcome::ok) return false;
  if (!std::exchange(finished_, true)) client_->wake_changed();
  received = {end_, HubMessage(), client_, why_};
  return true;
}

// It holds a reference because the program may destroy the Subscription in the meantime.
Task<> SubscriptionState::wait(Duration within, HubReceived& received) {
  const auto self = shared_from_this();
  const core::Deadline deadline(within);
  bool in_time = true;
  while (!take(received)) {
    if (!in_time) {
      received = {Outcome::timed_out, HubMessage(), client_};
      co_return;
    }
    in_time = co_await TimedWait(client_->loop().core(), receivers_, deadline.left());
  }
}

void SubscriptionState::unsubscribe() {
  if (!active()) return;
  client_->unsubscribe(*this);
  end(Outcome::end_of_stream);
}

void SubscriptionState::forget() noexcept {
  client_->forget(*this);
  end(Outcome::closed);
}

}  // namespace hallway::detail
