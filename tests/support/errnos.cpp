// SPDX-License-Identifier: Apache-2.0
#include "support/errnos.hpp"

#include <cerrno>
#include <cstring>
#include <utility>

namespace hallway::test {

namespace {

struct Row {
  const char* name;
  std::vector<int> errors;
};

// A switch without a default: the compiler asks for the row of a new call. The errors are those
// of the man pages' ERRORS that a call of ours can meet: not EFAULT or EBADF, which are bugs.
Row row(sys::Call call) {
  using enum sys::Call;
  switch (call) {
    case socket: return {"socket", {EACCES, EAFNOSUPPORT, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPERM}};
    case socketpair: return {"socketpair", {EAFNOSUPPORT, EMFILE, ENFILE, ENOBUFS, ENOMEM}};
    case bind:
      return {"bind",
              {EACCES, EADDRINUSE, EINVAL, ELOOP, ENAMETOOLONG, ENOENT, ENOMEM, ENOSPC, ENOTDIR,
               EPERM, EROFS}};
    case connect:
      return {"connect",
              {EACCES, EAGAIN, ECONNREFUSED, ELOOP, ENOENT, ENOMEM, ENOTDIR, EPERM, EPROTOTYPE}};
    case listen: return {"listen", {EADDRINUSE, EINVAL, ENOMEM, EOPNOTSUPP}};
    case accept:
      return {"accept",
              {EAGAIN, ECONNABORTED, EINVAL, EMFILE, ENFILE, ENOBUFS, ENOMEM, EPERM, EPROTO}};
    case shutdown: return {"shutdown", {EACCES, ENOTCONN}};
    case getsockopt:
      return {"getsockopt", {EINVAL, EMFILE, ENOMEM, ENOPROTOOPT, ENOTSOCK, EPERM, ESRCH}};
    case setsockopt: return {"setsockopt", {EINVAL, ENOMEM, ENOPROTOOPT, EPERM}};
    case ioctl: return {"ioctl", {EMFILE, ENFILE, ENOMEM, ENOTTY, EPERM}};
    case getsockname: return {"getsockname", {EINVAL, ENOBUFS, ENOTSOCK}};
    case getpeername: return {"getpeername", {EINVAL, ENOBUFS, ENOTCONN, ENOTSOCK}};
    case sendmsg:
      return {"sendmsg",
              {EACCES, EAGAIN, ECONNREFUSED, ECONNRESET, EMSGSIZE, ENOBUFS, ENOENT, ENOMEM,
               ENOTCONN, EPERM, EPIPE, ETOOMANYREFS}};
    case recvmsg: return {"recvmsg", {EAGAIN, ECONNREFUSED, ECONNRESET, ENOMEM, ENOTCONN}};
    case epoll_create: return {"epoll_create", {EMFILE, ENFILE, ENOMEM}};
    case epoll_ctl: return {"epoll_ctl", {ENOMEM, ENOSPC, EPERM}};
    case epoll_wait: return {"epoll_wait", {EINVAL, ENOSYS, EPERM}};
    case eventfd: return {"eventfd", {EMFILE, ENFILE, ENODEV, ENOMEM}};
    case timerfd_create: return {"timerfd_create", {EMFILE, ENFILE, ENODEV, ENOMEM}};
    case poll: return {"poll", {EINVAL, ENOMEM}};
    case open:
      return {"open",
              {EACCES, EDQUOT, ELOOP, EMFILE, ENAMETOOLONG, ENFILE, ENOENT, ENOMEM, ENOSPC, ENOTDIR,
               EPERM, EROFS}};
    case flock: return {"flock", {ENOLCK, EWOULDBLOCK}};
    case fstat: return {"fstat", {EACCES, ELOOP, ENOENT, ENOMEM, ENOTDIR}};
    case fchmod: return {"fchmod", {EIO, EPERM, EROFS}};
    case chmod: return {"chmod", {EACCES, EIO, ENOENT, ENOMEM, EPERM, EROFS}};
    case fchown: return {"fchown", {EINVAL, EIO, EPERM, EROFS}};
    case unlink: return {"unlink", {EACCES, EBUSY, EIO, EISDIR, ENOENT, ENOMEM, EPERM, EROFS}};
    case rename:
      return {"rename",
              {EACCES, EBUSY, EDQUOT, EEXIST, EINVAL, ENOENT, ENOMEM, ENOSPC, EPERM, EROFS}};
    case fcntl: return {"fcntl", {EMFILE, EPERM}};
    case read: return {"read", {EIO}};
    case write: return {"write", {EDQUOT, EFBIG, EIO, ENOSPC, EPERM}};
    case inotify_init: return {"inotify_init", {EMFILE, ENFILE, ENOMEM, ENOSYS}};
    case inotify_add_watch: return {"inotify_add_watch", {EACCES, ENOENT, ENOMEM, ENOSPC, ENOTDIR}};
    case getrlimit: return {"getrlimit", {EPERM}};
    case sigaction: return {"sigaction", {EINVAL}};
    case spawn:
      return {"spawn", {E2BIG, EACCES, EAGAIN, EMFILE, ENFILE, ENOENT, ENOEXEC, ENOMEM, ETXTBSY}};
    case pidfd_open: return {"pidfd_open", {EMFILE, ENFILE, ENODEV, ENOMEM, ENOSYS}};
    case pidfd_send_signal: return {"pidfd_send_signal", {EPERM, ESRCH}};
    case waitid: return {"waitid", {ECHILD}};
    case thread: return {"thread", {EAGAIN}};
  }
  return {nullptr, {}};
}

}  // namespace

const char* name_of(sys::Call call) noexcept { return row(call).name; }

std::vector<int> errnos_of(sys::Call call) {
  std::vector<int> errors = row(call).errors;
  errors.push_back(EINTR);
  return errors;
}

std::vector<sys::Call> all_calls() {
  std::vector<sys::Call> calls;
  for (int i = 0; name_of(static_cast<sys::Call>(i)) != nullptr; ++i) {
    calls.push_back(static_cast<sys::Call>(i));
  }
  return calls;
}

std::string errno_name(int error) {
  const char* name = ::strerrorname_np(error);
  return name == nullptr ? std::to_string(error) : name;
}

}  // namespace hallway::test
