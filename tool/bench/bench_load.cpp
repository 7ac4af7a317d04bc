// SPDX-License-Identifier: Apache-2.0
#include "bench/bench_load.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include <hallway/deadline.hpp>
#include <hallway/task_handle.hpp>
#include <hallway/when_any.hpp>

#include "io/escape.hpp"
#include "io/report.hpp"

namespace hallway::tool {

namespace {

using Clock = std::chrono::steady_clock;

/// Bytes in flight in a stream without a rate, per connection and in total. They keep both sides
/// busy, but are few enough that latency does not just measure the queue's length and that many
/// connections do not take much memory.
constexpr std::size_t window_bytes = 256 * kibibyte;
constexpr std::size_t all_windows_bytes = 8 * mebibyte;
constexpr std::size_t least_window = 4;

/// Window of one sender, in messages.
std::size_t window_of(const Load& load) {
  if (load.rate) return SIZE_MAX;
  const std::size_t bytes = std::min(window_bytes, all_windows_bytes / load.connections);
  return std::max(least_window, bytes / load.size);
}

/// Bytes of a wrong answer that the error shows.
constexpr std::size_t shown_of_answer = 40;

/// How long to wait for a probe before sending it again: the server may still be accepting.
constexpr Duration announce_again = std::chrono::milliseconds(100);

/// Processor time that this process has used.
Duration used_cpu() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  return std::chrono::seconds(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
         std::chrono::microseconds(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

}  // namespace

/// A receiver of the messages that a lane sends.
struct LoadRun::Receiver {
  std::optional<Connection> own;  // in a broadcast; otherwise it uses the sender's
  Connection* connection = nullptr;
  Arrivals arrivals;
  TaskHandle receiving;
};

/// One sender and its state. Members that refer to other members are declared after them.
struct LoadRun::Lane {
  Lane(Loop& loop, const Load& load, std::size_t each_goes_to)
      : payload(load.size), flight(each_goes_to), room(loop) {}

  Payload payload;
  Flight flight;
  Pace pace{Moment{}, 0};
  Event room;                            // set when answers have made room in the window
  std::optional<Connection> connection;  // unset in the pattern `connect`
  std::list<Receiver> receivers;
  bool asleep = false;  // waiting until the next message is due, when it is safe to cancel
  TaskHandle sending;
};

LoadRun::LoadRun(Loop& loop, const Load& load, Events& events, Measurement& measurement)
    : loop_(&loop),
      load_(&load),
      events_(&events),
      measurement_(&measurement),
      sending_over_(loop),
      failed_(loop),
      window_(window_of(load)),
      load_tasks_(loop),
      ignoring_(loop) {}

LoadRun::~LoadRun() = default;

Task<> LoadRun::run() {
  const bool ready = co_await prepare();
  if (!ready || sending_over_.is_set()) co_return;
  log_ready();
  const Duration cpu_before = used_cpu();
  measurement_->begin(Clock::now());
  start();
  co_await sending_over_.wait(load_->duration);
  const Moment ended = Clock::now();
  measurement_->sending_ended(ended);
  finish_sending();
  co_await when_any(failed_.wait(), load_tasks_.join());
  measurement_->end();
  const double time = seconds(measurement_->elapsed());
  if (time > 0) measurement_->load_cpu = seconds(used_cpu() - cpu_before) / time;
  sum_up(ended);
}

// Getting ready -----------------------------------------------------------------------------------

Task<bool> LoadRun::prepare() {
  if (load_->pattern == Pattern::broadcast) co_return co_await prepare_broadcast();
  for (std::size_t number = 0; number < load_->connections; ++number) {
    Lane& lane = lanes_.emplace_back(*loop_, *load_, 1);
    Receiver& receiver = lane.receivers.emplace_back();
    if (load_->pattern == Pattern::connect) continue;
    lane.connection = co_await connect();
    if (!lane.connection) co_return false;
    receiver.connection = &*lane.connection;
    const bool answered = co_await try_out(lane);
    if (!answered) co_return false;
  }
  co_return true;
}

void LoadRun::log_ready() {
  const std::string address = load_->target.address.unescaped();
  events_->log(Events::Level::detail, "ready", 0,
               fmt::format("{} to {}", counted(load_->connections, "connection"), address),
               {{"address", address}, {"connections", load_->connections}});
}

/// Checks before the measurement that the server answers on this connection.
Task<bool> LoadRun::try_out(Lane& lane) {
  const Sent sent = co_await lane.connection->send(lane.payload.probe());
  if (!sent) {
    fail(about(load_->target, sent.error(), lane.connection->counters()));
    co_return false;
  }
  const Received received = co_await lane.connection->receive(load_->timeout());
  if (received && *received == lane.payload.probe()) co_return true;
  if (received) {
    fail(not_the_message(*received));
  } else {
    fail(received, *lane.connection);
  }
  co_return false;
}

Task<bool> LoadRun::prepare_broadcast() {
  Lane& lane = lanes_.emplace_back(*loop_, *load_, load_->connections - 1);
  for (std::size_t number = 1; number < load_->connections; ++number) {
    Receiver& receiver = lane.receivers.emplace_back();
    receiver.own = co_await connect();
    if (!receiver.own) co_return false;
    receiver.connection = &*receiver.own;
  }
  // The sender connects last, so that most servers have accepted all receivers before it sends.
  lane.connection = co_await connect();
  if (!lane.connection) co_return false;
  ignoring_.spawn(ignore_answers(*lane.connection));
  co_return co_await announce(lane);
}

/// Sends the probe until each receiver has got it once.
Task<bool> LoadRun::announce(Lane& lane) {
  const Deadline deadline(load_->timeout());
  auto deaf = lane.receivers.begin();
  while (deaf != lane.receivers.end()) {
    if (deadline.passed()) {
      fail(unanswered(fmt::format("not all of {} received the message of another within {}",
                                  counted(load_->connections - 1, "connection"),
                                  write_duration(load_->timeout()))));
      co_return false;
    }
    const Sent sent = co_await lane.connection->send(lane.payload.probe());
    if (!sent) {
      fail(about(load_->target, sent.error(), lane.connection->counters()));
      co_return false;
    }
    for (; deaf != lane.receivers.end(); ++deaf) {
      const Received received = co_await deaf->connection->receive(announce_again);
      if (received.outcome() == Outcome::timed_out) break;
      if (!received) {
        fail(received, *deaf->connection);
        co_return false;
      }
      if (*received != lane.payload.probe()) {
        fail(not_the_message(*received));
        co_return false;
      }
    }
  }
  co_return true;
}

Task<std::optional<Connection>> LoadRun::connect() {
  auto connection = co_await Connection::connect(
      *loop_, load_->target.address,
      {.timeout = load_->timeout(),
       .type = load_->wire.type,
       .connection = {.framing = load_->wire.framing, .limits = load_->wire.limits()},
       .server_uid = load_->target.server_uid,
       .trusted_server = load_->target.requires_trust()});
  if (connection) co_return std::move(*connection);
  fail(connection.error(), true);
  co_return std::nullopt;
}

// Sending and receiving ---------------------------------------------------------------------------

void LoadRun::start() {
  sending_ = true;
  until_ = measurement_->began() + load_->duration;
  const double between = load_->rate ? 1e9 / static_cast<double>(*load_->rate) : 0;
  double offset = 0;
  for (Lane& lane : lanes_) {
    const Moment first = measurement_->began() + Duration(static_cast<std::int64_t>(offset));
    lane.pace = Pace(first, between * static_cast<double>(lanes_.size()));
    offset += between;
    start(lane);
  }
}

void LoadRun::start(Lane& lane) {
  switch (load_->pattern) {
    case Pattern::pingpong: lane.sending = load_tasks_.spawn(converse(lane)); return;
    case Pattern::connect: lane.sending = load_tasks_.spawn(connect_anew(lane)); return;
    case Pattern::stream:
    case Pattern::broadcast:
      for (Receiver& receiver : lane.receivers) {
        receiver.receiving = load_tasks_.spawn(receive_on(lane, receiver));
      }
      lane.sending = load_tasks_.spawn(send_on(lane));
  }
}

Task<> LoadRun::converse(Lane& lane) {
  while (sending_) {
    const Moment due = lane.pace.due(lane.flight.departed());
    if (due >= until_) co_return;
    co_await sleep_until(lane, due);
    const bool answered = co_await exchange(lane, *lane.connection, due);
    if (!answered) co_return;
  }
}

Task<> LoadRun::connect_anew(Lane& lane) {
  while (sending_) {
    const Moment due = lane.pace.due(lane.flight.departed());
    if (due >= until_) co_return;
    co_await sleep_until(lane, due);
    auto connection = co_await connect();
    if (!connection) co_return;
    const bool answered = co_await exchange(lane, *connection, due);
    if (!answered) co_return;
  }
}

/// Sends one message and receives its answer.
Task<bool> LoadRun::exchange(Lane& lane, Connection& connection, Moment due) {
  Receiver& receiver = lane.receivers.front();
  const std::uint64_t number = lane.flight.departed();
  lane.flight.depart(due);
  const Sent sent = co_await connection.send(lane.payload.write(number));
  if (!sent) {
    fail(about(load_->target, sent.error(), connection.counters()));
    co_return false;
  }
  while (receiver.arrivals.settled() <= number) {
    const Received received = co_await connection.receive(load_->timeout());
    if (!received) {
      fail(received, connection);
      co_return false;
    }
    if (!take(lane, receiver, *received)) co_return false;
  }
  co_return true;
}

Task<> LoadRun::send_on(Lane& lane) {
  while (sending_) {
    if (lane.flight.size() >= window_) {
      lane.room.reset();
      co_await lane.room.wait();
      continue;
    }
    const std::uint64_t number = lane.flight.departed();
    const Moment due = lane.pace.due(number);
    if (due >= until_) co_return;
    if (load_->rate) co_await sleep_until(lane, due);
    lane.flight.depart(due);
    const Sent sent = co_await lane.connection->send(lane.payload.write(number));
    if (!sent) {
      fail(about(load_->target, sent.error(), lane.connection->counters()));
      co_return;
    }
  }
}

Task<> LoadRun::receive_on(Lane& lane, Receiver& receiver) {
  while (sending_ || receiver.arrivals.settled() < lane.flight.departed()) {
    const Received received = co_await receiver.connection->receive(load_->timeout());
    if (received.outcome() == Outcome::timed_out) {
      // It is a failure only if a message has been in flight for that long.
      const bool is_due = receiver.arrivals.settled() < lane.flight.departed() &&
                          Clock::now() - lane.flight.oldest() >= load_->timeout();
      if (!is_due) continue;
    }
    if (!received) co_return fail(received, *receiver.connection);
    if (!take(lane, receiver, *received)) co_return;
    if (lane.flight.size() <= window_ / 2) lane.room.set();
  }
}

/// Discards answers: a server may also send a broadcast back to its sender.
Task<> LoadRun::ignore_answers(Connection& connection) {
  while (auto received = co_await connection.receive()) {
  }
}

Task<> LoadRun::sleep_until(Lane& lane, Moment due) {
  // The loop counts from the beginning of its turn, so a sleep may end early: repeat it then.
  for (Duration wait = due - Clock::now(); wait > Duration::zero(); wait = due - Clock::now()) {
    lane.asleep = true;
    co_await loop_->sleep(wait);
    lane.asleep = false;
  }
}

bool LoadRun::take(Lane& lane, Receiver& receiver, ByteView message) {
  const auto number = lane.payload.read(message);
  if (!number) {
    // A probe that announce() sent again although the first one was only late.
    if (message == lane.payload.probe()) return true;
    fail(not_the_message(message));
    return false;
  }
  const auto arrival =
      receiver.arrivals.classify(*number, lane.payload.mask(), lane.flight.departed());
  if (arrival.kind != Arrivals::Kind::next) return true;
  const Moment now = Clock::now();
  for (auto left_out = arrival.first; left_out < arrival.number; ++left_out) {
    lane.flight.arrive(left_out);
  }
  measurement_->record(lane.flight.arrive(arrival.number), now);
  return true;
}

// Ending ------------------------------------------------------------------------------------------

void LoadRun::finish_sending() {
  sending_ = false;
  for (Lane& lane : lanes_) {
    if (lane.asleep) lane.sending.cancel();
    for (Receiver& receiver : lane.receivers) {
      if (receiver.arrivals.settled() == lane.flight.departed()) receiver.receiving.cancel();
    }
  }
}

void LoadRun::sum_up(Moment ended) {
  for (const Lane& lane : lanes_) {
    const std::uint64_t departed = lane.flight.departed();
    measurement_->sent += departed;
    const std::uint64_t due = lane.pace.due_before(std::min(ended, until_));
    if (due > departed) measurement_->unsent += due - departed;
    for (const Receiver& receiver : lane.receivers) {
      const Arrivals& arrivals = receiver.arrivals;
      measurement_->lost += arrivals.lost() + departed - arrivals.settled();
      measurement_->reordered += arrivals.reordered();
      measurement_->repeated += arrivals.repeated();
    }
  }
}

void LoadRun::fail(Error error, bool connecting) {
  if (!failure_) failure_ = Failure{std::move(error), connecting};
  sending_over_.set();
  failed_.set();
}

void LoadRun::fail(const Received& received, const Connection& connection) {
  if (received.outcome() == Outcome::timed_out) {
    return fail(unanswered(timed_out(received.error(), "no answer", load_->timeout()).reason));
  }
  Error error = received.error();
  if (received.outcome() == Outcome::end_of_stream)
    error.reason = "the server closed the connection";
  fail(about(load_->target, std::move(error), connection.counters()));
}

Error LoadRun::not_the_message(ByteView message) const {
  Error error =
      unanswered(fmt::format("the answer differs from the message: {}: {}",
                             counted(message.size(), "byte"), excerpt(message, shown_of_answer)));
  error.code = std::make_error_code(std::errc::bad_message);
  return error;
}

Error LoadRun::unanswered(std::string_view why) const {
  const std::string address = load_->target.address.unescaped();
  Error error = error_of(std::errc::timed_out, "bench", address, why);
  error.hint = load_->pattern == Pattern::broadcast
                   ? "the server must send each message to all other clients, as "
                     "hallway serve --broadcast does"
                   : "the server must answer each message with itself, as "
                     "hallway serve --echo does";
  return error;
}

}  // namespace hallway::tool
