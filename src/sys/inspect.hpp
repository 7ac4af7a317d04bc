// SPDX-License-Identifier: Apache-2.0
//
// Looks at files, directories and file systems without changing anything. Files of /proc are read
// here too: all of their text, in as few reads as it takes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sys/expected.hpp"
#include "sys/file.hpp"

namespace hallway::sys {

/// What statx(2) reports about a file.
struct FileDetails {
  unsigned mode = 0;  ///< the kind and the permission bits, as st_mode
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t inode = 0;
  std::uint64_t links = 0;
  std::uint64_t size = 0;
  std::optional<std::uint64_t> mount = {};   ///< the id of its mount, as in /proc/PID/mountinfo
  bool mount_point = false;                  ///< something is mounted exactly here
  bool immutable = false;                    ///< chattr +i: not even root may change it
  std::optional<std::int64_t> created = {};  ///< seconds since 1970
};

/// Of what a descriptor names; O_PATH is enough.
Expected<FileDetails> details_of(int descriptor);
/// Follows a final symbolic link, also one of those in /proc.
Expected<FileDetails> details_at(const std::string& path);

/// The value of an extended attribute. Follows a final symbolic link.
/// @errors ENODATA: it has none of that name; EOPNOTSUPP: the file system has no such attributes
Expected<std::string> extended_attribute(const std::string& path, const char* name);

/// Whether this process, with its effective ids, may write to or search what a descriptor names.
/// @errors EACCES: it may not; EROFS: the file system is mounted read-only; ENOSYS: before 5.8
Expected<void> may_write(int descriptor);
Expected<void> may_search(int descriptor);

/// The inodes of a file system. The total is zero where the file system does not count them.
struct InodeCount {
  std::uint64_t total = 0;
  std::uint64_t available = 0;  ///< to users other than root
};
Expected<InodeCount> count_inodes(int descriptor);

/// The text of a file, at most `most` bytes.
Expected<std::string> read_whole(const std::string& path, std::size_t most);

struct DirectoryEntry {
  std::string name;
  std::uint64_t inode = 0;
  /// nullopt: the file system does not say; other: neither of those that have a name.
  std::optional<FileKind> kind = {};
};

/// The entries of a directory without "." and "..", at most `most`, in no order.
Expected<std::vector<DirectoryEntry>> list_directory(const Descriptor& directory, std::size_t most);
Expected<Descriptor> open_for_listing(int directory, const std::string& name);

}  // namespace hallway::sys
