// SPDX-License-Identifier: Apache-2.0
//
// libevent: a bufferevent for each client.
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <sys/socket.h>

#include "../support/crowd.hpp"
#include "../support/fail.hpp"
#include "../support/stream.hpp"

namespace {

void echo(bufferevent* client, void* /*nothing*/) {
  evbuffer_add_buffer(bufferevent_get_output(client), bufferevent_get_input(client));
}

void end(bufferevent* client, short what, void* /*nothing*/) {
  if ((what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0) bufferevent_free(client);
}

void accept(evutil_socket_t listener, short /*what*/, void* base) {
  int client = -1;
  while ((client = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    bufferevent* events =
        bufferevent_socket_new(static_cast<event_base*>(base), client, BEV_OPT_CLOSE_ON_FREE);
    bufferevent_setcb(events, echo, nullptr, end, nullptr);
    bufferevent_enable(events, EV_READ | EV_WRITE);
  }
}

void serve(const bench::Options& /*options*/, const std::string& path) {
  const bench::Socket listener = bench::listen_at(path);
  bench::make_nonblocking(listener.get());
  event_base* base = event_base_new();
  event* accepting = event_new(base, listener.get(), EV_READ | EV_PERSIST, accept, base);
  event_add(accepting, nullptr);
  event_base_dispatch(base);
}

}  // namespace

int main(int argc, char** argv) { return bench::run_crowd(argc, argv, serve); }
