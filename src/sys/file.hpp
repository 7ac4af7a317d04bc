// SPDX-License-Identifier: Apache-2.0
//
// The file system side of socket names. Every function works relative to an open directory, so that
// neither a chdir(2) nor a renamed parent leads to another file. A final symbolic link is not
// followed unless stated otherwise.
#pragma once

#include <cstdint>
#include <string>

#include <hallway/descriptor.hpp>

#include "sys/expected.hpp"

namespace hallway::sys {

enum class FileKind : std::uint8_t { socket, regular, directory, symlink, other };

/// What a name refers to: the inode, its kind, its mode and its owner.
struct FileIdentity {
  std::uint64_t device;
  std::uint64_t inode;
  FileKind kind;
  unsigned mode;  ///< permission bits
  std::uint32_t uid;
  std::uint32_t gid;

  [[nodiscard]] bool same_file(const FileIdentity& other) const noexcept {
    return device == other.device && inode == other.inode;
  }
};

/// "/proc/self/fd/N": a short path to the file that an open descriptor refers to.
std::string proc_path(int descriptor);

Expected<Descriptor> open_directory(const std::string& path);
/// An absolute name is looked up from the root.
Expected<FileIdentity> identify(int directory, const std::string& name);
Expected<FileIdentity> identify(int descriptor);
/// For a descriptor that a peer passed: what this kernel knows of the file, without a request to
/// the server of the file's file system, which may never answer (FUSE, NFS).
Expected<FileIdentity> identify_foreign(int descriptor);

/// Opens a descriptor that only names the file (O_PATH), for proc_path(), fchown and connect.
Expected<Descriptor> open_name(int directory, const std::string& name);
/// The same, but follows a final symbolic link, as connect(2) does.
Expected<Descriptor> open_target(int directory, const std::string& name);

/// As open_name(), for a name that another process gave. `place` is that process's root for an
/// absolute path, and its working directory for a relative one. No component, not even a symbolic
/// link, may lead out of `place`. A final symbolic link is not followed.
/// @errors EXDEV: it would lead out; ELOOP: too many symbolic links, or one of the links in /proc
Expected<Descriptor> open_name_within(int place, const std::string& name);

/// As open_target(), for a path whose last component may be one of the links in /proc.
Expected<Descriptor> open_target_of_path(const std::string& path);

/// Creates or opens a file of ours for locking, with mode 0600 less the umask.
/// @errors ELOOP: it is a symbolic link
Expected<Descriptor> open_lock_file(int directory, const std::string& name);
/// Opens an existing file for reading and writing.
/// @errors EROFS: it is mounted read-only; ELOOP: as above
Expected<Descriptor> open_for_writing(int directory, const std::string& name);
/// Whether the descriptor comes from an open(2) for reading and writing.
Expected<bool> is_open_for_writing(int descriptor);
/// @errors EWOULDBLOCK: another open file description holds the lock
Expected<void> lock_exclusively(int file);
Expected<void> replace_contents(int file, const std::string& text);
Expected<std::string> read_contents(int file, std::size_t most);
/// read(2): waits for bytes where the descriptor is blocking. Zero: the end of the input.
Expected<std::size_t> read_some(int descriptor, char* to, std::size_t most);

/// Sets the mode of a file. For a socket before bind(2): the mode of the file that bind will
/// create, less the umask.
Expected<void> set_mode(int descriptor, unsigned mode);

/// The same for a file opened with open_name().
Expected<void> set_mode_of_name(int name, unsigned mode);
/// A uid or gid of -1 stays as it is.
Expected<void> set_owner_of_name(int name, std::int64_t uid, std::int64_t gid);

/// Returns the target of a symbolic link.
Expected<std::string> read_link(int directory, const std::string& name);

Expected<void> remove_name(int directory, const std::string& name);
/// @errors EEXIST: `to` exists
Expected<void> rename_without_replacing(int directory, const std::string& from,
                                        const std::string& to);

/// O_NONBLOCK belongs to the open file description: every process that shares it sees the change.
Expected<void> set_nonblocking(int descriptor, bool nonblocking);
Expected<bool> is_nonblocking(int descriptor);
Expected<void> set_close_on_exec(int descriptor);
Expected<bool> is_close_on_exec(int descriptor);
Expected<void> require_open(int descriptor);     ///< EBADF if it is not
Expected<Descriptor> duplicate(int descriptor);  ///< refers to the same open file description

/// The soft RLIMIT_NOFILE.
Expected<std::uint64_t> descriptor_limit();

std::uint32_t effective_uid() noexcept;
std::int32_t process_id() noexcept;

}  // namespace hallway::sys
