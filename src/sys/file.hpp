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
Expected<FileIdentity> identify(int directory, const std::string& name);
Expected<FileIdentity> identify(int descriptor);
Expected<FileIdentity> identify_path(const std::string& path);

/// A descriptor that only names the file (O_PATH): fit for proc_path(), fchown, connect.
Expected<Descriptor> open_name(int directory, const std::string& name);
/// The same, of what a final symbolic link leads to: where connect(2) would go.
Expected<Descriptor> open_target(int directory, const std::string& name);

/// Creates or opens a file of ours with mode 0600 for locking. ELOOP: it is a symbolic link.
Expected<Descriptor> open_lock_file(int directory, const std::string& name);
/// EWOULDBLOCK: another open file description holds it.
Expected<void> lock_exclusively(int file);
Expected<void> replace_contents(int file, const std::string& text);
Expected<std::string> read_contents(int file, std::size_t most);

/// Before bind(2): the mode of the file that bind will create, less the umask.
Expected<void> set_mode(int socket, unsigned mode);
/// Of a file opened with open_name().
Expected<void> set_mode_of_name(int name, unsigned mode);
/// -1 leaves one of the two as it is.
Expected<void> set_owner_of_name(int name, std::int64_t uid, std::int64_t gid);

Expected<void> remove_name(int directory, const std::string& name);
/// EEXIST when `to` exists.
Expected<void> rename_without_replacing(int directory, const std::string& from,
                                        const std::string& to);

/// O_NONBLOCK lives in the open file description: every process that shares it sees the change.
Expected<void> set_nonblocking(int descriptor, bool nonblocking);
Expected<void> set_close_on_exec(int descriptor);
Expected<bool> is_close_on_exec(int descriptor);
Expected<void> require_open(int descriptor);     ///< EBADF when it is not
Expected<Descriptor> duplicate(int descriptor);  ///< of the same open file description

/// Tells when a path may have stopped leading to the file it leads to now: when that, or the
/// directory it is in, is removed, renamed or replaced. What happens to other files there, or above
/// the directory, is not seen.
Expected<Descriptor> watch_file(const std::string& path);
/// Readable once something happened; forgets what did.
void forget_changes(int file_watch) noexcept;

/// The soft RLIMIT_NOFILE.
Expected<std::uint64_t> descriptor_limit();

std::uint32_t effective_uid() noexcept;
std::int32_t process_id() noexcept;

}  // namespace hallway::sys
