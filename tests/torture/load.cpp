// SPDX-License-Identifier: Apache-2.0
#include "torture/load.hpp"

#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "support/raw_socket.hpp"

namespace hallway::torture {

namespace {

/// A blocking socket and what is needed to tell one reply from the next.
class Dialogue {
 public:
  Dialogue(Descriptor socket, int type) : socket_(std::move(socket)), type_(type) {
    // Far over what anything takes that works: a reply that is not here by then is lost.
    const timeval patience{15, 0};
    ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }

  bool send(std::uint64_t number) {
    std::string text = std::to_string(number);
    if (type_ == SOCK_STREAM) text += '\n';
    return ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(text.size());
  }

  /// The next reply; empty when there is none any more.
  std::string receive() {
    while (true) {
      if (type_ == SOCK_STREAM) {
        const std::size_t end = unread_.find('\n');
        if (end != std::string::npos) {
          std::string reply = unread_.substr(0, end);
          unread_.erase(0, end + 1);
          return reply;
        }
      }
      std::array<char, 4096> bytes;
      const ssize_t count = ::recv(socket_.get(), bytes.data(), bytes.size(), 0);
      // After a reset what was queued can still be read; the kernel reports it once.
      if (count < 0 && (errno == EINTR || (errno == ECONNRESET && !std::exchange(reset_, true)))) {
        continue;
      }
      if (count <= 0) return {};
      if (type_ != SOCK_STREAM) return {bytes.data(), static_cast<std::size_t>(count)};
      unread_.append(bytes.data(), static_cast<std::size_t>(count));
    }
  }

 private:
  Descriptor socket_;
  int type_;
  std::string unread_;
  bool reset_ = false;
};

/// False: it cannot go on with this connection.
bool ask(Dialogue& dialogue, unsigned at_once, std::uint64_t& number, Tally& tally) {
  const std::uint64_t first = number;
  while (number < first + at_once && dialogue.send(number)) {
    ++number;
    ++tally.sent;
  }
  const bool all_sent = number == first + at_once;
  if (!all_sent) ++tally.not_sent;
  for (std::uint64_t expected = first; expected < number; ++expected) {
    const std::string reply = dialogue.receive();
    if (reply.empty()) {
      tally.lost += number - expected;
      return false;
    }
    ++(reply == std::to_string(expected) ? tally.answered : tally.wrong);
  }
  return all_sent;
}

void keep_asking(const std::string& path, int type, Habit habit, Tally& tally) {
  constexpr unsigned under_way = 8;
  constexpr unsigned batches = 50;  // on one connection, so that new ones keep coming, too
  std::uint64_t number = 1;
  while (!tally.stop) {
    Descriptor socket = test::raw_connected(type, path);
    if (!socket.holds_one()) {
      ++tally.refused;
      pause_briefly();
      continue;
    }
    ++tally.connections;
    Dialogue dialogue(std::move(socket), type);
    if (habit == Habit::connection_per_request) {
      ask(dialogue, 1, number, tally);
    } else {
      for (unsigned i = 0; i < batches && ask(dialogue, under_way, number, tally); ++i) {
      }
    }
  }
}

}  // namespace

Asker::Asker(const std::string& path, int type, Habit habit)
    : process_([&, this](const auto& say) {
        keep_asking(path, type, habit, **tally_);
        say("done");
      }) {}

bool Asker::stop() {
  (*tally_)->stop = true;
  return process_.line() == "done";
}

Load::Load(const std::string& path, int type, unsigned of_each) {
  for (unsigned i = 0; i < of_each; ++i) {
    askers_.push_back(std::make_unique<Asker>(path, type, Habit::connection_per_request));
    askers_.push_back(std::make_unique<Asker>(path, type, Habit::persistent));
  }
}

std::uint64_t Load::sum(std::atomic<std::uint64_t> Tally::* count) const {
  std::uint64_t total = 0;
  for (const auto& asker : askers_) total += asker->tally().*count;
  return total;
}

bool Load::answered(std::uint64_t more) const {
  const std::uint64_t wanted = sum(&Tally::answered) + more;
  return eventually([&] { return sum(&Tally::answered) >= wanted; });
}

bool Load::stop() {
  bool all = true;
  for (const auto& asker : askers_) all = asker->stop() && all;
  return all;
}

}  // namespace hallway::torture
