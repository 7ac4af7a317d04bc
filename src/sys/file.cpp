// SPDX-License-Identifier: Apache-2.0
#include "sys/file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>

namespace hallway::sys {

namespace {

Expected<Descriptor> opened(int directory, const char* name, int flags, mode_t mode = 0) {
  const auto number =
      uninterrupted(Call::open, [&] { return ::openat(directory, name, flags | O_CLOEXEC, mode); });
  if (!number) return std::unexpected(number.error());
  return Descriptor::adopt(*number);
}

FileIdentity identity(const struct stat& status) {
  FileKind kind = FileKind::other;
  if (S_ISSOCK(status.st_mode)) kind = FileKind::socket;
  if (S_ISREG(status.st_mode)) kind = FileKind::regular;
  if (S_ISDIR(status.st_mode)) kind = FileKind::directory;
  if (S_ISLNK(status.st_mode)) kind = FileKind::symlink;
  return {status.st_dev,           status.st_ino, kind,
          status.st_mode & 07777U, status.st_uid, status.st_gid};
}

Expected<void> change_flags(int descriptor, int get, int set, int flag, bool on) {
  const auto flags = uninterrupted(Call::fcntl, [&] { return ::fcntl(descriptor, get); });
  if (!flags) return std::unexpected(flags.error());
  const int wanted = on ? (*flags | flag) : (*flags & ~flag);
  if (wanted == *flags) return {};
  return succeeded(Call::fcntl, [&] { return ::fcntl(descriptor, set, wanted); });
}

}  // namespace

std::string proc_path(int descriptor) { return "/proc/self/fd/" + std::to_string(descriptor); }

Expected<Descriptor> open_directory(const std::string& path) {
  return opened(AT_FDCWD, path.c_str(), O_PATH | O_DIRECTORY);
}

Expected<FileIdentity> identify(int directory, const std::string& name) {
  struct stat status{};
  const auto got = succeeded(Call::fstat, [&] {
    return ::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW);
  });
  if (!got) return std::unexpected(got.error());
  return identity(status);
}

Expected<FileIdentity> identify(int descriptor) {
  struct stat status{};
  const auto got = succeeded(Call::fstat, [&] { return ::fstat(descriptor, &status); });
  if (!got) return std::unexpected(got.error());
  return identity(status);
}

Expected<FileIdentity> identify_path(const std::string& path) { return identify(AT_FDCWD, path); }

Expected<Descriptor> open_name(int directory, const std::string& name) {
  return opened(directory, name.c_str(), O_PATH | O_NOFOLLOW);
}

Expected<Descriptor> open_target(int directory, const std::string& name) {
  return opened(directory, name.c_str(), O_PATH);
}

Expected<Descriptor> open_lock_file(int directory, const std::string& name) {
  return opened(directory, name.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
}

Expected<void> lock_exclusively(int file) {
  return succeeded(Call::flock, [&] { return ::flock(file, LOCK_EX | LOCK_NB); });
}

Expected<void> replace_contents(int file, const std::string& text) {
  const auto emptied = succeeded(Call::write, [&] { return ::ftruncate(file, 0); });
  if (!emptied) return emptied;
  return succeeded(Call::write, [&] { return ::pwrite(file, text.data(), text.size(), 0); });
}

Expected<std::string> read_contents(int file, std::size_t most) {
  std::string text(most, '\0');
  const auto size =
      uninterrupted(Call::read, [&] { return ::pread(file, text.data(), text.size(), 0); });
  if (!size) return std::unexpected(size.error());
  text.resize(static_cast<std::size_t>(*size));
  return text;
}

Expected<void> set_mode(int socket, unsigned mode) {
  return succeeded(Call::fchmod, [&] { return ::fchmod(socket, mode); });
}

// fchmod(2) refuses O_PATH descriptors; the link in /proc leads to the very inode they name.
Expected<void> set_mode_of_name(int name, unsigned mode) {
  const std::string path = proc_path(name);
  return succeeded(Call::chmod, [&] { return ::chmod(path.c_str(), mode); });
}

Expected<void> set_owner_of_name(int name, std::int64_t uid, std::int64_t gid) {
  return succeeded(Call::fchown, [&] {
    return ::fchownat(name, "", static_cast<uid_t>(uid), static_cast<gid_t>(gid), AT_EMPTY_PATH);
  });
}

Expected<void> remove_name(int directory, const std::string& name) {
  return succeeded(Call::unlink, [&] { return ::unlinkat(directory, name.c_str(), 0); });
}

Expected<void> rename_without_replacing(int directory, const std::string& from,
                                        const std::string& to) {
  return succeeded(Call::rename, [&] {
    return ::renameat2(directory, from.c_str(), directory, to.c_str(), RENAME_NOREPLACE);
  });
}

Expected<void> set_nonblocking(int descriptor, bool nonblocking) {
  return change_flags(descriptor, F_GETFL, F_SETFL, O_NONBLOCK, nonblocking);
}

Expected<void> set_close_on_exec(int descriptor) {
  return change_flags(descriptor, F_GETFD, F_SETFD, FD_CLOEXEC, true);
}

Expected<bool> is_close_on_exec(int descriptor) {
  const auto flags = uninterrupted(Call::fcntl, [&] { return ::fcntl(descriptor, F_GETFD); });
  if (!flags) return std::unexpected(flags.error());
  return (*flags & FD_CLOEXEC) != 0;
}

Expected<void> require_open(int descriptor) {
  return succeeded(Call::fcntl, [&] { return ::fcntl(descriptor, F_GETFD); });
}

Expected<Descriptor> duplicate(int descriptor) {
  const auto number =
      uninterrupted(Call::fcntl, [&] { return ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0); });
  if (!number) return std::unexpected(number.error());
  return Descriptor::adopt(*number);
}

// The file, and of its directory only what happens to that itself: in a directory such as /tmp
// every stranger's file would wake us. A removed name shows as a change of the link count, because
// the bound socket keeps its inode.
Expected<Descriptor> watch_file(const std::string& path) {
  const auto number =
      uninterrupted(Call::inotify_init, [] { return ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK); });
  if (!number) return std::unexpected(number.error());
  auto watch = Descriptor::adopt(*number);
  const std::string directory = path.substr(0, path.rfind('/') + 1);
  constexpr std::uint32_t gone = IN_MOVE_SELF | IN_DELETE_SELF;
  const auto add = [&](const std::string& what, std::uint32_t events) {
    return succeeded(Call::inotify_add_watch,
                     [&] { return ::inotify_add_watch(watch.get(), what.c_str(), events); });
  };
  auto added = add(path, IN_ATTRIB | gone | IN_DONT_FOLLOW);
  if (added) added = add(directory.empty() ? "." : directory, gone | IN_ONLYDIR);
  if (!added) return std::unexpected(added.error());
  return watch;
}

void forget_changes(int file_watch) noexcept {
  alignas(inotify_event) std::array<char, 4096> changes;
  while (::read(file_watch, changes.data(), changes.size()) > 0) {
  }
}

Expected<std::uint64_t> descriptor_limit() {
  rlimit limit{};
  const auto got = succeeded(Call::getrlimit, [&] { return ::getrlimit(RLIMIT_NOFILE, &limit); });
  if (!got) return std::unexpected(got.error());
  return limit.rlim_cur;
}

std::uint32_t effective_uid() noexcept { return ::geteuid(); }
std::int32_t process_id() noexcept { return ::getpid(); }

}  // namespace hallway::sys
