// SPDX-License-Identifier: Apache-2.0
//
// Sockets: one thin function per system call (man 7 unix). Descriptors are close-on-exec from
// birth. Sending and receiving never block and never raise SIGPIPE: MSG_DONTWAIT is used instead
// of O_NONBLOCK, which would change the socket for every process that shares it.
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
  /// Bytes of a path or an abstract name: what sun_path holds, less its first or last NUL.
  static constexpr std::size_t name_max = 107;

  SocketAddress() noexcept;                      ///< unnamed: bind(2) picks an abstract name
  static SocketAddress path(ByteView path);      ///< at most name_max bytes
  static SocketAddress abstract(ByteView name);  ///< at most name_max bytes

  [[nodiscard]] bool unnamed() const noexcept;
  [[nodiscard]] bool is_abstract() const noexcept;
  /// The path, or the abstract name without its leading NUL. Read by length: the kernel returns
  /// paths of 108 bytes without any NUL.
  [[nodiscard]] ByteView name() const noexcept;

  /// As the kernel wants it.
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

/// What one recvmsg(2) brought.
struct ReceiveResult {
  std::size_t size = 0;
  bool truncated = false;              ///< MSG_TRUNC: `size` is what fitted, `whole` was sent
  bool descriptors_truncated = false;  ///< MSG_CTRUNC: some were dropped by the kernel
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
void shut_down(int socket) noexcept;  ///< both ways, whether or not the peer is still there
Expected<SocketAddress> local_address(int socket);
Expected<SocketAddress> remote_address(int socket);

Expected<Type> type_of(int socket);  ///< ENOTSOCK; EAFNOSUPPORT when it is no Unix socket
Expected<bool> is_listening(int socket);
/// Makes SO_SNDBUF at least so large, as far as the kernel allows. Whether it grew.
bool raise_send_buffer(int socket, std::size_t size) noexcept;
/// Largest packet a seqpacket or datagram socket can send: its SO_SNDBUF less the kernel's own.
Expected<std::size_t> packet_max(int socket);
/// What the peer has not read yet of what was sent (SIOCOUTQ), as the kernel charges it: more than
/// the bytes themselves. Zero: the peer has read everything, or has closed its end; take_error()
/// then gives ECONNRESET if it left anything unread.
Expected<std::size_t> unread_by_peer(int socket);
/// The error that is pending on the socket, which is thereby cleared (SO_ERROR); 0 for none.
Expected<int> take_error(int socket);
Expected<Credentials> peer_credentials(int socket);
Expected<std::vector<std::uint32_t>> peer_groups(int socket);
Expected<Descriptor> peer_pidfd(int socket);
/// Every packet received from now on carries its sender's credentials.
Expected<void> pass_credentials(int socket, bool wanted = true);
Expected<bool> passes_credentials(int socket);
/// Only names it (O_PATH): the very file a bound socket has its name by (SIOCUNIXFILE).
/// @errors EPERM: it takes CAP_NET_ADMIN in the socket's network namespace; ENOENT: it has no file
Expected<Descriptor> open_file_of(int socket);
/// Whether peers may send descriptors (SO_PASSRIGHTS, Linux 6.16; ENOPROTOOPT before).
Expected<void> allow_fd_passing(int socket, bool allowed);
Expected<bool> allows_fd_passing(int socket);  ///< ENOPROTOOPT as above
/// The same, where the kernel can. Where it cannot, a receive without room for descriptors has
/// the kernel close them.
void deny_fd_passing(int socket) noexcept;

/// Sends without blocking. `descriptors` travel with the first byte; `to` is for datagrams.
Expected<std::size_t> send(int socket, std::span<const iovec> pieces,
                           std::span<const Descriptor> descriptors = {},
                           const SocketAddress* to = nullptr);

/// The plain case, and the fast one: a single piece, and nothing else.
Expected<std::size_t> send_bytes(int socket, iovec piece);

/// Receives without blocking; room for `descriptors` of them. `from` gets the sender's address.
Expected<ReceiveResult> receive(int socket, iovec buffer, std::size_t descriptors, bool credentials,
                                SocketAddress* from = nullptr);

/// The plain case, and the fast one: bytes of a stream, and no room for descriptors, so that the
/// kernel closes any that come along.
Expected<std::size_t> receive_bytes(int socket, iovec buffer);

}  // namespace hallway::sys
