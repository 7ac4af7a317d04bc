// SPDX-License-Identifier: Apache-2.0
#include "hub/server/delivery.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <new>
#include <utility>

#include "core/copy_bytes.hpp"
#include "hub/server/identity_header.hpp"
#include "subject/inbox_subject.hpp"
#include "subject/reserved_subjects.hpp"
#include "wire/nats_header.hpp"
#include "wire/nats_writer.hpp"

namespace hallway::hub {

namespace {

// Minimum size of a payload that subscribers with a different protocol line share instead of
// getting a copy.
constexpr std::size_t min_shared_payload = 1 * kibibyte;

constexpr ByteView line_end = "\r\n";

/// Whether, for one sid, the protocol line depends only on the subject and the payload's size.
bool has_plain_line(const Publication& publication) {
  return publication.reply.empty() && publication.header.empty();
}

/// The operation that a subscriber gets.
nats::Operation delivered(const Publication& publication, ByteView sid, bool takes_headers) {
  const bool with_header = takes_headers && !publication.header.empty();
  return {.verb = with_header ? nats::Verb::hmsg : nats::Verb::msg,
          .subject = publication.subject,
          .reply = publication.reply,
          .sid = sid,
          .header = with_header ? publication.header : ByteView(),
          .payload = publication.payload};
}

/// Whether the publisher has to wait until this subscription has room for another message.
/// @param besides  bytes that other subscriptions of its account are about to take
bool holds_back(const ClientSubscription& to, const Publication& publication, std::size_t besides,
                Loop::Clock::time_point now) {
  if (to.queue.blocks(besides)) return true;
  if (!to.holds_back || publication.was_held || to.subscriber().slow()) return false;
  const User& user = to.subscriber().user();
  const bool of_another = &user != publication.user;
  return !(of_another && user.slow(now)) && to.queue.nearly_full(besides);
}

/// The header of a retained value: as it was published, with the age of the value. A header that is
/// not valid is left out, because no field can be added to it.
std::string with_age(ByteView header, Duration age) {
  using std::chrono::milliseconds;
  constexpr std::int64_t digits = 1'000;
  const auto total =
      std::max<std::int64_t>(0, std::chrono::duration_cast<milliseconds>(age).count());
  const std::string fraction = std::to_string(digits + total % digits);
  const std::string seconds = std::to_string(total / digits) + '.' + fraction.substr(1);
  const std::array fields{nats::HeaderField{retained_field, seconds}};
  const nats::HeaderBlock block = nats::HeaderBlock::parse(header).value_or(nats::HeaderBlock());
  std::string changed(block.size_with(fields), '\0');
  block.write_with(fields, changed.data());
  return changed;
}

/// Whether a message can bypass the subscription's queue.
bool may_pass(const ClientSubscription& to) {
  return to.queue.idle() && to.subscriber().has_room();
}

}  // namespace

/// A link needs the requester to return the answer.
Delivery::ReplyForm Delivery::form_of(const Publication& publication,
                                      const ClientSubscription& to) {
  const Subscriber& subscriber = to.subscriber();
  if (!subscriber.is_link()) return ReplyForm::plain;
  if (subscriber.wants_publishers() && publication.user != nullptr) return ReplyForm::publisher;
  return publication.reply.empty() ? ReplyForm::plain : ReplyForm::asked;
}

Delivery::Published Delivery::publish(const Publication& publication) {
  if (publish_batched(publication)) {
    return {.delivered = true, .recipients = audience_.recipients};
  }
  settle();
  Subscriber* const full = find_recipients(publication);
  const std::size_t work = router_.looked_at();
  if (full != nullptr || recipients_.empty()) return {.blocked_by = full, .work = work};

  // May throw: then no subscriber has got the message.
  detail::SharedBytes shared = begin_batch(publication);
  const Recipients recipients{recipients_.size() - links_, links_};
  audience_.recipients = recipients;
  bool all_batched = true;
  for (const Recipient& recipient : recipients_) {
    const bool batched = deliver(recipient, publication, shared);
    all_batched = all_batched && batched;
  }
  kept_.message = {};
  batch_.hold(std::move(shared), all_batched);
  core_.schedule_flush_first(*this);
  return {.delivered = true, .work = work, .recipients = recipients};
}

bool Delivery::publish_batched(const Publication& publication) {
  if (!batch_.open() || publication.except != audience_.except ||
      publication.subject != audience_.subject) {
    return false;
  }
  if (audience_.with_links && !publication.reply.empty()) return false;
  if (!batch_.takes(size_in_batch(publication))) return false;
  batch_.append([&](char* at) { return write_in_batch(publication, at); });
  return true;
}

/// @return the subscriber that must have room before the message goes to any subscriber, or nullptr
Subscriber* Delivery::find_recipients(const Publication& publication) {
  recipients_.clear();
  links_ = 0;
  const ByteView subject = publication.subject;
  const bool to_inbox = is_inbox(subject);
  router_.match(subject, matched_, publication.except, [&](const RoutedSubscription& subscription) {
    return static_cast<const ClientSubscription&>(subscription).accepts(subject, to_inbox);
  });
  std::size_t kept = 0;  // bytes that preceding recipients of the same user will take
  const User* user = nullptr;
  for (const SubscriptionId id : matched_) {
    const ClientSubscription& to = *find(id);
    const bool directly = may_pass(to);
    if (to.subscriber().is_link()) ++links_;
    if (!directly) {
      if (std::exchange(user, &to.subscriber().user()) != &to.subscriber().user()) kept = 0;
      if (holds_back(to, publication, kept, core_.now())) return &to.subscriber();
      kept +=
          to.queue.cost_of(publication.subject, nats::written_size(delivered_to(publication, to)));
    }
    recipients_.push_back({id, directly});
  }
  return nullptr;
}

Delivery::Recipients Delivery::count_matches(ByteView subject) {
  const bool to_inbox = is_inbox(subject);
  Recipients count;
  router_.for_each_match(subject, [&](const RoutedSubscription& subscription) {
    const auto& to = static_cast<const ClientSubscription&>(subscription);
    if (to.accepts(subject, to_inbox))
      ++(to.subscriber().is_link() ? count.links : count.subscriptions);
  });
  return count;
}

/// Writes the message once, for the first recipient that can have it now and for all recipients
/// that get the same bytes.
detail::SharedBytes Delivery::begin_batch(const Publication& publication) {
  audience_.to.clear();
  audience_.to.reserve(recipients_.size());
  audience_.subject = publication.subject;
  audience_.except = publication.except;
  audience_.with_links = false;
  const auto first = std::ranges::find_if(recipients_, [&](const Recipient& recipient) {
    return recipient.directly && form_of(publication, *find(recipient.id)) == ReplyForm::plain;
  });
  if (first == recipients_.end()) return {};
  const ClientSubscription& to = *find(first->id);
  audience_.sid = to.sid();
  audience_.with_headers = to.subscriber().takes_headers();
  audience_.line_for = no_size;
  batch_.reserve(size_in_batch(publication));
  return batch_.write([&](char* at) { return write_in_batch(publication, at); });
}

/// Size in bytes of what write_in_batch() will write.
std::size_t Delivery::size_in_batch(const Publication& publication) {
  if (!has_plain_line(publication)) {
    return nats::written_size(delivered(publication, audience_.sid, audience_.with_headers));
  }
  const std::size_t payload = publication.payload.size();
  if (audience_.line_for != payload) {
    const nats::Operation message = delivered(publication, audience_.sid, audience_.with_headers);
    audience_.line_for = no_size;
    audience_.line.resize(nats::line_size(message));
    nats::write_line(message, audience_.line.data());
    audience_.line_for = payload;
  }
  return audience_.line.size() + payload + line_end.size();
}

/// Precondition: size_in_batch() was called for this message.
/// @return the end of what it wrote
char* Delivery::write_in_batch(const Publication& publication, char* at) const noexcept {
  if (!has_plain_line(publication)) {
    return nats::write(delivered(publication, audience_.sid, audience_.with_headers), at);
  }
  at = core::copy_bytes(audience_.line, at);
  at = core::copy_bytes(publication.payload, at);
  return core::copy_bytes(line_end, at);
}

nats::Operation Delivery::delivered_to(const Publication& publication,
                                       const ClientSubscription& to) {
  nats::Operation message = delivered(publication, to.sid(), to.subscriber().takes_headers());
  const ReplyForm form = form_of(publication, to);
  if (form == ReplyForm::plain) return message;
  reply_.clear();
  if (form == ReplyForm::publisher) {
    reply_.append(by_prefix).append(std::to_string(publication.user->account().uid()));
    if (!publication.reply.empty()) reply_ += '.';
  }
  if (!publication.reply.empty()) {
    reply_.append(asked_prefix_).append(std::to_string(publication.publisher));
    reply_.append(1, '.').append(publication.reply);
  }
  message.reply = reply_;
  return message;
}

bool Delivery::same_line(const ClientSubscription& to, const Publication& publication) const {
  if (form_of(publication, to) != ReplyForm::plain) return false;
  const bool same_header =
      publication.header.empty() || to.subscriber().takes_headers() == audience_.with_headers;
  return same_header && to.sid() == audience_.sid;
}

/// @return whether the recipient may also get the messages that follow in the same batch
bool Delivery::deliver(const Recipient& recipient, const Publication& publication,
                       const detail::SharedBytes& shared) noexcept {
  ClientSubscription* to = find(recipient.id);
  if (to == nullptr) return false;  // delivering this message has ended its connection
  if (recipient.directly && !to->limited() && same_line(*to, publication)) {
    audience_.to.push_back(recipient.id);
    audience_.with_links = audience_.with_links || to->subscriber().is_link();
    return to->group().empty() && to->subscriber().takes_headers() == audience_.with_headers;
  }
  const bool last = to->count_messages();
  try {
    recipient.directly ? deliver_now(*to, publication, shared) : enqueue_pending(*to, publication);
  } catch (const std::bad_alloc&) {
    to->subscriber().abort_out_of_memory();
  }
  to = find(recipient.id);
  if (last && to != nullptr) to->subscriber().finish(*to);
  return false;
}

/// Delivers to a recipient that cannot be part of the batch.
void Delivery::deliver_now(ClientSubscription& to, const Publication& publication,
                           const detail::SharedBytes& shared) {
  const nats::Operation message = delivered_to(publication, to);
  const std::size_t size = nats::written_size(message);
  const std::size_t tail = publication.payload.size() + line_end.size();
  Subscriber& subscriber = to.subscriber();
  if (same_line(to, publication)) {
    subscriber.append(shared);
  } else if (tail < min_shared_payload || !shared.chunk) {
    line_.resize(size);
    nats::write(message, line_.data());
    subscriber.write(line_);
  } else {
    line_.resize(nats::line_size(message));
    nats::write_line(message, line_.data());
    line_ += message.header;
    subscriber.write(line_);
    subscriber.append({shared.chunk, shared.end - tail, shared.end, 1});
  }
  if (subscriber.ended()) return;  // its subscriptions no longer exist
  to.queue.pass(size);
  ++totals_.messages_out;
  totals_.bytes_out += size;
}

void Delivery::enqueue_pending(ClientSubscription& to, const Publication& publication) {
  const bool with_headers = to.subscriber().takes_headers();
  const ReplyForm form = form_of(publication, to);
  if (kept_.message.messages == 0 || kept_.sid != to.sid() || kept_.with_headers != with_headers ||
      kept_.form != form) {
    const nats::Operation message = delivered_to(publication, to);
    const std::size_t size = nats::written_size(message);
    kept_.message = {};
    kept_.sid = to.sid();
    kept_.with_headers = with_headers;
    kept_.form = form;
    kept_.message = {core::Chunk::make(size), 0, size, 1};
    nats::write(message, kept_.message.chunk.data());
  }
  Subscriber& subscriber = to.subscriber();
  subscriber.enqueue_pending(to, publication.subject, kept_.message);
  start_pump(subscriber);
}

void Delivery::settle() noexcept {
  const detail::SharedBytes range = batch_.take();
  if (range.messages == 0) return;
  const std::size_t size = range.size();
  for (const SubscriptionId id : audience_.to) {
    ClientSubscription* to = find(id);
    if (to == nullptr) continue;               // its connection has ended in the meantime
    (void)to->count_messages(range.messages);  // it has no limit
    to->queue.pass(size, range.messages);
    totals_.messages_out += range.messages;
    totals_.bytes_out += size;
    to->subscriber().append(range);
  }
}

void Delivery::send_to(SubscriptionId id, const Publication& publication) noexcept {
  settle();
  ClientSubscription* to = find(id);
  if (to == nullptr) return;  // settle() has ended its connection
  Subscriber& subscriber = to->subscriber();
  try {
    may_pass(*to) ? deliver_alone(*to, publication) : enqueue_pending(*to, publication);
  } catch (const std::bad_alloc&) {
    subscriber.abort_out_of_memory();
  }
  kept_.message = {};
}

/// Delivers a message that only this subscription gets.
void Delivery::deliver_alone(ClientSubscription& to, const Publication& publication) {
  const std::string message = nats::to_bytes(delivered_to(publication, to));
  Subscriber& subscriber = to.subscriber();
  subscriber.write(message);
  if (subscriber.ended()) return;  // its subscriptions no longer exist
  to.queue.pass(message.size());
  ++totals_.messages_out;
  totals_.bytes_out += message.size();
}

void Delivery::send_retained(SubscriptionId id, const RetainedValue& value, Duration age) noexcept {
  settle();
  ClientSubscription* to = find(id);
  if (to == nullptr) return;  // it, or its connection, has ended
  const bool last = to->count_messages();
  try {
    deliver_retained(*to, value, age);
  } catch (const std::bad_alloc&) {
    to->subscriber().abort_out_of_memory();
  }
  to = find(id);
  if (last && to != nullptr) to->subscriber().finish(*to);
}

void Delivery::deliver_retained(ClientSubscription& to, const RetainedValue& value, Duration age) {
  Subscriber& subscriber = to.subscriber();
  std::string header;
  if (subscriber.takes_headers()) header = with_age(value.header(), age);
  const nats::Operation message = delivered(
      {.subject = value.subject, .reply = {}, .header = header, .payload = value.payload()},
      to.sid(), true);
  const std::size_t size = nats::written_size(message);
  if (value.payload().size() < min_shared_payload) {
    line_.resize(size);
    nats::write(message, line_.data());
    subscriber.write(line_);
  } else {
    line_.resize(nats::line_size(message));
    nats::write_line(message, line_.data());
    line_ += header;
    subscriber.write(line_);
    subscriber.append({value.bytes, value.header_size, value.bytes.size(), 1});
  }
  if (subscriber.ended()) return;  // its subscriptions no longer exist
  to.queue.pass_held(size);
  ++totals_.messages_out;
  totals_.bytes_out += size;
}

void Delivery::end_retained(Subscriber& subscriber, SubscriptionId id) noexcept {
  settle();
  if (ClientSubscription* to = find(id)) subscriber.release(*to);
  if (subscriber.has_waiting()) start_pump(subscriber);
}

ClientSubscription* Delivery::own_subscription(const Subscriber& requester, ByteView reply) {
  const bool to_inbox = is_inbox(reply);
  router_.match(reply, matched_, nullptr, [&](const RoutedSubscription& subscription) {
    return subscription.owner() == &requester && subscription.group().empty() &&
           static_cast<const ClientSubscription&>(subscription).accepts(reply, to_inbox);
  });
  return matched_.empty() ? nullptr : find(matched_.front());
}

Delivery::Published Delivery::answer(Subscriber& requester, const Publication& answer) {
  settle();
  ClientSubscription* to = own_subscription(requester, answer.subject);
  if (to == nullptr) return {};
  const bool waits = to->queue.blocks() || (to->holds_back && !answer.was_held);
  if (waits && !may_pass(*to)) return {.blocked_by = &requester};
  const SubscriptionId id = matched_.front();
  const bool last = to->count_messages();
  send_to(id, answer);
  to = find(id);
  if (last && to != nullptr) requester.finish(*to);
  return {.delivered = true};
}

void Delivery::report_no_responders(Subscriber& requester, ByteView reply) {
  settle();
  const ClientSubscription* to = own_subscription(requester, reply);
  if (to == nullptr) return;
  const Publication message{
      .subject = reply, .reply = {}, .header = nats::no_responders_header, .payload = {}};
  requester.write(nats::to_bytes(delivered_to(message, *to)));
}

// Subscribers without room -----------------------------------------------------------------------

class Delivery::RateTimer final : public detail::Timer {
 public:
  RateTimer(Delivery& delivery, Subscriber& subscriber)
      : delivery_(delivery), subscriber_(subscriber) {}

 private:
  void fire() override { delivery_.check_rate(subscriber_); }

  Delivery& delivery_;
  Subscriber& subscriber_;
};

detail::TimedWait Delivery::wait_for_room(Subscriber& subscriber, Duration longest) {
  auto& [pumping, rate_timer, tasks] = subscriber.pump();
  if (!rate_timer) rate_timer = std::make_unique<RateTimer>(*this, subscriber);
  if (subscriber.begin_interval(rate_timer->running())) {
    rate_timer->start(core_, Loop::Clock::now() + subscriber.interval());
  }
  start_pump(subscriber);
  // If the pump is not running, there is room already, and nothing would wake the publisher.
  return {core_, subscriber.publishers(), pumping ? longest : Duration::zero()};
}

/// Checks the rate at which a client takes bytes, as long as publishers wait for it.
void Delivery::check_rate(Subscriber& subscriber) {
  if (subscriber.publishers().empty()) return;
  if (subscriber.end_interval()) {
    subscriber.pump().rate_timer->start(core_, Loop::Clock::now() + subscriber.interval());
  } else {
    settle();
    subscriber.disconnect_slow_consumer();
  }
}

void Delivery::start_pump(Subscriber& subscriber) noexcept {
  Subscriber::Pump& pump = subscriber.pump();
  if (subscriber.ended() || std::exchange(pump.running, true)) return;
  try {
    run_pump(pump.tasks, *this, subscriber);
  } catch (const std::bad_alloc&) {
    pump.running = false;
    subscriber.abort_out_of_memory();
  }
}

detail::TaskGroup::Spawned Delivery::run_pump(detail::TaskGroup& /*tasks*/, Delivery& self,
                                              Subscriber& subscriber) {
  do {
    const hallway::Sent flushed = co_await subscriber.connection().flush();
    self.settle();
    if (!flushed) subscriber.end({});
    subscriber.refill();
    subscriber.wake_publishers();
  } while (subscriber.has_waiting());
  subscriber.end_pumping();
}

}  // namespace hallway::hub
