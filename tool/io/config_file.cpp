// SPDX-License-Identifier: Apache-2.0
#include "io/config_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>

#include <hallway/descriptor.hpp>

#include "io/report.hpp"
#include "io/values.hpp"

namespace hallway::tool {

namespace {

std::unexpected<Error> refused(std::errc code, const std::string& path, std::string_view reason,
                               std::string hint = {}) {
  Error error = error_of(code, "config", path, reason);
  error.hint = std::move(hint);
  return std::unexpected(std::move(error));
}

std::unexpected<Error> kernels(int code, const std::string& path) {
  return std::unexpected(error_of(code, "config", path));
}

Result<struct stat> status_of(const Descriptor& file, const std::string& path) {
  struct stat status{};
  if (fstat(file.get(), &status) < 0) return kernels(errno, path);
  return status;
}

const char* kind_of(const struct stat& status) {
  if (S_ISFIFO(status.st_mode)) return "a pipe";
  if (S_ISCHR(status.st_mode)) return "a device";
  if (S_ISDIR(status.st_mode)) return "a directory";
  return "not a regular file";
}

/// Requires a file that can be read again under a name: a regular file that is not unlinked.
Result<struct stat> require_file(const Descriptor& file, const std::string& path) {
  auto status = status_of(file, path);
  if (!status) return status;
  if (!S_ISREG(status->st_mode)) {
    return refused(std::errc::not_supported, path,
                   std::string("it is ") + kind_of(*status) + ", which cannot be read again",
                   "for reloads, start with --config and the path of a regular file");
  }
  if (status->st_nlink == 0) {
    return refused(std::errc::no_such_file_or_directory, path,
                   "the file that was opened no longer has a name",
                   "for reloads, start with --config and the path of the file");
  }
  return status;
}

/// A read lease (fcntl(2), F_SETLEASE). While it is held, a process that opens the file for writing
/// waits until the lease is released.
class ReadLease {
 public:
  explicit ReadLease(const Descriptor& file) : file_(file.get()) {
    // By default the kernel announces a waiting writer with SIGIO, which ends the process. SIGURG
    // is ignored by default.
    const bool harmless = fcntl(file_, F_SETSIG, SIGURG) == 0;
    held_ = harmless && fcntl(file_, F_SETLEASE, F_RDLCK) == 0;
    being_written_ = harmless && !held_ && errno == EAGAIN;
  }
  ReadLease(const ReadLease&) = delete;
  ReadLease& operator=(const ReadLease&) = delete;
  ~ReadLease() {
    if (held_) fcntl(file_, F_SETLEASE, F_UNLCK);
  }

  /// Whether a process has the file open for writing. False if that is unknown: the file belongs to
  /// another user, or the file system has no leases.
  [[nodiscard]] bool being_written() const noexcept { return being_written_; }

 private:
  int file_;
  bool held_ = false;
  bool being_written_ = false;
};

bool same_content(const struct stat& before, const struct stat& after) {
  return before.st_size == after.st_size && before.st_mtim.tv_sec == after.st_mtim.tv_sec &&
         before.st_mtim.tv_nsec == after.st_mtim.tv_nsec;
}

Result<std::string> read_all(const Descriptor& file, const std::string& path) {
  std::string text;
  std::array<char, 64 * kibibyte> piece{};
  for (;;) {
    const ssize_t got = read(file.get(), piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return kernels(errno, path);
    if (got == 0) return text;
    text.append(piece.data(), static_cast<std::size_t>(got));
    if (text.size() > max_config_size) {
      return refused(std::errc::file_too_large, path,
                     "larger than " + write_size(max_config_size) + ", the limit for a config");
    }
  }
}

Result<std::string> read_again(const Descriptor& file, const std::string& path) {
  constexpr auto unfinished = std::errc::resource_unavailable_try_again;
  const auto before = require_file(file, path);
  if (!before) return std::unexpected(before.error());
  const ReadLease lease(file);
  if (lease.being_written()) {
    return refused(unfinished, path, "a process has it open for writing, so it may be incomplete",
                   "send SIGHUP again once it is written");
  }
  auto text = read_all(file, path);
  if (!text) return text;
  const auto after = status_of(file, path);
  if (!after) return std::unexpected(after.error());
  if (!same_content(*before, *after)) {
    return refused(unfinished, path, "it changed while it was being read",
                   "send SIGHUP again once it is written");
  }
  if (is_blank(*text)) {
    return refused(std::errc::no_message_available, path, "it is empty",
                   "for a config without rules, write a comment into it");
  }
  return text;
}

}  // namespace

bool is_blank(const std::string& text) {
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";  // toml++ skips it
  const std::size_t begin = text.starts_with(byte_order_mark) ? byte_order_mark.size() : 0;
  return text.find_first_not_of(" \t\r\n", begin) == std::string::npos;
}

Result<std::string> read_config_file(const std::string& path, ConfigRead when) {
  const bool again = when == ConfigRead::again;
  // Without O_NONBLOCK, opening a FIFO blocks until a process opens it for writing.
  const int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | (again ? O_NONBLOCK : 0);
  const int number = open(path.c_str(), flags);
  if (number < 0) return kernels(errno, path);
  const auto file = Descriptor::adopt(number);
  return again ? read_again(file, path) : read_all(file, path);
}

}  // namespace hallway::tool
