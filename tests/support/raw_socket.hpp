// SPDX-License-Identifier: Apache-2.0
//
// A peer that owes nothing to the library: plain system calls as man 7 unix has them. What the
// library claims about the kernel is checked against this, not against itself.
#pragma once

#include <sys/socket.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <hallway/descriptor.hpp>

namespace hallway::test {

/// Where a raw socket is bound or connected: a path, or an abstract name written "@name".
using RawAddress = std::string;

Descriptor raw_socket(int type);

// Each of these holds nothing when it failed, with errno set.
Descriptor raw_bound(int type, const RawAddress& address);
Descriptor raw_listening(int type, const RawAddress& address, int backlog = 16);
Descriptor raw_connected(int type, const RawAddress& address);
std::pair<Descriptor, Descriptor> raw_pair(int type);

/// errno of connect(2) on a socket that exists, 0 for success.
int raw_connect(int socket, const RawAddress& address);

/// errno of an attempt to connect, 0 for success.
int raw_connect_error(int type, const RawAddress& address);

/// One sendmsg(2) that does not block. Gives what it gave; errno is set.
ssize_t raw_send(int socket, std::string_view bytes, const std::vector<int>& descriptors = {});

/// What one recvmsg(2) gave.
struct RawReception {
  ssize_t result = 0;
  int error = 0;
  int flags = 0;
  std::string bytes;
  std::vector<Descriptor> descriptors;
  bool has_control = false;  ///< with SO_PASSCRED: a packet, even if it is empty, and not the end
};
RawReception raw_receive(int socket, std::size_t most = 65536, bool wait = false);

/// The other end of a stream, read without blocking.
class RawStream {
 public:
  explicit RawStream(Descriptor socket) : socket_(std::move(socket)) {}

  [[nodiscard]] int get() const noexcept { return socket_.get(); }
  void close() noexcept { socket_.close(); }
  void shut_writing() const { ::shutdown(socket_.get(), SHUT_WR); }
  ssize_t send(std::string_view bytes, const std::vector<int>& passed = {}) const {
    return raw_send(socket_.get(), bytes, passed);
  }

  /// Reads whatever is there.
  void collect();

  std::string received;
  std::vector<Descriptor> descriptors;
  bool ended = false;  ///< the other side closed, or reset
  int error = 0;       ///< ECONNRESET if it did; what came before and after it is in `received`

 private:
  Descriptor socket_;
};

/// Makes the kernel take little at once.
void shrink_send_buffer(int socket);

Descriptor some_file();  ///< an empty one without a name, for passing around
bool same_file(int a, int b);
bool is_open(int descriptor);
bool is_close_on_exec(int descriptor);

}  // namespace hallway::test
