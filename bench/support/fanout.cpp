// SPDX-License-Identifier: Apache-2.0
#include "fanout.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>

#include "clock.hpp"
#include "descriptors.hpp"
#include "fail.hpp"

namespace bench {

namespace {

constexpr std::size_t batch_size = 64 << 10;
constexpr std::size_t read_size = 64 << 10;
constexpr std::uint64_t window = 8192;         // messages
constexpr std::uint64_t window_worth = 2048;   // room that the publisher is woken for
constexpr std::uint64_t between_looks = 256;   // messages
constexpr std::uint64_t warm_up = 20'000'000;  // nanoseconds
constexpr int patience = 20'000;               // milliseconds without a message
constexpr std::uint64_t unknown = UINT64_MAX;

// Above it some protocols write the length in another way.
constexpr std::size_t largest_message = 100;

void raise(int event) {
  const std::uint64_t word = 1;
  if (write(event, &word, sizeof word) < 0) fail_with_errno("write to an eventfd");
}

}  // namespace

// What they share --------------------------------------------------------------------------------

Audience::Audience(std::size_t processes)
    : published(unknown),
      room_made(eventfd(0, EFD_CLOEXEC)),
      news(eventfd(0, EFD_CLOEXEC)),
      processes_(processes) {}

std::uint64_t Audience::slowest() {
  std::uint64_t least = unknown;
  for (const Listeners& some : listeners()) least = std::min(least, some.slowest.load());
  return least;
}

// The publisher ----------------------------------------------------------------------------------

Publication::Publication(Side& side, const Options& options, Audience& audience, bool windowed)
    : side_(side),
      audience_(audience),
      windowed_(windowed),
      duration_(static_cast<std::uint64_t>(options.duration * 1e9)),
      message_(options.size) {}

bool Publication::announcing() const {
  usleep(1000);
  return !audience_.are_all(&Listeners::complete);
}

/// Once in so many messages. False: time is up.
bool Publication::look_up() {
  const std::uint64_t time = now();
  if (end_at_ == 0) end_at_ = time + warm_up;
  if (time > end_at_) return false;
  look_up_at_ = next_ + between_looks;
  if (windowed_ && look_up_at_ > audience_.slowest() + window) await_room();
  return true;
}

void Publication::await_room() {
  const std::uint64_t awaited = next_ + window_worth - window;
  while (audience_.slowest() < awaited) {
    audience_.awaited = awaited;
    if (audience_.slowest() >= awaited) break;
    std::uint64_t word = 0;
    if (read(audience_.room_made, &word, sizeof word) < 0) fail_with_errno("read");
  }
  audience_.awaited = 0;
}

bool Publication::again() {
  if (side_.began()) {
    side_.end(next_);
    audience_.published = next_;
    raise(audience_.news);
    while (!audience_.are_all(&Listeners::satisfied)) usleep(1000);
    side_.account().server_cpu = cpu_time_of(audience_.broker) - side_.account().server_cpu;
    return false;
  }
  // From nothing on the way to nothing on the way: what is counted is what was done meanwhile.
  while (audience_.slowest() < next_) usleep(1000);
  audience_.warm = true;
  raise(audience_.news);
  while (!audience_.are_all(&Listeners::measuring)) usleep(1000);
  side_.account().server_cpu = cpu_time_of(audience_.broker);
  side_.begin();
  end_at_ = now() + duration_;
  return true;
}

namespace {

void discard_answers(const Socket& broker) {
  std::array<char, 16 << 10> answers{};
  while (recv(broker.get(), answers.data(), answers.size(), MSG_DONTWAIT) > 0) {
  }
}

void publish_batches(Publication& publication, const Broker& broker) {
  const Protocol& protocol = broker.protocol;
  const Socket socket = broker.connect_publisher();
  write_all(socket.get(), protocol.publisher_says);
  std::string batch;
  batch.reserve(batch_size);
  const auto add = [&](std::string_view message) {
    ((batch += protocol.before) += message) += protocol.after;
  };
  const auto write = [&] {
    write_all(socket.get(), batch);
    discard_answers(socket);
    batch.clear();
  };
  while (publication.announcing()) {
    add(publication.announcement());
    write();
  }
  do {
    while (const auto message = publication.next()) {
      add(*message);
      const std::size_t frame = protocol.before.size() + message->size() + protocol.after.size();
      if (batch.size() + frame > batch_size) write();
    }
    write();
  } while (publication.again());
}

// The subscribers --------------------------------------------------------------------------------

// In place of a subscriber's place: the publisher has news.
constexpr std::uint64_t nobody = UINT64_MAX;

struct Subscriber {
  Socket socket;
  std::string rest = {};  // of a frame that is not whole yet
  std::uint64_t next = 0;
  bool in_step = false;  // what the broker answers to a greeting is over
  bool heard = false;
};

class Subscribers {
 public:
  /// `count` of them, in this process, which the publisher knows as `known_as`.
  Subscribers(const Broker& broker, const Options& options, std::size_t count, Audience& audience,
              Listeners& known_as);

  /// One wait for whatever arrives.
  void listen();
  [[nodiscard]] bool satisfied() const { return known_as_.slowest == audience_.published; }
  [[nodiscard]] std::uint64_t heard() const;

 private:
  void read_from(Subscriber& one);
  std::size_t take(Subscriber& one, std::string_view bytes);
  void take_other(Subscriber& one, std::string_view bytes, std::size_t& at);
  void take_stock();

  const Protocol& protocol_;
  Audience& audience_;
  Listeners& known_as_;
  const std::size_t frame_size_;
  const Socket events_;
  std::vector<Subscriber> all_;
  std::vector<epoll_event> ready_;
  std::vector<char> buffer_;
};

Subscribers::Subscribers(const Broker& broker, const Options& options, std::size_t count,
                         Audience& audience, Listeners& known_as)
    : protocol_(broker.protocol),
      audience_(audience),
      known_as_(known_as),
      frame_size_(protocol_.delivered_before.size() + options.size +
                  protocol_.delivered_after.size()),
      events_(epoll_create1(EPOLL_CLOEXEC)),
      ready_(count + 1),
      buffer_(frame_size_ + read_size) {
  epoll_event news{EPOLLIN | EPOLLET, {.u64 = nobody}};
  epoll_ctl(events_.get(), EPOLL_CTL_ADD, audience.news, &news);
  all_.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    Subscriber& one = all_.emplace_back(broker.connect_subscriber());
    write_all(one.socket.get(), protocol_.subscriber_says);
    epoll_event event{EPOLLIN, {.u64 = i}};
    epoll_ctl(events_.get(), EPOLL_CTL_ADD, one.socket.get(), &event);
  }
}

void Subscribers::listen() {
  const int count =
      epoll_wait(events_.get(), ready_.data(), static_cast<int>(ready_.size()), patience);
  if (count == 0) {
    fail("lost: the slowest subscriber received " + std::to_string(audience_.slowest()) +
         " messages and gets no more");
  }
  for (const epoll_event& event : std::span(ready_).first(static_cast<std::size_t>(count))) {
    if (event.data.u64 != nobody) read_from(all_[event.data.u64]);
  }
  take_stock();
}

void Subscribers::read_from(Subscriber& one) {
  std::memcpy(buffer_.data(), one.rest.data(), one.rest.size());
  const ssize_t got =
      recv(one.socket.get(), buffer_.data() + one.rest.size(), read_size, MSG_DONTWAIT);
  if (got < 0 && errno == EAGAIN) return;
  if (got < 0) fail_with_errno("recv");
  if (got == 0) fail("the broker has closed the connection of a subscriber");
  const std::string_view bytes(buffer_.data(), one.rest.size() + static_cast<std::size_t>(got));
  one.rest = bytes.substr(take(one, bytes));
}

/// Checks all whole frames; returns how many bytes that were.
std::size_t Subscribers::take(Subscriber& one, std::string_view bytes) {
  std::size_t at = 0;
  if (!one.in_step) {
    at = bytes.find(protocol_.delivered_before);
    if (at == std::string_view::npos) {
      return bytes.size() - std::min(bytes.size(), protocol_.delivered_before.size() - 1);
    }
    one.in_step = true;
  }
  const std::size_t before = protocol_.delivered_before.size();
  while (bytes.size() - at >= frame_size_) {
    if (number_of(bytes.substr(at + before)) == one.next) [[likely]] {
      ++one.next;
      at += frame_size_;
    } else {
      take_other(one, bytes, at);
    }
  }
  return at;
}

/// An announcement, or a word of the broker.
void Subscribers::take_other(Subscriber& one, std::string_view bytes, std::size_t& at) {
  const std::string_view rest = bytes.substr(at);
  if (!protocol_.between.empty() && rest.starts_with(protocol_.between)) {
    at += protocol_.between.size();
  } else if (one.next == 0 &&
             number_of(rest.substr(protocol_.delivered_before.size())) == last_number) {
    one.heard = true;
    at += frame_size_;
  } else {
    fail("lost or out of order: message " +
         std::to_string(number_of(rest.substr(protocol_.delivered_before.size()))) +
         " arrived in place of " + std::to_string(one.next));
  }
}

void Subscribers::take_stock() {
  known_as_.slowest = std::ranges::min_element(all_, {}, &Subscriber::next)->next;
  if (!known_as_.complete) known_as_.complete = std::ranges::all_of(all_, &Subscriber::heard);
  std::uint64_t awaited = audience_.awaited;
  if (awaited == 0 || known_as_.slowest < awaited || audience_.slowest() < awaited) return;
  // The last of them says so; where several are, one does.
  if (audience_.awaited.compare_exchange_strong(awaited, 0)) raise(audience_.room_made);
}

std::uint64_t Subscribers::heard() const {
  std::uint64_t sum = 0;
  for (const Subscriber& one : all_) sum += one.next;
  return sum;
}

void subscribe(Side& side, Subscribers subscribers, Audience& audience, Listeners& known_as) {
  side.ready();
  std::uint64_t heard_before = 0;
  while (!subscribers.satisfied()) {
    subscribers.listen();
    if (audience.warm && !side.began()) {
      heard_before = subscribers.heard();
      side.begin();
      known_as.measuring = true;
    }
  }
  side.end(subscribers.heard() - heard_before);
  known_as.satisfied = true;
}

}  // namespace

// Both -------------------------------------------------------------------------------------------

int run_fanout(int argc, char** argv,
               const std::function<Broker(const Options&, const Directory&)>& make) {
  const Options options = parse_options(argc, argv);
  if (options.mode != "batches" && options.mode != "each") fail("--mode is batches or each");
  if (options.size > largest_message) fail("--size is at most 100 in this work");
  if (options.subscribers == 0) fail("--subscribers is at least 1");
  if (options.processes == 0 || options.processes > options.subscribers ||
      options.processes > Audience::most_processes) {
    fail("--processes is 1 to --subscribers, and at most 1000");
  }
  allow_descriptors(options.subscribers);
  const Directory directory;
  const Broker broker = make(options, directory);
  void* shared =
      mmap(nullptr, sizeof(Audience), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) fail_with_errno("mmap");
  auto& audience = *new (shared) Audience(options.processes);
  const bool each = options.mode == "each";

  Sides sides(options.placement);
  sides.start("server", Core::server, [&](Side&) { broker.serve(); });
  audience.broker = sides.pid("server");
  for (std::size_t i = 0; i < options.processes; ++i) {
    const std::size_t count = options.subscribers * (i + 1) / options.processes -
                              options.subscribers * i / options.processes;
    sides.start("subscribers", Core::client, [&](Side& side) {
      Listeners& known_as = audience.listeners()[i];
      subscribe(side, Subscribers(broker, options, count, audience, known_as), audience, known_as);
    });
  }
  sides.await_ready("subscribers");
  sides.start("publisher", Core::client, [&](Side& side) {
    Publication publication(side, options, audience, !each || !broker.pushes_back);
    if (each && broker.publish_each) {
      broker.publish_each(publication);
    } else {
      publish_batches(publication, broker);
    }
  });
  sides.wait("subscribers");
  sides.wait("publisher");
  sides.terminate("server");

  const Account subscribers = sides.together("subscribers");
  const Account& publisher = sides.account("publisher");
  const std::uint64_t cpu = subscribers.cpu + publisher.cpu;
  const auto count = static_cast<double>(subscribers.messages);
  const double seconds = static_cast<double>(subscribers.ended - publisher.began) / 1e9;
  JsonLine()
      .add("count", subscribers.messages)
      .add("seconds", seconds)
      .add("value", count / seconds)
      .add("unit", "deliveries/s")
      .add("cpu_ns", JsonLine()
                         .add("client", static_cast<double>(cpu) / count)
                         .add("server", static_cast<double>(publisher.server_cpu) / count))
      .add("lost", std::uint64_t{0})
      .print();
  return 0;
}

Broker plain_broker(const Options& options, const std::string& path, std::function<void()> serve) {
  Broker broker{.serve = std::move(serve), .pushes_back = true};
  const auto length = static_cast<std::uint32_t>(options.size);
  broker.protocol.before.assign(reinterpret_cast<const char*>(&length), sizeof length);
  broker.protocol.delivered_before = broker.protocol.before;
  broker.connect_subscriber = [path] { return connect_when_listening(path); };
  broker.connect_publisher = broker.connect_subscriber;
  return broker;
}

void become(std::vector<std::string> command) {
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (std::string& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
  dup2(nowhere, STDOUT_FILENO);
  dup2(nowhere, STDERR_FILENO);
  execv(arguments.front(), arguments.data());
  fail_with_errno(command.front());
}

}  // namespace bench
