// SPDX-License-Identifier: Apache-2.0
#include "server/ready.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <nlohmann/json.hpp>
#include <utility>

#include <hallway/descriptor.hpp>

#include "io/report.hpp"

namespace hallway::tool {

namespace {

/// Minimum interval between two status messages.
constexpr Duration status_interval = std::chrono::seconds(1);

Result<void> write_newline(int descriptor) {
  // Do not wait for a full pipe: signals would not be handled meanwhile.
  pollfd ready{.fd = descriptor, .events = POLLOUT, .revents = 0};
  errno = EAGAIN;
  const bool wrote = poll(&ready, 1, 0) == 1 && write(descriptor, "\n", 1) == 1;
  const int code = errno;
  // The standard descriptors are still needed.
  if (descriptor > STDERR_FILENO) Descriptor::adopt(descriptor).close();
  if (!wrote) return std::unexpected(error_of(code, "write", "--ready-fd"));
  return {};
}

bool is_ignored(int signal) {
  struct sigaction action{};
  return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

// Once it has been claimed, SIGHUP is caught and therefore not ignored.
Result<void> on_hang_up(Loop& loop, std::move_only_function<void()> action) {
  if (is_ignored(SIGHUP)) return {};
  return loop.on_signal(SIGHUP, std::move(action));
}

ServerRun::ServerRun(Loop& loop, Events& events, std::string address)
    : loop_(&loop),
      events_(&events),
      address_(std::move(address)),
      notifier_(std::in_place, loop),
      reload_thread_(loop, [this](ReloadThread::Apply apply) { finish_reload(std::move(apply)); }),
      terminals_{isatty(STDIN_FILENO) == 1, isatty(STDOUT_FILENO) == 1,
                 isatty(STDERR_FILENO) == 1} {}

// SIGHUP stays caught, because the loop may run again to finish the output.
ServerRun::~ServerRun() {
  (void)on_hang_up(*loop_, [] {});
}

Result<void> ServerRun::claim_signals() {
  if (auto claimed = loop_->drain_on({SIGINT, SIGTERM}); !claimed) return claimed;
  if (is_ignored(SIGHUP)) events_->tell(Events::Level::detail, "no reload", 0, "SIGHUP is ignored");
  return on_hang_up(*loop_, [this] { hang_up(); });
}

int ServerRun::run(std::optional<int> descriptor, bool successor) {
  if (descriptor) {
    const auto told = write_newline(*descriptor);
    // If the starter is gone, it has stopped waiting. If it is still there, it would wait for ever.
    const bool gone = !told && told.error().code == std::errc::broken_pipe;
    if (!told && !gone) return fail(told.error());
    if (gone) events_->error("not notified", 0, told.error());
  }
  if (successor && notifier_) unheard(notifier_->main_process(getpid()));
  say(&Notifier::ready);
  changed();
  const int status = loop_->run();
  if (!loop_->draining()) say(&Notifier::stopping);
  if (reload_thread_.running()) {
    events_->error("not reloaded", 0,
                   error_of(std::errc::operation_canceled, "reload", address_,
                            "the server ended before all names were looked up"));
  }
  events_->tell(Events::Level::usual, "stopped", 0, "", {{"exit", status}});
  const bool cut = status == exit_status::failed && loop_->draining() && !loop_->error();
  if (!cut) return status;
  return fail(error_of(std::errc::interrupted, "drain", address_,
                       "its time was up; what was still busy was cut"));
}

void ServerRun::handed_over(std::int32_t successor) {
  if (notifier_) unheard(notifier_->main_process(successor));
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
  say(&Notifier::reloading);
  if (!reload_thread_.running()) return start_reload();
  reload_again_ = true;
  events_->tell(Events::Level::usual, "reload waits", 0, "the one before it has not ended");
}

void ServerRun::start_reload() {
  const auto started = reload_thread_.start(prepare_);
  if (!started)
    finish_reload([&started]() -> Result<std::string> { return std::unexpected(started.error()); });
}

void ServerRun::finish_reload(ReloadThread::Apply apply) {
  if (const auto reloaded = apply()) {
    events_->tell(Events::Level::usual, "reloaded", 0, *reloaded, {{"what", *reloaded}});
  } else {
    events_->error("not reloaded", 0, reloaded.error());
  }
  // The manager was notified that the service is stopping, and READY=1 would contradict that.
  if (loop_->draining()) return;
  if (std::exchange(reload_again_, false)) return start_reload();
  say(&Notifier::ready);
}

void ServerRun::changed() {
  changed_ = true;
  const bool wanted = notifier_ && notifier_->enabled() && status_;
  if (wanted && (!telling_ || telling_->ended())) telling_.emplace(tell_status());
}

ScopedTask ServerRun::tell_status() {
  // The caller of changed() may be in the middle of a change.
  co_await loop_->sleep(Duration::zero());
  while (notifier_ && std::exchange(changed_, false)) {
    // A manager that is busy gets the next status.
    (void)notifier_->status(status_());
    co_await loop_->sleep(status_interval);
  }
}

void ServerRun::say(Result<void> (Notifier::*state)()) {
  if (notifier_) unheard(((*notifier_).*state)());
}

void ServerRun::unheard(const Result<void>& said) {
  if (said || !events_->tells(Events::Level::detail)) return;
  events_->error("not notified", 0, said.error());
}

}  // namespace hallway::tool
