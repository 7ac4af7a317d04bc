// SPDX-License-Identifier: Apache-2.0
#include <hallway/child.hpp>

#include <algorithm>
#include <cassert>
#include <cstring>
#include <optional>

#include "loop/loop_core.hpp"
#include "net/socket_type.hpp"
#include "sys/process.hpp"
#include "sys/socket.hpp"

namespace hallway {

namespace {

/// Reaps a child nobody waits for.
class Reaper final : public detail::Lingering, private detail::Watch {
 public:
  static void take_over(Loop& loop, Descriptor pidfd) {
    std::unique_ptr<Reaper> reaper(new Reaper(loop, std::move(pidfd)));
    const auto watched = reaper->watch(loop.core(), reaper->pidfd_.get(), sys::event_readable);
    if (watched) loop.core().adopt(std::move(reaper));
  }
  ~Reaper() override { stop_watching(); }
  [[nodiscard]] bool keeps_loop_running() const noexcept override { return false; }

 private:
  Reaper(Loop& loop, Descriptor pidfd) : loop_(loop), pidfd_(std::move(pidfd)) {}
  void ready(std::uint32_t /*events*/) override {
    (void)sys::reap(pidfd_.get());  // how it ended was of interest to nobody
    stop_watching();
    loop_.core().dismiss(*this);
  }

  Loop& loop_;
  Descriptor pidfd_;
};

std::vector<std::string> child_environment(const std::vector<std::string>& added) {
  // What was handed to us by socket activation or a service manager is not for our children.
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
  return "signal " + std::to_string(signal) + " (" + sigdescr_np(signal) + ")";
}

struct Child::State {
  State(Loop& owner, std::int32_t child, Descriptor handle, bool grouped)
      : loop(owner), pid(child), pidfd(std::move(handle)), own_group(grouped) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (!reaped && !sys::reap(pidfd.get())) Reaper::take_over(loop, std::move(pidfd));
  }

  Loop& loop;
  std::int32_t pid;
  Descriptor pidfd;
  bool own_group;
  bool reaped = false;
  std::optional<Connection> connection;
};

Result<Child> Child::spawn(Loop& loop, std::vector<std::string> command, ChildOptions options) {
  auto pair = socket_pair(options.type);
  if (!pair) return std::unexpected(pair.error());
  const int theirs = pair->second.get();
  auto child = spawn_with(loop, std::move(command), {theirs, theirs, 2}, options.process);
  if (!child) return child;
  pair->second.close();
  auto connection = Connection::adopt(loop, std::move(pair->first), std::move(options.connection));
  if (!connection) return std::unexpected(connection.error());
  child->state_->connection = std::move(*connection);
  return child;
}

Result<Child> Child::spawn_with(Loop& loop, std::vector<std::string> command,
                                const int (&standard)[3], const ProcessOptions& options) {
  if (command.empty()) {
    return sys::failure(EINVAL, "start", "a child", "no program is named");
  }
  const auto pid = sys::spawn(command, std::to_array(standard),
                              child_environment(options.environment), options.own_group);
  if (!pid) return sys::failure(pid.error(), "start", command.front());
  // Its pid cannot be reused before we reap it, so this is the same process for certain.
  auto pidfd = sys::open_pidfd(*pid);
  if (!pidfd) {
    sys::kill_and_reap(*pid);
    return sys::failure(pidfd.error(), "watch", command.front());
  }
  return Child(std::make_unique<State>(loop, *pid, std::move(*pidfd), options.own_group));
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
    const auto ended = sys::reap(state.pidfd.get());
    if (ended) {
      state.reaped = true;
      co_return ExitStatus{ended->code, ended->signal};
    }
    if (ended.error() != EAGAIN) {
      co_return sys::failure(ended.error(), "wait for", "pid " + std::to_string(state.pid));
    }
    co_await state.loop.readable(state.pidfd.get());
  }
}

Result<void> Child::kill(int signal) {
  if (state_->reaped) return {};
  const auto sent = state_->own_group ? sys::send_signal_to_group(state_->pid, signal)
                                      : sys::send_signal(state_->pidfd.get(), signal);
  if (sent || sent.error() == ESRCH) return {};
  return sys::failure(sent.error(), "signal", "pid " + std::to_string(state_->pid));
}

}  // namespace hallway
