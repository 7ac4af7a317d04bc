// SPDX-License-Identifier: Apache-2.0
#include "server/system_call_filter.hpp"

#include <linux/sched.h>
#include <linux/sockios.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <initializer_list>
#include <memory>

#include "io/report.hpp"

namespace hallway::tool {

namespace {

// By name: an architecture lacks some of them, an older libseccomp does not know others, and such a
// name is skipped. Calls that are made per message must be in this list and not among those whose
// arguments are checked: from Linux 5.11 on, the kernel allows them without running the filter
// (seccomp_cache_check_allow, kernel/seccomp.c).
constexpr std::array unconditional{
    // Bytes and messages.
    "read", "write", "readv", "writev", "pread64", "pwrite64", "lseek", "_llseek", "close", "dup",
    "dup2", "dup3", "pipe2", "fcntl", "fcntl64", "recvfrom", "recvmsg", "recvmmsg",
    "recvmmsg_time64", "recv", "sendto", "sendmsg", "sendmmsg", "send", "shutdown",
    // Sockets. `socket` is below.
    "accept", "accept4", "bind", "connect", "listen", "socketpair", "getsockname", "getpeername",
    "getsockopt", "setsockopt",
    // Waiting.
    "poll", "ppoll", "ppoll_time64", "select", "pselect6", "pselect6_time64", "epoll_create1",
    "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "eventfd2", "timerfd_create",
    "timerfd_settime", "timerfd_settime64", "timerfd_gettime", "timerfd_gettime64",
    // The config and the user database are read again on SIGHUP; a lost path is bound again.
    // Landlock decides which files may be opened.
    "open", "openat", "openat2", "stat", "lstat", "fstat", "newfstatat", "statx", "stat64",
    "lstat64", "fstat64", "fstatat64", "statfs", "statfs64", "fstatfs", "fstatfs64", "access",
    "faccessat", "faccessat2", "readlink", "readlinkat", "getdents64", "getcwd", "flock",
    "ftruncate", "ftruncate64", "unlink", "unlinkat", "rename", "renameat", "renameat2", "chmod",
    "fchmod", "fchmodat", "fchmodat2", "chown", "chown32", "fchown", "fchown32", "fchownat",
    "inotify_init1", "inotify_add_watch", "inotify_rm_watch",
    // Memory. `mmap` and `mprotect` are below.
    "munmap", "mremap", "madvise", "brk", "membarrier",
    // A hub that is taken over passes its retained values in such a file.
    "memfd_create",
    // Threads. `clone` is below.
    "futex", "futex_time64", "set_robust_list", "rseq", "set_tid_address", "exit", "exit_group",
    "sched_yield", "sched_getaffinity", "getcpu", "landlock_restrict_self",
    // The exit status of a child started before: the hub's link.
    "waitid", "wait4",
    // Signals that arrive. `tgkill` is below.
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigpending", "rt_sigtimedwait",
    "rt_sigtimedwait_time64", "sigreturn", "restart_syscall", "sigaltstack",
    // Time, where the vDSO does not read it without a system call.
    "clock_gettime", "clock_gettime64", "clock_getres", "clock_getres_time64", "clock_nanosleep",
    "clock_nanosleep_time64", "nanosleep", "gettimeofday", "time",
    // Properties of the process and of the machine.
    "getpid", "gettid", "getppid", "getuid", "getuid32", "geteuid", "geteuid32", "getgid",
    "getgid32", "getegid", "getegid32", "getresuid", "getresuid32", "getresgid", "getresgid32",
    "getgroups", "getgroups32", "getrlimit", "ugetrlimit", "getrusage", "getrandom", "uname",
    "sysinfo"};

// The terminal's TIOCSTI is not allowed: it inserts input that another program then reads.
constexpr std::array<std::uint64_t, 6> ioctl_requests{TCGETS,  TIOCGWINSZ, FIONREAD,
                                                      FIONBIO, SIOCOUTQ,   SIOCPROTOPRIVATE};
// Clients of nscd, sssd and systemd query them by Unix sockets; NETLINK_SOCK_DIAG queries sockets.
constexpr std::array<std::uint64_t, 2> socket_domains{AF_UNIX, AF_NETLINK};
constexpr std::array<std::uint64_t, 3> prctl_options{PR_SET_NO_NEW_PRIVS, PR_SET_NAME, PR_GET_NAME};

#if defined(__s390__)
constexpr unsigned clone_flags = 1;
#else
constexpr unsigned clone_flags = 0;
#endif

/// An int in a register: the kernel ignores its upper half, in which the caller may have left any
/// bits.
constexpr std::uint64_t as_int = 0xFFFF'FFFF;

/// A condition on an argument: its `bits` equal `value`.
scmp_arg_cmp bits_are(unsigned argument, std::uint64_t bits, std::uint64_t value) {
  return {.arg = argument, .op = SCMP_CMP_MASKED_EQ, .datum_a = bits, .datum_b = value};
}

class Filter {
 public:
  Filter() : context_(seccomp_init(SCMP_ACT_ERRNO(EPERM))) {
    if (!context_) code_ = ENOMEM;
  }

  void allow(const char* name) { add(SCMP_ACT_ALLOW, name); }
  void allow(const char* name, const scmp_arg_cmp& condition) {
    add(SCMP_ACT_ALLOW, name, {condition});
  }

  template <std::size_t count>
  void allow_values(const char* name, unsigned argument,
                    const std::array<std::uint64_t, count>& values) {
    for (const std::uint64_t value : values) allow(name, bits_are(argument, as_int, value));
  }

  void refuse(const char* name, int code) {
    add(SCMP_ACT_ERRNO(static_cast<unsigned>(code)), name);
  }

  Result<std::size_t> load() {
    // A binary tree finds most calls in a few steps.
    constexpr unsigned as_a_tree = 2;
    set(SCMP_FLTATR_CTL_OPTIMIZE, as_a_tree);
    set(SCMP_FLTATR_CTL_TSYNC, 1);
    set(SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(EPERM));
    // Before Linux 5.16, a filter enables a mitigation that slows memory access; it is meant for
    // programs that run untrusted code.
    set(SCMP_FLTATR_CTL_SSB, 1);
    if (code_ == 0) code_ = -seccomp_load(context_.get());
    if (code_ != 0) return std::unexpected(error_of(code_, "sandbox", "system calls"));
    return calls_;
  }

 private:
  struct Release {
    void operator()(void* context) const { seccomp_release(context); }
  };

  void add(std::uint32_t action, const char* name,
           std::initializer_list<scmp_arg_cmp> conditions = {}) {
    const int call = seccomp_syscall_resolve_name(name);
    if (call == __NR_SCMP_ERROR || code_ != 0) return;  // this libseccomp does not know it
    const int added = seccomp_rule_add_array(
        context_.get(), action, call, static_cast<unsigned>(conditions.size()), conditions.begin());
    // This architecture has no such call.
    if (added == -EDOM) return;
    code_ = -added;
    // Negative: the architecture has the call in another form, or not at all.
    if (action == SCMP_ACT_ALLOW && call >= 0 && call != last_) ++calls_;
    last_ = call;
  }

  void set(scmp_filter_attr attribute, std::uint32_t value) {
    if (code_ == 0) code_ = -seccomp_attr_set(context_.get(), attribute, value);
  }

  std::unique_ptr<void, Release> context_;
  int code_ = 0;  // errno of the first failure
  std::size_t calls_ = 0;
  int last_ = -1;
};

/// Memory is writable or executable, never both. The libraries of the user database are mapped as
/// their files require.
void allow_memory(Filter& filter) {
  constexpr unsigned protection = 2;
  for (const char* name : {"mmap", "mmap2"}) {
    filter.allow(name, bits_are(protection, PROT_WRITE, 0));
    filter.allow(name, bits_are(protection, PROT_EXEC, 0));
  }
  filter.allow("mprotect", bits_are(protection, PROT_EXEC, 0));
}

void allow_threads(Filter& filter) {
  filter.allow("clone", bits_are(clone_flags, CLONE_THREAD, CLONE_THREAD));
  // Its flags are in memory, which a filter cannot read. glibc then uses clone.
  filter.refuse("clone3", ENOSYS);
}

}  // namespace

Result<std::size_t> limit_system_calls() {
  Filter filter;
  for (const char* name : unconditional) filter.allow(name);
  filter.allow_values("ioctl", 1, ioctl_requests);
  filter.allow_values("socket", 0, socket_domains);
  filter.allow_values("prctl", 0, prctl_options);
  // For abort(3), and for signals to this process.
  filter.allow("tgkill", bits_are(0, as_int, static_cast<std::uint64_t>(::getpid())));
  // Limits can be read but not changed: the pointer to the new limit must be null.
  filter.allow("prlimit64", bits_are(2, UINT64_MAX, 0));
  allow_memory(filter);
  allow_threads(filter);
  return filter.load();
}

}  // namespace hallway::tool
