// SPDX-License-Identifier: Apache-2.0
#include "hub/client/subscription_state.hpp"

#include <utility>

#include <hallway/deadline.hpp>

#include "hub/client/hub_client_state.hpp"
#include "loop/timed_wait.hpp"

namespace hallway::detail {

SubscriptionState::SubscriptionState(std::shared_ptr<HubClientState> client, std::uint64_t id,
                                     ByteView subject, const hub::SubscribeOptions& options)
    : client_(std::move(client)),
      id_(id),
      subject_(subject),
      queue_(options.queue),
      max_(options.max),
      inbox_(options.inbox, options.overflow) {}

void SubscriptionState::deliver(hub::Message message) {
  if (inbox_.overflows()) {
    client_->unsubscribe(*this);
    why_ = "this subscriber was too slow";
    return end(Outcome::failed);
  }
  if (inbox_.offer(std::move(message))) {
    report_lost("losing messages (this subscriber is too slow)");
  }
  wake_all(client_->loop().core(), receivers_);
  if (max_ > 0 && ++delivered_ == max_) end(Outcome::end_of_stream);
}

void SubscriptionState::note_gap(std::uint64_t count) {
  missing_ += count;
  report_lost("lost " + std::to_string(count) + (count == 1 ? " message" : " messages") +
              " (this subscriber was too slow)");
}

void SubscriptionState::report_lost(const std::string& reason) const {
  Error lost = client_->error_about(std::errc::no_buffer_space, "", reason);
  lost.subject = subject_;
  client_->report(hub::ClientEvent::Kind::messages_lost, std::move(lost));
}

void SubscriptionState::end(Outcome outcome) {
  if (end_ != Outcome::ok) return;
  end_ = outcome;
  wake_all(client_->loop().core(), receivers_);
  client_->wake_changed();
}

bool SubscriptionState::take(hub::Received& received) {
  const bool blocked = inbox_.blocks();
  if (auto message = inbox_.take()) {
    if (blocked && !inbox_.blocks()) client_->wake_changed();
    received = {Outcome::ok, std::move(*message), nullptr};
    return true;
  }
  if (end_ == Outcome::ok) return false;
  if (!std::exchange(finished_, true)) client_->wake_changed();
  received = {end_, hub::Message(), client_->errors(), why_};
  return true;
}

// It holds a reference because the program may destroy the hub::Subscription in the meantime.
Task<> SubscriptionState::wait(Duration within, hub::Received& received) {
  const auto self = shared_from_this();
  const Deadline deadline(within);
  LoopCore& core = client_->loop().core();
  auto woken_by = WokenBy::owner;
  while (!take(received)) {
    // A client that drains lets its receivers take what still arrives, up to the end of the stream.
    const bool drains = woken_by == WokenBy::drain && !client_->draining();
    if (drains || woken_by == WokenBy::time) {
      received = {drains ? Outcome::closed : Outcome::timed_out, hub::Message(), client_->errors()};
      // A drain of the client that comes later does not wait for this receiver.
      if (drains && !std::exchange(finished_, true)) client_->wake_changed();
      co_return;
    }
    if (client_->draining()) {
      const bool in_time = co_await TimedWait(core, receivers_, deadline.left());
      woken_by = in_time ? WokenBy::owner : WokenBy::time;
    } else {
      woken_by = co_await WaitOrDrain(core, receivers_, deadline.left());
    }
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
