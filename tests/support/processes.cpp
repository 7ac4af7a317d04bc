// SPDX-License-Identifier: Apache-2.0
#include "support/processes.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <utility>

#include "support/watchdog.hpp"

#ifdef HALLWAY_COVERAGE
extern "C" {
// Of libgcov (man 1 gcov-tool); they stand in no installed header.
void __gcov_dump();
void __gcov_reset();
}
#endif

namespace hallway::test {

namespace {

/// What ran so far counts, even if this process is killed or leaves by _exit(2).
void keep_coverage() {
#ifdef HALLWAY_COVERAGE
  __gcov_dump();
  __gcov_reset();
#endif
}

std::pair<Descriptor, Descriptor> make_pipe() {
  std::array<int, 2> ends{-1, -1};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  return {Descriptor::adopt(ends[0]), Descriptor::adopt(ends[1])};
}

void write_all(int descriptor, const std::string& text) {
  std::size_t written = 0;
  while (written < text.size()) {
    const ssize_t count = ::write(descriptor, text.data() + written, text.size() - written);
    if (count <= 0) return;
    written += static_cast<std::size_t>(count);
  }
}

int status_of(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

void become(unsigned id, const std::vector<gid_t>& groups) {
  if (::setgroups(groups.size(), groups.data()) != 0 || ::setresgid(id, id, id) != 0 ||
      ::setresuid(id, id, id) != 0) {
    throw std::runtime_error("could not become another user");
  }
}

}  // namespace

ForkedProcess::ForkedProcess(const Work& work) : ForkedProcess(make_pipe(), work) {}

ForkedProcess::ForkedProcess(Pipe pipe, const Work& work)
    : pid_(::fork()), output_(std::move(pipe.first)) {
  if (pid_ == 0) {
    watch_forked_child();
    output_.close();
    // Out of the way of a child that wants certain low numbers.
    const auto input = Descriptor::adopt(::fcntl(pipe.second.get(), F_DUPFD_CLOEXEC, 200));
    pipe.second.close();
    int status = 0;
    try {
      work([&](const std::string& line) {
        keep_coverage();
        write_all(input.get(), line + "\n");
      });
    } catch (const std::exception& error) {
      write_all(input.get(), std::string("exception: ") + error.what() + "\n");
      status = 1;
    }
    keep_coverage();
    ::_exit(status);  // the parent's buffers and temporary directories are the parent's
  }
}

ForkedProcess::~ForkedProcess() {
  if (pid_ > 0) kill();
}

std::string ForkedProcess::line() {
  while (unread_.find('\n') == std::string::npos) {
    std::array<char, 4096> bytes;
    const ssize_t count = ::read(output_.get(), bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return std::exchange(unread_, {});
    unread_.append(bytes.data(), static_cast<std::size_t>(count));
  }
  const std::size_t end = unread_.find('\n');
  std::string result = unread_.substr(0, end);
  unread_.erase(0, end + 1);
  return result;
}

void ForkedProcess::kill() {
  ::kill(pid_, SIGKILL);
  wait();
}

int ForkedProcess::wait() { return status_of(std::exchange(pid_, -1)); }

void wait_to_be_killed() {
  while (true) ::pause();
}

std::string in_a_child(const std::function<std::string()>& work) {
  ForkedProcess child([&](const ForkedProcess::Say& say) { say(work()); });
  std::string text;
  for (std::string line = child.line(); !line.empty(); line = child.line()) {
    text += (text.empty() ? "" : "\n") + line;
  }
  const int status = child.wait();
  if (WIFSIGNALED(status)) return "signal " + std::to_string(WTERMSIG(status));
  if (WEXITSTATUS(status) != 0 && text.empty())
    return "exit " + std::to_string(WEXITSTATUS(status));
  return text;
}

std::string as_user(unsigned id, const std::function<std::string()>& work,
                    const std::vector<gid_t>& groups) {
  return in_a_child([&] {
    become(id, groups);
    return work();
  });
}

ActingAs::ActingAs(unsigned id) {
  if (::seteuid(id) != 0) throw std::runtime_error("could not act as another user");
}

ActingAs::~ActingAs() {
  if (::seteuid(0) != 0) std::abort();  // what follows would prove nothing
}

bool is_root() { return ::geteuid() == 0; }

bool survives_exec(int descriptor) {
  const std::string test = "[ -e /proc/$$/fd/" + std::to_string(descriptor) + " ]";
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::execl("/bin/sh", "sh", "-c", test.c_str(), nullptr);
    ::_exit(2);
  }
  return status_of(pid) == 0;
}

}  // namespace hallway::test
