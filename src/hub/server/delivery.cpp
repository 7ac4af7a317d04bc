// SPDX-License-Identifier: Apache-2.0
#include "hub/server/delivery.hpp"

#include <algorithm>
#include <cassert>
#include <new>
#include <utility>

#include "core/copy_bytes.hpp"
#include "hub/inbox_subject.hpp"
#include "wire/nats_header.hpp"
#include "wire/nats_writer.hpp"

namespace hallway::hub {

namespace {

// Minimum size of a payload that subscribers with a different protocol line share instead of
// getting a copy.
constexpr std::size_t worth_sharing = 1 * kibibyte;

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

/// Whether the reply subject must identify the requester: a link needs that to return the reply.
bool shows_asker(const Publication& publication, const ClientSubscription& to) {
  return !publication.reply.empty() && to.subscriber().is_link();
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

/// Whether a message can bypass the subscription's queue.
bool may_pass(const ClientSubscription& to) {
  return to.queue.idle() && to.subscriber().has_room();
}

}  // namespace

Delivery::Published Delivery::publish(const Publication& publication) {
  if (publish_batched(publication)) return {.delivered = true};
  settle();
  Subscriber* const full = find_recipients(publication);
  const std::size_t work = router_.looked_at();
  if (full != nullptr || recipients_.empty()) return {.blocked_by = full, .work = work};

  begin_batch(publication);  // may throw: then no subscriber has got the message
  bool all_along = true;
  for (const Recipient& recipient : recipients_) {
    const bool along = deliver(recipient, publication);
    all_along = all_along && along;
  }
  kept_.message = {};
  next_.open = all_along;
  std::swap(batch_, next_);
  core_.schedule_flush_first(*this);
  return {.delivered = true, .work = work};
}

bool Delivery::publish_batched(const Publication& publication) {
  if (!batch_.open || publication.except != batch_.except ||
      publication.subject != batch_.subject) {
    return false;
  }
  if (batch_.with_links && !publication.reply.empty()) return false;
  if (shared_.size() - shared_used_ < size_in_batch(publication, batch_)) return false;
  write_to_batch(publication, batch_);
  return true;
}

/// @return the subscriber that must have room before the message goes to any subscriber, or nullptr
Subscriber* Delivery::find_recipients(const Publication& publication) {
  recipients_.clear();
  const ByteView subject = publication.subject;
  const bool to_inbox = is_inbox(subject);
  router_.match(subject, matched_, publication.except, [&](const Subscription& subscription) {
    return static_cast<const ClientSubscription&>(subscription).accepts(subject, to_inbox);
  });
  std::size_t kept = 0;  // bytes that preceding recipients of the same user will take
  const User* user = nullptr;
  for (const SubscriptionId id : matched_) {
    const ClientSubscription& to = *find(id);
    const bool directly = may_pass(to);
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

/// Writes the message once, for the first recipient that can have it now and for all recipients
/// that get the same bytes.
void Delivery::begin_batch(const Publication& publication) {
  next_.range = {};
  next_.to.clear();
  next_.to.reserve(recipients_.size());
  next_.subject = publication.subject;
  next_.except = publication.except;
  next_.with_links = false;
  const auto first = std::ranges::find_if(recipients_, [&](const Recipient& recipient) {
    return recipient.directly && !shows_asker(publication, *find(recipient.id));
  });
  if (first == recipients_.end()) return;
  const ClientSubscription& to = *find(first->id);
  next_.sid = to.sid();
  next_.with_headers = to.subscriber().takes_headers();
  next_.line_for = no_size;
  reserve(size_in_batch(publication, next_));
  next_.range = {shared_, shared_used_, shared_used_, 0};
  write_to_batch(publication, next_);
}

void Delivery::reserve(std::size_t size) {
  if (shared_ && shared_.size() - shared_used_ >= size) return;
  shared_ = core::Chunk::make(std::max(size, bounds::chunk), &core_.buffers().sent);
  shared_used_ = 0;
}

/// Size in bytes of what write_to_batch() will write.
std::size_t Delivery::size_in_batch(const Publication& publication, Batch& batch) {
  if (!has_plain_line(publication)) {
    return nats::written_size(delivered(publication, batch.sid, batch.with_headers));
  }
  const std::size_t payload = publication.payload.size();
  if (batch.line_for != payload) {
    const nats::Operation message = delivered(publication, batch.sid, batch.with_headers);
    batch.line_for = no_size;
    batch.line.resize(nats::line_size(message));
    nats::write_line(message, batch.line.data());
    batch.line_for = payload;
  }
  return batch.line.size() + payload + line_end.size();
}

// Precondition: size_in_batch() was called, and the chunk has room for that many bytes.
void Delivery::write_to_batch(const Publication& publication, Batch& batch) noexcept {
  assert(batch.range.end == shared_used_);
  char* at = shared_.data() + shared_used_;
  if (has_plain_line(publication)) {
    at = core::copy_bytes(batch.line, at);
    at = core::copy_bytes(publication.payload, at);
    at = core::copy_bytes(line_end, at);
  } else {
    at = nats::write(delivered(publication, batch.sid, batch.with_headers), at);
  }
  shared_used_ = static_cast<std::size_t>(at - shared_.data());
  batch.range.end = shared_used_;
  ++batch.range.messages;
}

nats::Operation Delivery::delivered_to(const Publication& publication,
                                       const ClientSubscription& to) {
  nats::Operation message = delivered(publication, to.sid(), to.subscriber().takes_headers());
  if (shows_asker(publication, to)) {
    asked_ = asked_prefix_;
    asked_.append(std::to_string(publication.publisher)).append(1, '.').append(publication.reply);
    message.reply = asked_;
  }
  return message;
}

bool Delivery::same_line(const ClientSubscription& to, const Publication& publication) const {
  if (shows_asker(publication, to)) return false;
  const bool same_header =
      publication.header.empty() || to.subscriber().takes_headers() == next_.with_headers;
  return same_header && to.sid() == next_.sid;
}

/// @return whether the recipient may also get the messages that follow in the same batch
bool Delivery::deliver(const Recipient& recipient, const Publication& publication) noexcept {
  ClientSubscription* to = find(recipient.id);
  if (to == nullptr) return false;  // delivering this message has ended its connection
  if (recipient.directly && !to->limited() && same_line(*to, publication)) {
    next_.to.push_back(recipient.id);
    next_.with_links = next_.with_links || to->subscriber().is_link();
    return to->group().empty() && to->subscriber().takes_headers() == next_.with_headers;
  }
  const bool last = to->count_messages();
  try {
    recipient.directly ? deliver_now(*to, publication) : enqueue_pending(*to, publication);
  } catch (const std::bad_alloc&) {
    to->subscriber().abort_out_of_memory();
  }
  to = find(recipient.id);
  if (last && to != nullptr) to->subscriber().finish(*to);
  return false;
}

/// Delivers to a recipient that cannot be part of the batch.
void Delivery::deliver_now(ClientSubscription& to, const Publication& publication) {
  const nats::Operation message = delivered_to(publication, to);
  const std::size_t size = nats::written_size(message);
  const std::size_t tail = publication.payload.size() + line_end.size();
  Subscriber& subscriber = to.subscriber();
  if (same_line(to, publication)) {
    subscriber.append(next_.range);
  } else if (tail < worth_sharing || !next_.range.chunk) {
    line_.resize(size);
    nats::write(message, line_.data());
    subscriber.write(line_);
  } else {
    line_.resize(nats::line_size(message));
    nats::write_line(message, line_.data());
    line_ += message.header;
    subscriber.write(line_);
    subscriber.append({next_.range.chunk, next_.range.end - tail, next_.range.end, 1});
  }
  if (subscriber.ended()) return;  // its subscriptions no longer exist
  to.queue.pass(size);
  ++totals_.messages_out;
  totals_.bytes_out += size;
}

void Delivery::enqueue_pending(ClientSubscription& to, const Publication& publication) {
  const bool with_headers = to.subscriber().takes_headers();
  const bool asked = shows_asker(publication, to);
  if (kept_.message.messages == 0 || kept_.sid != to.sid() || kept_.with_headers != with_headers ||
      kept_.asked != asked) {
    const nats::Operation message = delivered_to(publication, to);
    const std::size_t size = nats::written_size(message);
    kept_.message = {};
    kept_.sid = to.sid();
    kept_.with_headers = with_headers;
    kept_.asked = asked;
    kept_.message = {core::Chunk::make(size), 0, size, 1};
    nats::write(message, kept_.message.chunk.data());
  }
  to.subscriber().enqueue_pending(to, publication.subject, kept_.message);
}

void Delivery::settle() noexcept {
  batch_.open = false;
  const detail::SharedBytes range = std::exchange(batch_.range, {});
  if (range.messages == 0) return;
  const std::size_t size = range.end - range.begin;
  for (const SubscriptionId id : batch_.to) {
    ClientSubscription* to = find(id);
    if (to == nullptr) continue;               // its connection has ended in the meantime
    (void)to->count_messages(range.messages);  // it has no limit
    to->queue.pass(size, range.messages);
    totals_.messages_out += range.messages;
    totals_.bytes_out += size;
    to->subscriber().append(range);
  }
}

void Delivery::tell(SubscriptionId id, const Publication& news) noexcept {
  settle();
  ClientSubscription* to = find(id);
  if (to == nullptr) return;  // settle() has ended its connection
  Subscriber& subscriber = to->subscriber();
  try {
    may_pass(*to) ? deliver_alone(*to, news) : enqueue_pending(*to, news);
  } catch (const std::bad_alloc&) {
    subscriber.abort_out_of_memory();
  }
  kept_.message = {};
}

/// Delivers a message that only this subscription gets.
void Delivery::deliver_alone(ClientSubscription& to, const Publication& news) {
  const std::string message = nats::to_bytes(delivered_to(news, to));
  to.subscriber().write(message);
  if (to.subscriber().ended()) return;
  to.queue.pass(message.size());
  ++totals_.messages_out;
  totals_.bytes_out += message.size();
}

ClientSubscription* Delivery::own_subscription(const Subscriber& requester, ByteView reply) {
  const bool to_inbox = is_inbox(reply);
  router_.match(reply, matched_, nullptr, [&](const Subscription& subscription) {
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
  tell(id, answer);
  to = find(id);
  if (last && to != nullptr) requester.finish(*to);
  return {.delivered = true};
}

void Delivery::tell_no_responders(Subscriber& requester, ByteView reply) {
  settle();
  const ClientSubscription* to = own_subscription(requester, reply);
  if (to == nullptr) return;
  const Publication news{
      .subject = reply, .reply = {}, .header = nats::no_responders_header, .payload = {}};
  requester.write(nats::to_bytes(delivered_to(news, *to)));
}

}  // namespace hallway::hub
