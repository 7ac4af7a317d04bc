// SPDX-License-Identifier: Apache-2.0
//
// A publisher and its subscribers as programs with libnats are written: a connection each, a
// callback for what arrives.
//
//     libnats PORT SUBSCRIBERS SIZE SECONDS        prints "DELIVERIES SECONDS"
#include <nats/nats.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "../fail.hpp"
#include "../numbered.hpp"

namespace {

using bench::fail;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t window = 4096;        // messages
constexpr std::uint64_t between_looks = 256;  // messages
constexpr auto warm_up = std::chrono::milliseconds(100);
constexpr auto patience = std::chrono::seconds(20);  // without a message

void check(natsStatus status, std::string_view operation) {
  if (status != NATS_OK) fail(std::string(operation) + ": " + natsStatus_GetText(status));
}

struct alignas(64) Subscriber {
  natsConnection* connection = nullptr;
  natsSubscription* subscription = nullptr;
  std::size_t size = 0;
  std::atomic<std::uint64_t> next = 0;  // the number of the next message
};

void take(natsConnection*, natsSubscription*, natsMsg* message, void* of) {
  auto& subscriber = *static_cast<Subscriber*>(of);
  const std::string_view bytes(natsMsg_GetData(message),
                               static_cast<std::size_t>(natsMsg_GetDataLength(message)));
  const std::uint64_t expected = subscriber.next.load(std::memory_order_relaxed);
  if (bytes.size() != subscriber.size || bench::number_of(bytes) != expected) {
    fail("lost or out of order");
  }
  subscriber.next.store(expected + 1, std::memory_order_release);
  natsMsg_Destroy(message);
}

class Clients {
 public:
  Clients(const std::string& url, std::size_t subscribers, std::size_t size)
      : message_(size), subscribers_(subscribers) {
    check(natsConnection_ConnectTo(&publisher_, url.c_str()), "connect");
    for (Subscriber& one : subscribers_) {
      one.size = size;
      check(natsConnection_ConnectTo(&one.connection, url.c_str()), "connect");
      check(natsConnection_Subscribe(&one.subscription, one.connection, "t", take, &one),
            "subscribe");
      check(natsConnection_Flush(one.connection), "flush");
    }
  }

  /// Publishes for a time, and waits until all of it has arrived. Returns the seconds of both.
  double run(Clock::duration time) {
    const auto began = Clock::now();
    const auto end = began + time;
    do {
      for (std::uint64_t i = 0; i < between_looks; ++i) {
        const std::string_view bytes = message_.with(published_++);
        check(natsConnection_Publish(publisher_, "t", bytes.data(), static_cast<int>(bytes.size())),
              "publish");
      }
      if (published_ > window) await(published_ - window);
    } while (Clock::now() < end);
    check(natsConnection_Flush(publisher_), "flush");
    await(published_);
    return std::chrono::duration<double>(Clock::now() - began).count();
  }

  [[nodiscard]] std::uint64_t deliveries() const { return published_ * subscribers_.size(); }

 private:
  [[nodiscard]] std::uint64_t slowest() const {
    std::uint64_t least = published_;
    for (const Subscriber& one : subscribers_) {
      least = std::min(least, one.next.load(std::memory_order_acquire));
    }
    return least;
  }

  void await(std::uint64_t messages) const {
    const auto give_up = Clock::now() + patience;
    while (slowest() < messages) {
      if (Clock::now() > give_up) fail("lost: a subscriber gets no more");
      usleep(50);
    }
  }

  natsConnection* publisher_ = nullptr;
  bench::Numbered message_;
  std::vector<Subscriber> subscribers_;
  std::uint64_t published_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) fail("usage: libnats PORT SUBSCRIBERS SIZE SECONDS");
  // It lives as long as the process: its callbacks run until the end.
  auto& clients =
      *new Clients("nats://127.0.0.1:" + std::string(argv[1]), std::strtoul(argv[2], nullptr, 10),
                   std::strtoul(argv[3], nullptr, 10));
  clients.run(warm_up);
  const std::uint64_t before = clients.deliveries();
  const double seconds = clients.run(std::chrono::duration_cast<Clock::duration>(
      std::chrono::duration<double>(std::strtod(argv[4], nullptr))));
  std::printf("%llu %f\n", static_cast<unsigned long long>(clients.deliveries() - before), seconds);
  std::fflush(stdout);
  std::_Exit(0);
}
