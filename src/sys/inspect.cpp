// SPDX-License-Identifier: Apache-2.0
#include "sys/inspect.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>

#include <hallway/bytes.hpp>
#include <hallway/limits.hpp>

#include "sys/adopted.hpp"

namespace hallway::sys {

namespace {

Expected<FileDetails> details(int directory, const char* name, int flags) {
  struct statx status{};
  const auto got = check(Call::fstat, [&] {
    return ::statx(directory, name, flags | AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
                   STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID, &status);
  });
  if (!got) return std::unexpected(got.error());
  FileDetails result{.mode = status.stx_mode,
                     .uid = status.stx_uid,
                     .gid = status.stx_gid,
                     .inode = status.stx_ino,
                     .links = status.stx_nlink,
                     .size = status.stx_size};
  if ((status.stx_mask & STATX_MNT_ID) != 0) result.mount = status.stx_mnt_id;
  if ((status.stx_mask & STATX_BTIME) != 0) result.created = status.stx_btime.tv_sec;
  result.mount_point = (status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  result.immutable = (status.stx_attributes & STATX_ATTR_IMMUTABLE) != 0;
  return result;
}

Expected<void> may(int descriptor, int mode) {
  return check(Call::fstat,
               [&] { return ::faccessat(descriptor, "", mode, AT_EMPTY_PATH | AT_EACCESS); });
}

std::optional<FileKind> kind_of_entry(unsigned char type) {
  switch (type) {
    case DT_SOCK: return FileKind::socket;
    case DT_REG: return FileKind::regular;
    case DT_DIR: return FileKind::directory;
    case DT_LNK: return FileKind::symlink;
    case DT_UNKNOWN: return std::nullopt;
    default: return FileKind::other;
  }
}

/// Takes the entries out of what getdents64(2) wrote.
void take_entries(ByteView records, std::size_t most, std::vector<DirectoryEntry>& entries) {
  while (records.size() > offsetof(dirent64, d_name) && entries.size() < most) {
    std::uint16_t length = 0;
    std::copy_n(records.data() + offsetof(dirent64, d_reclen), sizeof length,
                reinterpret_cast<char*>(&length));
    if (length <= offsetof(dirent64, d_name) || length > records.size()) return;
    const ByteView record = records.substr(0, length);
    records.remove_prefix(length);
    ByteView name = record.substr(offsetof(dirent64, d_name));
    name = name.substr(0, name.find('\0'));
    if (name == "." || name == "..") continue;
    DirectoryEntry entry{.name = std::string(name)};
    std::copy_n(record.data() + offsetof(dirent64, d_ino), sizeof entry.inode,
                reinterpret_cast<char*>(&entry.inode));
    entry.kind = kind_of_entry(static_cast<unsigned char>(record[offsetof(dirent64, d_type)]));
    entries.push_back(std::move(entry));
  }
}

}  // namespace

Expected<FileDetails> details_of(int descriptor) { return details(descriptor, "", AT_EMPTY_PATH); }

Expected<FileDetails> details_at(const std::string& path) {
  return details(AT_FDCWD, path.c_str(), 0);
}

Expected<std::string> extended_attribute(const std::string& path, const char* name) {
  std::string value(64 * kibibyte, '\0');  // XATTR_SIZE_MAX
  const auto size = retry_on_eintr(
      Call::read, [&] { return ::getxattr(path.c_str(), name, value.data(), value.size()); });
  if (!size) return std::unexpected(size.error());
  value.resize(static_cast<std::size_t>(*size));
  return value;
}

Expected<void> may_write(int descriptor) { return may(descriptor, W_OK); }
Expected<void> may_search(int descriptor) { return may(descriptor, X_OK); }

Expected<InodeCount> count_inodes(int descriptor) {
  struct statvfs status{};
  const auto got = check(Call::fstat, [&] { return ::fstatvfs(descriptor, &status); });
  if (!got) return std::unexpected(got.error());
  return InodeCount{.total = status.f_files, .available = status.f_favail};
}

// The size of a file of /proc is not known before it is read, and its text may change from one read
// to the next: the fewer there are, the better it fits together.
Expected<std::string> read_whole(const std::string& path, std::size_t most) {
  const auto file = adopted(retry_on_eintr(
      Call::open, [&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); }));
  if (!file) return std::unexpected(file.error());
  std::string text;
  for (std::size_t room = std::min(most, 4 * kibibyte); text.size() < most;) {
    const std::size_t before = text.size();
    text.resize(before + std::min(room, most - before));
    const auto got = retry_on_eintr(Call::read, [&] {
      return ::read(file->get(), text.data() + before, text.size() - before);
    });
    text.resize(before + (got ? static_cast<std::size_t>(*got) : 0));
    if (!got) return std::unexpected(got.error());
    if (*got == 0) break;
    room = std::min(2 * room, std::size_t{mebibyte});
  }
  return text;
}

Expected<Descriptor> open_for_listing(int directory, const std::string& name) {
  return adopted(retry_on_eintr(Call::open, [&] {
    return ::openat(directory, name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  }));
}

Expected<std::vector<DirectoryEntry>> list_directory(const Descriptor& directory,
                                                     std::size_t most) {
  std::vector<DirectoryEntry> entries;
  std::vector<char> records(32 * kibibyte);
  while (entries.size() < most) {
    const auto got = retry_on_eintr(
        Call::read, [&] { return ::getdents64(directory.get(), records.data(), records.size()); });
    if (!got) return std::unexpected(got.error());
    if (*got == 0) break;
    take_entries(ByteView(records.data(), static_cast<std::size_t>(*got)), most, entries);
  }
  return entries;
}

}  // namespace hallway::sys
