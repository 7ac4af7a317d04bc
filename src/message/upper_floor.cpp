// SPDX-License-Identifier: Apache-2.0
#include "message/upper_floor.hpp"

#include <new>
#include <utility>

#include "sys/thread.hpp"

namespace hallway::message {

UpperFloor::UpperFloor(Loop& server_loop, UpperFrontDesk& server, const Server::Handler& handler,
                       std::shared_ptr<const detail::Terms> terms,
                       std::shared_ptr<core::Accounts> accounts, Exchange& exchange)
    : server_loop_(server_loop),
      server_(server),
      loop_(server_loop.core().options()),
      floor_(loop_, *this, handler, std::move(terms), std::move(accounts), &exchange),
      up_(loop_, *this, &UpperFloor::take_orders),
      down_(server_loop, *this, &UpperFloor::tell_news) {
  loop_.core().hold();
  loop_.on_drain(this, [this] { note_drain(); });
}

UpperFloor::~UpperFloor() {
  if (!thread_.joinable()) return;
  stop();
  thread_.join();
  loop_.core().migrate_to(server_loop_);  // connections that still write
}

Result<void> UpperFloor::start() {
  if (loop_.error()) return std::unexpected(*loop_.error());
  auto started = sys::start_thread([this] { run(); });
  if (!started) return sys::failure(started.error(), "start", "a thread for a loop");
  thread_ = std::move(*started);
  return {};
}

// On the server's loop ---------------------------------------------------------------------------

void UpperFloor::take_place(core::Account& account) {
  {
    const std::lock_guard lock(mutex_);
    for (auto* freed : {&freed_, &freed_before_}) {
      if (freed->capacity() <= places_) freed->reserve(2 * places_ + 8);
    }
  }
  server_.take_place(account);
  ++places_;
}

void UpperFloor::seat(Floor::Guest guest) {
  {
    const std::lock_guard lock(mutex_);
    orders_.guests.push_back(std::move(guest));
  }
  up_.trigger();
}

void UpperFloor::order(bool Orders::* what) noexcept {
  {
    const std::lock_guard lock(mutex_);
    orders_.*what = true;
  }
  up_.trigger();
}

void UpperFloor::drain() noexcept { order(&Orders::drain); }
void UpperFloor::end() noexcept { order(&Orders::end); }
void UpperFloor::stop() noexcept { order(&Orders::stop); }

void UpperFloor::tell_news() {
  News news;
  {
    const std::lock_guard lock(mutex_);
    news = std::exchange(news_, {});
    freed_.swap(freed_before_);
  }
  for (ServerEvent& event : news.events) {
    server_.report(event.kind, event.connection, event.peer, std::move(event.reason),
                   event.counters);
  }
  // By index: a place may be taken by somebody else as soon as it is free.
  for (std::size_t i = 0; i < freed_before_.size(); ++i) {
    --places_;
    server_.free_place(*freed_before_[i]);
  }
  freed_before_.clear();
  if (news.stopped) server_loop_.stop(*news.stopped);
  if (news.ended) {
    ended_ = true;
    server_.floor_ended();
  }
  if (news.drains) {
    try {
      server_loop_.drain(forever);  // the loop that was asked keeps the time
    } catch (...) {
      if (!news.failure) news.failure = std::current_exception();
    }
  }
  if (news.failure) std::rethrow_exception(news.failure);
}

// On the floor's loop ----------------------------------------------------------------------------

template <typename Change>
void UpperFloor::send_news(Change change) noexcept {
  {
    const std::lock_guard lock(mutex_);
    change(news_);
  }
  down_.trigger();
}

void UpperFloor::free_place(core::Account& account) noexcept {
  send_news([&](News& /*news*/) { freed_.push_back(&account); });
}

void UpperFloor::report(ServerEvent::Kind kind, std::uint64_t connection, const Peer& peer,
                        std::string reason, const Counters& counters) noexcept {
  if (!server_.wants_events()) return;
  send_news([&](News& news) {
    try {
      news.events.push_back({kind, connection, peer, std::move(reason), counters});
    } catch (const std::bad_alloc&) {
      // Lost, as it would be if whoever keeps the events had no room.
    }
  });
}

// Whatever ends a run of the loop means on the server's what it would have meant there.
void UpperFloor::run() noexcept {
  for (bool over = false; !over;) {
    try {
      const int status = loop_.run();
      over = leaving_ || loop_.error();
      if (!over || status != 0) send_news([&](News& news) { news.stopped = status; });
    } catch (...) {
      send_news([](News& news) {
        if (!news.failure) news.failure = std::current_exception();
      });
    }
  }
  floor_.close();
  loop_.core().tasks().clear();
  send_news([](News& news) { news.ended = true; });
}

void UpperFloor::take_orders() {
  Orders orders;
  {
    const std::lock_guard lock(mutex_);
    orders = std::exchange(orders_, {});
  }
  if (orders.stop) {
    leaving_ = true;
    loop_.stop();
    return;
  }
  floor_.tidy();
  for (Floor::Guest& guest : orders.guests) floor_.seat(std::move(guest));
  if (orders.end && !std::exchange(leaving_, true)) loop_.core().let_go();
  if (orders.drain) {
    told_to_drain_ = true;
    floor_.drain();        // whatever becomes of the rest
    loop_.drain(forever);  // the server's keeps the time
  }
}

void UpperFloor::note_drain() noexcept {
  floor_.drain();
  if (!told_to_drain_) send_news([](News& news) { news.drains = true; });
}

}  // namespace hallway::message
