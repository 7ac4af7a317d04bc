// SPDX-License-Identifier: Apache-2.0
#include <hallway/listener.hpp>

#include "net/accept.hpp"
#include "net/inherited.hpp"
#include "net/listener_handover.hpp"
#include "net/resolve.hpp"
#include "net/socket_file.hpp"
#include "net/socket_type.hpp"
#include "sys/file.hpp"
#include "sys/socket.hpp"

namespace hallway {

struct Listener::State {
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { put_back(); }

  static Result<Listener> bind(const AddressSpec& where, const BindOptions& options,
                               net::NameLock lock);

  void put_back() noexcept {
    if (found && socket.holds_one()) found->put_back(socket.get());
    found.reset();
  }

  // The name is removed before its socket is closed: then another process may rightly take it.
  Descriptor socket;
  std::optional<net::SocketFile> name;    // unset: inherited, handed over or lost
  std::optional<net::SharedState> found;  // of an inherited socket
  Address address;
  SocketType type = SocketType::stream;
  BindOptions options;  // those the name was bound with
  bool shared = false;  // with processes that continue to serve it: never shut down
  bool refusing = false;
};

namespace {

Result<Descriptor> make_socket_for(const Address& address, SocketType type) {
  auto socket = sys::make_socket(net::to_sys(type), true);
  if (!socket) return sys::failure(socket.error(), "bind", address.unescaped());
  return std::move(*socket);
}

/// accept(2) on a shared socket must not block when another process accepted first.
Result<void> never_block(int socket, const Address& address) {
  const auto set = sys::set_nonblocking(socket, true);
  if (!set) return sys::failure(set.error(), "adopt", address.unescaped());
  return {};
}

}  // namespace

Result<Listener> Listener::bind(const AddressSpec& where, const BindOptions& options) {
  return State::bind(where, options, net::NameLock::own);
}

Result<Listener> Listener::State::bind(const AddressSpec& where, const BindOptions& options,
                                       net::NameLock lock) {
  if (!where.get()) return std::unexpected(where.get().error());
  const Address& address = *where.get();
  if (options.type == SocketType::datagram) {
    return sys::failure(EINVAL, "listen", address.unescaped(),
                        "datagram sockets have no connections to accept", "use a DatagramSocket");
  }
  auto state = std::make_unique<State>();

  if (net::is_inherited(address)) {
    auto socket = net::adopt_inherited(address, options.type, net::Purpose::accepting);
    if (!socket) return std::unexpected(socket.error());
    state->socket = std::move(*socket);
    const auto name = sys::local_address(state->socket.get());
    if (!name) return sys::failure(name.error(), "adopt", address.unescaped());
    state->found.emplace(state->socket.get());
    if (auto set = never_block(state->socket.get(), address); !set) {
      return std::unexpected(set.error());
    }
    state->type = options.type;
    state->shared = true;
    state->address = net::from_sys(*name);
    return Listener(std::move(state));
  }

  auto socket = make_socket_for(address, options.type);
  if (!socket) return std::unexpected(socket.error());
  state->socket = std::move(*socket);
  auto name = net::SocketFile::bind(state->socket.get(), address, options, lock);
  if (!name) return std::unexpected(name.error());
  state->name = std::move(*name);
  state->options = options;
  return listen_on(std::move(state));
}

/// Listens on a socket that is already bound.
Result<Listener> Listener::listen_on(std::unique_ptr<State> state) {
  state->address = state->name->address();
  state->type = state->options.type;
  const auto listening = sys::listen(state->socket.get(), state->options.backlog);
  if (listening) return Listener(std::move(state));
  return sys::failure(listening.error(), "listen", state->address.unescaped());
}

Result<Listener> Listener::bind_again() {
  if (!state_->name || state_->address.kind() != Address::Kind::path) {
    return sys::failure(EINVAL, "bind", state_->address.unescaped(),
                        "only a path that was bound here can be bound again");
  }
  auto state = std::make_unique<State>();
  state->options = state_->options;
  auto socket = make_socket_for(state_->address, state_->type);
  if (!socket) return std::unexpected(socket.error());
  state->socket = std::move(*socket);
  auto name = state_->name->bind_again(state->socket.get(), state->options);
  if (!name) return std::unexpected(name.error());
  state->name = std::move(*name);
  return listen_on(std::move(state));
}

Listener::Listener(std::unique_ptr<State> state) noexcept : state_(std::move(state)) {}
Listener::Listener(Listener&&) noexcept = default;
Listener& Listener::operator=(Listener&&) noexcept = default;
Listener::~Listener() = default;

Result<std::optional<Descriptor>> Listener::accept() {
  if (!state_->socket.holds_one() || (state_->refusing && state_->shared)) return std::nullopt;
  // Another process that also served it may have ended and restored the previous state.
  if (state_->found) (void)sys::set_nonblocking(state_->socket.get(), true);
  auto accepted = net::accept_next(state_->socket.get());
  if (accepted) return std::move(*accepted);
  if (accepted.error() == EINVAL && state_->refusing) return std::nullopt;
  return sys::failure(accepted.error(), "accept on", state_->address.unescaped());
}

void Listener::refuse() {
  state_->refusing = true;
  // shutdown(2) fails only for sockets that do not listen; this one does.
  if (!state_->shared) (void)sys::shutdown_reading(state_->socket.get());
}

bool Listener::refusing() const noexcept { return state_->refusing; }

std::optional<std::string> Listener::lost() const {
  return state_->name ? state_->name->lost() : std::nullopt;
}

void Listener::close() noexcept {
  state_->name.reset();
  state_->put_back();
  state_->socket.close();
}

const Address& Listener::address() const noexcept { return state_->address; }
SocketType Listener::type() const noexcept { return state_->type; }
int Listener::descriptor() const noexcept { return state_->socket.get(); }

// Handing over ------------------------------------------------------------------------------------

namespace detail {

Result<Listener> ListenerHandover::bind_without_lock(const AddressSpec& where,
                                                     const BindOptions& options) {
  return Listener::State::bind(where, options, net::NameLock::shared);
}

Result<net::Handover> ListenerHandover::offer(const Listener& listener) {
  const auto& state = listener.state_;
  if (!state->name || state->address.kind() != Address::Kind::path) {
    return sys::failure(EINVAL, "hand over", state->address.unescaped(),
                        "only a path that was bound here can be handed over");
  }
  if (const auto lost = state->name->lost()) {
    return sys::failure(ESTALE, "hand over", state->address.unescaped(), *lost);
  }
  auto socket = sys::duplicate(state->socket.get());
  if (!socket) return sys::failure(socket.error(), "hand over", state->address.unescaped());
  net::Handover copies{
      std::move(*socket), {}, state->name->file().device, state->name->file().inode};
  if (state->name->lock_file() < 0) return copies;
  auto lock = sys::duplicate(state->name->lock_file());
  if (!lock) return sys::failure(lock.error(), "hand over", state->address.unescaped());
  copies.lock = std::move(*lock);
  return copies;
}

void ListenerHandover::hand_over(Listener& listener) noexcept {
  const auto& state = listener.state_;
  if (state->name) state->name->hand_over();
  state->name.reset();
  state->shared = true;
}

Result<Listener> ListenerHandover::adopt(const AddressSpec& where, net::Handover from,
                                         const BindOptions& options, net::NameLock lock) {
  if (!where.get()) return std::unexpected(where.get().error());
  const Address& address = *where.get();
  auto state = std::make_unique<Listener::State>();
  state->socket = std::move(from.socket);
  auto fits =
      net::check_socket(state->socket.get(), address, options.type, net::Purpose::accepting);
  if (fits) fits = never_block(state->socket.get(), address);
  if (!fits) return std::unexpected(fits.error());
  auto name = net::SocketFile::adopt(address, std::move(from), options, lock);
  if (!name) return std::unexpected(name.error());
  state->name = std::move(*name);
  state->address = address;
  state->type = options.type;
  state->options = options;
  state->shared = true;
  return Listener(std::move(state));
}

Result<void> ListenerHandover::claim(Listener& listener) {
  const auto& state = listener.state_;
  state->shared = false;
  if (!state->name) return {};
  // SO_PEERCRED on the client's side names the process that called listen(2) last.
  (void)sys::listen(state->socket.get(), state->options.backlog);
  return state->name->claim();
}

}  // namespace detail

}  // namespace hallway
