// SPDX-License-Identifier: Apache-2.0
#include "hub/server/subscriber.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "hub/reserved_subjects.hpp"
#include "subject/subject.hpp"
#include "wire/nats_errors.hpp"
#include "wire/nats_writer.hpp"

namespace hallway::hub {

namespace {

// A reference to any part of a chunk keeps the whole chunk alive. A client that does not read
// therefore gets copies of ranges smaller than this: otherwise each could hold sixty-four
// kilobytes.
constexpr std::size_t worth_sharing = 16 * kibibyte;

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
  detail::wake_all(core(), publishers_);
}

// Subscriptions ----------------------------------------------------------------------------------

ClientSubscription* Subscriber::find(std::string_view sid) const {
  const auto found = subscriptions_.find(sid);
  return found == subscriptions_.end() ? nullptr : found->second.get();
}

void Subscriber::subscribe(std::string sid, std::string subject, std::string group,
                           const Service& service) {
  observer_.settle_deliveries();
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

// Settling deliveries may end this connection and so destroy its subscriptions. That is why the
// functions below check ended_ after it.

void Subscriber::unsubscribe(ClientSubscription& subscription) noexcept {
  observer_.settle_deliveries();
  if (!ended_) remove(subscription);
}

void Subscriber::remove(ClientSubscription& subscription) noexcept {
  router_.remove(subscription);
  if (subscription.subject() != interest_subject) {
    const DeliveryCounters& counters = subscription.queue.counters();
    handed_ += counters.delivered + counters.dropped + subscription.queue.waiting();
  }
  user_.drop_subscription();
  subscriptions_.erase(subscriptions_.find(subscription.sid()));
}

void Subscriber::end_after(ClientSubscription& subscription, std::uint64_t most) noexcept {
  observer_.settle_deliveries();
  if (!ended_ && subscription.end_after(most)) remove(subscription);
}

void Subscriber::finish(ClientSubscription& subscription) noexcept {
  observer_.settle_deliveries();
  if (ended_) return;
  router_.remove(subscription);
  finishing_.insert(subscriptions_.extract(subscriptions_.find(subscription.sid())));
  if (subscription.queue.idle()) drop_finished(subscription);
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
  observer_.settle_deliveries();
  if (is_link_) note_subjects();
  while (!subscriptions_.empty()) remove(*subscriptions_.begin()->second);
  while (!finishing_.empty()) drop_finished(*finishing_.begin()->second);
}

// Outbound ---------------------------------------------------------------------------------------

bool Subscriber::has_room() noexcept {
  if (state().queued_bytes() >= limits_.outbound && !state().send_blocked()) state().flush();
  return state().queued_bytes() < limits_.outbound && !state().over_share();
}

void Subscriber::write(ByteView bytes) noexcept {
  if (ended_) return;
  try {
    if (state().append(bytes) != Outcome::would_block) return note_kept();
    // The connection has written its share of this turn. Only senders that can wait heed that
    // limit.
    auto chunk = core::Chunk::make(bytes.size());
    std::memcpy(chunk.data(), bytes.data(), bytes.size());
    state().enqueue_shared({chunk, 0, bytes.size(), 1});
    note_kept();
  } catch (const std::bad_alloc&) {
    abort_out_of_memory();
  }
}

void Subscriber::append(const detail::SharedBytes& range) noexcept {
  const std::size_t size = range.end - range.begin;
  if (state().send_blocked() && size < worth_sharing) {
    write({range.chunk.data() + range.begin, size});
    return;
  }
  if (ended_) return;
  try {
    state().enqueue_shared(range);
    if (state().queued_bytes() >= bounds::eager_flush && !state().send_blocked()) state().flush();
    note_kept();
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
  return subscription.queue.offer(subject, message, message.end - message.begin);
}

void Subscriber::enqueue_pending(ClientSubscription& subscription, std::string_view subject,
                                 const detail::SharedBytes& message) noexcept {
  try {
    if (subscription.queue.policy() == DeliveryPolicy::wait) {
      subscription.queue.put(subject, message, message.end - message.begin);
    } else if (offer(subscription, subject, message) == Offered::disconnect) {
      return disconnect_slow_consumer();
    }
  } catch (const std::bad_alloc&) {
    return abort_out_of_memory();
  }
  if (!subscription.linked()) waiting_.push_back(subscription);
  start_pump();
}

detail::TimedWait Subscriber::room(Duration longest) {
  const std::uint64_t taken = state().counters().bytes_sent;
  if (!running() || taken != taken_) took_at_ = Loop::Clock::now();
  if (!running() || publishers_.empty()) {
    // The rate is measured only while a publisher waits: before, there may have been nothing to
    // take.
    taken_ = taken;
    start(core(), Loop::Clock::now() + between_looks());
  }
  start_pump();
  // If the pump is not running, there is room already, and nothing would wake the publisher.
  return {core(), publishers_, pumping_ ? longest : Duration::zero()};
}

void Subscriber::start_pump() noexcept {
  if (ended_ || std::exchange(pumping_, true)) return;
  try {
    pump(tasks_, *this);
  } catch (const std::bad_alloc&) {
    pumping_ = false;
    abort_out_of_memory();
  }
}

detail::TaskGroup::Spawned Subscriber::pump(detail::TaskGroup& /*tasks*/, Subscriber& self) {
  do {
    const Sent flushed = co_await self.connection_.flush();
    if (!flushed) self.end({});
    self.observer_.settle_deliveries();
    self.refill(self.limits_.outbound);
    detail::wake_all(self.core(), self.publishers_);
  } while (!self.ended_ && !self.waiting_.empty());
  self.pumping_ = false;
  self.slow_ = false;
}

void Subscriber::deliver_rest() noexcept {
  observer_.settle_deliveries();
  refill(SIZE_MAX);
}

void Subscriber::refill(std::size_t limit) noexcept {
  while (!ended_ && state().queued_bytes() < limit) {
    ClientSubscription* next = waiting_.pop_front();
    if (next == nullptr) break;
    deliver_next(*next);
  }
}

void Subscriber::deliver_next(ClientSubscription& subscription) noexcept {
  const auto [lost, message] = subscription.queue.take();
  if (lost > 0) tell_gap(subscription, lost);
  if (message) {
    ++totals_.messages_out;
    totals_.bytes_out += message->end - message->begin;
    append(*message);
  }
  if (ended_) return;  // its subscriptions no longer exist
  if (!subscription.queue.idle()) {
    waiting_.push_back(subscription);
  } else if (!subscription.routed()) {
    drop_finished(subscription);
  }
}

void Subscriber::tell_gap(const ClientSubscription& subscription, std::uint64_t lost) noexcept {
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

// Ending -----------------------------------------------------------------------------------------

void Subscriber::end(ByteView error) noexcept {
  observer_.settle_deliveries();
  if (ended_) return;
  try {
    if (!error.empty()) write(nats::to_bytes({.verb = nats::Verb::err, .text = error}));
  } catch (const std::bad_alloc&) {
    return abort_out_of_memory();
  }
  if (std::exchange(ended_, true)) return;
  withdraw();
  detail::wake_all(core(), publishers_);
  connection_.close();
}

void Subscriber::disconnect_slow_consumer() noexcept {
  observer_.too_slow();
  end(nats::errors::slow_consumer);
}

void Subscriber::abort_out_of_memory() noexcept {
  if (std::exchange(ended_, true)) return;
  withdraw();
  detail::wake_all(core(), publishers_);
  connection_.abort();
}

Duration Subscriber::between_looks() const noexcept {
  constexpr Duration shortest = std::chrono::milliseconds(1);
  return std::max(std::min(limits_.hold_time, limits_.slow_time), shortest);
}

/// Checks the rate at which the client takes bytes, as long as publishers wait for it.
void Subscriber::fire() {
  if (publishers_.empty()) return;
  const auto now = Loop::Clock::now();
  const std::uint64_t taken = state().counters().bytes_sent;
  const std::uint64_t took = taken - std::exchange(taken_, taken);
  if (took > 0) took_at_ = now;
  if (now - took_at_ >= limits_.slow_time) return disconnect_slow_consumer();
  const double seconds = std::chrono::duration<double>(between_looks()).count();
  slow_ = static_cast<double>(took) < static_cast<double>(limits_.least_rate) * seconds;
  if (slow_) {
    user_.note_slow(now + slow_user_time);
    detail::wake_all(core(), publishers_);
  }
  start(core(), now + between_looks());
}

}  // namespace hallway::hub
