// SPDX-License-Identifier: Apache-2.0
#include <hallway/datagram_socket.hpp>
#include <hallway/deadline.hpp>
#include <hallway/detail/race.hpp>

#include <algorithm>
#include <list>
#include <new>
#include <ostream>
#include <utility>

#include "core/backoff.hpp"
#include "core/receive_buffer.hpp"
#include "core/received_descriptors.hpp"
#include "loop/loop_core.hpp"
#include "loop/timed_wait.hpp"
#include "message/connection/resource_backoff.hpp"
#include "net/inherited.hpp"
#include "net/path_monitor.hpp"
#include "net/resolve.hpp"
#include "net/return_paths.hpp"
#include "net/socket_file.hpp"
#include "sys/socket.hpp"

namespace hallway {

namespace {

using namespace std::chrono_literals;

// An unconnected sender polls writable even while its receiver's queue is full. There is no event
// for room in that queue, so it retries after a time.
constexpr core::Backoff retry_pauses{500us, 20ms};

// How long the kernel may lack resources, whatever the sender's timeout: the same time as for a
// connection.
constexpr Duration longest_refusal = Limits{}.outbound_soft_time;

std::unexpected<Error> not_sent(int error, const Address& to, std::size_t size) {
  if (message::ResourceBackoff::is_resource_exhaustion(error)) {
    return sys::failure(error, "send to", to.unescaped(), message::ResourceBackoff::reason(error),
                        message::ResourceBackoff::hint(error));
  }
  if (error != EMSGSIZE) return net::connect_error(error, "send to", to);
  return sys::failure(error, "send to", to.unescaped(),
                      "a datagram of " + std::to_string(size) + " bytes is too large",
                      "it must fit into SO_SNDBUF (/proc/sys/net/core/wmem_default)");
}

BindOptions bind_options(const DatagramOptions& options) {
  return {SocketType::datagram, options.file, 0};
}

Result<Descriptor> make_socket_for(const Address& address) {
  auto socket = sys::make_socket(sys::Type::datagram, false);
  if (!socket) return sys::failure(socket.error(), "bind", address.unescaped());
  return std::move(*socket);
}

/// Sets what the kernel attaches to each datagram.
Result<void> set_passing(int socket, const Address& address, const DatagramOptions& options) {
  if (const auto set = sys::pass_credentials(socket); !set) {
    return sys::failure(set.error(), "bind", address.unescaped());
  }
  if (options.descriptors == 0) sys::deny_fd_passing(socket);
  return {};
}

/// The error when the time is over.
std::unexpected<Error> given_up(bool refused, int error, const Address& to, std::size_t size) {
  if (refused) return not_sent(error, to, size);
  return sys::failure(ETIMEDOUT, "send to", to.unescaped(), "the receiver's queue stayed full");
}

}  // namespace

Datagram::~Datagram() { core::ReceivedDescriptors(std::move(descriptors_)).clear(); }

std::string to_string(const PathEvent& event) {
  const bool lost = event.kind == PathEvent::Kind::lost;
  std::string words = (lost ? "path lost: " : "path regained: ") + event.path.to_string();
  if (!event.reason.empty()) words += ": " + printable(event.reason);
  return words;
}

std::ostream& operator<<(std::ostream& to, const PathEvent& event) {
  return to << to_string(event);
}

std::ostream& operator<<(std::ostream& to, const Datagram& datagram) {
  return to << printable(datagram.bytes());
}

struct DatagramSocket::State : detail::Watch {
  State(Loop& owner, DatagramOptions chosen) : loop(owner), options(std::move(chosen)) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() override { shut(); }

  void ready(std::uint32_t events) override {
    if ((events & ~sys::event_writable) != 0) detail::wake_all(loop.core(), readers);
    if ((events & ~sys::event_readable) != 0) detail::wake_all(loop.core(), writers);
    // A task that must wait longer sets its event again.
    set_events(0);
  }

  /// Waits for an event. The result is false if the time is over.
  detail::TimedWait wait_writable(Duration longest) {
    set_events(events() | sys::event_writable);
    return {loop.core(), writers, longest};
  }
  /// The same, and also ends when the loop begins to drain.
  detail::WaitOrDrain wait_readable(Duration longest) {
    set_events(events() | sys::event_readable);
    return {loop.core(), readers, longest};
  }

  Result<void> start() { return watch(loop.core(), socket.get(), sys::event_readable); }

  void give_buffer_back() {
    if (buffer) loop.core().buffers().received.release(std::exchange(buffer, {}));
  }

  void watch_path() {
    const bool reported = options.on_path_event || options.on_path_lost != PathLost::report;
    if (!name || address.kind() != Address::Kind::path || !reported ||
        options.on_path_lost == PathLost::ignore) {
      return;
    }
    path_watch.emplace(
        loop.core(), address.name(),
        net::PathMonitor::Owner{.lost = [this] { return name->lost(); },
                                .on_lost = [this](const std::string& why) { path_lost(why); },
                                .on_regained = [this] { report(PathEvent::Kind::regained, {}); },
                                .rebind = [this] { return rebind(); }});
    path_watch->start();
  }

  void path_lost(const std::string& why) {
    report(PathEvent::Kind::lost, why);
    if (options.on_path_lost != PathLost::drain) return;
    ending = true;
    detail::wake_all(loop.core(), readers);
  }

  void report(PathEvent::Kind kind, const std::string& why) noexcept {
    if (!options.on_path_event) return;
    try {
      options.on_path_event({kind, address, why});
    } catch (const std::bad_alloc&) {
      // The program has no memory for this event, which is lost.
    }
  }

  /// A socket can be bound only once, so the path gets a new socket.
  bool rebind() {
    if (options.on_path_lost != PathLost::rebind) return false;
    // SocketFile::bind_again() would connect to a live server at the path on each attempt.
    if (net::is_held(address).value_or(false)) return false;
    auto fresh = make_socket_for(address);
    if (!fresh || !set_passing(fresh->get(), address, options)) return false;
    auto bound = name->bind_again(fresh->get(), bind_options(options));
    if (!bound) return false;
    stop_watching();
    if (!watch(loop.core(), fresh->get(), sys::event_readable)) {
      (void)watch(loop.core(), socket.get(), sys::event_readable);
      return false;
    }
    left_behind.push_back({std::move(socket), std::move(*name)});
    socket = std::move(*fresh);
    *name = std::move(*bound);
    // Peers connected to the old socket can no longer send to it, so what is queued there is
    // bounded.
    (void)sys::shutdown_reading(left_behind.back().socket.get());
    detail::wake_all(loop.core(), readers);
    return true;
  }

  /// Receives the next datagram; those sent to former sockets come first.
  sys::Expected<sys::ReceiveResult> take(std::size_t most, sys::SocketAddress& from) {
    const iovec room{buffer.data(), most};
    while (!left_behind.empty()) {
      auto got =
          sys::receive(left_behind.front().socket.get(), room, options.descriptors, true, &from);
      if (got || got.error() != EAGAIN) return got;
      left_behind.pop_front();
    }
    return sys::receive(socket.get(), room, options.descriptors, true, &from);
  }

  void shut() {
    if (path_watch) path_watch->stop();
    stop_watching();
    detail::wake_all(loop.core(), readers);
    detail::wake_all(loop.core(), writers);
    give_buffer_back();
    left_behind.clear();
    name.reset();
    put_back();
    socket.close();
  }

  void put_back() noexcept {
    if (found && socket.holds_one()) found->put_back(socket.get());
    found.reset();
  }

  [[nodiscard]] std::unexpected<Error> closed(const char* operation) const {
    return sys::failure(ECANCELED, operation, address.unescaped(), "the socket was closed");
  }

  /// Connects again after a restart of the receiver: the old connection leads to the socket that is
  /// gone.
  sys::Expected<void> reconnect() {
    const auto there = net::resolve(*connected, options.server_uid);
    if (!there) return std::unexpected(there.error());
    return sys::connect(socket.get(), there->address);
  }

  [[nodiscard]] std::unexpected<Error> not_connected(int error) const {
    if (error != EPERM || !options.server_uid) {
      return net::connect_error(error, "connect", *connected);
    }
    return sys::failure(error, "connect", connected->unescaped(),
                        "that is not a socket file of uid " + std::to_string(*options.server_uid),
                        "nothing was sent; another user may have taken the name");
  }

  Loop& loop;
  DatagramOptions options;
  Descriptor socket;
  std::optional<net::SocketFile> name;
  std::optional<net::SharedState> found;  // of an inherited socket
  Address address;
  std::optional<Address> connected;
  /// A socket whose path was lost. What was sent to it is received before anything else.
  struct Former {
    Descriptor socket;
    net::SocketFile name;  // removed before its socket is closed
  };
  std::list<Former> left_behind;
  std::optional<net::PathMonitor> path_watch;
  bool ending = false;
  net::ReturnPaths return_paths;
  core::ReceiveBuffer buffer;
  detail::WaiterList readers;
  detail::WaiterList writers;
};

Result<DatagramSocket> DatagramSocket::bind(Loop& loop, const AddressSpec& where,
                                            DatagramOptions options) {
  if (!where.get()) return std::unexpected(where.get().error());
  const Address& address = *where.get();
  auto state = std::make_unique<State>(loop, std::move(options));
  if (net::is_inherited(address)) {
    auto socket = net::adopt_inherited(address, SocketType::datagram, net::Purpose::conversing);
    if (!socket) return std::unexpected(socket.error());
    state->socket = std::move(*socket);
    state->found.emplace(state->socket.get());
    const auto own = sys::local_address(state->socket.get());
    if (!own) return sys::failure(own.error(), "adopt", address.unescaped());
    state->address = net::from_sys(*own);
  } else {
    auto socket = make_socket_for(address);
    if (!socket) return std::unexpected(socket.error());
    state->socket = std::move(*socket);
    auto name = net::SocketFile::bind(state->socket.get(), address, bind_options(state->options));
    if (!name) return std::unexpected(name.error());
    state->name = std::move(*name);
    state->address = state->name->address();
  }
  if (auto set = set_passing(state->socket.get(), address, state->options); !set) {
    return std::unexpected(set.error());
  }
  if (auto started = state->start(); !started) return std::unexpected(started.error());
  state->watch_path();
  return DatagramSocket(std::move(state));
}

Result<DatagramSocket> DatagramSocket::connect(Loop& loop, const AddressSpec& where,
                                               DatagramOptions options) {
  if (!where.get()) return std::unexpected(where.get().error());
  auto made = bind(loop, Address::autobind(), std::move(options));
  if (!made) return made;
  State& state = *made->state_;
  state.connected = *where.get();
  if (const auto connected = state.reconnect(); !connected) {
    return state.not_connected(connected.error());
  }
  return made;
}

DatagramSocket::DatagramSocket(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
DatagramSocket::DatagramSocket(DatagramSocket&&) noexcept = default;
DatagramSocket& DatagramSocket::operator=(DatagramSocket&&) noexcept = default;
DatagramSocket::~DatagramSocket() = default;

Task<Result<Datagram>> DatagramSocket::receive(Duration within) {
  State& state = *state_;
  const Deadline deadline(within);
  while (state.socket.holds_one()) {
    if (!state.buffer) state.buffer = state.loop.core().buffers().received.acquire();
    const std::size_t most = state.options.max_message;
    if (state.buffer.size() < most) state.buffer.resize(most);

    sys::SocketAddress from;
    auto got = state.take(most, from);
    if (got) {
      Datagram datagram;
      datagram.bytes_ = {state.buffer.data(), got->size};
      datagram.whole_size_ = got->whole;
      datagram.sender_ = net::from_sys(from);
      datagram.peer_ = {got->credentials.uid, got->credentials.gid, got->credentials.pid};
      datagram.outcome_ = got->truncated ? Outcome::truncated : Outcome::ok;
      datagram.descriptors_lost_ =
          got->descriptors_truncated || got->descriptors.size() > state.options.descriptors;
      core::ReceivedDescriptors came(std::exchange(got->descriptors, {}));
      if (!datagram.descriptors_lost_) datagram.descriptors_ = std::exchange(came.list(), {});
      co_return std::move(datagram);
    }
    // On a connected socket this reports that the receiver is gone. The next send reports it as
    // well.
    if (got.error() != EAGAIN && got.error() != ECONNRESET && got.error() != ECONNREFUSED) {
      co_return sys::failure(got.error(), "receive on", state.address.unescaped());
    }
    state.give_buffer_back();
    if (state.ending) co_return state.closed("receive on");
    const auto woken_by = co_await state.wait_readable(deadline.left());
    if (woken_by == detail::WokenBy::drain) {
      co_return sys::failure(ECANCELED, "receive on", state.address.unescaped(), "the loop drains");
    }
    if (woken_by == detail::WokenBy::time) {
      co_return sys::failure(ETIMEDOUT, "receive on", state.address.unescaped(),
                             "no datagram came in time");
    }
  }
  co_return state.closed("receive on");
}

Task<Result<void>> DatagramSocket::send(ByteView message, Duration within) {
  if (!state_->connected) {
    co_return sys::failure(EDESTADDRREQ, "send from", state_->address.unescaped(),
                           "the socket is not connected", "give the receiver with send_to()");
  }
  co_return co_await send_to(*state_->connected, message, {}, within);
}

// NOLINTNEXTLINE(readability-function-cognitive-complexity): one loop, three kinds of waiting
Task<Result<void>> DatagramSocket::send_to(const Address& to, ByteView message,
                                           std::vector<Descriptor> descriptors, Duration within) {
  State& state = *state_;
  const Deadline deadline(within);
  if (to.kind() == Address::Kind::unnamed) {
    co_return sys::failure(EDESTADDRREQ, "send from", state.address.unescaped(),
                           "the sender has no address for answers",
                           "a datagram client that expects answers binds an address of its own");
  }
  const bool connected = state.connected && to == *state.connected;
  const auto there = net::resolve(to);
  if (!there) co_return net::connect_error(there.error(), "send to", to);

  core::Backoff pauses = retry_pauses;
  message::ResourceBackoff refusals;
  bool reconnected = false;
  const iovec piece{const_cast<char*>(message.data()), message.size()};
  while (state.socket.holds_one()) {
    const auto sent = sys::send(state.socket.get(), {&piece, 1}, descriptors,
                                connected ? nullptr : &there->address);
    if (sent) co_return Result<void>();
    const int error = sent.error();
    if (connected && !reconnected &&
        (error == ECONNREFUSED || error == ENOTCONN || error == ECONNRESET || error == EPIPE)) {
      reconnected = true;
      if (const auto again = state.reconnect(); !again) {
        co_return state.not_connected(again.error());
      }
      continue;
    }
    const bool refused = message::ResourceBackoff::is_resource_exhaustion(error);
    const bool passing = refused && refusals.note(longest_refusal);
    if (!refused) refusals.over();
    if (error != EAGAIN && !passing) co_return not_sent(error, to, message.size());
    if (deadline.passed()) co_return given_up(refused, error, to, message.size());
    if (refused) {
      co_await detail::Pause(std::min(refusals.pause(), deadline.left()));
    } else if (connected) {
      co_await state.wait_writable(deadline.left());
    } else {
      co_await detail::Pause(std::min(pauses.next(), deadline.left()));
    }
  }
  co_return state.closed("send to");
}

Task<Result<void>> DatagramSocket::answer(const ReturnAddress& to, ByteView message,
                                          std::vector<Descriptor> descriptors, Duration within) {
  State& state = *state_;
  const Deadline deadline(within);
  core::Backoff pauses = retry_pauses;
  message::ResourceBackoff refusals;
  bool found_again = false;
  const iovec piece{const_cast<char*>(message.data()), message.size()};
  while (state.socket.holds_one()) {
    // Resolved for each attempt: during a pause the name may pass to another socket.
    const auto there = state.return_paths.find(to.address, to.sender);
    if (!there) co_return std::unexpected(there.error());
    const auto sent = sys::send(state.socket.get(), {&piece, 1}, descriptors, &*there);
    if (sent) co_return Result<void>();
    const int error = sent.error();
    if (error == ECONNREFUSED && !found_again) {
      found_again = true;
      state.return_paths.forget(to.address);
      continue;
    }
    const bool refused = message::ResourceBackoff::is_resource_exhaustion(error);
    const bool passing = refused && refusals.note(longest_refusal);
    if (!refused) refusals.over();
    if (error != EAGAIN && !passing) co_return not_sent(error, to.address, message.size());
    if (deadline.passed()) co_return given_up(refused, error, to.address, message.size());
    const Duration pause = refused ? refusals.pause() : pauses.next();
    co_await detail::Pause(std::min(pause, deadline.left()));
  }
  co_return state.closed("answer");
}

void DatagramSocket::close() { state_->shut(); }
const Address& DatagramSocket::address() const noexcept { return state_->address; }
int DatagramSocket::descriptor() const noexcept { return state_->socket.get(); }

}  // namespace hallway
