// SPDX-License-Identifier: Apache-2.0
//
// libevent with its buffered events.
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>

#include <memory>

#include "../support/fail.hpp"
#include "../support/round_trips.hpp"
#include "../support/stream.hpp"

namespace {

using namespace bench;

using Loop = std::unique_ptr<event_base, decltype(&event_base_free)>;

/// A buffered event that hands each frame to its owner, which answers through send().
class Peer {
 public:
  using OnMessage = std::function<bool(Peer&, std::string_view)>;  // false closes

  Peer(event_base* loop, Socket socket, OnMessage on_message)
      : loop_(loop),
        on_message_(std::move(on_message)),
        event_(
            bufferevent_socket_new(loop, nonblocking(std::move(socket)), BEV_OPT_CLOSE_ON_FREE)) {
    if (event_ == nullptr) fail("bufferevent_socket_new");
    bufferevent_setcb(
        event_, [](bufferevent*, void* self) { static_cast<Peer*>(self)->read(); }, nullptr,
        [](bufferevent*, short what, void* self) {
          if ((what & BEV_EVENT_EOF) == 0) fail("bufferevent: an error");
          event_base_loopbreak(static_cast<Peer*>(self)->loop_);
        },
        this);
    bufferevent_enable(event_, EV_READ | EV_WRITE);
  }
  ~Peer() { bufferevent_free(event_); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  void send(std::string_view message) {
    const std::string_view frame = writer_.frame(message);
    bufferevent_write(event_, frame.data(), frame.size());
  }

 private:
  static int nonblocking(Socket socket) {
    make_nonblocking(socket.get());
    return socket.release();
  }

  void read() {
    evbuffer* input = bufferevent_get_input(event_);
    while (true) {
      std::uint32_t length = 0;
      if (evbuffer_copyout(input, &length, length_size) < static_cast<ssize_t>(length_size)) return;
      const std::size_t whole = length_size + length;
      if (evbuffer_get_length(input) < whole) return;
      const unsigned char* frame = evbuffer_pullup(input, static_cast<ssize_t>(whole));
      const bool more =
          on_message_(*this, {reinterpret_cast<const char*>(frame) + length_size, length});
      evbuffer_drain(input, whole);
      if (!more) event_base_loopbreak(loop_);
    }
  }

  event_base* loop_;
  OnMessage on_message_;
  bufferevent* event_;
  FrameWriter writer_;
};

void serve(Side& side, const Options& options, const std::string& path) {
  const Loop loop(event_base_new(), event_base_free);
  const Socket listener = listen_at(path);
  side.ready();
  Echoes echoes(side, options);
  const Peer client(loop.get(), accept_one(listener), [&](Peer& peer, std::string_view question) {
    echoes.asked(question);
    peer.send(question);
    return true;
  });
  event_base_dispatch(loop.get());
  echoes.end();
}

void ask(Side& side, const Options& options, const std::string& path) {
  const Loop loop(event_base_new(), event_base_free);
  RoundTrips trips(side, options);
  Peer server(loop.get(), connect_to(path), [&](Peer& peer, std::string_view answer) {
    if (!trips.answered(answer)) return false;
    peer.send(trips.question());
    return true;
  });
  server.send(trips.question());
  event_base_dispatch(loop.get());
}

}  // namespace

int main(int argc, char** argv) { return run_round_trips(argc, argv, serve, ask); }
