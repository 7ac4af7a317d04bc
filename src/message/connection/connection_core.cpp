// SPDX-License-Identifier: Apache-2.0
#include "message/connection/connection_core.hpp"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "core/copy_bytes.hpp"

namespace hallway::detail {

namespace {

// An unfinished message of at least this size stays in its large buffer. For a smaller one, copying
// it out and back is cheaper than keeping the buffer from other connections.
constexpr std::size_t worth_keeping = 64 * kibibyte;

// A message of at least this size is sent from where it lies.
constexpr std::size_t large_message = bounds::chunk;

// Bytes that one sender may write before the others on its loop get their turn.
constexpr std::size_t most_per_turn = 1 * mebibyte;

// Maximum number of receives to discard unwanted data before closing. A peer that floods us does
// not keep its connection open that way.
constexpr int most_discards = 64;

}  // namespace

// Flow's out-of-line half ------------------------------------------------------------------------

bool Flow::next_some(std::optional<Received>& received) {
  return static_cast<ConnectionCore*>(this)->take_some(received);
}
bool Flow::next_slowly(std::optional<Received>& received) {
  return static_cast<ConnectionCore*>(this)->take_next(received);
}
Outcome Flow::append_slowly(ByteView message) {
  return static_cast<ConnectionCore*>(this)->enqueue(message);
}
Error Flow::explain(const char* operation, Outcome outcome) const {
  return static_cast<const ConnectionCore*>(this)->explain_outcome(operation, outcome);
}

ConnectionCore::ConnectionCore(Descriptor socket, const Peer& peer,
                               std::shared_ptr<const ConnectionConfig> config,
                               core::BufferPools& buffers)
    : Flow(config->options.framing,
           static_cast<std::uint32_t>(
               std::min(config->options.limits.max_message, bounds::largest_message))),
      socket_(std::move(socket)),
      peer_(peer),
      config_(std::move(config)),
      queue_(keeps_boundaries(), buffers) {
  if (config_->options.descriptors > 0) inbox_ = std::make_unique<Inbox>();
  plain_ = !packets() && !inbox_;
  if (packets()) {
    // Without credentials an empty packet could not be distinguished from the end (see
    // receive_packet).
    const auto set = sys::pass_credentials(socket_.get());
    if (!set) {
      fail([&] { return sys::failure(set.error(), "receive from", peer_.to_string()).error(); });
    }
    largest_packet_ =
        static_cast<std::uint32_t>(sys::packet_max(socket_.get()).value_or(UINT32_MAX));
    // Any framing with overhead: append() then never takes its fast path, which is for streams.
    receive_framing_ = send_framing_ = Framing::lines();
  }
}

ConnectionCore::~ConnectionCore() { queue_.buffers().received.release(std::move(buffer_)); }

// Receiving --------------------------------------------------------------------------------------

// The pointers are valid after each step, because the next one may throw.
void ConnectionCore::make_room() {
  const auto partial = static_cast<std::size_t>(filled_ - unread_);
  const auto lies_at = [&](const char* where) {
    unread_ = where;
    filled_ = where + partial;
  };
  if (partial < worth_keeping && !lent_) {
    core::ReceiveBuffer large = queue_.buffers().received.acquire();
    if (partial > 0) std::memcpy(large.data(), unread_, partial);
    queue_.buffers().received.release(std::exchange(buffer_, std::move(large)));
    lent_ = true;
  } else if (partial > 0 && unread_ != buffer_.data()) {
    std::memmove(buffer_.data(), unread_, partial);
  }
  lies_at(buffer_.data());
  std::size_t wanted = buffer_.size();
  if (partial == wanted) wanted = 2 * partial;
  if (packets() && wanted <= max_message_) wanted = max_message_ + 1;
  if (wanted == buffer_.size()) return;
  buffer_.resize(wanted);
  lent_ = false;  // not of the pool's size: freed instead of returned
  lies_at(buffer_.data());
}

void ConnectionCore::release_buffer() {
  const auto partial = static_cast<std::size_t>(filled_ - unread_);
  if (partial >= worth_keeping) return;
  if (partial == 0) {
    queue_.buffers().received.release(std::exchange(buffer_, {}));
    lent_ = false;
    unread_ = filled_ = nullptr;
  } else if (lent_) {
    core::ReceiveBuffer own = queue_.buffers().received.acquire_exact(partial);
    std::memcpy(own.data(), unread_, partial);
    queue_.buffers().received.release(std::exchange(buffer_, std::move(own)));
    lent_ = false;
    unread_ = buffer_.data();
    filled_ = unread_ + partial;
  }
}

void ConnectionCore::yield() {
  if (static_cast<std::size_t>(filled_ - unread_) <= core::ReceiveBufferPool::small_size) {
    release_buffer();
  }
}

ConnectionCore::Fill ConnectionCore::fill(std::size_t most) {
  // Even if the turn is over: a task that was woken for this data gets at least some of it.
  look_up_at_ = messages_received_ + bounds::messages_between_looks;
  if (inbound_end_ != Outcome::ok) return Fill::ended;
  make_room();
  if (inbox_) inbox_->arrived.reserve(inbox_->arrived.size() + 1);
  const auto used = static_cast<std::size_t>(filled_ - buffer_.data());
  iovec room{writable(filled_), buffer_.size() - used};
  if (!packets()) room.iov_len = std::min(room.iov_len, most);

  auto got = packets() ? receive_packet(room) : receive_stream(room);
  if (!got && got.error() == ECONNRESET) {
    // A seqpacket peer's reset is reported before the packets it had sent, a stream's after its
    // bytes. In both cases everything that is queued is read first, and the reset is reported after
    // it.
    reset_ = true;
    got = packets() ? receive_packet(room) : receive_stream(room);
  }
  if (inbound_end_ != Outcome::ok) return Fill::ended;  // a packet over the limit
  if (!got && got.error() == EAGAIN && !reset_) return Fill::would_block;
  if (!got && got.error() != EAGAIN && got.error() != ECONNRESET) {
    fail([&] { return sys::failure(got.error(), "receive from", peer_.to_string()).error(); });
    return Fill::ended;
  }
  const bool at_end = !got || (*got == 0 && !packet_waits_);
  if (at_end) {
    inbound_end_ = read_shut_down_ ? Outcome::closed : Outcome::end_of_stream;
    if (reset_) inbound_end_ = Outcome::peer_gone;
    return Fill::ended;
  }
  filled_ += *got;
  bytes_received_ += *got;
  return Fill::progress;
}

sys::Expected<std::size_t> ConnectionCore::receive_stream(iovec room) {
  if (!inbox_) return sys::receive_bytes(socket_.get(), room);
  auto reception = sys::receive(socket_.get(), room, config_->options.descriptors, false);
  if (!reception) return std::unexpected(reception.error());
  keep_descriptors(*reception);
  return reception->size;
}

// Descriptors that waited before this receive belong to the one incomplete message, because more is
// received only while a message is incomplete. So at most twice the limit is ever held, however
// slowly a peer sends that message. Whether the new descriptors also belong to it is known only at
// its end.
void ConnectionCore::keep_descriptors(sys::ReceiveResult& reception) noexcept {
  const std::size_t limit = config_->options.descriptors;
  core::ReceivedDescriptors came(std::exchange(reception.descriptors, {}));
  auto& arrived = inbox_->arrived;
  std::size_t waiting = 0;
  bool lost = false;
  for (const Arrived& some : arrived) {
    waiting += some.descriptors.size();
    lost = lost || some.truncated;
  }
  if (lost || waiting > limit) {
    arrived.resize(1);
    arrived.front() = {bytes_received_, {}, true};
  }
  const bool truncated = reception.descriptors_truncated || came.size() > limit;
  if (came.empty() && !truncated) return;
  // Some are missing, or more came than were requested. None of them can be trusted to be the one
  // that the sender meant.
  if (truncated) came.clear();
  arrived.push_back({bytes_received_ + reception.size, std::move(came), truncated});
}

// An empty packet and the end both read as zero bytes, and MSG_EOR is never reported. But a packet
// comes with its sender's credentials, and the end does not.
sys::Expected<std::size_t> ConnectionCore::receive_packet(iovec room) {
  auto reception = sys::receive(socket_.get(), room, config_->options.descriptors, true);
  if (!reception) return std::unexpected(reception.error());
  packet_waits_ = reception->size > 0 || reception->has_control;
  if (inbox_ && packet_waits_) keep_descriptors(*reception);
  if (reception->whole > max_message_) {
    fail_too_large();
    packet_waits_ = false;
    return std::unexpected(EAGAIN);
  }
  return reception->size;
}

bool ConnectionCore::should_yield() {
  yielded_ = false;
  if (messages_received_ >= look_up_at_) {
    look_up_at_ = messages_received_ + bounds::messages_between_looks;
    yielded_ = filled_ != unread_ && turn_is_over();
  }
  return yielded_;
}

bool ConnectionCore::take_next(std::optional<Received>& received) {
  assert(!in_pieces() && "a message that was begun is taken to its end by receive_some()");
  if (should_yield()) return false;
  if (inbox_) inbox_->claimed.clear();
  if (packets()) return packet_waits_ ? give_packet(received) : give_end(received);

  const ByteView bytes(unread_, static_cast<std::size_t>(filled_ - unread_));
  const Frame frame = receive_framing_.next(bytes, max_message_, scanned_);
  switch (frame.state) {
    case Frame::State::complete: return give(received, frame.message, frame.consumed);
    case Frame::State::too_large: fail_too_large(); return give_end(received);
    case Frame::State::incomplete: break;
  }
  // A smaller value is also correct. A frame may be slightly larger than its message.
  scanned_ = static_cast<std::uint32_t>(std::min<std::size_t>(bytes.size(), UINT32_MAX));
  if (inbound_end_ == Outcome::ok) return false;
  if (inbound_end_ == Outcome::end_of_stream && !bytes.empty()) {
    const Frame rest = receive_framing_.last(bytes, max_message_);
    switch (rest.state) {
      case Frame::State::complete: return give(received, rest.message, rest.consumed);
      case Frame::State::too_large: fail_too_large(); break;
      case Frame::State::incomplete: fail_broken_off(bytes.size()); break;
    }
  }
  return give_end(received);
}

bool ConnectionCore::take_some(std::optional<Received>& received) {
  if (should_yield()) return false;
  if (inbox_) inbox_->claimed.clear();
  if (packets()) return packet_waits_ ? give_packet(received) : give_end(received);

  if (!progress_) progress_ = std::make_unique<Progress>();
  const ByteView bytes(unread_, static_cast<std::size_t>(filled_ - unread_));
  Piece piece = receive_framing_.next_piece(bytes, max_message_, *progress_);
  const bool at_end = inbound_end_ == Outcome::end_of_stream && has_partial();
  if (piece.state == Frame::State::incomplete && at_end) {
    const std::size_t taken = progress_->taken + bytes.size();
    piece = receive_framing_.last_piece(bytes, max_message_, *progress_);
    if (piece.state == Frame::State::incomplete) fail_broken_off(taken);
  }
  switch (piece.state) {
    case Frame::State::complete: return give_piece(received, piece);
    case Frame::State::too_large: fail_too_large(); break;
    case Frame::State::incomplete: break;
  }
  return give_end(received);
}

bool ConnectionCore::give(std::optional<Received>& received, ByteView message,
                          std::size_t consumed) {
  unread_ += consumed;
  scanned_ = 0;
  ++messages_received_;
  const auto rest = static_cast<std::size_t>(filled_ - unread_);
  const Outcome outcome = inbox_ ? claim_descriptors(bytes_received_ - rest) : Outcome::ok;
  received = Received(outcome, Message(message, inbox_ ? &inbox_->claimed.list() : nullptr), this);
  return true;
}

bool ConnectionCore::give_piece(std::optional<Received>& received, const Piece& piece) {
  plain_ = piece.last && !inbox_;  // next()'s fast path does not handle pieces
  if (piece.last) return give(received, piece.bytes, piece.consumed);
  unread_ += piece.consumed;
  scanned_ = 0;
  received = Received(Outcome::ok, Message(piece.bytes, nullptr, true), this);
  return true;
}

bool ConnectionCore::give_packet(std::optional<Received>& received) {
  packet_waits_ = false;
  const ByteView packet(unread_, static_cast<std::size_t>(filled_ - unread_));
  return give(received, packet, packet.size());
}

bool ConnectionCore::give_end(std::optional<Received>& received) {
  if (inbound_end_ == Outcome::ok) return false;
  received = Received(inbound_end_, Message(), this);
  return true;
}

// Descriptors belong to the frame in which the receive that brought them ended. The kernel ends a
// receive after the write that carried descriptors. So a frame that any sender writes at once with
// its descriptors is always matched with them, however the reads fall.
//
// The message itself is already consumed. Descriptors that find no memory are lost, like those for
// which the kernel found no room.
Outcome ConnectionCore::claim_descriptors(std::uint64_t frame_end) noexcept {
  bool whole = true;
  auto& arrived = inbox_->arrived;
  const auto later =
      std::ranges::find_if(arrived, [&](const Arrived& some) { return some.position > frame_end; });
  try {
    for (auto some = arrived.begin(); some != later; ++some) {
      whole = whole && !some->truncated;
      inbox_->claimed.append(std::move(some->descriptors));
    }
  } catch (const std::bad_alloc&) {
    whole = false;
  }
  arrived.erase(arrived.begin(), later);
  whole = whole && inbox_->claimed.size() <= config_->options.descriptors;
  if (!whole) inbox_->claimed.clear();
  return whole ? Outcome::ok : Outcome::truncated;
}

void ConnectionCore::end_inbound(Outcome outcome) noexcept {
  if (inbound_end_ == Outcome::ok || inbound_end_ == Outcome::end_of_stream) inbound_end_ = outcome;
  unread_ = filled_ = buffer_.data();
  scanned_ = 0;
  progress_.reset();
  packet_waits_ = false;
  if (inbox_) inbox_->arrived.clear();
}

// Sending ----------------------------------------------------------------------------------------

Outcome ConnectionCore::refuse(ByteView message, std::size_t descriptors) {
  if (outbound_end_ != Outcome::ok) return outbound_end_;
  if (refusing_) return Outcome::closed;
  const std::size_t largest = std::min(max_message_, largest_packet_);
  if (message.size() > largest) {
    error_ = std::make_unique<Error>(
        sys::failure(EMSGSIZE, "send to", peer_.to_string(),
                     "a message of " + std::to_string(message.size()) +
                         " bytes is over the limit of " + std::to_string(largest),
                     largest == largest_packet_ ? "a packet has to fit into SO_SNDBUF; a stream "
                                                  "carries more"
                                                : "raise max_message on both sides")
            .error());
    return Outcome::failed;
  }
  const bool carries_none = !packets() && message.size() + send_framing_.overhead() == 0;
  if (descriptors > bounds::descriptors_per_message || (descriptors > 0 && carries_none)) {
    error_ = std::make_unique<Error>(
        sys::failure(EINVAL, "send to", peer_.to_string(),
                     carries_none ? "descriptors need at least one byte to travel with"
                                  : "a message carries at most 253 descriptors")
            .error());
    return Outcome::failed;
  }
  const bool others_turn = written_this_turn_ >= most_per_turn;
  const bool large_begins_to_wait = !large_waits_ && send_blocked_ && sent_from_place(message);
  large_waits_ = large_waits_ || large_begins_to_wait;
  if (!over_soft_limit() && !over_share() && !others_turn) return Outcome::ok;
  // Also closes append()'s fast path: a small message must not overtake those that wait.
  seal_queue();
  // A full queue is already being written, and its clock runs. In these three cases neither is
  // certain.
  if (others_turn || large_begins_to_wait || over_share()) on_queued();
  return Outcome::would_block;
}

Outcome ConnectionCore::enqueue(ByteView message) {
  before_queuing();
  if (const Outcome refused = refuse(message, 0); refused != Outcome::ok) return refused;
  if (sent_from_place(message)) return send_from_place(message);
  write_frame(message);
  if (queued_bytes() >= bounds::eager_flush && written_this_turn_ < most_per_turn) flush();
  on_queued();
  return Outcome::ok;
}

bool ConnectionCore::sent_from_place(ByteView message) const noexcept {
  return message.size() >= large_message && !keeps_boundaries();
}

// A large message is offered to the kernel at once, and only the part it does not take is copied.
// So none is sent while the kernel takes nothing.
Outcome ConnectionCore::send_from_place(ByteView message) {
  OutboundQueue::OpenEnd end = open_queue(send_framing_.overhead());
  room_ = send_framing_.write_head(message.size(), end.room);
  room_end_ = end.room_end;
  const std::size_t tail = send_framing_.overhead() - static_cast<std::size_t>(room_ - end.room);
  ++messages_sent_;
  on_queued();  // even if all of it goes out now: the flush of the turn reports an end to waiters,
                // and resets written_this_turn_
  ByteView rest = message;
  flush(rest);
  if (outbound_end_ != Outcome::ok) return outbound_end_;
  if (rest.size() + tail == 0) return Outcome::ok;
  try {
    end = open_queue(rest.size() + tail);
  } catch (const std::bad_alloc&) {
    fail_out_of_memory();  // its beginning was sent: no other message can follow
    return Outcome::failed;
  }
  end.room = send_framing_.write_tail(core::copy_bytes(rest, end.room));
  keep_open(end);
  return Outcome::ok;
}

Outcome ConnectionCore::enqueue(ByteView message, std::vector<Descriptor>& descriptors) {
  before_queuing();
  if (const Outcome refused = refuse(message, descriptors.size()); refused != Outcome::ok) {
    return refused;
  }
  OutboundQueue::Attached attached;
  if (!descriptors.empty()) attached = std::make_unique<std::vector<Descriptor>>();
  seal_queue();
  write_frame(message);
  if (attached) {
    *attached = std::move(descriptors);
    seal_queue();
    queue_.attach(std::move(attached));
  }
  on_queued();
  return Outcome::ok;
}

void ConnectionCore::write_frame(ByteView message) {
  const std::size_t size = message.size() + (packets() ? 0 : send_framing_.overhead());
  if (size == 0 && !packets()) {  // an empty raw message has no bytes
    ++messages_sent_;
    return;
  }
  OutboundQueue::OpenEnd end = open_queue(size);
  ++messages_sent_;
  if (packets()) {
    if (size > 0) std::memcpy(end.room, message.data(), size);
    end.room += size;
  } else {
    end.room = send_framing_.write(message, end.room);
  }
  if (keeps_boundaries()) queue_.seal(end);
  keep_open(end);
}

OutboundQueue::OpenEnd ConnectionCore::open_queue(std::size_t size) {
  OutboundQueue::OpenEnd end{std::exchange(room_, nullptr), std::exchange(room_end_, nullptr)};
  return queue_.open(size, end);
}

// append()'s fast path ends at the soft limit, even in the middle of a chunk.
void ConnectionCore::keep_open(const OutboundQueue::OpenEnd& end) noexcept {
  room_ = end.room;
  room_end_ = end.room_end;
  const std::size_t soft = config_->options.limits.outbound_soft;
  const std::size_t queued = queued_bytes();
  const std::size_t left = soft > queued ? soft - queued : 0;
  if (left < static_cast<std::size_t>(room_end_ - room_)) room_end_ = room_ + left;
}

void ConnectionCore::enqueue_shared(const SharedBytes& frame) {
  if (outbound_end_ != Outcome::ok || refusing_) return;
  seal_queue();
  queue_.append_range(frame.chunk, frame.begin, frame.end);
  messages_sent_ += frame.messages;
  on_queued();
}

Outcome ConnectionCore::flush() noexcept {
  ByteView nothing;
  return flush(nothing);
}

Outcome ConnectionCore::flush(ByteView& behind) noexcept {
  OutboundQueue::OpenEnd end{room_, room_end_};
  sys::Expected<std::size_t> sent;
  while (sent && outbound_end_ == Outcome::ok && !(queue_.empty() && behind.empty())) {
    sent = queue_.send_some(socket_.get(), packets(), end, behind);
    if (!sent && sent.error() == EAGAIN && widen_send_buffer()) {
      sent = 0;
      continue;
    }
    if (!sent) break;
    resource_backoff_.over();
    bytes_sent_ += *sent;
    written_this_turn_ =
        static_cast<std::uint32_t>(std::min(written_this_turn_ + *sent, most_per_turn));
  }
  room_ = end.room;
  room_end_ = end.room_end;
  send_blocked_ = !sent;
  large_waits_ = large_waits_ && send_blocked_;
  if (sent) return outbound_end_;

  const int error = sent.error();
  if (error == EAGAIN) {
    resource_backoff_.over();
    return Outcome::would_block;
  }
  if (error == EPIPE || error == ECONNRESET) {
    // The kernel reports it once per socket: the next receive would only see an end.
    reset_ = reset_ || error == ECONNRESET;
    end_outbound(Outcome::peer_gone);
    return outbound_end_;
  }
  const bool passing = message::ResourceBackoff::is_resource_exhaustion(error) &&
                       resource_backoff_.note(config_->options.limits.outbound_soft_time);
  if (passing) return Outcome::would_block;
  fail([&] {
    return sys::failure(error, "send to", peer_.to_string(),
                        message::ResourceBackoff::reason(error),
                        message::ResourceBackoff::hint(error))
        .error();
  });
  return outbound_end_;
}

// The kernel's first buffer is full, so this connection carries much data. Each time the buffer is
// full the writer sleeps, and a larger one avoids most of that. Not under a policy that drops
// messages: a message in the kernel cannot be withdrawn.
bool ConnectionCore::widen_send_buffer() noexcept {
  const ConnectionOptions& options = config_->options;
  const bool drops = options.full == Full::drop_oldest || options.full == Full::drop_newest;
  if (std::exchange(widened_, true) || packets() || drops) return false;
  if (!may_raise_send_buffer(options.limits.send_buffer)) return false;
  const bool raised = sys::raise_send_buffer(socket_.get(), options.limits.send_buffer);
  if (raised) note_send_buffer(options.limits.send_buffer);
  return raised;
}

void ConnectionCore::seal_queue() noexcept {
  OutboundQueue::OpenEnd end{room_, room_end_};
  queue_.seal(end);
  room_ = room_end_ = nullptr;
}

void ConnectionCore::refuse_more() noexcept {
  refusing_ = true;
  seal_queue();
}

void ConnectionCore::end_outbound(Outcome outcome) noexcept {
  if (outbound_end_ == Outcome::ok) outbound_end_ = outcome;
  OutboundQueue::OpenEnd end{room_, room_end_};
  queue_.clear(end);
  room_ = room_end_ = nullptr;
}

// Both directions --------------------------------------------------------------------------------

// The first failure counts. Before it, error_ at most explains why a message was refused.
void ConnectionCore::keep_error(std::unique_ptr<Error> error) noexcept {
  if (!error_ || outbound_end_ == Outcome::ok) error_ = std::move(error);
}

void ConnectionCore::fail_out_of_memory() noexcept {
  fail([]() -> Error { throw std::bad_alloc(); });
}

void ConnectionCore::fail_too_large() noexcept {
  fail([&] {
    return sys::failure(EMSGSIZE, "receive from", peer_.to_string(),
                        "a message is over the limit of " + std::to_string(max_message_) + " bytes",
                        "raise max_message, or see whether the peer uses another framing")
        .error();
  });
}

void ConnectionCore::fail_broken_off(std::size_t size) noexcept {
  fail([&] {
    return sys::failure(EPIPE, "receive from", peer_.to_string(),
                        "the peer closed in the middle of a message, after " +
                            std::to_string(size) + " bytes of it")
        .error();
  });
}

Outcome ConnectionCore::look_whether_read() noexcept {
  if (outbound_end_ != Outcome::ok && outbound_end_ != Outcome::closed) return outbound_end_;
  if (!socket_.holds_one()) return Outcome::closed;
  const auto fail_with = [this](int error) {
    fail(
        [&] { return sys::failure(error, "look at what was sent to", peer_.to_string()).error(); });
    return Outcome::failed;
  };
  const auto unread = sys::unread_by_peer(socket_.get());
  if (!unread) return fail_with(unread.error());
  if (*unread > 0) return Outcome::would_block;
  // The kernel records the error before it discards what was not read.
  const auto error = sys::take_error(socket_.get());
  if (!error) return fail_with(error.error());
  reset_ = reset_ || *error == ECONNRESET;
  if (!reset_) return Outcome::ok;
  end_outbound(Outcome::peer_gone);
  return Outcome::peer_gone;
}

Error ConnectionCore::explain_outcome(const char* operation, Outcome outcome) const {
  if (outcome == Outcome::failed && error_) return *error_;
  const std::string subject = config_->address.kind() == Address::Kind::unnamed
                                  ? peer_.to_string()
                                  : config_->address.unescaped();
  switch (outcome) {
    case Outcome::timed_out:
      return sys::failure(ETIMEDOUT, operation, subject, "nothing came within the deadline")
          .error();
    case Outcome::end_of_stream:
      return sys::failure(EPIPE, operation, subject, "the peer has finished").error();
    case Outcome::peer_gone:
      return sys::failure(ECONNRESET, operation, subject,
                          reset_ ? "the peer closed the connection before it had read everything"
                                 : "the peer has closed the connection")
          .error();
    case Outcome::closed:
      return sys::failure(ECANCELED, operation, subject, "this side has closed the connection")
          .error();
    case Outcome::truncated:
      return sys::failure(EMSGSIZE, operation, subject,
                          "descriptors of the message were lost, or more than accepted")
          .error();
    case Outcome::would_block: return sys::failure(EAGAIN, operation, subject).error();
    case Outcome::failed: return sys::failure(ENOMEM, operation, subject).error();
    case Outcome::no_responders:  // only hubs report it
    case Outcome::ok: break;
  }
  return sys::failure(0, operation, subject).error();
}

void ConnectionCore::set_framing(Framing receive, Framing send) noexcept {
  if (packets()) return;
  before_queuing();
  receive_framing_ = receive;
  send_framing_ = send;
  scanned_ = 0;
}

void ConnectionCore::shut_down_writing() noexcept {
  const auto done = sys::shutdown_writing(socket_.get());
  if (done) {
    end_outbound(Outcome::closed);
  } else {
    fail([&] { return sys::failure(done.error(), "half-close", peer_.to_string()).error(); });
  }
}

void ConnectionCore::close_socket() noexcept {
  if (!socket_.holds_one()) return;
  const bool all_read =
      inbound_end_ == Outcome::end_of_stream || inbound_end_ == Outcome::peer_gone;
  std::array<char, 16 * kibibyte> nowhere;
  for (int i = 0; i < most_discards && !all_read; ++i) {
    const auto got = receive_stream({nowhere.data(), nowhere.size()});
    if (!got || *got == 0) break;
  }
  if (inbox_) {
    // Unread data in the socket may carry descriptors, which the kernel closes with it.
    inbox_->arrived.clear();
    sys::shut_down(socket_.get());  // so that the peer does not wait for the close
    core::close_in_background(std::move(socket_));
  }
  socket_.close();
}

Counters ConnectionCore::counters() const noexcept {
  return {messages_received_, messages_sent_, bytes_received_, bytes_sent_, dropped_};
}

}  // namespace hallway::detail
