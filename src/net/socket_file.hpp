// SPDX-License-Identifier: Apache-2.0
//
// The name a socket was bound to, and the duty to remove it again. This file implements the socket
// file ownership rules (hallway/listener.hpp) for listeners and datagram sockets.
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

/// The lock that covers a path.
enum class NameLock : std::uint8_t {
  own,     ///< "<path>.lock"
  shared,  ///< that of another name, which this process holds
};

/// What a server passes to the process that replaces it. The descriptors are owned.
struct Handover {
  Descriptor socket;
  Descriptor lock;  ///< of the name's lock file; empty for NameLock::shared
  /// Of the socket file, as stat(2) reports them: the successor accepts no other file.
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
};

class SocketFile {
 public:
  /// Binds `socket`, which is of options.type, to a path, an abstract name or a name the kernel
  /// picks. Does not listen: a stream cannot be connected to before listen(2).
  static Result<SocketFile> bind(int socket, const Address& address, const BindOptions& options,
                                 NameLock lock = NameLock::own);

  /// Binds the same path, which was lost, for another socket. The lock passes to the new object if
  /// the lock file is still the one at its name. This object remains responsible for everything
  /// else it made.
  /// @errors as bind(); this object then keeps what it has
  Result<SocketFile> bind_again(int socket, const BindOptions& options);

  /// Continues with a path that a predecessor bound and handed over. Removing it stays the
  /// predecessor's duty until claim().
  /// @errors ESTALE: the name or its lock leads to another file by now
  static Result<SocketFile> adopt(const Address& address, Handover from, const BindOptions& options,
                                  NameLock lock);

  /// Opens the lock file of a path for writing, without locking it. The descriptor proves to the
  /// server that holds the lock that this process may write beside the socket. The file is neither
  /// created nor changed.
  /// @errors ENOENT: there is none; EROFS, EACCES: this process may not write there
  static Result<Descriptor> open_lock_of(const Address& address);

  /// The process that the lock file beside a path names as its holder. It may have ended, and its
  /// pid may have been reused: use it only in texts. nullopt if there is no lock file, if it is not
  /// readable for us, or if its pid belongs to another pid namespace.
  static std::optional<Peer> lock_holder(const Address& address);

  SocketFile(SocketFile&& other) noexcept = default;
  SocketFile& operator=(SocketFile&& other) noexcept;
  ~SocketFile() { remove(); }

  /// For autobind, the name the kernel picked.
  [[nodiscard]] const Address& address() const noexcept { return address_; }

  /// Removes the socket file if it is still the one this process made here, and releases the lock.
  /// Must precede closing the socket: after that another process may rightly take the name.
  void remove() noexcept;

  /// This process is responsible for the name from now on. Applies mode and owner of adopt()'s
  /// options.
  Result<void> claim();

  /// A successor is responsible for the name from now on: nothing is removed.
  void hand_over() noexcept;

  /// Why the path no longer leads to our socket; nullopt while it does, and for names that are not
  /// paths.
  [[nodiscard]] std::optional<std::string> lost() const;

  /// The socket file. Precondition: the address is a path.
  [[nodiscard]] const sys::FileIdentity& file() const noexcept { return *made_; }

  /// The lock file, borrowed; -1 without one.
  [[nodiscard]] int lock_file() const noexcept { return lock_.get(); }

 private:
  /// The user and group to give a socket file to; -1 leaves it unchanged.
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
  Descriptor origin_;     // the working directory in which a relative path starts
  Descriptor directory_;  // the directory that contains the socket file
  Descriptor lock_;
  std::string lock_name_;
  NameLock covered_by_ = NameLock::own;
  std::int32_t binder_ = 0;                // the process responsible for the name; 0: not ours yet
  std::optional<sys::FileIdentity> made_;  // the socket file, once it is there
  std::optional<Ownership> ownership_;     // cached by wanted_ownership()
  std::optional<BindOptions> adopted_;     // to be applied by claim()
};

}  // namespace hallway::net
