// SPDX-License-Identifier: Apache-2.0
//
// Sockets: one thin function per system call (man 7 unix). Descriptors are created close-on-exec.
// Sending and receiving never block and never raise SIGPIPE: MSG_DONTWAIT is used instead of
// O_NONBLOCK, which would change the socket for every process that shares it.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <hallway/bytes.hpp>
#include <hallway/descriptor.hpp>

#include "sys/expected.hpp"

namespace hallway::sys {

enum class Type : std::uint8_t { stream, seqpacket, datagram };

/// A sockaddr_un and its length.
class SocketAddress {
 public:
  /// The most bytes of a path or an abstract name: the size of sun_path less a NUL, which ends a
  /// path and begins an abstract name.
  static constexpr std::size_t name_max = 107;

  SocketAddress() noexcept;                      ///< unnamed: bind(2) picks an abstract name
  static SocketAddress path(ByteView path);      ///< at most name_max bytes
  static SocketAddress abstract(ByteView name);  ///< at most name_max bytes

  [[nodiscard]] bool unnamed() const noexcept;
  [[nodiscard]] bool is_abstract() const noexcept;
  /// The path, or the abstract name without its leading NUL. The stored length bounds it, because
  /// the kernel returns paths of 108 bytes without any NUL.
  [[nodiscard]] ByteView name() const noexcept;

  /// The address as system calls take it.
  [[nodiscard]] void* raw() noexcept { return storage_.data(); }
  [[nodiscard]] const void* raw() const noexcept { return storage_.data(); }
  [[nodiscard]] std::uint32_t& size() noexcept { return size_; }
  [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
  static constexpr std::size_t capacity = 112;  ///< sockaddr_un, and what getsockname adds to it

 private:
  alignas(8) std::array<char, capacity> storage_{};
  std::uint32_t size_;
};

struct Credentials {
  std::uint32_t uid;
  std::uint32_t gid;
  std::int32_t pid;
};

/// The result of one recvmsg(2).
struct ReceiveResult {
  std::size_t size = 0;
  bool truncated = false;              ///< MSG_TRUNC: `size` bytes fitted, `whole` were sent
  bool descriptors_truncated = false;  ///< MSG_CTRUNC: the kernel dropped some
  bool has_control = false;  ///< a packet arrived, even if it is empty; see pass_credentials
  std::size_t whole = 0;
  std::vector<Descriptor> descriptors;
  Credentials credentials{65534, 65534, 0};
};

Expected<Descriptor> make_socket(Type type, bool nonblocking);
Expected<std::pair<Descriptor, Descriptor>> make_pair(Type type);
Expected<void> bind(int socket, const SocketAddress& address);
Expected<void> connect(int socket, const SocketAddress& address);
Expected<void> listen(int socket, int backlog);
Expected<Descriptor> accept(int listener);
Expected<void> shutdown_reading(int socket);
Expected<void> shutdown_writing(int socket);
void shut_down(int socket) noexcept;  ///< both directions; a peer that is gone is not an error
Expected<SocketAddress> local_address(int socket);
Expected<SocketAddress> remote_address(int socket);

Expected<Type> type_of(int socket);  ///< ENOTSOCK; EAFNOSUPPORT if it is not a Unix socket
Expected<bool> is_listening(int socket);
/// Raises SO_SNDBUF to at least `size`, as far as the kernel allows.
/// @return whether it grew
bool raise_send_buffer(int socket, std::size_t size) noexcept;
/// The largest packet that a seqpacket or datagram socket can send: its SO_SNDBUF less what the
/// kernel reserves.
Expected<std::size_t> packet_max(int socket);
/// The sent data that the peer has not read yet (SIOCOUTQ), as the kernel charges it: more than the
/// bytes themselves. It is zero if the peer has read everything, or has closed its end;
/// take_error() then returns ECONNRESET if the peer left anything unread.
Expected<std::size_t> unread_by_peer(int socket);
/// Returns the socket's pending error and clears it (SO_ERROR); 0 if there is none.
Expected<int> take_error(int socket);
Expected<Credentials> peer_credentials(int socket);
Expected<std::vector<std::uint32_t>> peer_groups(int socket);
Expected<Descriptor> peer_pidfd(int socket);
/// Every packet received from now on carries its sender's credentials.
Expected<void> pass_credentials(int socket, bool wanted = true);
Expected<bool> passes_credentials(int socket);
/// Opens the very file that gives a bound socket its name, as a name only (SIOCUNIXFILE, O_PATH).
/// @errors EPERM: it requires CAP_NET_ADMIN in the socket's network namespace; ENOENT: the socket
///         has no file
Expected<Descriptor> open_file_of(int socket);
/// Sets whether peers may send descriptors (SO_PASSRIGHTS, Linux 6.16; ENOPROTOOPT before).
Expected<void> allow_fd_passing(int socket, bool allowed);
Expected<bool> allows_fd_passing(int socket);  ///< ENOPROTOOPT as above
/// Forbids it if the kernel supports that. If it does not, a receive without room for descriptors
/// makes the kernel close them.
void deny_fd_passing(int socket) noexcept;

/// Sends without blocking. `descriptors` travel with the first byte; `to` is for datagrams.
Expected<std::size_t> send(int socket, std::span<const iovec> pieces,
                           std::span<const Descriptor> descriptors = {},
                           const SocketAddress* to = nullptr);

/// The simple and fast case: a single piece, without descriptors or an address.
Expected<std::size_t> send_bytes(int socket, iovec piece);

/// Receives without blocking, with room for this number of descriptors. `from` receives the
/// sender's address.
Expected<ReceiveResult> receive(int socket, iovec buffer, std::size_t descriptors, bool credentials,
                                SocketAddress* from = nullptr);

/// The simple and fast case: bytes of a stream, without room for descriptors, so that the kernel
/// closes any that come along.
Expected<std::size_t> receive_bytes(int socket, iovec buffer);

}  // namespace hallway::sys
