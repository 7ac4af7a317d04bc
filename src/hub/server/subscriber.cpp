// SPDX-License-Identifier: Apache-2.0
#include "hub/server/subscriber.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "subject/reserved_subjects.hpp"
#include "subject/subject.hpp"
#include "wire/nats_errors.hpp"
#include "wire/nats_writer.hpp"

namespace hallway::hub {

namespace {

// A reference to any part of a chunk keeps the whole chunk alive. A client that does not read
// therefore gets copies of ranges smaller than this: otherwise each could hold sixty-four
// kilobytes.
constexpr std::size_t min_shared_bytes = 16 * kibibyte;

// Upper bounds of the memory of a subscription: the object and its entries in tables and lists, and
// for each token of the subject a tree node and its index entry, which grow by doubling.
constexpr std::size_t subscription_base = 768;
constexpr std::size_t subscription_token = 224;

// How long, after one subscriber of a user was slow, publishers of other users are not paused for
// any of that user's subscribers.
constexpr Duration slow_user_time = std::chrono::minutes(1);

std::size_t cost_of_subscription(std::string_view sid, std::string_view subject,
                                 std::string_view group) {
  const std::size_t words = sid.size() + subject.size() + group.size();
  return subscription_base + 4 * words + count_tokens(subject) * subscription_token;
}

}  // namespace

Subscriber::Subscriber(Connection& connection, User& user, const HubLimits& limits, Router& router,
                       DeliveryTotals& totals, Observer& observer)
    : connection_(connection),
      user_(user),
      limits_(limits),
      router_(router),
      totals_(totals),
      observer_(observer) {}

Subscriber::~Subscriber() {
  withdraw();
  wake_publishers();
}

// Subscriptions ----------------------------------------------------------------------------------

ClientSubscription* Subscriber::find(std::string_view sid) const {
  const auto found = subscriptions_.find(sid);
  return found == subscriptions_.end() ? nullptr : found->second.get();
}

void Subscriber::subscribe(std::string sid, std::string subject, std::string group,
                           const Service& service) {
  const std::size_t cost = cost_of_subscription(sid, subject, group);
  auto subscription = std::make_unique<ClientSubscription>(
      *this, sid, std::move(subject), std::move(group), service, user_.account(), cost);
  const auto place = subscriptions_.emplace(std::move(sid), std::move(subscription)).first;
  try {
    router_.add(*place->second);
  } catch (...) {
    subscriptions_.erase(place);
    throw;
  }
  user_.add_subscription();
}

// Router::remove() notifies links, this one included. If there is no memory for that, the
// connection ends in the middle of the functions below, and the subscriptions in the maps with it.

void Subscriber::unsubscribe(ClientSubscription& subscription) noexcept {
  const auto owned = subscriptions_.extract(subscriptions_.find(subscription.sid()));
  router_.remove(subscription);
  if (subscription.subject() != interest_subject) {
    const DeliveryCounters& counters = subscription.queue.counters();
    handed_ += counters.delivered + counters.dropped + subscription.queue.waiting();
  }
  user_.drop_subscription();
}

void Subscriber::end_after(ClientSubscription& subscription, std::uint64_t most) noexcept {
  if (subscription.end_after(most)) unsubscribe(subscription);
}

void Subscriber::finish(ClientSubscription& subscription) noexcept {
  auto owned = subscriptions_.extract(subscriptions_.find(subscription.sid()));
  router_.remove(subscription);
  finishing_.insert(std::move(owned));
  subscription.queue.release();  // messages that came meanwhile were the last ones
  if (ended_ || subscription.queue.idle()) {
    drop_finished(subscription);
  } else if (!subscription.linked()) {
    waiting_.push_back(subscription);
  }
}

void Subscriber::drop_finished(const ClientSubscription& subscription) noexcept {
  user_.drop_subscription();  // not earlier: it took up memory even when it was no longer routed
  const auto [begin, end] = finishing_.equal_range(subscription.sid());
  finishing_.erase(std::find_if(
      begin, end, [&](const auto& entry) { return entry.second.get() == &subscription; }));
}

void Subscriber::note_subjects() noexcept {
  try {
    for (const auto& [sid, subscription] : subscriptions_) {
      if (subscription->subject() != interest_subject) subjects_.push_back(subscription->subject());
    }
  } catch (const std::bad_alloc&) {
    // The hub will not know which messages the link misses.
  }
}

void Subscriber::withdraw() noexcept {
  if (is_link_) note_subjects();
  while (!subscriptions_.empty()) unsubscribe(*subscriptions_.begin()->second);
  while (!finishing_.empty()) drop_finished(*finishing_.begin()->second);
}

// Outbound ---------------------------------------------------------------------------------------

bool Subscriber::has_room() noexcept {
  detail::ConnectionCore& core = state().core();
  if (core.queued_bytes() >= limits_.outbound && !core.send_blocked()) core.flush();
  return core.queued_bytes() < limits_.outbound && !core.over_share();
}

void Subscriber::write(ByteView bytes) noexcept {
  if (ended_) return;
  try {
    if (state().enqueue(bytes) != Outcome::would_block) return update_memory_charge();
    // The connection has written its share of this turn. Only senders that can wait heed that
    // limit.
    auto chunk = core::Chunk::make(bytes.size());
    std::memcpy(chunk.data(), bytes.data(), bytes.size());
    state().enqueue_shared({chunk, 0, bytes.size(), 1});
    update_memory_charge();
  } catch (const std::bad_alloc&) {
    abort_out_of_memory();
  }
}

void Subscriber::append(const detail::SharedBytes& range) noexcept {
  const std::size_t size = range.size();
  detail::ConnectionState& connection = state();
  detail::ConnectionCore& core = connection.core();
  if (core.send_blocked() && size < min_shared_bytes) {
    write({range.chunk.data() + range.begin, size});
    return;
  }
  if (ended_) return;
  try {
    connection.enqueue_shared(range);
    if (core.queued_bytes() >= bounds::eager_flush && !core.send_blocked()) core.flush();
    update_memory_charge();
  } catch (const std::bad_alloc&) {
    abort_out_of_memory();
  }
}

/// Adds the messages that the queue drops because of this one to the totals at once, because
/// statistics may be requested at any time.
Offered Subscriber::offer(ClientSubscription& subscription, std::string_view subject,
                          const detail::SharedBytes& message) {
  struct Losses {
    DeliveryTotals& totals;
    const DeliveryCounters& now;
    const DeliveryCounters before = now;
    ~Losses() {
      totals.dropped += now.dropped - before.dropped;
      totals.superseded += now.superseded - before.superseded;
    }
  } const losses{totals_, subscription.queue.counters()};
  return subscription.queue.offer(subject, message, message.size());
}

void Subscriber::enqueue_pending(ClientSubscription& subscription, std::string_view subject,
                                 const detail::SharedBytes& message) noexcept {
  try {
    if (subscription.queue.policy() == OverflowPolicy::wait) {
      subscription.queue.put(subject, message, message.size());
    } else if (offer(subscription, subject, message) == Offered::disconnect) {
      return disconnect_slow_consumer();
    }
  } catch (const std::bad_alloc&) {
    return abort_out_of_memory();
  }
  if (!subscription.linked() && !subscription.queue.held()) waiting_.push_back(subscription);
}

void Subscriber::release(ClientSubscription& subscription) noexcept {
  subscription.queue.release();
  if (!subscription.queue.idle()) waiting_.push_back(subscription);
}

void Subscriber::refill(std::size_t limit) noexcept {
  while (!ended_ && state().core().queued_bytes() < limit) {
    ClientSubscription* next = waiting_.pop_front();
    if (next == nullptr) break;
    deliver_next(*next);
  }
}

void Subscriber::deliver_next(ClientSubscription& subscription) noexcept {
  const auto [lost, message] = subscription.queue.take();
  if (lost > 0) report_gap(subscription, lost);
  if (message) {
    ++totals_.messages_out;
    totals_.bytes_out += message->size();
    append(*message);
  }
  if (ended_) return;  // its subscriptions no longer exist
  if (!subscription.queue.idle()) {
    waiting_.push_back(subscription);
  } else if (!subscription.routed()) {
    drop_finished(subscription);
  }
}

void Subscriber::report_gap(const ClientSubscription& subscription, std::uint64_t lost) noexcept {
  try {
    const std::string count = std::to_string(lost);
    write(nats::to_bytes({.verb = nats::Verb::msg,
                          .subject = gap_subject,
                          .sid = subscription.sid(),
                          .payload = count}));
  } catch (const std::bad_alloc&) {
    abort_out_of_memory();
  }
}

// Back-pressure ----------------------------------------------------------------------------------

void Subscriber::end_pumping() noexcept {
  pump_.running = false;
  slow_ = false;
}

bool Subscriber::begin_interval(bool measuring) noexcept {
  const std::uint64_t taken = state().core().counters().bytes_sent;
  if (!measuring || taken != taken_) took_at_ = Loop::Clock::now();
  if (measuring && !publishers_.empty()) return false;
  taken_ = taken;
  return true;
}

Duration Subscriber::interval() const noexcept {
  constexpr Duration shortest = std::chrono::milliseconds(1);
  return std::max(std::min(limits_.hold_time, limits_.slow_time), shortest);
}

bool Subscriber::end_interval() noexcept {
  const auto now = Loop::Clock::now();
  const std::uint64_t taken = state().core().counters().bytes_sent;
  const std::uint64_t took = taken - std::exchange(taken_, taken);
  if (took > 0) took_at_ = now;
  if (now - took_at_ >= limits_.slow_time) return false;
  const double seconds = std::chrono::duration<double>(interval()).count();
  slow_ = static_cast<double>(took) < static_cast<double>(limits_.min_rate) * seconds;
  if (slow_) {
    user_.note_slow(now + slow_user_time);
    wake_publishers();
  }
  return true;
}

// Ending -----------------------------------------------------------------------------------------

void Subscriber::end(ByteView error) noexcept {
  if (ended_) return;
  try {
    if (!error.empty()) write(nats::to_bytes({.verb = nats::Verb::err, .text = error}));
  } catch (const std::bad_alloc&) {
    return abort_out_of_memory();
  }
  if (std::exchange(ended_, true)) return;
  withdraw();
  wake_publishers();
  connection_.close();
}

void Subscriber::disconnect_slow_consumer() noexcept {
  observer_.too_slow();
  end(nats::errors::slow_consumer);
}

void Subscriber::abort_out_of_memory() noexcept {
  if (std::exchange(ended_, true)) return;
  withdraw();
  wake_publishers();
  connection_.abort();
}

}  // namespace hallway::hub
