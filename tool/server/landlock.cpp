// SPDX-License-Identifier: Apache-2.0
#include "server/landlock.hpp"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "io/report.hpp"

namespace hallway::tool {

namespace {

// From <linux/landlock.h> newer than that of Debian 12.
constexpr std::uint64_t fs_truncate = 1ULL << 14;
constexpr std::uint64_t fs_ioctl_dev = 1ULL << 15;
constexpr std::uint64_t net_bind_tcp = 1ULL << 0;
constexpr std::uint64_t net_connect_tcp = 1ULL << 1;
constexpr std::uint64_t scope_signal = 1ULL << 1;

/// landlock_ruleset_attr as it is now. Older kernels accept it if the part beyond their own size is
/// zero.
struct Attributes {
  std::uint64_t handled_access_fs = 0;
  std::uint64_t handled_access_net = 0;
  std::uint64_t scoped = 0;
};

constexpr std::uint64_t first_version_fs =
    LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |
    LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE |
    LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
    LANDLOCK_ACCESS_FS_MAKE_SYM;

constexpr std::uint64_t reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;

constexpr std::uint64_t socket_files =
    LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_REMOVE_FILE |
    LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE | fs_truncate;

// Abstract sockets stay reachable (LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET is left out): the service
// manager may have one, and answers to datagrams are sent to them.
Attributes attributes_of(int version) {
  constexpr int has_refer = 2;
  constexpr int has_truncate = 3;
  constexpr int has_net = 4;
  constexpr int has_ioctl = 5;
  constexpr int has_scopes = 6;
  Attributes attributes{.handled_access_fs = first_version_fs};
  if (version >= has_refer) attributes.handled_access_fs |= LANDLOCK_ACCESS_FS_REFER;
  if (version >= has_truncate) attributes.handled_access_fs |= fs_truncate;
  if (version >= has_net) attributes.handled_access_net = net_bind_tcp | net_connect_tcp;
  if (version >= has_ioctl) attributes.handled_access_fs |= fs_ioctl_dev;
  if (version >= has_scopes) attributes.scoped = scope_signal;
  return attributes;
}

std::unexpected<Error> failed(std::string_view subject = "Landlock") {
  return std::unexpected(error_of(errno, "sandbox", subject));
}

}  // namespace

Result<int> Landlock::version() {
  const long version =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version >= 0) return static_cast<int>(version);
  if (errno == ENOSYS || errno == EOPNOTSUPP) return 0;
  return failed();
}

Result<Landlock> Landlock::of_version(int version) {
  const Attributes attributes = attributes_of(version);
  const long number = ::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
  if (number < 0) return failed();
  return Landlock(Descriptor::adopt(static_cast<int>(number)), attributes.handled_access_fs);
}

Result<void> Landlock::allow_reading(const std::string& directory) {
  return allow(directory, reading);
}

Result<void> Landlock::allow_socket_files(const std::string& directory) {
  return allow(directory, socket_files);
}

Result<void> Landlock::allow(const std::string& directory, std::uint64_t access) {
  const int number = ::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (number < 0) {
    // A directory that does not exist, or is not visible to us, needs no rule.
    if (errno == ENOENT || errno == ENOTDIR || errno == EACCES) return {};
    return failed(directory);
  }
  const auto parent = Descriptor::adopt(number);
  landlock_path_beneath_attr rule{};
  rule.allowed_access = access & handled_;
  rule.parent_fd = parent.get();
  if (::syscall(SYS_landlock_add_rule, ruleset_.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0) {
    return failed(directory);
  }
  return {};
}

Result<void> Landlock::restrict_this_thread() const {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return failed("no new privileges");
  if (::syscall(SYS_landlock_restrict_self, ruleset_.get(), 0) < 0) return failed();
  return {};
}

}  // namespace hallway::tool
