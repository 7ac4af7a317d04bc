// SPDX-License-Identifier: Apache-2.0
#include "unit/faults/c_scenarios.hpp"

#include <hallway.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <hallway/descriptor.hpp>
#include <hallway/error.hpp>
#include <hallway/hub.hpp>
#include <hallway/loop.hpp>

#include "support/raw_socket.hpp"

namespace hallway::test {

namespace {

// Of each answer: as in scenarios.cpp. A loop asks for a while before it sleeps, and then each run
// would make other calls: not here.
constexpr std::int64_t limit = std::chrono::nanoseconds(accepting_limit).count();
constexpr std::int64_t sleeping = 0;

template <auto free>
struct FreedBy {
  template <typename Handle>
  void operator()(Handle* handle) const {
    free(handle);
  }
};
template <typename Handle, auto free>
using Owned = std::unique_ptr<Handle, FreedBy<free>>;

std::unexpected<Error> wrong(std::string_view got) {
  Error error;
  error.code = std::make_error_code(std::errc::bad_message);
  error.operation = wrong_answer;
  error.subject = "'" + std::string(got) + "'";
  return std::unexpected(error);
}

std::unexpected<Error> as_error(hallway_outcome outcome, int code, std::string_view operation,
                                std::string_view subject) {
  if (outcome == HALLWAY_OUT_OF_MEMORY) throw std::bad_alloc();
  Error error;
  error.code = std::error_code(code, std::generic_category());
  // An ordinary outcome names neither.
  error.operation = operation.empty() ? "call" : operation;
  error.subject = subject.empty() ? hallway_outcome_text(outcome) : subject;
  return std::unexpected(error);
}

using OwnedError = Owned<hallway_error, hallway_error_free>;

std::unexpected<Error> as_error(hallway_outcome outcome, const hallway_error* error) {
  return as_error(outcome, hallway_error_code(error), hallway_error_operation(error),
                  hallway_error_subject(error));
}

/// Calls a function whose last argument is the error, and leaves the scenario if it fails.
// NOLINTNEXTLINE(cppcoreguidelines-macro-usage): it returns
#define TRY_C(function, ...)                                                                      \
  do {                                                                                            \
    hallway_error* error_of_call = nullptr;                                                       \
    const hallway_outcome outcome_of_call = function(__VA_ARGS__ __VA_OPT__(, ) & error_of_call); \
    const OwnedError owned_error_of_call(error_of_call);                                          \
    if (outcome_of_call != HALLWAY_OK) return as_error(outcome_of_call, error_of_call);           \
  } while (false)

template <typename Options>
Options* made(Options* options) {
  if (options == nullptr) throw std::bad_alloc();
  return options;
}

// A callback may not throw, and memory may run out in it: what it notes has its place already.

struct Text {
  std::array<char, 256> bytes{};
  std::size_t size = 0;

  void append(std::string_view more) noexcept {
    size += more.copy(bytes.data() + size, bytes.size() - size);
  }
  [[nodiscard]] std::string_view view() const noexcept { return {bytes.data(), size}; }
};

/// What an operation ended with that takes a while.
struct Reported {
  bool called = false;
  hallway_outcome outcome = HALLWAY_OK;
  int code = 0;
  Text operation;
  Text subject;

  void note(hallway_outcome how, const hallway_error* why) noexcept {
    called = true;
    outcome = how;
    if (how == HALLWAY_OK) return;
    code = hallway_error_code(why);
    operation.append(hallway_error_operation(why));
    subject.append(hallway_error_subject(why));
  }
  /// Whether it has ended badly; then as an Error.
  [[nodiscard]] bool has_failed() const noexcept { return called && outcome != HALLWAY_OK; }
  [[nodiscard]] std::unexpected<Error> error() const {
    return as_error(outcome, code, operation.view(), subject.view());
  }
};

/// Turns until `done`, for the time that an answer may take.
template <typename Done>
Result<void> turn_until(hallway_loop* loop, Done done) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::nanoseconds(limit);
  while (!done()) {
    if (std::chrono::steady_clock::now() >= deadline) {
      Error error;
      error.code = std::make_error_code(std::errc::timed_out);
      error.operation = "wait for";
      error.subject = "an answer";
      return std::unexpected(error);
    }
    TRY_C(hallway_loop_turn, loop, 10 * HALLWAY_MILLISECOND, nullptr);
  }
  return {};
}

/// Sends back whatever comes.
void echo(hallway_connection* client, void* /*user*/) {
  std::array<hallway_view, 4> messages{};
  std::size_t count = 0;
  while (hallway_receive(client, messages.data(), messages.size(), &count, nullptr) == HALLWAY_OK) {
    if (hallway_send_many(client, messages.data(), count, nullptr, nullptr) != HALLWAY_OK) {
      hallway_connection_abort(client);
    }
  }
}

/// A server and a connection on one loop.
Result<void> c_echo_on_a_loop(const std::string& directory) {
  struct Client {
    Reported connected;
    hallway_connection* connection = nullptr;
    Text answer;
    bool closed = false;
  } client;
  hallway_loop* loop = nullptr;
  TRY_C(hallway_loop_new, sleeping, &loop);
  const Owned<hallway_loop, hallway_loop_free> owned_loop(loop);
  const Owned<hallway_server_options, hallway_server_options_free> options(
      made(hallway_server_options_new()));
  TRY_C(hallway_server_options_set_path_lost, options.get(), HALLWAY_PATH_LOST_IGNORE);
  hallway_server* server = nullptr;
  TRY_C(
      hallway_server_open, loop, (directory + "/s").c_str(), options.get(),
      [](hallway_connection* connection, void*) {
        hallway_connection_on_readable(connection, echo);
      },
      nullptr, &server);
  const Owned<hallway_server, hallway_server_free> owned_server(server);
  TRY_C(
      hallway_connect, loop, (directory + "/s").c_str(), nullptr,
      [](hallway_connection* connection, hallway_outcome outcome, const hallway_error* error,
         void* user) {
        auto* mine = static_cast<Client*>(user);
        mine->connected.note(outcome, error);
        mine->connection = connection;
        if (connection == nullptr) return;
        hallway_connection_on_readable(connection, [](hallway_connection* from, void* whose) {
          hallway_view message;
          std::size_t count = 0;
          while (hallway_receive(from, &message, 1, &count, nullptr) == HALLWAY_OK) {
            static_cast<Client*>(whose)->answer.append({message.data, message.size});
          }
        });
        hallway_connection_on_closed(connection, [](hallway_connection*, hallway_outcome,
                                                    const hallway_error*, void* whose) {
          static_cast<Client*>(whose)->closed = true;
          static_cast<Client*>(whose)->connection = nullptr;
        });
      },
      &client);
  if (auto turned = turn_until(loop, [&] { return client.connected.called; }); !turned)
    return turned;
  if (client.connected.has_failed()) return client.connected.error();
  for (const char* question : {"one", "a second question, too long for any small buffer", "3"}) {
    client.answer = {};
    const hallway_view view = hallway_text(question);
    TRY_C(hallway_send, client.connection, view.data, view.size);
    auto turned =
        turn_until(loop, [&] { return client.closed || client.answer.size >= view.size; });
    if (!turned) return turned;
    if (client.closed) {
      Error error;
      error.code = std::make_error_code(std::errc::connection_reset);
      error.operation = "receive from";
      error.subject = "the server";
      return std::unexpected(error);
    }
    if (client.answer.view() != question) return wrong(client.answer.view());
  }
  TRY_C(hallway_loop_drain, loop, limit);
  TRY_C(hallway_loop_run, loop, nullptr);
  return {};
}

/// A client without a loop, whose peer is on one, and a descriptor that goes there and back.
Result<void> c_client_without_a_loop(const std::string& /*directory*/) {
  hallway_loop* loop = nullptr;
  TRY_C(hallway_loop_new, sleeping, &loop);
  const Owned<hallway_loop, hallway_loop_free> owned_loop(loop);
  int first = -1;
  int second = -1;
  TRY_C(hallway_socket_pair, HALLWAY_STREAM, &first, &second);
  Descriptor near = Descriptor::adopt(first);
  Descriptor far = Descriptor::adopt(second);
  const Owned<hallway_connection_options, hallway_connection_options_free> options(
      made(hallway_connection_options_new()));
  hallway_connection_options_set_descriptors(options.get(), 1);
  hallway_client* client = nullptr;
  TRY_C(hallway_client_adopt, near.release(), options.get(), nullptr, &client);
  const Owned<hallway_client, hallway_client_free> owned_client(client);
  hallway_client_set_spin(client, 0);
  hallway_connection* other = nullptr;
  TRY_C(hallway_adopt, loop, far.release(), options.get(), nullptr, &other);
  hallway_connection_on_readable(other, [](hallway_connection* from, void*) {
    hallway_view message;
    std::size_t count = 0;
    while (hallway_receive(from, &message, 1, &count, nullptr) == HALLWAY_OK) {
      int descriptor = -1;
      const std::size_t got = hallway_connection_take_descriptors(from, &descriptor, 1);
      if (hallway_send_descriptors(from, message.data, message.size, &descriptor, got, nullptr) !=
          HALLWAY_OK) {
        hallway_connection_abort(from);
        return;
      }
    }
  });
  const int file = some_file().release();
  TRY_C(hallway_client_send_descriptors, client, "file", 4, &file, 1, limit);
  for (int i = 0; i < 4; ++i) TRY_C(hallway_loop_turn, loop, 0, nullptr);
  hallway_view answer;
  std::size_t count = 0;
  TRY_C(hallway_client_receive, client, &answer, 1, &count, limit);
  if (const std::string_view bytes(answer.data, answer.size); bytes != "file") return wrong(bytes);
  int back = -1;
  if (hallway_client_take_descriptors(client, &back, 1) == 1) {
    const Descriptor owned = Descriptor::adopt(back);
  }
  return {};
}

Result<void> c_datagrams(const std::string& directory) {
  struct Exchange {
    Text question;
    Text answer;
    Reported sent;
    Reported answered;
    bool out_of_memory = false;
  } exchange;
  hallway_loop* loop = nullptr;
  TRY_C(hallway_loop_new, sleeping, &loop);
  const Owned<hallway_loop, hallway_loop_free> owned_loop(loop);
  const Owned<hallway_datagram_options, hallway_datagram_options_free> options(
      made(hallway_datagram_options_new()));
  TRY_C(hallway_datagram_options_set_path_lost, options.get(), HALLWAY_PATH_LOST_IGNORE);
  hallway_datagram_socket* server = nullptr;
  TRY_C(
      hallway_datagram_socket_bind, loop, (directory + "/s").c_str(), options.get(),
      [](hallway_datagram_socket* socket, hallway_datagram* datagram, void* user) {
        auto* mine = static_cast<Exchange*>(user);
        const hallway_view bytes = hallway_datagram_bytes(datagram);
        mine->question.append({bytes.data, bytes.size});
        const Owned<hallway_return_address, hallway_return_address_free> to(
            hallway_return_address_new(datagram));
        if (to == nullptr) {
          mine->out_of_memory = true;
          return;
        }
        const hallway_outcome outcome = hallway_datagram_socket_answer(
            socket, to.get(), "answer", 6, nullptr, 0, limit,
            [](hallway_datagram_socket*, hallway_outcome how, const hallway_error* error,
               void* whose) { static_cast<Exchange*>(whose)->answered.note(how, error); },
            mine, nullptr);
        if (outcome == HALLWAY_OUT_OF_MEMORY) mine->out_of_memory = true;
      },
      &exchange, &server);
  const Owned<hallway_datagram_socket, hallway_datagram_socket_free> owned_server(server);
  hallway_datagram_socket* client = nullptr;
  TRY_C(
      hallway_datagram_socket_connect, loop, (directory + "/s").c_str(), nullptr,
      [](hallway_datagram_socket*, hallway_datagram* datagram, void* user) {
        const hallway_view bytes = hallway_datagram_bytes(datagram);
        static_cast<Exchange*>(user)->answer.append({bytes.data, bytes.size});
      },
      &exchange, &client);
  const Owned<hallway_datagram_socket, hallway_datagram_socket_free> owned_client(client);
  TRY_C(
      hallway_datagram_socket_send, client, nullptr, "question", 8, nullptr, 0, limit,
      [](hallway_datagram_socket*, hallway_outcome outcome, const hallway_error* error,
         void* user) { static_cast<Exchange*>(user)->sent.note(outcome, error); },
      &exchange);
  auto turned = turn_until(loop, [&] {
    return exchange.answer.size > 0 || exchange.out_of_memory || exchange.sent.has_failed() ||
           exchange.answered.has_failed();
  });
  if (exchange.out_of_memory) throw std::bad_alloc();
  if (exchange.sent.has_failed()) return exchange.sent.error();
  if (exchange.answered.has_failed()) return exchange.answered.error();
  if (!turned) return turned;
  if (exchange.question.view() != "question") return wrong(exchange.question.view());
  if (exchange.answer.view() != "answer") return wrong(exchange.answer.view());
  return {};
}

/// A child that sends back what it reads.
Result<void> c_child_process(const std::string& /*directory*/) {
  struct Cat {
    Text answer;
    bool closed = false;
    Reported exited;
    int status = -1;
  } cat;
  hallway_loop* loop = nullptr;
  TRY_C(hallway_loop_new, sleeping, &loop);
  const Owned<hallway_loop, hallway_loop_free> owned_loop(loop);
  /// A child that is let go of ends with its connection, and is reaped while the loop lives.
  struct Reaping {
    hallway_loop* loop;
    ~Reaping() {
      const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
      siginfo_t info{};
      while (::waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
             std::chrono::steady_clock::now() < deadline) {
        (void)hallway_loop_turn(loop, 10 * HALLWAY_MILLISECOND, nullptr, nullptr);
      }
    }
  } const reaping{loop};
  const std::array<const char*, 2> command{"cat", nullptr};
  hallway_child* child = nullptr;
  TRY_C(
      hallway_child_spawn, loop, command.data(), nullptr,
      [](hallway_child*, int code, int, hallway_outcome outcome, const hallway_error* error,
         void* user) {
        static_cast<Cat*>(user)->status = code;
        static_cast<Cat*>(user)->exited.note(outcome, error);
      },
      &cat, &child);
  const Owned<hallway_child, hallway_child_free> owned_child(child);
  hallway_connection* connection = hallway_child_connection(child);
  hallway_connection_on_readable(connection, [](hallway_connection* from, void* user) {
    hallway_view message;
    std::size_t count = 0;
    while (hallway_receive(from, &message, 1, &count, nullptr) == HALLWAY_OK) {
      static_cast<Cat*>(user)->answer.append({message.data, message.size});
    }
  });
  hallway_connection_on_closed(
      connection, [](hallway_connection*, hallway_outcome, const hallway_error*, void* user) {
        static_cast<Cat*>(user)->closed = true;
      });
  TRY_C(hallway_send, connection, "question", 8);
  if (auto turned = turn_until(loop, [&] { return cat.closed || cat.answer.size >= 8; }); !turned)
    return turned;
  if (!cat.closed) {
    if (cat.answer.view() != "question") return wrong(cat.answer.view());
    hallway_connection_half_close(connection);
  }
  if (auto turned = turn_until(loop, [&] { return cat.exited.called; }); !turned) return turned;
  if (cat.exited.has_failed()) return cat.exited.error();
  return {};
}

/// A client of a hub, which has a loop of its own.
Result<void> c_client_of_a_hub(const std::string& directory) {
  struct Client {
    hallway_loop_hub_client* handle = nullptr;
    Reported connected;
    Reported answered;
    Reported flushed;
    Text received;
    bool ended = false;
  } client;
  Loop loop_of_hub(LoopOptions{.spin = Duration::zero()});
  HubOptions hub_options{.on_path_lost = PathLost::ignore};
  auto hub = Hub::start(loop_of_hub, directory + "/s", std::move(hub_options));
  if (!hub) return std::unexpected(hub.error());
  hallway_loop* loop = nullptr;
  TRY_C(hallway_loop_new, sleeping, &loop);
  const Owned<hallway_loop, hallway_loop_free> owned_loop(loop);
  const auto until = [&](auto done) {
    return turn_until(loop, [&] {
      loop_of_hub.turn();
      return done();
    });
  };
  TRY_C(
      hallway_loop_hub_client_connect, loop, (directory + "/s").c_str(), nullptr,
      [](hallway_loop_hub_client* made, hallway_outcome outcome, const hallway_error* error,
         void* user) {
        static_cast<Client*>(user)->handle = made;
        static_cast<Client*>(user)->connected.note(outcome, error);
      },
      &client);
  auto turned = until([&] { return client.connected.called; });
  const Owned<hallway_loop_hub_client, hallway_loop_hub_client_free> owned_client(client.handle);
  if (!turned) return turned;
  if (client.connected.has_failed()) return client.connected.error();
  hallway_loop_subscription* subscription = nullptr;
  TRY_C(
      hallway_loop_hub_client_subscribe, client.handle, hallway_text("a.>"), nullptr,
      [](hallway_loop_subscription* from, void* user) {
        const hallway_hub_message* message = nullptr;
        std::size_t count = 0;
        while (hallway_loop_subscription_receive(from, &message, 1, &count, nullptr) ==
               HALLWAY_OK) {
          const hallway_view payload = hallway_hub_message_payload(message);
          static_cast<Client*>(user)->received.append({payload.data, payload.size});
        }
      },
      [](hallway_loop_subscription*, hallway_outcome, const hallway_error*, void* user) {
        static_cast<Client*>(user)->ended = true;
      },
      &client, &subscription);
  const hallway_field field{hallway_text("Name"), hallway_text("value")};
  TRY_C(hallway_loop_hub_client_publish_with, client.handle, hallway_text("a.b"), {}, &field, 1,
        "payload", 7);
  TRY_C(
      hallway_loop_hub_client_flush, client.handle, limit,
      [](hallway_loop_hub_client*, hallway_outcome outcome, const hallway_error* error,
         void* user) { static_cast<Client*>(user)->flushed.note(outcome, error); },
      &client);
  TRY_C(
      hallway_loop_hub_client_request, client.handle, hallway_text("nobody"), "", 0, limit,
      [](hallway_loop_hub_client*, const hallway_hub_message*, hallway_outcome outcome,
         const hallway_error* error,
         void* user) { static_cast<Client*>(user)->answered.note(outcome, error); },
      &client);
  turned = until([&] {
    return client.answered.called && client.flushed.called &&
           (client.ended || client.received.size >= 7);
  });
  if (client.flushed.has_failed()) return client.flushed.error();
  if (!turned) return turned;
  if (client.answered.outcome != HALLWAY_NO_RESPONDERS) {
    if (client.answered.has_failed()) return client.answered.error();
    return wrong("an answer");
  }
  if (!client.ended && client.received.view() != "payload") return wrong(client.received.view());
  return {};
}

constexpr std::array scenarios{
    Scenario{.title = "c_echo_on_a_loop", .run = c_echo_on_a_loop},
    Scenario{.title = "c_client_without_a_loop", .run = c_client_without_a_loop},
    Scenario{.title = "c_datagrams", .run = c_datagrams, .stream = false},
    Scenario{.title = "c_child_process", .run = c_child_process},
    Scenario{.title = "c_client_of_a_hub", .run = c_client_of_a_hub},
};

}  // namespace

std::span<const Scenario> c_scenarios() { return scenarios; }

}  // namespace hallway::test
