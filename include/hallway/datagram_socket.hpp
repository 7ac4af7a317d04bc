// SPDX-License-Identifier: Apache-2.0
// Layer: message
//
// A datagram socket receives packets from any process that may write to its name. It has no
// connection, and no order between senders, but it is reliable: on Unix, a sender waits while the
// queue is full (man 7 unix). The queue is short: /proc/sys/net/unix/max_dgram_qlen, often 10.
#pragma once

#include <cstdint>
#include <functional>
#include <iosfwd>
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

/// The path that a socket was bound to no longer leads to it, or leads to it again.
struct PathEvent {
  enum class Kind : std::uint8_t { lost, regained };
  Kind kind;
  Address path;
  std::string reason;  ///< why the path was lost; empty when regained
};

/// One printable line for people: "path lost: unix:/run/app.sock: the socket file was removed".
HALLWAY_EXPORT std::string to_string(const PathEvent& event);
HALLWAY_EXPORT std::ostream& operator<<(std::ostream& to, const PathEvent& event);

struct DatagramOptions {
  SocketFileOptions file = {};  ///< bind() only
  std::size_t descriptors = 0;  ///< accepted per datagram; 0 refuses all
  std::size_t max_message = Limits{}.max_message;
  /// connect() only: refuse to send to a socket of any other user. The kernel does not report which
  /// process receives datagrams, so connect() checks the owner of the socket file, and connects to
  /// that very file even if its name changes meanwhile.
  std::optional<std::uint32_t> server_uid = {};
  /// bind() to a path only. `rebind` replaces the socket; receive() first returns what was sent to
  /// the old one. With `drain`, receive() still returns what has arrived, then ends as after
  /// close().
  PathLost on_path_lost = PathLost::report;
  /// Called on the loop when the path is lost and when it is regained, once each. It must not
  /// throw, and must not destroy the socket: use post() for that.
  std::function<void(const PathEvent&)> on_path_event = {};
};

/// Where to send the answer to a datagram. A value. The address is only a claim: the sender chose
/// the name when it bound its socket. DatagramSocket::answer() checks it.
struct ReturnAddress {
  Address address;  ///< Kind::unnamed: the sender bound no address and cannot be answered
  Peer sender;      ///< as the kernel reports it for this datagram
};

/// One received datagram. A view, valid until the next receive on the same socket. Copied and
/// printed as a Message.
class HALLWAY_EXPORT Datagram {
 public:
  Datagram() noexcept = default;
  Datagram(Datagram&&) noexcept = default;
  Datagram& operator=(Datagram&&) noexcept = default;
  /// Closes the descriptors that were not moved out, on a thread of the library.
  ~Datagram();

  [[nodiscard]] ByteView bytes() const noexcept { return bytes_; }
  operator ByteView() const noexcept { return bytes_; }  // NOLINT(google-explicit-constructor)
  operator std::string() const { return to_owned(); }    // NOLINT(google-explicit-constructor)
  friend bool operator==(const Datagram& datagram, ByteView bytes) noexcept {
    return datagram.bytes_ == bytes;
  }
  [[nodiscard]] std::string to_owned() const { return std::string(bytes_); }

  /// The name that the sender bound, as the sender wrote it; Kind::unnamed if it bound none. In
  /// this process the name may lead to another user's socket. To answer, use return_address().
  [[nodiscard]] const Address& sender() const noexcept { return sender_; }

  /// For DatagramSocket::answer(). A copy that outlives the datagram.
  [[nodiscard]] ReturnAddress return_address() const { return {sender_, peer_}; }

  /// The sender, as the kernel reports it for this datagram.
  [[nodiscard]] const Peer& peer() const noexcept { return peer_; }

  [[nodiscard]] std::span<Descriptor> descriptors() noexcept { return descriptors_; }
  /// As Message::descriptors_lost().
  [[nodiscard]] bool descriptors_lost() const noexcept { return descriptors_lost_; }

  /// ok, or truncated: the datagram was longer than max_message. whole_size() is its length.
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
  bool descriptors_lost_ = false;
};

/// Writes the bytes as printable() escapes them.
HALLWAY_EXPORT std::ostream& operator<<(std::ostream& to, const Datagram& datagram);

/// Movable, not copyable. It must outlive the operations awaited on it. One task at a time may
/// receive. Thread: the loop's.
class HALLWAY_EXPORT DatagramSocket {
 public:
  /// Binds by the socket file ownership rules (listener.hpp), or adopts the socket that `fd:N` or
  /// `activation[:NAME]` names.
  static Result<DatagramSocket> bind(Loop& loop, const AddressSpec& where,
                                     DatagramOptions options = {});

  /// A socket connected to `where`: send() sends there, and it receives only from there. The kernel
  /// gives it a name of its own, so that it can be answered.
  /// @errors operation_not_permitted: options.server_uid is set, and the socket file has another
  ///         owner or the address is not a path
  static Result<DatagramSocket> connect(Loop& loop, const AddressSpec& where,
                                        DatagramOptions options = {});

  DatagramSocket(DatagramSocket&&) noexcept;
  DatagramSocket& operator=(DatagramSocket&&) noexcept;
  ~DatagramSocket();

  /// The next datagram. An empty datagram is an ordinary one.
  /// @errors timed_out: none arrived within `within`; operation_canceled: close() was called, or
  ///         the path was lost and on_path_lost is drain
  [[nodiscard]] Task<Result<Datagram>> receive(Duration within = forever);

  /// Sends to the connected address, or to `to`; waits while the receiver's queue is full.
  /// A connected socket whose receiver was restarted connects again and tries once more.
  /// send_to() uses the rights of this process: pass only an address that this program chose, never
  /// one that a sender wrote (Datagram::sender()). For those, use answer().
  /// @errors destination_address_required: `to` is unnamed (its owner bound no address and cannot
  ///         be answered), or the socket is not connected; message_size: larger than the socket's
  ///         buffer; timed_out; connection_refused: the receiver is gone
  [[nodiscard]] Task<Result<void>> send(ByteView message, Duration within = forever);
  [[nodiscard]] Task<Result<void>> send_to(const Address& to, ByteView message,
                                           std::vector<Descriptor> descriptors = {},
                                           Duration within = forever);

  /// Sends to the sender of a datagram, and grants it no more than its own rights: only a socket
  /// that provably belongs to the sender's uid is sent to. A path is looked up from the sender's
  /// root and working directory if the kernel shows them (/proc/PID/root: processes of our own uid,
  /// or any if we are root). Otherwise an absolute path is looked up from our root, and a relative
  /// one is refused. The file found must be a socket of the sender's uid. An abstract name must
  /// belong to a socket of that uid in our network namespace. If netlink is forbidden
  /// (RestrictAddressFamilies=AF_UNIX), that cannot be checked, and the message is sent. Results
  /// are cached, those of abstract names for 100 ms.
  /// @errors operation_not_permitted: the address is not provably the sender's; nothing was sent.
  ///         Otherwise as send_to()
  [[nodiscard]] Task<Result<void>> answer(const ReturnAddress& to, ByteView message,
                                          std::vector<Descriptor> descriptors = {},
                                          Duration within = forever);

  /// Ends a waiting receive with operation_canceled, and removes the name.
  void close();

  [[nodiscard]] const Address& address() const noexcept;  ///< our own
  [[nodiscard]] int descriptor() const noexcept;          ///< borrowed; changes after a rebind

 private:
  struct State;
  explicit DatagramSocket(std::unique_ptr<State> state) noexcept;

  std::unique_ptr<State> state_;
};

}  // namespace hallway
