// SPDX-License-Identifier: Apache-2.0
#include "message/floor.hpp"

#include <algorithm>
#include <exception>
#include <new>
#include <optional>
#include <utility>

#include "core/copy_bytes.hpp"
#include "loop/timed_wait.hpp"

namespace hallway::message {

using detail::ConnectionState;

/// One client's place: taken while its handler runs or its connection still has bytes to write.
class Floor::Place final : public detail::Seat {
 public:
  Place(std::shared_ptr<Book> book, FrontDesk& desk, std::uint64_t number, const Peer& peer,
        core::Account& account)
      : book_(std::move(book)), number_(number), peer_(peer), account_(account) {
    desk.take_place(account);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;
  ~Place() override {
    if (book_->floor != nullptr) book_->floor->desk_.free_place(account_);
  }

  [[nodiscard]] std::uint64_t number() const noexcept override { return number_; }
  [[nodiscard]] core::Account& account() const noexcept override { return account_; }
  [[nodiscard]] const Peer& peer() const noexcept { return peer_; }
  /// Precondition: it is not closed. Nothing of it runs then.
  [[nodiscard]] Floor& floor() const noexcept { return *book_->floor; }

  /// It stands in this line of the book from now on.
  void set_line(std::size_t line) noexcept { line_ = static_cast<std::uint32_t>(line); }

  // A broadcast may be walking over the book: the line in it is only cleared.
  void connection_released() noexcept override {
    if (line_ == no_line) return;
    book_->lines[std::exchange(line_, no_line)] = {};
    ++book_->gone;
  }

  void connection_ended(ConnectionState& state, std::string reason) noexcept override {
    connection_released();
    if (book_->floor != nullptr) {
      book_->floor->desk_.report(ServerEvent::Kind::closed, number_, peer_, std::move(reason),
                                 state.counters());
    }
  }

  Task<> broadcast(ByteView message, const ConnectionState* except) override {
    if (book_->floor != nullptr) co_await book_->floor->broadcast(message, except);
  }

  bool broadcast_along(ByteView message, const ConnectionState* except) override {
    return book_->floor != nullptr && book_->floor->broadcast_along(message, except);
  }

  void settle_broadcasts() noexcept override {
    if (book_->floor != nullptr) book_->floor->settle_broadcasts();
  }

  void room_made() override {
    if (book_->floor != nullptr) book_->floor->room_made();
  }

 private:
  static constexpr std::uint32_t no_line = UINT32_MAX;

  std::shared_ptr<Book> book_;
  std::uint64_t number_;
  Peer peer_;
  core::Account& account_;  // the book keeps it
  std::uint32_t line_ = no_line;
};

/// Tells its floor that there is something in it, or room in another one.
class Floor::Inbox final : public Exchange::Inbox {
 public:
  Inbox(Exchange& exchange, Floor& floor)
      : Exchange::Inbox(exchange, floor.loop_.core()), floor_(floor) {}

  /// Whether the floor waits for a connection of its own before it goes on with what is here.
  bool held_up = false;

 private:
  void run() override { floor_.deliver_inbox(); }

  Floor& floor_;
};

Floor::Floor(Loop& loop, FrontDesk& desk, const Server::Handler& handler,
             std::shared_ptr<const detail::Terms> terms, std::shared_ptr<core::Accounts> accounts,
             Exchange* exchange)
    : loop_(loop),
      desk_(desk),
      handler_(handler),
      terms_(std::move(terms)),
      book_(std::make_shared<Book>(Book{this, std::move(accounts)})) {
  if (exchange != nullptr) inbox_ = std::make_unique<Inbox>(*exchange, *this);
}

Floor::~Floor() { close(); }

// Seating ----------------------------------------------------------------------------------------

std::shared_ptr<Floor::Place> Floor::place(std::uint64_t number, const Peer& peer,
                                           core::Account& account) const {
  return std::make_shared<Place>(book_, desk_, number, peer, account);
}

// Only where half of the lines are cleared: each is then moved about once.
void Floor::tidy() noexcept {
  auto& lines = book_->lines;
  if (broadcasting_ || 2 * book_->gone <= lines.size()) return;
  std::erase_if(lines, [](const Book::Line& line) { return line.state == nullptr; });
  for (std::size_t i = 0; i < lines.size(); ++i) lines[i].place->set_line(i);
  book_->gone = 0;
}

void Floor::seat(Guest guest) noexcept {
  bool connected = false;
  try {
    seat_at(guest.place, std::move(guest.socket), connected);
  } catch (const std::bad_alloc&) {
    if (connected) return;
    desk_.report(ServerEvent::Kind::turned_away, guest.place->number(), guest.place->peer(),
                 "out of memory", {});
  }
}

void Floor::seat_at(const std::shared_ptr<Place>& place, Descriptor socket, bool& connected) {
  settle_broadcasts();  // they were not for the one who comes now
  const std::uint64_t number = place->number();
  const Peer& peer = place->peer();
  book_->lines.push_back({});  // before there is a connection it could fail for
  ++book_->gone;
  auto connection = ConnectionState::open(loop_, std::move(socket), peer, terms_, place);
  if (!connection) {
    desk_.report(ServerEvent::Kind::turned_away, number, peer, connection.error().explain(), {});
    return;
  }
  ConnectionState& state = ConnectionState::of(*connection);
  book_->lines.back() = {&state, place.get()};
  place->set_line(book_->lines.size() - 1);
  --book_->gone;
  if (draining_) state.drain();
  connected = true;
  desk_.report(ServerEvent::Kind::connected, number, peer, {}, {});
  serve(tasks_, std::move(*connection), place);
}

// A coroutine around the handler's, so that the place is held until the handler's last breath,
// whatever the handler did with its connection. There is one for each of them: what can be found
// otherwise is no parameter.
detail::TaskGroup::Spawned Floor::serve(detail::TaskGroup& /*tasks*/, Connection connection,
                                        std::shared_ptr<Place> place) {
  try {
    co_await place->floor().handler_(std::move(connection));
  } catch (const std::exception& exception) {
    place->floor().handler_threw(*place, exception.what());
  } catch (...) {
    place->floor().handler_threw(*place, "something that is no std::exception");
  }
}

void Floor::handler_threw(const Place& place, std::string what) {
  desk_.report(ServerEvent::Kind::handler_threw, place.number(), place.peer(), std::move(what), {});
}

// Ending -----------------------------------------------------------------------------------------

void Floor::drain() noexcept {
  if (draining_) return;
  draining_ = true;
  for (std::size_t i = 0; i < book_->lines.size(); ++i) {
    if (ConnectionState* state = book_->lines[i].state) state->drain();
  }
}

void Floor::close() noexcept {
  settle_broadcasts();
  detail::LoopCore::cancel_flush(*this);
  book_->floor = nullptr;  // first: a place that gets free below is not given to anybody any more
  inbox_.reset();
  tasks_.clear();
  for (std::size_t i = 0; i < book_->lines.size(); ++i) {
    if (ConnectionState* state = book_->lines[i].state) state->close();
  }
}

// Broadcasting -----------------------------------------------------------------------------------

bool Floor::blocked(const ConnectionState* except) const {
  if (terms_->options.full != Full::wait) return false;
  const auto blocks = [except](const Book::Line& line) {
    return line.state != nullptr && line.state != except && line.state->blocks_broadcast();
  };
  const auto first = std::ranges::find_if(book_->lines, blocks);
  if (first == book_->lines.end()) return false;
  first->state->note_blocking();
  return true;
}

void Floor::room_made() {
  detail::wake_all(loop_.core(), broadcasters_);
  if (inbox_ && inbox_->held_up) inbox_->trigger();
}

bool Floor::broadcast_along(ByteView message, const ConnectionState* except) {
  const Framing framing = terms_->options.framing;
  const std::size_t size = message.size() + framing.overhead();
  if (!taking_along_ || except != along_except_ || shared_.size() - shared_used_ < size)
    return false;
  char* const begin = shared_.data() + shared_used_;
  shared_used_ += static_cast<std::size_t>(framing.write(message, begin) - begin);
  along_.end = shared_used_;
  ++along_.messages;
  return true;
}

void Floor::settle_broadcasts() noexcept {
  taking_along_ = false;
  const detail::SharedFrame range = std::exchange(along_, {});
  if (range.messages == 0) return;
  walk([&](ConnectionState& state) { state.deliver(range); }, along_except_);
}

/// Calls `visit` for each connection but one. What is broadcast meanwhile, because one of them ends
/// and the program says so to the others, waits until all have this.
template <typename Visit>
void Floor::walk(Visit visit, const ConnectionState* except) {
  struct Broadcasting {
    Floor& floor;
    bool before = std::exchange(floor.broadcasting_, true);
    ~Broadcasting() {
      floor.broadcasting_ = before;
      if (!before) detail::wake_all(floor.loop_.core(), floor.broadcasters_);
    }
  } const broadcasting{*this};
  // By index: a connection that is cut for being full only clears its place in the list.
  for (std::size_t i = 0; i < book_->lines.size(); ++i) {
    ConnectionState* state = book_->lines[i].state;
    if (state != nullptr && state != except) visit(*state);
  }
}

Task<> Floor::broadcast(ByteView message, const ConnectionState* except) {
  if (broadcast_along(message, except)) co_return;
  settle_broadcasts();
  Exchange::Parcel parcel;
  if (inbox_) parcel = inbox_->pack(message);
  while (true) {
    const bool ready = !broadcasting_ && !blocked(except);
    if (ready) {
      reserve(message);  // may throw: nobody has it then
      if (!inbox_) break;
      deliver_inbox();  // what others said before goes first
      if (inbox_->send(parcel)) break;
    }
    co_await detail::TimedWait(loop_.core(), broadcasters_);
  }
  deliver(message, except);
}

// What does not get through for want of memory is tried again in the next turn.
void Floor::deliver_inbox() {
  try {
    for (std::size_t left = inbox_->size(); left > 0; --left) {
      inbox_->held_up = blocked(nullptr);
      if (inbox_->held_up) break;
      reserve(inbox_->front());
      deliver(inbox_->front(), nullptr);
      inbox_->pop();
    }
    detail::wake_all(loop_.core(), broadcasters_);
  } catch (const std::bad_alloc&) {
    inbox_->trigger();
  }
}

/// Room for the frame, so that nothing of the usual way of a message can fail for want of memory.
void Floor::reserve(ByteView message) {
  const std::size_t size = message.size() + terms_->options.framing.overhead();
  if (shared_ && shared_.size() - shared_used_ >= size) return;
  shared_ = core::Chunk::make(std::max(size, bounds::chunk));
  shared_used_ = 0;
}

// Precondition: reserve().
void Floor::deliver(ByteView message, const ConnectionState* except) {
  settle_broadcasts();
  const Framing usual = terms_->options.framing;
  const detail::SharedFrame frame = share(message, usual);
  bool all_take_many = !inbox_;
  walk(
      [&](ConnectionState& state) {
        const bool takes_frame = state.packets() || state.send_framing() == usual;
        all_take_many = all_take_many && takes_frame && state.takes_many();
        takes_frame ? state.deliver(frame) : deliver_apart(state, message);
      },
      except);
  if (!all_take_many) return;
  along_ = {shared_, shared_used_, shared_used_, 0};
  along_except_ = except;
  taking_along_ = true;
  loop_.core().schedule_flush_first(*this);
}

/// To one that speaks another framing.
void Floor::deliver_apart(ConnectionState& state, ByteView message) noexcept {
  try {
    state.deliver(share(message, state.send_framing()));
  } catch (const std::bad_alloc&) {
    state.miss_broadcast();
  }
}

detail::SharedFrame Floor::share(ByteView message, Framing framing) {
  const bool packets = terms_->type != SocketType::stream;
  const std::size_t size = message.size() + (packets ? 0 : framing.overhead());
  if (!shared_ || shared_.size() - shared_used_ < size) {
    shared_ = core::Chunk::make(std::max(size, bounds::chunk));
    shared_used_ = 0;
  }
  char* begin = shared_.data() + shared_used_;
  char* end = packets ? core::copy_bytes(message, begin) : framing.write(message, begin);
  const std::size_t from =
      std::exchange(shared_used_, static_cast<std::size_t>(end - shared_.data()));
  return {shared_, from, shared_used_, 1};
}

}  // namespace hallway::message
