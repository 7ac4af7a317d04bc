// SPDX-License-Identifier: Apache-2.0
//
// The file system side of socket names. Everything works relative to an open directory, so that
// neither a chdir(2) nor a renamed parent leads to another file, and does not follow a final
// symbolic link unless it says so.
#pragma once

#include <cstdint>
#include <string>

#include <hallway/descriptor.hpp>

#include "sys/expected.hpp"

namespace hallway::sys {

enum class FileKind : std::uint8_t { socket, regular, directory, symlink, other };

/// What stands at a name: which inode, what it is, and whose.
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

/// "/proc/self/fd/N": a short path to whatever an open descriptor refers to.
std::string proc_path(int descriptor);

Expected<Descriptor> open_directory(const std::string& path);
/// An absolute name is looked up from the root.
Expected<FileIdentity> identify(int directory, const std::string& name);
Expected<FileIdentity> identify(int descriptor);
/// Of a descriptor that a peer passed: what this kernel knows of the file, without asking whoever
/// serves its file system, who may never answer (FUSE, NFS).
Expected<FileIdentity> identify_foreign(int descriptor);

/// A descriptor that only names the file (O_PATH): fit for proc_path(), fchown, connect.
Expected<Descriptor> open_name(int directory, const std::string& name);
/// The same, of what a final symbolic link leads to: where connect(2) would go.
Expected<Descriptor> open_target(int directory, const std::string& name);

/// As open_name(), for a name that another process gave. `place` is that process's root for an
/// absolute path, and its working directory for a relative one: nothing on the way, no link either,
/// leads out of it, and the last component is no symbolic link.
/// @errors EXDEV: it would lead out; ELOOP
Expected<Descriptor> open_name_within(int place, const std::string& name);

/// The same of a path, whose last component may be one of the links in /proc.
Expected<Descriptor> open_target_of_path(const std::string& path);

/// Creates or opens a file of ours with mode 0600, less the umask, for locking. ELOOP: it is a
/// symbolic link.
Expected<Descriptor> open_lock_file(int directory, const std::string& name);
/// Opens what exists for reading and writing. EROFS: it is mounted read-only. ELOOP: as above.
Expected<Descriptor> open_for_writing(int directory, const std::string& name);
/// Whether the descriptor came from an open(2) that asked to write, and was let.
Expected<bool> is_open_for_writing(int descriptor);
/// EWOULDBLOCK: another open file description holds it.
Expected<void> lock_exclusively(int file);
Expected<void> replace_contents(int file, const std::string& text);
Expected<std::string> read_contents(int file, std::size_t most);

/// Of a file; of a socket before bind(2): the mode of the file that bind will create, less the
/// umask.
Expected<void> set_mode(int descriptor, unsigned mode);

/// Of a file opened with open_name().
Expected<void> set_mode_of_name(int name, unsigned mode);
/// -1 leaves one of the two as it is.
Expected<void> set_owner_of_name(int name, std::int64_t uid, std::int64_t gid);

/// Where a symbolic link leads.
Expected<std::string> read_link(int directory, const std::string& name);

Expected<void> remove_name(int directory, const std::string& name);
/// EEXIST when `to` exists.
Expected<void> rename_without_replacing(int directory, const std::string& from,
                                        const std::string& to);

/// O_NONBLOCK lives in the open file description: every process that shares it sees the change.
Expected<void> set_nonblocking(int descriptor, bool nonblocking);
Expected<bool> is_nonblocking(int descriptor);
Expected<void> set_close_on_exec(int descriptor);
Expected<bool> is_close_on_exec(int descriptor);
Expected<void> require_open(int descriptor);     ///< EBADF when it is not
Expected<Descriptor> duplicate(int descriptor);  ///< of the same open file description

/// The soft RLIMIT_NOFILE.
Expected<std::uint64_t> descriptor_limit();

std::uint32_t effective_uid() noexcept;
std::int32_t process_id() noexcept;

}  // namespace hallway::sys
