// SPDX-License-Identifier: Apache-2.0
//
// The name a socket was bound to, and the duty to take it away again: the rule of names
// (hallway/listener.hpp) is carried out here, for listeners and datagram sockets alike.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <hallway/address.hpp>
#include <hallway/descriptor.hpp>
#include <hallway/error.hpp>
#include <hallway/listener.hpp>
#include <hallway/peer.hpp>

#include "sys/file.hpp"

namespace hallway::net {

class SocketFile {
 public:
  /// Binds `socket`, which is of options.type, to a path, an abstract name or one the kernel
  /// picks. Not listening yet: a stream cannot be connected to before listen(2).
  static Result<SocketFile> bind(int socket, const Address& address, const BindOptions& options);

  /// Binds the same path, which was lost, for another socket. The lock passes to the new name where
  /// the lock file is still the one there. Whatever else this name made stays its own duty.
  /// @errors as bind(); this name then keeps what it has
  Result<SocketFile> bind_again(int socket, const BindOptions& options);

  /// Goes on with a path that a predecessor bound and handed over. The duty stays the
  /// predecessor's until claim().
  /// @errors ESTALE: the name or its lock leads to another file by now
  static Result<SocketFile> adopt(const Address& address, Handover from,
                                  const BindOptions& options);

  /// The lock file of a path, opened for writing and not locked: it proves to the server that holds
  /// the lock that this process may write beside the socket. Neither made nor changed here.
  /// @errors ENOENT: there is none; EROFS, EACCES: this process may not write there
  static Result<Descriptor> open_lock_of(const Address& address);

  /// The process that says in the lock file beside a path that it holds it. It may have ended, or
  /// be another by now: for words only. Nothing where there is none, where we may not read it, or
  /// where its pid counts in another pid namespace.
  static std::optional<Peer> lock_holder(const Address& address);

  SocketFile(SocketFile&& other) noexcept = default;
  SocketFile& operator=(SocketFile&& other) noexcept;
  ~SocketFile() { remove(); }

  /// With the name the kernel picked, where it did.
  [[nodiscard]] const Address& address() const noexcept { return address_; }

  /// Removes the socket file if it is still the one made here, by this process; releases the
  /// lock. Comes before the socket is closed: after that somebody may rightly take the name.
  void remove() noexcept;

  /// The name is this process's duty from now on, with the mode and owner of adopt()'s options.
  Result<void> claim();

  /// The name is a successor's duty from now on: nothing is removed.
  void hand_over() noexcept;

  /// Why the path does not lead to our socket any more; nothing while it does, and for names
  /// that are no paths.
  [[nodiscard]] std::optional<std::string> lost() const;

  /// The socket file. Precondition: it is a path.
  [[nodiscard]] const sys::FileIdentity& file() const noexcept { return *made_; }

  /// The lock file, borrowed; -1 without one.
  [[nodiscard]] int lock_file() const noexcept { return lock_.get(); }

 private:
  /// User and group to give a socket file to, -1 for those that stay.
  struct Ownership {
    std::int64_t uid = -1;
    std::int64_t gid = -1;
    [[nodiscard]] bool changes() const noexcept { return uid >= 0 || gid >= 0; }
  };

  explicit SocketFile(Address address) : address_(std::move(address)) {}

  Result<void> open_parent_directory();
  [[nodiscard]] bool is_our_lock(const SocketFile& other) const;
  Result<void> take_lock();
  [[nodiscard]] sys::Expected<Descriptor> open_lock() const;
  void write_lock_owner() noexcept;
  Result<Ownership> wanted_ownership(const BindOptions& options);
  Result<void> remove_stale_socket(const BindOptions& options);
  Result<void> create_file(int socket, const BindOptions& options);
  Result<Descriptor> open_made(int socket, const std::string& name);
  [[nodiscard]] std::unexpected<Error> swapped() const;
  Result<void> set_owner_and_mode(int name, const BindOptions& options);
  [[nodiscard]] std::unexpected<Error> failed(int error) const;
  [[nodiscard]] std::unexpected<Error> no_lock(int error) const;

  Address address_;
  std::string file_;      // the last component of the path
  Descriptor origin_;     // the working directory that a relative path began in
  Descriptor directory_;  // the rest of it
  Descriptor lock_;
  std::string lock_name_;
  std::int32_t binder_ = 0;                // the process whose duty the name is; 0: not ours yet
  std::optional<sys::FileIdentity> made_;  // the socket file, once it is there
  std::optional<Ownership> ownership_;     // once it was looked up
  std::optional<BindOptions> adopted_;     // what claim() is to put in force
};

}  // namespace hallway::net
