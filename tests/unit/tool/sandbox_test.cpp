// SPDX-License-Identifier: Apache-2.0
//
// Each test applies the sandbox in a child and tries there what it is to refuse and to allow.
#include "tool/server/sandbox.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <future>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <hallway/descriptor.hpp>

#include "support/processes.hpp"
#include "support/temp_directory.hpp"
#include "tool/io/log.hpp"
#include "tool/io/stream_writer.hpp"
#include "tool/server/landlock.hpp"

namespace hallway::tool {

namespace {

/// errno of a call, or 0.
template <typename Number>
int code_of(Number result) {
  return result < 0 ? errno : 0;
}

int open_code(const std::string& path, int flags) {
  return code_of(Descriptor::adopt(::open(path.c_str(), flags | O_CLOEXEC, 0600)).get());
}

int fork_code() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  return code_of(child);
}

/// Something to try, and what it is to give.
struct Attempt {
  std::string what;
  std::function<int()> run;
  int expected = 0;
};

using Attempts = std::vector<Attempt>;

using test::ForkedProcess;
using Say = ForkedProcess::Say;

/// What a child says when it cannot try something in this build or on this kernel, and at its end.
constexpr auto not_here = "not here";
constexpr auto end = "end";

/// In a child: says what goes otherwise than expected.
void try_all(const Attempts& attempts, const Say& say) {
  for (const Attempt& attempt : attempts) {
    errno = 0;
    const int code = attempt.run();
    if (code == attempt.expected) continue;
    say(attempt.what + ": " + std::to_string(code) + ", not " + std::to_string(attempt.expected));
  }
}

Sandbox enter(const SandboxNeeds& needs, const std::vector<RunInThread>& others, const Say& say) {
  Sandbox sandbox =
      enter_sandbox(needs, others, [&say](const Error& error) { say(error.explain()); });
  for (const Error& error : sandbox.errors) say(error.explain());
  return sandbox;
}

class SandboxedChild : public testing::Test {
 protected:
  [[nodiscard]] SandboxNeeds needs() const {
    SandboxNeeds needs;
    needs.sockets = {*Address::path(served_ / "server.sock")};
    needs.config = config_ / "hub.toml";
    return needs;
  }

  /// That a child which does this says nothing but that it is at its end.
  static void expect_silence(const ForkedProcess::Work& work) {
    ForkedProcess child([&](const Say& say) {
      work(say);
      say(end);
    });
    const std::string line = child.line();
    if (line == not_here) GTEST_SKIP() << "not in this build, or not in this kernel";
    EXPECT_EQ(line, end);
  }

  enum class Needs { nothing, filter, landlock };

  /// That each attempt gives in the sandbox what is expected.
  void expect(const Attempts& attempts, Needs what) const {
    expect_silence([&](const Say& say) {
      const Sandbox sandbox = enter(needs(), {}, say);
      const bool missing = (what == Needs::filter && sandbox.system_calls == 0) ||
                           (what == Needs::landlock && sandbox.landlock == 0);
      if (missing) say(not_here);
      try_all(attempts, say);
    });
  }

  test::TempDirectory served_;
  test::TempDirectory config_;
  test::TempDirectory elsewhere_;
};

TEST_F(SandboxedChild, starts_no_program_and_no_process) {
  const auto spawn = [] {
    std::array<char, 10> program{"/bin/true"};
    std::array<char*, 2> words{program.data(), nullptr};
    return ::posix_spawn(nullptr, program.data(), nullptr, nullptr, words.data(), environ);
  };
  expect({{"execve", [] { return code_of(::execl("/bin/true", "true", nullptr)); }, EPERM},
          {"fork", fork_code, EPERM},
          {"posix_spawn", spawn, EPERM},
          {"clone3", [] { return code_of(::syscall(SYS_clone3, nullptr, 0)); }, ENOSYS}},
         Needs::filter);
}

TEST_F(SandboxedChild, opens_no_socket_of_a_network) {
  const auto open = [](int domain, int type) {
    return [=] { return code_of(::socket(domain, type, 0)); };
  };
  expect({{"IPv4", open(AF_INET, SOCK_STREAM), EPERM},
          {"IPv4, datagrams", open(AF_INET, SOCK_DGRAM), EPERM},
          {"IPv6", open(AF_INET6, SOCK_STREAM), EPERM},
          {"packets", open(AF_PACKET, SOCK_RAW), EPERM},
          {"virtual machines", open(AF_VSOCK, SOCK_STREAM), EPERM},
          {"Unix", open(AF_UNIX, SOCK_STREAM), 0},
          {"netlink", open(AF_NETLINK, SOCK_RAW), 0}},
         Needs::filter);
}

TEST_F(SandboxedChild, does_not_connect_a_socket_of_a_network_that_it_has) {
  constexpr int net_version = 4;
  const auto version = Landlock::version();
  if (!version || *version < net_version) GTEST_SKIP() << "Landlock of this kernel knows no TCP";
  const auto listener = Descriptor::adopt(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const raw = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(::bind(listener.get(), raw, size), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  ASSERT_EQ(::getsockname(listener.get(), raw, &size), 0);
  const auto client = Descriptor::adopt(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  expect({{"connect", [&] { return code_of(::connect(client.get(), raw, size)); }, EACCES}},
         Needs::landlock);
  EXPECT_EQ(::connect(client.get(), raw, size), 0) << "outside it can be reached";
}

TEST_F(SandboxedChild, has_no_calls_that_affect_other_processes) {
  expect({{"ptrace", [] { return code_of(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr)); }, EPERM},
          {"kill", [] { return code_of(::kill(::getppid(), 0)); }, EPERM},
          {"tgkill", [] { return code_of(::syscall(SYS_tgkill, ::getppid(), ::getppid(), 0)); },
           EPERM},
          {"bpf", [] { return code_of(::syscall(SYS_bpf, 0, nullptr, 0)); }, EPERM},
          {"io_uring", [] { return code_of(::syscall(SYS_io_uring_setup, 1, nullptr)); }, EPERM},
          {"mkdir", [] { return code_of(::mkdir("/tmp/never-made", 0700)); }, EPERM},
          {"mount", [] { return code_of(::syscall(SYS_mount, 0, 0, 0, 0, 0)); }, EPERM},
          {"keyctl", [] { return code_of(::syscall(SYS_keyctl, 0, 0, 0, 0, 0)); }, EPERM},
          {"unshare", [] { return code_of(::syscall(SYS_unshare, 0)); }, EPERM},
          {"setuid", [] { return code_of(::syscall(SYS_setuid, ::getuid())); }, EPERM},
          {"process_vm_readv",
           [] { return code_of(::syscall(SYS_process_vm_readv, ::getppid(), 0, 0, 0, 0, 0)); },
           EPERM}},
         Needs::filter);
}

TEST_F(SandboxedChild, changes_no_limits_and_reads_them) {
  rlimit limit{};
  expect({{"read", [&] { return code_of(::getrlimit(RLIMIT_NOFILE, &limit)); }, 0},
          {"change", [&] { return code_of(::setrlimit(RLIMIT_NOFILE, &limit)); }, EPERM}},
         Needs::filter);
}

TEST_F(SandboxedChild, types_nothing_into_its_terminal) {
  const auto terminal = Descriptor::adopt(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (terminal.get() < 0) GTEST_SKIP() << "no pseudoterminals here";
  const auto type = [&] {
    char letter = 'x';
    return code_of(::ioctl(terminal.get(), TIOCSTI, &letter));
  };
  expect({{"TIOCSTI", type, EPERM},
          {"isatty", [&] { return ::isatty(terminal.get()) == 1 ? 0 : errno; }, 0}},
         Needs::filter);
}

TEST_F(SandboxedChild, has_no_memory_that_is_written_and_executed) {
  const auto map = [](int protection) {
    return [protection] {
      void* const memory = ::mmap(nullptr, 1, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      return memory == MAP_FAILED ? errno : 0;
    };
  };
  void* const page = ::mmap(nullptr, 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  expect({{"both", map(PROT_READ | PROT_WRITE | PROT_EXEC), EPERM},
          {"written", map(PROT_READ | PROT_WRITE), 0},
          {"executed", map(PROT_READ | PROT_EXEC), 0},
          {"made executable", [&] { return code_of(::mprotect(page, 1, PROT_READ | PROT_EXEC)); },
           EPERM}},
         Needs::filter);
  ::munmap(page, 1);
}

TEST_F(SandboxedChild, reaches_no_files_but_those_it_needs) {
  const std::string existing = elsewhere_ / "file";
  ASSERT_EQ(open_code(existing, O_WRONLY | O_CREAT), 0);
  const std::string config = config_ / "hub.toml";
  ASSERT_EQ(open_code(config, O_WRONLY | O_CREAT), 0);
  const std::string& served = served_.path();
  const auto bind = [](const std::string& path) {
    return [path] {
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      path.copy(address.sun_path, sizeof address.sun_path - 1);
      const auto socket = Descriptor::adopt(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
      return code_of(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address));
    };
  };
  expect({{"read elsewhere", [&] { return open_code(existing, O_RDONLY); }, EACCES},
          {"write elsewhere", [&] { return open_code(existing, O_WRONLY); }, EACCES},
          {"make elsewhere", [&] { return open_code(existing + "2", O_WRONLY | O_CREAT); }, EACCES},
          {"remove elsewhere", [&] { return code_of(::unlink(existing.c_str())); }, EACCES},
          {"bind elsewhere", bind(elsewhere_ / "s"), EACCES},
          {"write to /etc", [] { return open_code("/etc/passwd", O_WRONLY | O_APPEND); }, EACCES},
          {"write the config", [&] { return open_code(config, O_WRONLY); }, EACCES},
          {"read the config", [&] { return open_code(config, O_RDONLY); }, 0},
          {"bind", bind(served + "/server.sock"), 0},
          {"make a lock", [&] { return open_code(served + "/server.sock.lock", O_RDWR | O_CREAT); },
           0},
          {"open it again", [&] { return open_code(served + "/server.sock.lock", O_RDWR); }, 0},
          {"remove both",
           [&] {
             return code_of(::unlink((served + "/server.sock").c_str())) +
                    code_of(::unlink((served + "/server.sock.lock").c_str()));
           },
           0}},
         Needs::landlock);
}

TEST_F(SandboxedChild, looks_into_no_other_process_but_sees_what_all_may_see) {
  const std::string parent = "/proc/" + std::to_string(::getpid());
  std::array<char, 100> text{};
  expect({{"exe",
           [&] { return code_of(::readlink((parent + "/exe").c_str(), text.data(), text.size())); },
           EACCES},
          {"comm", [&] { return open_code(parent + "/comm", O_RDONLY); }, 0},
          {"status", [&] { return open_code(parent + "/status", O_RDONLY); }, 0},
          {"its own exe",
           [&] { return code_of(::readlink("/proc/self/exe", text.data(), text.size())); }, 0}},
         Needs::landlock);
}

TEST_F(SandboxedChild, that_looks_into_processes_goes_without_landlock) {
  SandboxNeeds looking = needs();
  looking.looks_into_processes = "the reason";
  const std::string exe = "/proc/" + std::to_string(::getpid()) + "/exe";
  expect_silence([&](const Say& say) {
    const Sandbox sandbox = enter(looking, {}, say);
    if (sandbox.landlock != 0) say("Landlock holds");
    if (!sandbox.to_string().contains("no Landlock (the reason)")) say(sandbox.to_string());
    std::array<char, 100> text{};
    if (::readlink(exe.c_str(), text.data(), text.size()) < 0) say("it sees no program");
  });
}

TEST_F(SandboxedChild, starts_threads_and_looks_up_users) {
  expect(
      {{"a thread", [] { return std::async(std::launch::async, [] { return 0; }).get(); }, 0},
       {"a user", [] { return ::getpwuid(0) != nullptr ? 0 : errno; }, 0},
       {"an unknown user", [] { return ::getpwnam("hallway-nobody-knows") == nullptr ? 0 : 1; }, 0},
       {"a signal for itself",
        [] {
          std::signal(SIGUSR1, SIG_IGN);
          return std::raise(SIGUSR1);
        },
        0}},
      Needs::nothing);
}

TEST_F(SandboxedChild, ends_by_abort_as_ever) {
  ForkedProcess child([&](const Say& say) {
    const rlimit no_core{.rlim_cur = 0, .rlim_max = 0};
    ::setrlimit(RLIMIT_CORE, &no_core);
    enter(needs(), {}, say);
    std::abort();
  });
  const int status = child.wait();
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT) << status;
}

/// In a child: that a thread which was there before can do no more than the one that entered.
void try_in_thread(const SandboxNeeds& needs, const RunInThread& run, const std::string& file,
                   const Say& say) {
  const Sandbox sandbox = enter(needs, {run}, say);
  if (sandbox.landlock == 0 || sandbox.system_calls == 0) say(not_here);
  std::promise<void> done;
  run([&] {
    try_all(
        {{"read", [&] { return open_code(file, O_RDONLY); }, EACCES}, {"fork", fork_code, EPERM}},
        say);
    done.set_value();
  });
  done.get_future().wait();
}

TEST_F(SandboxedChild, has_the_thread_of_its_log_in_it) {
  const std::string file = elsewhere_ / "file";
  ASSERT_EQ(open_code(file, O_WRONLY | O_CREAT), 0);
  expect_silence([&](const Say& say) {
    Log log(STDERR_FILENO);
    log.write("\n");
    const auto run = [&](auto action) { log.run_in_thread(std::move(action)); };
    try_in_thread(needs(), run, file, say);
  });
}

TEST_F(SandboxedChild, has_the_thread_of_its_output_in_it) {
  const std::string file = elsewhere_ / "file";
  ASSERT_EQ(open_code(file, O_WRONLY | O_CREAT), 0);
  expect_silence([&](const Say& say) {
    StreamWriter writer(STDOUT_FILENO);
    const auto run = [&](auto action) { writer.run_in_thread(std::move(action)); };
    try_in_thread(needs(), run, file, say);
  });
}

TEST(Sandbox, reports_what_is_in_force_and_why_something_is_not) {
  Sandbox sandbox{.no_new_privileges = true,
                  .landlock = 3,
                  .without_landlock = {},
                  .system_calls = 87,
                  .without_filter = {},
                  .errors = {}};
  EXPECT_EQ(sandbox.to_string(), "no new privileges, Landlock ABI 3, 87 system calls");
  sandbox.landlock = 0;
  sandbox.without_landlock = "not supported by this kernel";
  sandbox.system_calls = 0;
  sandbox.without_filter = "built without libseccomp";
  EXPECT_EQ(sandbox.to_string(),
            "no new privileges, no Landlock (not supported by this kernel), "
            "all system calls (built without libseccomp)");
}

}  // namespace

}  // namespace hallway::tool
