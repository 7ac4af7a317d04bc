// SPDX-License-Identifier: Apache-2.0
#include "sys/file.hpp"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <climits>
#include <csignal>
#include <cstdio>

#include "sys/adopted.hpp"
#include "sys/signal.hpp"

namespace hallway::sys {

namespace {

Expected<Descriptor> opened(int directory, const char* name, int flags, mode_t mode = 0) {
  return adopted(retry_on_eintr(
      Call::open, [&] { return ::openat(directory, name, flags | O_CLOEXEC, mode); }));
}

FileKind kind_of(unsigned mode) {
  if (S_ISSOCK(mode)) return FileKind::socket;
  if (S_ISREG(mode)) return FileKind::regular;
  if (S_ISDIR(mode)) return FileKind::directory;
  if (S_ISLNK(mode)) return FileKind::symlink;
  return FileKind::other;
}

FileIdentity identity(const struct stat& status) {
  return {status.st_dev,           status.st_ino, kind_of(status.st_mode),
          status.st_mode & 07777U, status.st_uid, status.st_gid};
}

Expected<bool> has_flag(int descriptor, int get, int flag) {
  const auto flags = retry_on_eintr(Call::fcntl, [&] { return ::fcntl(descriptor, get); });
  if (!flags) return std::unexpected(flags.error());
  return (*flags & flag) != 0;
}

Expected<void> change_flags(int descriptor, int get, int set, int flag, bool on) {
  const auto flags = retry_on_eintr(Call::fcntl, [&] { return ::fcntl(descriptor, get); });
  if (!flags) return std::unexpected(flags.error());
  const int wanted = on ? (*flags | flag) : (*flags & ~flag);
  if (wanted == *flags) return {};
  return check(Call::fcntl, [&] { return ::fcntl(descriptor, set, wanted); });
}

}  // namespace

std::string proc_path(int descriptor) { return "/proc/self/fd/" + std::to_string(descriptor); }

Expected<Descriptor> open_directory(const std::string& path) {
  return opened(AT_FDCWD, path.c_str(), O_PATH | O_DIRECTORY);
}

Expected<FileIdentity> identify(int directory, const std::string& name) {
  struct stat status{};
  const auto got = check(Call::fstat, [&] {
    return ::fstatat(directory, name.c_str(), &status, AT_SYMLINK_NOFOLLOW);
  });
  if (!got) return std::unexpected(got.error());
  return identity(status);
}

Expected<FileIdentity> identify(int descriptor) {
  struct stat status{};
  const auto got = check(Call::fstat, [&] { return ::fstat(descriptor, &status); });
  if (!got) return std::unexpected(got.error());
  return identity(status);
}

Expected<FileIdentity> identify_foreign(int descriptor) {
  struct statx status{};
  const auto got = check(Call::fstat, [&] {
    return ::statx(descriptor, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &status);
  });
  if (!got) return std::unexpected(got.error());
  return FileIdentity{makedev(status.stx_dev_major, status.stx_dev_minor),
                      status.stx_ino,
                      kind_of(status.stx_mode),
                      status.stx_mode & 07777U,
                      status.stx_uid,
                      status.stx_gid};
}

Expected<Descriptor> open_name(int directory, const std::string& name) {
  return opened(directory, name.c_str(), O_PATH | O_NOFOLLOW);
}

Expected<Descriptor> open_target(int directory, const std::string& name) {
  return opened(directory, name.c_str(), O_PATH);
}

Expected<Descriptor> open_target_of_path(const std::string& path) {
  return opened(AT_FDCWD, path.c_str(), O_PATH);
}

Expected<Descriptor> open_name_within(int place, const std::string& name) {
  open_how how{};
  how.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC;
  const bool absolute = name.starts_with('/');
  how.resolve = RESOLVE_NO_MAGICLINKS | (absolute ? RESOLVE_IN_ROOT : RESOLVE_BENEATH);
  return adopted(retry_on_eintr(Call::open, [&] {
    return static_cast<int>(::syscall(SYS_openat2, place, name.c_str(), &how, sizeof how));
  }));
}

Expected<Descriptor> open_lock_file(int directory, const std::string& name) {
  return opened(directory, name.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW, 0600);
}

Expected<Descriptor> open_for_writing(int directory, const std::string& name) {
  return opened(directory, name.c_str(), O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
}

Expected<bool> is_open_for_writing(int descriptor) {
  const auto flags = retry_on_eintr(Call::fcntl, [&] { return ::fcntl(descriptor, F_GETFL); });
  if (!flags) return std::unexpected(flags.error());
  return (*flags & O_ACCMODE) == O_RDWR && (*flags & O_PATH) == 0;
}

Expected<void> lock_exclusively(int file) {
  return check(Call::flock, [&] { return ::flock(file, LOCK_EX | LOCK_NB); });
}

Expected<void> replace_contents(int file, const std::string& text) {
  // Over RLIMIT_FSIZE, write(2) fails with EFBIG, and the signal that comes with it would end the
  // process.
  const SignalHeld held(SIGXFSZ);
  const auto emptied = check(Call::write, [&] { return ::ftruncate(file, 0); });
  if (!emptied) return emptied;
  return check(Call::write, [&] { return ::pwrite(file, text.data(), text.size(), 0); });
}

Expected<std::string> read_contents(int file, std::size_t most) {
  std::string text(most, '\0');
  const auto size =
      retry_on_eintr(Call::read, [&] { return ::pread(file, text.data(), text.size(), 0); });
  if (!size) return std::unexpected(size.error());
  text.resize(static_cast<std::size_t>(*size));
  return text;
}

Expected<std::size_t> read_some(int descriptor, char* to, std::size_t most) {
  const auto size = retry_on_eintr(Call::read, [&] { return ::read(descriptor, to, most); });
  if (!size) return std::unexpected(size.error());
  return static_cast<std::size_t>(*size);
}

Expected<void> set_mode(int descriptor, unsigned mode) {
  return check(Call::fchmod, [&] { return ::fchmod(descriptor, mode); });
}

// fchmod(2) rejects O_PATH descriptors; the link in /proc leads to the very inode they name.
Expected<void> set_mode_of_name(int name, unsigned mode) {
  const std::string path = proc_path(name);
  return check(Call::chmod, [&] { return ::chmod(path.c_str(), mode); });
}

Expected<void> set_owner_of_name(int name, std::int64_t uid, std::int64_t gid) {
  return check(Call::fchown, [&] {
    return ::fchownat(name, "", static_cast<uid_t>(uid), static_cast<gid_t>(gid), AT_EMPTY_PATH);
  });
}

Expected<std::string> read_link(int directory, const std::string& name) {
  std::string target(PATH_MAX, '\0');
  const auto size = retry_on_eintr(Call::read, [&] {
    return ::readlinkat(directory, name.c_str(), target.data(), target.size());
  });
  if (!size) return std::unexpected(size.error());
  target.resize(static_cast<std::size_t>(*size));
  return target;
}

Expected<void> remove_name(int directory, const std::string& name) {
  return check(Call::unlink, [&] { return ::unlinkat(directory, name.c_str(), 0); });
}

Expected<void> rename_without_replacing(int directory, const std::string& from,
                                        const std::string& to) {
  return check(Call::rename, [&] {
    return ::renameat2(directory, from.c_str(), directory, to.c_str(), RENAME_NOREPLACE);
  });
}

Expected<void> set_nonblocking(int descriptor, bool nonblocking) {
  return change_flags(descriptor, F_GETFL, F_SETFL, O_NONBLOCK, nonblocking);
}

Expected<bool> is_nonblocking(int descriptor) { return has_flag(descriptor, F_GETFL, O_NONBLOCK); }

Expected<void> set_close_on_exec(int descriptor) {
  return change_flags(descriptor, F_GETFD, F_SETFD, FD_CLOEXEC, true);
}

Expected<bool> is_close_on_exec(int descriptor) {
  return has_flag(descriptor, F_GETFD, FD_CLOEXEC);
}

Expected<void> require_open(int descriptor) {
  return check(Call::fcntl, [&] { return ::fcntl(descriptor, F_GETFD); });
}

Expected<Descriptor> duplicate(int descriptor) {
  return adopted(
      retry_on_eintr(Call::fcntl, [&] { return ::fcntl(descriptor, F_DUPFD_CLOEXEC, 0); }));
}

Expected<std::uint64_t> descriptor_limit() {
  rlimit limit{};
  const auto got = check(Call::getrlimit, [&] { return ::getrlimit(RLIMIT_NOFILE, &limit); });
  if (!got) return std::unexpected(got.error());
  return limit.rlim_cur;
}

std::uint32_t effective_uid() noexcept { return ::geteuid(); }
std::int32_t process_id() noexcept { return ::getpid(); }

}  // namespace hallway::sys
