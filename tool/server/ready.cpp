// SPDX-License-Identifier: Apache-2.0
#include "server/ready.hpp"

#include <unistd.h>

#include <csignal>
#include <exception>
#include <nlohmann/json.hpp>
#include <utility>

#include <hallway/in_thread.hpp>

#include "io/ready_fd.hpp"
#include "io/report.hpp"
#include "io/threads_left.hpp"

namespace hallway::tool {

namespace {

/// Minimum interval between two status messages.
constexpr Duration status_interval = std::chrono::seconds(1);

bool is_ignored(int signal) {
  struct sigaction action{};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

/// As Loop::on_signal() with SIGHUP, unless SIGHUP was ignored when this process was started.
/// nohup(1) means that a terminal that goes away changes nothing; SIGHUP then does not reload
/// either. Once it has been claimed, SIGHUP is caught and therefore not ignored.
Result<Loop::SignalCallback> on_hang_up(Loop& loop, std::move_only_function<void()> action) {
  if (is_ignored(SIGHUP)) return Loop::SignalCallback();
  return loop.on_signal(SIGHUP, std::move(action));
}

}  // namespace

int run_on_loop(const LoopOptions& options, Events& events, const std::function<int(Loop&)>& body) {
  auto loop = Loop::create(logged_by(events, options));
  if (!loop) return fail(loop.error());
  // SIGHUP gets its real handler once there is a server. Until then it must not end the process.
  if (auto claimed = on_hang_up(*loop, [] {}); !claimed) return fail(claimed.error());
  const int status = body(*loop);
  return loop->error() ? fail(*loop->error()) : status;
}

ServerRun::ServerRun(Loop& loop, Events& events, std::string address)
    : loop_(&loop),
      events_(&events),
      address_(std::move(address)),
      notifier_(std::in_place, loop),
      terminals_{isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1, isatty(STDERR_FILENO) == 1},
      reloading_(loop),
      reporting_(loop) {}

ServerRun::~ServerRun() {
  if (reloading_.size() > 0) threads_left() = true;
}

Result<void> ServerRun::claim_signals() {
  if (auto claimed = loop_->drain_on({SIGINT, SIGTERM}); !claimed) return claimed;
  if (is_ignored(SIGHUP)) events_->log(Events::Level::detail, "no reload", 0, "SIGHUP is ignored");
  auto claimed = on_hang_up(*loop_, [this] { hang_up(); });
  if (!claimed) return std::unexpected(std::move(claimed.error()));
  hang_ups_ = std::move(*claimed);
  return {};
}

int ServerRun::run(std::optional<int> descriptor, bool successor) {
  if (descriptor) {
    const auto written = report_ready(*descriptor);
    // If the starter is gone, it has stopped waiting. If it is still there, it would wait for ever.
    const bool gone = !written && written.error().code == std::errc::broken_pipe;
    if (!written && !gone) return fail(written.error());
    if (gone) events_->error("not notified", 0, written.error());
  }
  if (successor && notifier_) log_failure(notifier_->main_process(getpid()));
  notify(&Notifier::ready);
  changed();
  const int status = loop_->run();
  if (!loop_->draining()) notify(&Notifier::stopping);
  if (reloading_.size() > 0) {
    events_->error("not reloaded", 0,
                   error_of(std::errc::operation_canceled, "reload", address_,
                            "the server stopped before all names were looked up"));
  }
  events_->log(Events::Level::usual, "stopped", 0, "", {{"exit", status}});
  const bool cut = status == exit_status::failed && loop_->draining() && !loop_->error();
  if (!cut) return status;
  return fail(error_of(std::errc::interrupted, "drain", address_,
                       "the drain time is over; connections that were still busy were closed"));
}

void ServerRun::handed_over(std::int32_t successor) {
  if (notifier_) log_failure(notifier_->main_process(successor));
  notifier_.reset();
}

// SIGHUP has two meanings. If a terminal of this process is gone, its user has left, which is what
// SIGHUP meant before daemons used it for "read your configuration again".
void ServerRun::hang_up() {
  if (terminal_is_gone()) {
    loop_->drain();
  } else if (!loop_->draining()) {
    reload();
  }
}

bool ServerRun::terminal_is_gone() const {
  for (int number = STDIN_FILENO; number <= STDERR_FILENO; ++number) {
    if (terminals_[static_cast<std::size_t>(number)] && isatty(number) == 0) return true;
  }
  return false;
}

void ServerRun::reload() {
  notify(&Notifier::reloading);
  if (reloading_.size() == 0) {
    reloading_.spawn(reload_until_current());
    return;
  }
  reload_again_ = true;
  events_->log(Events::Level::usual, "reload waits", 0, "the previous reload is still running");
}

Task<> ServerRun::reload_until_current() {
  do {
    reload_again_ = false;
    const auto reloaded = co_await prepare_and_apply();
    if (reloaded) {
      events_->log(Events::Level::usual, "reloaded", 0, *reloaded, {{"what", *reloaded}});
    } else {
      events_->error("not reloaded", 0, reloaded.error());
    }
    // The manager was notified that the service is stopping, and READY=1 would contradict that.
    if (loop_->draining()) co_return;
  } while (reload_again_);
  notify(&Notifier::ready);
}

Task<Result<std::string>> ServerRun::prepare_and_apply() {
  try {
    auto apply = co_await in_thread(prepare_);
    co_return apply();
  } catch (const std::exception& failure) {
    // Also if no thread could be started. The server goes on as it was.
    co_return std::unexpected(
        error_of(std::errc::state_not_recoverable, "reload", address_, failure.what()));
  }
}

void ServerRun::changed() {
  changed_ = true;
  const bool wanted = notifier_ && notifier_->enabled() && status_;
  if (wanted && reporting_.size() == 0) reporting_.spawn(report_status());
}

Task<> ServerRun::report_status() {
  // The caller of changed() may be in the middle of a change.
  co_await loop_->sleep(Duration::zero());
  while (notifier_ && std::exchange(changed_, false)) {
    // A manager that is busy gets the next status.
    (void)notifier_->status(status_());
    co_await loop_->sleep(status_interval);
  }
}

void ServerRun::notify(Result<void> (Notifier::*state)()) {
  if (notifier_) log_failure(((*notifier_).*state)());
}

void ServerRun::log_failure(const Result<void>& notified) {
  if (notified || !events_->logs(Events::Level::detail)) return;
  events_->error("not notified", 0, notified.error());
}

}  // namespace hallway::tool
