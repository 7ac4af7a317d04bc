// SPDX-License-Identifier: Apache-2.0
// Layer: message
//
// A datagram socket: packets from anybody who may write to its name, no connection, no order
// between senders, and reliable all the same: on Unix a full queue makes senders wait
// (man 7 unix). The queue is short: /proc/sys/net/unix/max_dgram_qlen, often 10.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <hallway/address.hpp>
#include <hallway/bytes.hpp>
#include <hallway/descriptor.hpp>
#include <hallway/error.hpp>
#include <hallway/export.hpp>
#include <hallway/limits.hpp>
#include <hallway/listener.hpp>
#include <hallway/loop.hpp>
#include <hallway/peer.hpp>
#include <hallway/task.hpp>

namespace hallway {

/// A path that was bound here no longer leads here, or leads here again.
struct PathEvent {
  enum class Kind : std::uint8_t { lost, regained };
  Kind kind;
  Address path;
  std::string reason;  ///< of a loss
};

struct DatagramOptions {
  unsigned mode = defaults::mode;  ///< of the socket file; sending needs write permission
  std::string owner = {};
  std::string group = {};
  std::size_t descriptors = 0;  ///< accepted per datagram; 0 refuses them all
  std::size_t max_message = Limits{}.max_message;
  /// connect() only: refuse to send to the socket of any other user. The kernel does not say who
  /// receives datagrams; what is checked is whose the socket file is, and that very file is
  /// connected to, whatever becomes of its name meanwhile.
  std::optional<std::uint32_t> server_uid = {};
  /// bind() to a path only. Under `rebind` the socket is replaced: what was sent to the old one is
  /// received first. Under `drain` what has arrived can still be received; then receive() ends as
  /// after close().
  PathLost on_path_lost = PathLost::report;
  /// Called on the loop, once for each loss and for each end of one. It must not throw, nor destroy
  /// the socket: post() that.
  std::function<void(const PathEvent&)> on_path_event = {};
};

/// Where an answer to a datagram goes. A value, and by itself only what the sender claims: the name
/// is a string that it chose when it bound its socket. DatagramSocket::answer() checks it.
struct ReturnAddress {
  Address address;  ///< Kind::unnamed: the sender bound no address and cannot be answered
  Peer sender;      ///< by the kernel's word for this very datagram
};

/// One received datagram. A view, valid until the next receive on the same socket.
class HALLWAY_EXPORT Datagram {
 public:
  Datagram() noexcept = default;
  Datagram(Datagram&&) noexcept = default;
  Datagram& operator=(Datagram&&) noexcept = default;
  /// Closes what was not moved out of descriptors(), on a thread of the library's.
  ~Datagram();

  [[nodiscard]] ByteView bytes() const noexcept { return bytes_; }
  operator ByteView() const noexcept { return bytes_; }  // NOLINT(google-explicit-constructor)
  friend bool operator==(const Datagram& datagram, ByteView bytes) noexcept {
    return datagram.bytes_ == bytes;
  }
  [[nodiscard]] std::string to_owned() const { return std::string(bytes_); }

  /// The name that the sender bound, as it wrote it; Kind::unnamed where it bound none. From here
  /// it may lead to a socket of somebody else's. To answer, use return_address().
  [[nodiscard]] const Address& sender() const noexcept { return sender_; }

  /// For DatagramSocket::answer(); may be kept.
  [[nodiscard]] ReturnAddress return_address() const { return {sender_, peer_}; }

  /// Who sent it, by the kernel's word for this very datagram.
  [[nodiscard]] const Peer& peer() const noexcept { return peer_; }

  [[nodiscard]] std::span<Descriptor> descriptors() noexcept { return descriptors_; }

  /// ok, or truncated: it was longer than max_message (whole_size() says how long) or carried
  /// more descriptors than accepted. What arrived is there.
  [[nodiscard]] Outcome outcome() const noexcept { return outcome_; }
  [[nodiscard]] std::size_t whole_size() const noexcept { return whole_size_; }

 private:
  friend class DatagramSocket;

  ByteView bytes_;
  Address sender_;
  Peer peer_;
  std::vector<Descriptor> descriptors_;
  std::size_t whole_size_ = 0;
  Outcome outcome_ = Outcome::ok;
};

/// Movable, not copyable. It outlives what was awaited on it. One task receives at a time.
/// Thread: the loop's.
class HALLWAY_EXPORT DatagramSocket {
 public:
  /// Binds by the rule of names (listener.hpp), or takes over `fd:N` or `activation[:NAME]`.
  static Result<DatagramSocket> bind(Loop& loop, const AddressSpec& where,
                                     DatagramOptions options = {});

  /// A socket that only sends to `where`, and receives only from there. It gets a name of its
  /// own from the kernel, so that it can be answered.
  /// @errors operation_not_permitted: options.server_uid is another, or the address is no path
  static Result<DatagramSocket> connect(Loop& loop, const AddressSpec& where,
                                        DatagramOptions options = {});

  DatagramSocket(DatagramSocket&&) noexcept;
  DatagramSocket& operator=(DatagramSocket&&) noexcept;
  ~DatagramSocket();

  /// The next datagram. An empty one is a datagram like any other.
  /// @errors timed_out: nothing within `within`; operation_canceled: close() was called, or the
  ///         path was lost and on_path_lost is drain
  [[nodiscard]] Task<Result<Datagram>> receive(Duration within = forever);

  /// Sends to the connected address, or to `to`; waits while the receiver's queue is full.
  /// A connected socket whose receiver was restarted connects again and tries once more.
  /// send_to() uses our own rights: `to` is an address this program chose, and never what a sender
  /// wrote (Datagram::sender()): for that there is answer().
  /// @errors destination_address_required: `to` is unnamed: the sender bound no address, so it
  ///         cannot be answered; message_size: larger than the socket's buffer; timed_out;
  ///         connection_refused: the receiver is gone
  [[nodiscard]] Task<Result<void>> send(ByteView message, Duration within = forever);
  [[nodiscard]] Task<Result<void>> send_to(const Address& to, ByteView message,
                                           std::vector<Descriptor> descriptors = {},
                                           Duration within = forever);

  /// Sends to the sender of a datagram, with no more rights than that sender's: to a socket that is
  /// provably of its uid, or not at all. A path is looked up as the sender does, where the kernel
  /// lets us see its root and working directory (/proc/PID/root, our own uid's processes, or we are
  /// root), and from our root otherwise; what is there must be a socket file of the sender's uid.
  /// An abstract name must be held in our network namespace by a socket of that uid; where netlink
  /// is forbidden (RestrictAddressFamilies=AF_UNIX) nobody can tell, and it is sent. What was found
  /// is remembered, an abstract name for 100 ms.
  /// @errors operation_not_permitted: the address is not provably the sender's; nothing was sent.
  ///         Otherwise as send_to()
  [[nodiscard]] Task<Result<void>> answer(const ReturnAddress& to, ByteView message,
                                          std::vector<Descriptor> descriptors = {},
                                          Duration within = forever);

  /// A waiting receive ends with operation_canceled; the name is removed.
  void close();

  [[nodiscard]] const Address& address() const noexcept;  ///< our own
  [[nodiscard]] int descriptor() const noexcept;          ///< borrowed; another after a rebind

 private:
  struct State;
  explicit DatagramSocket(std::unique_ptr<State> state) noexcept;

  std::unique_ptr<State> state_;
};

}  // namespace hallway
