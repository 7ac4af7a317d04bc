// SPDX-License-Identifier: Apache-2.0
#include "message/connection/connection_core.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/received_descriptors.hpp"
#include "loop/interruptible_wait.hpp"
#include "message/connection/cause.hpp"

namespace hallway::detail {

namespace {

// A message of at least this size is not copied to the queue if the kernel takes it at once.
constexpr std::size_t large_message = bounds::chunk;

// Bytes that one sender may write before the others on its loop get their turn.
constexpr std::size_t max_per_turn = 1 * mebibyte;

// Maximum number of receives to discard unwanted data before closing. A peer that floods us does
// not keep its connection open that way.
constexpr int max_discards = 64;

iovec to_iovec(std::span<char> bytes) noexcept { return {bytes.data(), bytes.size()}; }

bool is_packets(const ConnectionConfig& config) noexcept {
  return config.type != SocketType::stream;
}

// The halves of a connection of packets frame nothing. They get a framing with overhead, so that
// SendHalf::try_enqueue(), which is for streams, never finds room.
Framing framing_of(const ConnectionConfig& config) noexcept {
  return is_packets(config) ? Framing::lines() : config.options.framing;
}

SendHalf::Segments segments_of(const ConnectionConfig& config) noexcept {
  if (is_packets(config)) return SendHalf::Segments::packets;
  return config.options.overflow == OverflowPolicy::drop_oldest ? SendHalf::Segments::single
                                                                : SendHalf::Segments::joined;
}

std::uint32_t max_message_of(const ConnectionConfig& config) noexcept {
  return static_cast<std::uint32_t>(
      std::min(config.options.limits.max_message, bounds::max_message));
}

}  // namespace

ConnectionCore::ConnectionCore(Descriptor socket, const Peer& peer,
                               std::shared_ptr<const ConnectionConfig> config,
                               core::BufferPools& buffers, ConnectionState* state)
    : halves_{.receive = {framing_of(*config), max_message_of(*config), is_packets(*config),
                          config->options.descriptors, buffers},
              .send = {framing_of(*config), max_message_of(*config), segments_of(*config), buffers},
              .core = *this,
              .state = state},
      socket_(std::move(socket)),
      peer_(peer),
      config_(std::move(config)) {
  if (!packets()) return;
  // Without credentials an empty packet could not be distinguished from the end (see
  // ReceiveHalf::note_packet).
  const auto set = sys::pass_credentials(socket_.get());
  if (!set) {
    fail([&] { return sys::failure(set.error(), "receive from", peer_.to_string()).error(); });
  }
  largest_packet_ = static_cast<std::uint32_t>(sys::packet_max(socket_.get()).value_or(UINT32_MAX));
}

void ConnectionCore::use_buffers(core::BufferPools& buffers) noexcept {
  halves_.receive.use_buffers(buffers);
  halves_.send.use_buffers(buffers);
}

// Receiving --------------------------------------------------------------------------------------

ConnectionCore::Fill ConnectionCore::fill(std::size_t most) {
  ReceiveHalf& half = halves_.receive;
  half.postpone_clock();  // a task that was woken for this data gets at least some of it
  if (half.ended() != Outcome::ok) return Fill::ended;
  std::span<char> room = half.make_room();
  if (!packets()) room = room.first(std::min(room.size(), most));

  auto got = packets() ? receive_packet(room) : receive_stream(room);
  if (!got && got.error() == ECONNRESET) {
    // A seqpacket peer's reset is reported before the packets it had sent, a stream's after its
    // bytes. In both cases everything that is queued is read first, and the reset is reported after
    // it.
    reset_ = true;
    got = packets() ? receive_packet(room) : receive_stream(room);
  }
  if (half.ended() != Outcome::ok) return Fill::ended;  // a packet over the limit
  if (!got && got.error() == EAGAIN && !reset_) return Fill::would_block;
  if (!got && got.error() != EAGAIN && got.error() != ECONNRESET) {
    fail([&] { return sys::failure(got.error(), "receive from", peer_.to_string()).error(); });
    return Fill::ended;
  }
  const bool at_end = !got || (*got == 0 && !half.has_packet());
  if (at_end) {
    const Outcome end = read_shut_down_ ? Outcome::closed : Outcome::end_of_stream;
    half.note_end_of_peer(reset_ ? Outcome::peer_gone : end);
    return Fill::ended;
  }
  half.add(*got);
  return Fill::progress;
}

sys::Expected<std::size_t> ConnectionCore::receive_stream(std::span<char> room) {
  if (!halves_.receive.takes_descriptors()) {
    return sys::receive_bytes(socket_.get(), to_iovec(room));
  }
  auto result = sys::receive(socket_.get(), to_iovec(room), config_->options.descriptors, false);
  if (!result) return std::unexpected(result.error());
  halves_.receive.keep_descriptors(*result);
  return result->size;
}

sys::Expected<std::size_t> ConnectionCore::receive_packet(std::span<char> room) {
  auto result = sys::receive(socket_.get(), to_iovec(room), config_->options.descriptors, true);
  if (!result) return std::unexpected(result.error());
  if (halves_.receive.note_packet(*result)) return result->size;
  fail_too_large();
  return std::unexpected(EAGAIN);
}

/// As give(), where there is no message.
bool ConnectionCore::give_end(const ReceiveHalf::Taken& taken, std::optional<Received>& received) {
  if (taken.state == ReceiveHalf::Taken::State::too_large) fail_too_large();
  if (taken.state == ReceiveHalf::Taken::State::broken_off) fail_broken_off(taken.size);
  if (inbound_end() == Outcome::ok) return false;
  received = Received(reason(inbound_end()));
  return true;
}

// Sending ----------------------------------------------------------------------------------------

Outcome ConnectionCore::check_sendable(ByteView message, std::size_t descriptors) const noexcept {
  if (outbound_end_ != Outcome::ok) return outbound_end_;
  if (refusing_) return Outcome::closed;
  if (message.size() > max_sent() || descriptors > bounds::max_descriptors_per_message ||
      (descriptors > 0 && !has_bytes(message))) {
    return Outcome::failed;
  }
  const bool others_turn = written_this_turn_ >= max_per_turn;
  const bool waits = over_soft_limit() || over_share() || others_turn || large_must_wait(message);
  return waits ? Outcome::would_block : Outcome::ok;
}

/// Whether descriptors can travel with the message.
bool ConnectionCore::has_bytes(ByteView message) const noexcept {
  return packets() || message.size() + send_framing().overhead() > 0;
}

/// What follows from the answer of check_sendable().
void ConnectionCore::note_unsendable(Outcome why, ByteView message) {
  if (why == Outcome::failed && outbound_end_ == Outcome::ok) {
    error_ = std::make_unique<Error>(explain_unsendable(message));
  }
  if (why != Outcome::would_block) return;
  large_waits_ = large_waits_ || large_must_wait(message);
  halves_.send.seal();  // a small message must not overtake those that wait
}

Error ConnectionCore::explain_unsendable(ByteView message) const {
  const std::size_t most = max_sent();
  if (message.size() > most) {
    return sys::failure(EMSGSIZE, "send to", peer_.to_string(),
                        "a message of " + std::to_string(message.size()) +
                            " bytes is over the limit of " + std::to_string(most),
                        most == largest_packet_ ? "a packet must fit into SO_SNDBUF; a stream "
                                                  "carries more"
                                                : "raise max_message on both sides")
        .error();
  }
  return sys::failure(EINVAL, "send to", peer_.to_string(),
                      has_bytes(message) ? "a message carries at most 253 descriptors"
                                         : "descriptors need at least one byte to travel with")
      .error();
}

Outcome ConnectionCore::enqueue(ByteView message) {
  if (const Outcome sendable = check_sendable(message, 0); sendable != Outcome::ok) {
    note_unsendable(sendable, message);
    return sendable;
  }
  if (avoids_copy(message)) return send_uncopied(message);
  halves_.send.enqueue(message);
  limit_room();
  if (queued_bytes() >= bounds::eager_flush && written_this_turn_ < max_per_turn) flush();
  return Outcome::ok;
}

bool ConnectionCore::avoids_copy(ByteView message) const noexcept {
  return message.size() >= large_message && segments_of(*config_) == SendHalf::Segments::joined;
}

// A large message is offered to the kernel at once, and only the part it does not take is copied.
// So none is sent while the kernel takes nothing.
Outcome ConnectionCore::send_uncopied(ByteView message) {
  const std::size_t tail = halves_.send.enqueue_head(message.size());
  ByteView rest = message;
  flush(rest);
  if (outbound_end_ != Outcome::ok) return outbound_end_;
  if (rest.size() + tail == 0) return Outcome::ok;
  try {
    halves_.send.enqueue_rest(rest);
  } catch (const std::bad_alloc&) {
    fail_out_of_memory();  // its beginning was sent: no other message can follow
    return Outcome::failed;
  }
  limit_room();
  return Outcome::ok;
}

Outcome ConnectionCore::enqueue(ByteView message, std::vector<Descriptor>& descriptors) {
  const Outcome sendable = check_sendable(message, descriptors.size());
  if (sendable != Outcome::ok) {
    note_unsendable(sendable, message);
    return sendable;
  }
  if (descriptors.empty()) {
    halves_.send.enqueue(message);
    limit_room();
    return Outcome::ok;
  }
  halves_.send.enqueue(message, descriptors);
  return Outcome::ok;
}

bool ConnectionCore::enqueue_shared(const SharedBytes& frames) {
  if (outbound_end_ != Outcome::ok || refusing_) return false;
  halves_.send.enqueue_shared(frames);
  return true;
}

Outcome ConnectionCore::flush() noexcept {
  ByteView nothing;
  return flush(nothing);
}

Outcome ConnectionCore::flush(ByteView& behind) noexcept {
  SendHalf& half = halves_.send;
  sys::Expected<std::size_t> sent;
  while (sent && outbound_end_ == Outcome::ok && !(half.empty() && behind.empty())) {
    sent = half.send_some(socket_.get(), behind);
    if (!sent && sent.error() == EAGAIN && widen_send_buffer()) {
      sent = 0;
      continue;
    }
    if (!sent) break;
    resource_backoff_.over();
    bytes_sent_ += *sent;
    written_this_turn_ =
        static_cast<std::uint32_t>(std::min(written_this_turn_ + *sent, max_per_turn));
  }
  send_blocked_ = !sent;
  large_waits_ = large_waits_ && send_blocked_;
  return sent ? outbound_end_ : note_send_error(sent.error());
}

Outcome ConnectionCore::note_send_error(int error) noexcept {
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
  const bool drops = options.overflow == OverflowPolicy::drop_oldest ||
                     options.overflow == OverflowPolicy::drop_newest;
  if (std::exchange(widened_, true) || packets() || drops) return false;
  if (!kept_) return sys::raise_send_buffer(socket_.get(), options.limits.send_buffer);
  core::Account& account = kept_->account();
  const std::size_t doubled = 2 * options.limits.send_buffer;  // by the kernel: man 7 socket
  if (!account.has_left(core::Quota::send_buffers, doubled)) return false;
  send_buffer_.reset(new (std::nothrow) core::Charge(account, core::Quota::send_buffers));
  if (!send_buffer_) return false;
  const bool raised = sys::raise_send_buffer(socket_.get(), options.limits.send_buffer);
  if (raised) send_buffer_->set(doubled);
  return raised;
}

void ConnectionCore::refuse_more() noexcept {
  refusing_ = true;
  halves_.send.seal();
}

void ConnectionCore::end_outbound(Outcome outcome) noexcept {
  if (outbound_end_ == Outcome::ok) outbound_end_ = outcome;
  halves_.send.clear();
}

// Accounting -------------------------------------------------------------------------------------

/// Charges a server's connection for what it holds beyond bounds::connection. That is what the
/// kernel refused, with the rest of the chunk it is in, and a receive buffer with more than a fair
/// read, which then has as many pages as one read fills.
void ConnectionCore::update_memory_charge() noexcept {
  if (!kept_) return;
  const std::size_t unsent = send_blocked_ && !queue_empty() ? queued_bytes() + bounds::chunk : 0;
  const std::size_t read = halves_.receive.buffered_bytes();
  kept_->set(unsent + (read > bounds::fair_read ? std::max(read, bounds::stream_read) : 0));
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
                        "a message is over the limit of " +
                            std::to_string(halves_.receive.max_message()) + " bytes",
                        "raise max_message, or check that the peer uses the same framing")
        .error();
  });
}

void ConnectionCore::fail_broken_off(std::size_t size) noexcept {
  fail([&] {
    return sys::failure(EPIPE, "receive from", peer_.to_string(),
                        std::string(config_->peer) + " closed the connection after " +
                            std::to_string(size) + " bytes of an unfinished message")
        .error();
  });
}

Outcome ConnectionCore::check_peer_has_read() noexcept {
  if (outbound_end_ != Outcome::ok && outbound_end_ != Outcome::closed) return outbound_end_;
  if (!socket_.holds_one()) return Outcome::closed;
  const auto fail_with = [this](int error) {
    fail([&] { return sys::failure(error, "check what was read by", peer_.to_string()).error(); });
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

// Without memory for the details, the error of a reason says less, and the outcome is the same.

Reason ConnectionCore::interrupted(const char* operation, bool unread) const noexcept {
  try {
    auto cause = std::make_unique<DetailedCause>();
    cause->outcome = Outcome::failed;
    cause->has_details = true;
    cause->config = config_;
    cause->peer = peer_;
    cause->failure = sys::failure(EINTR, operation, subject_of(*cause), interrupted_words).error();
    cause->unread = unread;
    return Reason(cause.release());
  } catch (const std::bad_alloc&) {
    return Reason(Outcome::failed);
  }
}

Reason ConnectionCore::reason(Outcome outcome) const noexcept {
  if (outcome == Outcome::ok || outcome == Outcome::would_block) return Reason(outcome);
  try {
    auto cause = std::make_unique<DetailedCause>();
    cause->outcome = outcome;
    cause->has_details = true;
    cause->config = config_;
    cause->peer = peer_;
    if (outcome == Outcome::failed && error_) cause->failure = *error_;
    cause->unfinished = halves_.receive.unread().size();
    cause->reset = reset_;
    cause->unread = outcome == Outcome::failed && outbound_end_ == Outcome::ok;
    return Reason(cause.release());
  } catch (const std::bad_alloc&) {
    return Reason(outcome);
  }
}

std::string ConnectionCore::why_failed() const {
  return error_ ? error_->why() : std::make_error_code(std::errc::not_enough_memory).message();
}

void ConnectionCore::set_framing(Framing receive, Framing send) noexcept {
  if (packets()) return;
  halves_.receive.set_framing(receive);
  halves_.send.set_framing(send);
}

void ConnectionCore::shut_down_writing() noexcept {
  const auto done = sys::shutdown_writing(socket_.get());
  if (done) {
    end_outbound(Outcome::closed);
  } else {
    fail([&] { return sys::failure(done.error(), "half-close", peer_.to_string()).error(); });
  }
}

/// Receives what no one gets. Its descriptors are closed, not kept, which takes no memory.
sys::Expected<std::size_t> ConnectionCore::discard(std::span<char> room) const noexcept {
  if (!halves_.receive.takes_descriptors()) {
    return sys::receive_bytes(socket_.get(), to_iovec(room));
  }
  auto result = sys::receive(socket_.get(), to_iovec(room), config_->options.descriptors, false);
  if (!result) return std::unexpected(result.error());
  core::ReceivedDescriptors(std::move(result->descriptors)).clear();
  return result->size;
}

void ConnectionCore::close_socket() noexcept {
  if (!socket_.holds_one()) return;
  const bool all_read =
      inbound_end() == Outcome::end_of_stream || inbound_end() == Outcome::peer_gone;
  std::array<char, 16 * kibibyte> nowhere;
  for (int i = 0; i < max_discards && !all_read; ++i) {
    const auto got = discard(nowhere);
    if (!got || *got == 0) break;
  }
  if (halves_.receive.takes_descriptors()) {
    // Unread data in the socket may carry descriptors, which the kernel closes with it.
    halves_.receive.drop_descriptors();
    sys::shut_down(socket_.get());  // so that the peer does not wait for the close
    core::close_in_background(std::move(socket_));
  }
  socket_.close();
  send_buffer_.reset();
}

Counters ConnectionCore::counters() const noexcept {
  return {halves_.receive.messages(), halves_.send.messages(), halves_.receive.bytes(), bytes_sent_,
          dropped_};
}

}  // namespace hallway::detail
