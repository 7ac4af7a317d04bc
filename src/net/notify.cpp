// SPDX-License-Identifier: Apache-2.0
#include <hallway/notify.hpp>

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <utility>

#include <hallway/address.hpp>

#include "loop/loop_core.hpp"
#include "net/resolve.hpp"
#include "sys/file.hpp"
#include "sys/process.hpp"
#include "sys/socket.hpp"

namespace hallway {

namespace {

using namespace std::chrono_literals;
using std::chrono::microseconds;

// An unconnected socket gets no event when the receiver's full queue has room again.
constexpr Duration retry_time = 50ms;
constexpr std::size_t most_unsent = 16;

// While draining, the loop asks the manager for this much time again and again: the manager may
// kill a process that hangs, and must not kill one that still makes progress.
constexpr Duration drain_extension = 5s;
constexpr Duration drain_interval = 1s;

std::string in_microseconds(Duration time) {
  return std::to_string(std::chrono::duration_cast<microseconds>(time).count());
}

Result<Address> address_in(std::string_view text) {
  if (text.starts_with('@')) return Address::abstract(text.substr(1));
  if (text.starts_with('/')) return Address::path(text);
  return sys::failure(EAFNOSUPPORT, "notify", "NOTIFY_SOCKET",
                      "neither a path nor an abstract name");
}

/// The interval for feeding the watchdog: half of what it requires. Zero: this process has none.
Duration watchdog_interval() {
  const auto time = sys::environment_number<std::int64_t>("WATCHDOG_USEC");
  const bool for_any = sys::environment_value("WATCHDOG_PID") == nullptr;
  const auto pid = sys::environment_number<std::int64_t>("WATCHDOG_PID");
  if (!for_any && pid != sys::process_id()) return Duration::zero();
  constexpr std::int64_t longest = std::chrono::duration_cast<microseconds>(24h * 365).count();
  if (!time || *time <= 0 || *time > longest) return Duration::zero();
  return microseconds(*time) / 2;
}

}  // namespace

struct Notifier::State {
  explicit State(Loop& owner) : loop(owner) {
    const char* text = sys::environment_value("NOTIFY_SOCKET");
    if (text == nullptr || *text == '\0') return;
    open(text);
    interval = watchdog_interval();
    if (interval > Duration::zero()) feed_watchdog();
    on_drain = loop.on_drain([this] {
      (void)send("STOPPING=1");
      request_time();
    });
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (!unsent.empty()) send_unsent();
  }

  /// The socket stays open: a watchdog must be fed even when no descriptor is left.
  void open(const char* text) {
    auto address = address_in(text);
    auto made = sys::make_socket(sys::Type::datagram, false);
    if (!address) {
      error = std::move(address.error());
    } else if (!made) {
      error = sys::failure(made.error(), "notify", address->unescaped()).error();
    } else {
      manager = std::move(*address);
      socket = std::move(*made);
    }
  }

  /// Sends once; fails if the manager's queue is full.
  Result<void> try_send(std::string_view text) {
    if (error) return std::unexpected(*error);
    if (!socket.holds_one()) return {};
    const auto there = net::resolve(manager);
    if (!there) return sys::failure(there.error(), "notify", manager.unescaped());
    const iovec piece{const_cast<char*>(text.data()), text.size()};
    const auto sent = sys::send(socket.get(), {&piece, 1}, {}, &there->address);
    if (!sent) return sys::failure(sent.error(), "notify", manager.unescaped());
    return {};
  }

  /// Sends in order, and later if the manager's queue is full now.
  Result<void> send(std::string text) {
    if (error) return std::unexpected(*error);  // it may also be ENOBUFS, which is permanent here
    if (unsent.empty()) {
      auto sent = try_send(text);
      if (sent || !is_full(sent.error())) return sent;
    }
    if (unsent.size() == most_unsent) {
      return sys::failure(EAGAIN, "notify", manager.unescaped(), "its queue stayed full");
    }
    unsent.push_back(std::move(text));
    if (!retry.running()) retry.start_after(loop.core(), retry_time);
    return {};
  }

  void send_unsent() {
    while (!unsent.empty()) {
      const auto sent = try_send(unsent.front());
      if (!sent && is_full(sent.error())) return retry.start_after(loop.core(), retry_time);
      unsent.pop_front();
    }
  }

  static bool is_full(const Error& error) {
    return error.code == std::errc::resource_unavailable_try_again ||
           error.code == std::errc::no_buffer_space;
  }

  // Neither message is retried when it cannot be sent now: the next one follows soon enough.

  void feed_watchdog() {
    (void)try_send("WATCHDOG=1");
    watchdog.start_after(loop.core(), interval);
  }

  void request_time() {
    (void)try_send("EXTEND_TIMEOUT_USEC=" + in_microseconds(drain_extension));
    draining.start_after(loop.core(), drain_interval);
  }

  Loop& loop;
  std::optional<Error> error;  // nothing can be sent at all
  Address manager;
  Descriptor socket;
  std::deque<std::string> unsent;
  Duration interval = Duration::zero();
  detail::CallbackTimer<> retry{[this] { send_unsent(); }};
  detail::CallbackTimer<> watchdog{[this] { feed_watchdog(); }};
  detail::CallbackTimer<> draining{[this] { request_time(); }};
  Loop::DrainCallback on_drain;
};

Notifier::Notifier(Loop& loop) : state_(std::make_unique<State>(loop)) {}
Notifier::Notifier(Notifier&&) noexcept = default;
Notifier& Notifier::operator=(Notifier&&) noexcept = default;
Notifier::~Notifier() = default;

bool Notifier::enabled() const noexcept { return state_->socket.holds_one(); }

Result<void> Notifier::ready() { return state_->send("READY=1"); }

// MONOTONIC_USEC lets the manager distinguish this reload from an earlier one.
Result<void> Notifier::reloading() {
  return state_->send("RELOADING=1\nMONOTONIC_USEC=" +
                      in_microseconds(Loop::Clock::now().time_since_epoch()));
}

Result<void> Notifier::stopping() { return state_->send("STOPPING=1"); }

Result<void> Notifier::status(std::string_view words) {
  std::string line = "STATUS=" + std::string(words);
  std::ranges::replace_if(line, [](char letter) { return letter >= 0 && letter < ' '; }, ' ');
  return state_->try_send(line);
}

Result<void> Notifier::main_process(int pid) {
  return state_->send("MAINPID=" + std::to_string(pid));
}

Result<void> Notifier::extend_timeout(Duration time) {
  return state_->send("EXTEND_TIMEOUT_USEC=" + in_microseconds(time));
}

}  // namespace hallway
