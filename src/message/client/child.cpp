// SPDX-License-Identifier: Apache-2.0
#include <hallway/child.hpp>

#include <algorithm>
#include <cassert>
#include <csignal>
#include <cstring>
#include <new>
#include <optional>

#include "loop/loop_core.hpp"
#include "loop/timed_wait.hpp"
#include "message/connection/connection_state.hpp"
#include "net/socket_type.hpp"
#include "sys/process.hpp"
#include "sys/socket.hpp"

namespace hallway {

namespace {

/// The kernel's first real-time signal. glibc reserves the first two, and SIGRTMIN is the third
/// (man 7 signal).
constexpr int first_real_time_signal = 32;

/// Watches a child from its start, so that no call can fail when it ends. Wakes the tasks that wait
/// for the child, or reaps it after its Child was destroyed.
class Watcher final : public detail::Lingering, private detail::Watch {
 public:
  explicit Watcher(Loop& loop) : loop_(&loop) {}
  ~Watcher() override { stop_watching(); }

  Result<void> watch(Descriptor pidfd) {
    pidfd_ = std::move(pidfd);
    return Watch::watch(loop_->core(), pidfd_.get(), 0);
  }

  [[nodiscard]] int pidfd() const noexcept { return pidfd_.get(); }

  detail::TimedWait ended() {
    set_events(sys::event_readable);
    return {loop_->core(), waiting_};
  }

  static void take_over(std::unique_ptr<Watcher> watcher) noexcept {
    Watcher& watching = *watcher;
    watching.detached_ = true;
    watching.set_events(sys::event_readable);
    watching.loop_->core().adopt(std::move(watcher));
  }
  [[nodiscard]] bool keeps_loop_running() const noexcept override { return false; }
  [[nodiscard]] bool move_to(Loop& loop) noexcept override {
    stop_watching();
    loop_ = &loop;
    try {
      return Watch::watch(loop_->core(), pidfd_.get(), sys::event_readable).has_value();
    } catch (const std::bad_alloc&) {
      return false;
    }
  }

 private:
  void ready(std::uint32_t /*events*/) override {
    if (!detached_) {
      set_events(0);
      detail::wake_all(loop_->core(), waiting_);
      return;
    }
    (void)sys::reap(pidfd_.get());  // no task wants the exit status
    stop_watching();
    loop_->core().destroy_later(*this);
  }

  Loop* loop_;
  Descriptor pidfd_;
  detail::WaiterList waiting_;
  bool detached_ = false;
};

std::vector<std::string> child_environment(const std::vector<std::string>& added) {
  // Variables set for us by socket activation or a service manager are not for our children.
  std::vector<std::string> replaced = {"LISTEN_PID",     "LISTEN_PIDFDID", "LISTEN_FDS",
                                       "LISTEN_FDNAMES", "NOTIFY_SOCKET",  "WATCHDOG_PID",
                                       "WATCHDOG_USEC"};
  for (const std::string& entry : added) replaced.push_back(entry.substr(0, entry.find('=')));
  auto environment = sys::environment_without(replaced);
  environment.insert(environment.end(), added.begin(), added.end());
  return environment;
}

}  // namespace

std::string ExitStatus::to_string() const {
  if (signal == 0) return "exit status " + std::to_string(code);
  // Null for every signal that glibc has no description for: real-time signals and invalid numbers.
  const char* words = sigdescr_np(signal);
  if (words == nullptr && signal >= first_real_time_signal && signal < NSIG)
    words = "real-time signal";
  const std::string number = "signal " + std::to_string(signal);
  return words == nullptr ? number : number + " (" + words + ")";
}

struct Child::State {
  State(Loop& loop, bool grouped) : watcher(std::make_unique<Watcher>(loop)), own_group(grouped) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (!reaped && !sys::reap(watcher->pidfd())) Watcher::take_over(std::move(watcher));
  }

  std::unique_ptr<Watcher> watcher;
  bool own_group;
  std::int32_t pid = -1;
  bool reaped = true;  // there is no process to reap yet
  bool gone = true;    // and none to signal
  std::optional<Connection> connection;
};

Result<Child> Child::spawn(Loop& loop, std::vector<std::string> command, ChildOptions options) {
  auto pair = socket_pair(options.type);
  if (!pair) return std::unexpected(pair.error());
  // Before the process starts, because a running process could not be undone.
  auto connection = Connection::adopt(loop, std::move(pair->first), std::move(options.connection));
  if (!connection) return std::unexpected(connection.error());
  // Draining waits for what the child still answers; the program decides when the child ends.
  detail::ConnectionState::of(*connection).keep_while_draining();
  const int theirs = pair->second.get();
  auto child = spawn_with(loop, std::move(command), {theirs, theirs, 2}, options.process);
  if (!child) return child;
  child->state_->connection = std::move(*connection);
  return child;
}

Result<Child> Child::spawn_with(Loop& loop, std::vector<std::string> command,
                                const int (&standard)[3], const ProcessOptions& options) {
  if (command.empty()) {
    return sys::failure(EINVAL, "start", "a child", "no program is given");
  }
  const auto environment = child_environment(options.environment);
  auto state = std::make_unique<State>(loop, options.own_group);
  const auto pid = sys::spawn(command, std::to_array(standard), environment, options.own_group);
  if (!pid) return sys::failure(pid.error(), "start", command.front());

  // Whatever fails from here on, no process keeps running unwatched.
  struct Unwatched {
    std::int32_t pid;
    ~Unwatched() {
      if (pid > 0) sys::kill_and_reap(pid);
    }
  } unwatched{*pid};
  // The pid cannot be reused before we reap the process, so it is certainly the same process.
  auto pidfd = sys::open_pidfd(*pid);
  if (!pidfd) return sys::failure(pidfd.error(), "watch", command.front());
  const auto watched = state->watcher->watch(std::move(*pidfd));
  if (!watched) return std::unexpected(watched.error());
  state->pid = std::exchange(unwatched.pid, -1);
  state->reaped = state->gone = false;
  return Child(std::move(state));
}

Child::Child(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
Child::Child(Child&&) noexcept = default;
Child& Child::operator=(Child&&) noexcept = default;
Child::~Child() = default;

Connection& Child::connection() noexcept {
  assert(state_->connection && "only a child made by spawn() has a connection");
  return *state_->connection;
}

int Child::pid() const noexcept { return state_->pid; }

Task<Result<ExitStatus>> Child::wait() {
  State& state = *state_;
  while (true) {
    const auto ended = sys::reap(state.watcher->pidfd());
    if (ended) {
      state.reaped = state.gone = true;
      co_return ExitStatus{ended->code, ended->signal};
    }
    if (ended.error() == ECHILD) {
      state.gone = true;  // its pid may be another process's by now
      co_return sys::failure(ECHILD, "wait for", "pid " + std::to_string(state.pid),
                             "it ended, but its exit status is unknown because SIGCHLD is ignored");
    }
    if (ended.error() != EAGAIN) {
      co_return sys::failure(ended.error(), "wait for", "pid " + std::to_string(state.pid));
    }
    co_await state.watcher->ended();
  }
}

Result<void> Child::kill(int signal) {
  if (state_->gone) return {};
  const auto sent = state_->own_group ? sys::send_signal_to_group(state_->pid, signal)
                                      : sys::send_signal(state_->watcher->pidfd(), signal);
  if (sent || sent.error() == ESRCH) return {};
  return sys::failure(sent.error(), "signal", "pid " + std::to_string(state_->pid));
}

}  // namespace hallway
