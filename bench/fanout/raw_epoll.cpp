// SPDX-License-Identifier: Apache-2.0
//
// A broker of one topic by hand, as good as system calls allow. What a publisher sends is received
// into shared chunks and stays there: a subscriber's queue is a list of ranges in them, and ranges
// that follow each other are one. Once a turn each subscriber that has something is given all of it
// by one writev. A publisher is not read while somebody is a megabyte behind.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <deque>
#include <memory>
#include <vector>

#include "../support/fail.hpp"
#include "../support/fanout.hpp"

namespace {

using namespace bench;

constexpr std::size_t chunk_size = 64 << 10;
constexpr std::size_t worth_reading = 16 << 10;  // room in a chunk
constexpr std::size_t far_behind = 1 << 20;
constexpr int send_buffer = 1 << 20;
constexpr std::size_t pieces_per_write = 64;

using Chunk = std::shared_ptr<std::array<char, chunk_size>>;

struct Range {
  Chunk chunk;
  std::size_t begin;
  std::size_t end;
};

struct Client {
  explicit Client(int accepted) : socket(accepted) {}

  Socket socket;
  std::uint32_t events = EPOLLIN;
  bool gone = false;

  // What it publishes: the chunk it is received into, whole frames up to `passed_on`.
  Chunk chunk = {};
  std::size_t passed_on = 0;
  std::size_t filled = 0;

  // What it subscribed to.
  std::deque<Range> queue = {};
  std::size_t queued = 0;
};

class Hub {
 public:
  explicit Hub(const std::string& path) : listener_(listen_at(path)) {
    make_nonblocking(listener_.get());
    watch(listener_.get(), nullptr, EPOLL_CTL_ADD, EPOLLIN);
  }

  [[noreturn]] void run() {
    std::array<epoll_event, 256> ready{};
    while (true) {
      const int count = epoll_wait(events_.get(), ready.data(), ready.size(), -1);
      for (int i = 0; i < count; ++i) {
        const epoll_event& event = ready[static_cast<std::size_t>(i)];
        auto* client = static_cast<Client*>(event.data.ptr);
        if (client == nullptr) {
          accept_all();
        } else {
          if ((event.events & EPOLLIN) != 0) receive(*client);
          if ((event.events & EPOLLOUT) != 0) listen_to(*client, client->events & ~EPOLLOUT);
        }
      }
      flush_all();
    }
  }

 private:
  void watch(int descriptor, Client* client, int operation, std::uint32_t events) {
    epoll_event event{events, {.ptr = client}};
    if (epoll_ctl(events_.get(), operation, descriptor, &event) != 0) fail_with_errno("epoll_ctl");
  }

  void listen_to(Client& client, std::uint32_t events) {
    if (client.events == events || client.gone) return;
    client.events = events;
    watch(client.socket.get(), &client, EPOLL_CTL_MOD, events);
  }

  void accept_all() {
    int accepted = -1;
    while ((accepted = accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC)) >=
           0) {
      set_send_buffer(accepted, send_buffer);
      clients_.push_back(std::make_unique<Client>(accepted));
      watch(accepted, clients_.back().get(), EPOLL_CTL_ADD, EPOLLIN);
    }
  }

  void leave(Client& client) {
    watch(client.socket.get(), nullptr, EPOLL_CTL_DEL, 0);
    client.events = 0;
    client.gone = true;
    client.queued = 0;
  }

  Chunk fresh_chunk() {
    const auto free = std::ranges::find(chunks_, 1, &Chunk::use_count);
    if (free != chunks_.end()) return *free;
    return chunks_.emplace_back(std::make_shared<Chunk::element_type>());
  }

  void receive(Client& client) {
    if (!client.chunk || chunk_size - client.filled < worth_reading) {
      const Chunk fresh = fresh_chunk();
      const std::size_t rest = client.filled - client.passed_on;
      if (rest > 0) std::memcpy(fresh->data(), client.chunk->data() + client.passed_on, rest);
      client.chunk = fresh;
      client.passed_on = 0;
      client.filled = rest;
    }
    const ssize_t got = recv(client.socket.get(), client.chunk->data() + client.filled,
                             chunk_size - client.filled, 0);
    if (got < 0 && errno == EAGAIN) return;
    if (got <= 0) return leave(client);
    client.filled += static_cast<std::size_t>(got);
    pass_on(client);
  }

  void pass_on(Client& publisher) {
    const std::size_t begin = publisher.passed_on;
    std::size_t end = begin;
    std::uint32_t length = 0;
    while (publisher.filled - end >= length_size) {
      std::memcpy(&length, publisher.chunk->data() + end, length_size);
      if (publisher.filled - end - length_size < length) break;
      end += length_size + length;
    }
    publisher.passed_on = end;
    if (begin == end) return;
    for (const auto& client : clients_) {
      if (client.get() == &publisher || client->gone) continue;
      client->queued += end - begin;
      if (!client->queue.empty() && client->queue.back().chunk == publisher.chunk &&
          client->queue.back().end == begin) {
        client->queue.back().end = end;
      } else {
        client->queue.push_back({publisher.chunk, begin, end});
      }
    }
  }

  void flush_all() {
    bool held_back = false;
    for (const auto& client : clients_) {
      if (client->queued > 0 && (client->events & EPOLLOUT) == 0) flush(*client);
      held_back = held_back || client->queued > far_behind;
    }
    if (held_back == held_back_) return;
    held_back_ = held_back;
    for (const auto& client : clients_) {
      if (client->chunk == nullptr) continue;
      listen_to(*client, held_back ? client->events & ~EPOLLIN : client->events | EPOLLIN);
    }
  }

  void flush(Client& client) {
    std::array<iovec, pieces_per_write> pieces{};
    std::size_t count = 0;
    for (; count < pieces.size() && count < client.queue.size(); ++count) {
      const Range& range = client.queue[count];
      pieces[count] = {range.chunk->data() + range.begin, range.end - range.begin};
    }
    msghdr message{};
    message.msg_iov = pieces.data();
    message.msg_iovlen = count;
    ssize_t sent = sendmsg(client.socket.get(), &message, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN) return leave(client);
    client.queued -= static_cast<std::size_t>(std::max<ssize_t>(sent, 0));
    while (sent > 0) {
      Range& range = client.queue.front();
      const auto taken = std::min(static_cast<std::size_t>(sent), range.end - range.begin);
      range.begin += taken;
      sent -= static_cast<ssize_t>(taken);
      if (range.begin == range.end) client.queue.pop_front();
    }
    if (client.queued > 0) listen_to(client, client.events | EPOLLOUT);
  }

  const Socket events_{epoll_create1(EPOLL_CLOEXEC)};
  const Socket listener_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<Chunk> chunks_;
  bool held_back_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  return run_fanout(argc, argv, [](const Options& options, const Directory& directory) {
    const std::string path = directory.socket();
    return plain_broker(options, path, [path] { Hub(path).run(); });
  });
}
