// SPDX-License-Identifier: Apache-2.0
#include "unit/faults/scenarios.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <new>
#include <optional>
#include <ostream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <hallway/hallway.hpp>

#include "net/listener_handover.hpp"
#include "support/conversation.hpp"
#include "support/faults.hpp"
#include "support/processes.hpp"
#include "support/raw_socket.hpp"
#include "unit/faults/allocations.hpp"

namespace hallway::test {

namespace {

// Of the run that is going on.
Duration limit = accepting_limit;

// What watches a name takes the kernel 10 ms to close, so that only those scenarios have it whose
// matter it is.
constexpr PathLost unwatched = PathLost::ignore;

// Who asks before he sleeps makes as many calls as there is time for; here each run makes the same.
const LoopOptions sleeping{.spin = Duration::zero()};

std::unexpected<Error> wrong(std::string_view got) {
  Error error;
  error.code = std::make_error_code(std::errc::bad_message);
  error.operation = wrong_answer;
  error.subject = "'" + std::string(got) + "'";
  return std::unexpected(error);
}

template <typename T>
std::unexpected<Error> error_of(const T& failed) {
  return std::unexpected<Error>(failed.error());
}

Task<Result<void>> ask(Connection& connection) {
  for (const char* question : {"one", "a second question, too long for any small buffer", "3"}) {
    const Received reply = co_await connection.request(question, limit);
    // Closed here, by an owner who has gone on to his end: nobody is left to be asked for words.
    if (reply.outcome() == Outcome::closed) co_return wrong("an end");
    if (!reply) co_return error_of(reply);
    if (reply->bytes() != question) co_return wrong(reply->bytes());
  }
  co_return Result<void>();
}

Task<Result<void>> connect_and_ask(Loop& loop, std::string address, ConnectOptions options) {
  options.timeout = limit;
  auto connected = co_await Connection::connect(loop, address, options);
  if (!connected) co_return error_of(connected);
  co_return co_await ask(*connected);
}

/// Serves until the client has its answers, then drains.
Result<void> serve_one(Loop& loop, const std::string& address, ServerOptions options,
                       ConnectOptions client = {}) {
  client.type = options.type;
  auto server = Server::open(loop, address, echo, std::move(options));
  if (!server) return error_of(server);
  auto asked = loop.run(connect_and_ask(loop, address, client));
  loop.drain(limit);
  loop.run();
  return asked;
}

Result<void> echo_over_a_stream(const std::string& directory) {
  Loop loop(sleeping);
  return serve_one(loop, directory + "/s", {.on_path_lost = unwatched});
}

/// Speaks the protocol line by line: to a hub, a payload is what comes with its line.
Task<Result<void>> publish_and_receive(Loop& loop, std::string address) {
  auto connected = co_await Connection::connect(loop, address, {.timeout = limit});
  if (!connected) co_return error_of(connected);
  Connection& client = *connected;
  const Received info = co_await client.receive(limit);
  if (!info) co_return error_of(info);
  for (const char* line : {"CONNECT {\"verbose\":false,\"headers\":true}", "SUB > 1", "SUB a 2",
                           "PUB a 2\r\nhi\r", "PUB b 2\r\nho\r", "UNSUB 2", "PING"}) {
    const Sent sent = co_await client.send(line);
    if (!sent) co_return error_of(sent);
  }
  int deliveries = 0;
  int identity_fields = 0;
  while (true) {
    const Received received = co_await client.receive(limit);
    if (!received) co_return error_of(received);
    if (received->bytes() == "PONG") break;
    if (received->bytes() == "hi" || received->bytes() == "ho") ++deliveries;
    if (received->bytes().starts_with("Hallway-")) ++identity_fields;
  }
  if (deliveries != 3) co_return wrong(std::to_string(deliveries) + " deliveries");
  // Without the calls it takes, nobody knows the executable.
  if (identity_fields != 6 && identity_fields != 4)
    co_return wrong(std::to_string(identity_fields) + " identity fields");
  co_return Result<void>();
}

/// Matching, a shared line and one apart, a stamp, and a rule.
Result<void> a_hub(const std::string& directory) {
  Loop loop(sleeping);
  HubOptions options{.on_path_lost = unwatched};
  options.rules.stamped = {"a"};
  options.rules.permissions = {{{allow::any()}, {.allow = {{">"}}, .deny = {"c"}}, {}}};
  auto hub = Hub::start(loop, directory + "/s", std::move(options));
  if (!hub) return error_of(hub);
  auto received = loop.run(publish_and_receive(loop, directory + "/s"));
  loop.drain(limit);
  loop.run();
  return received;
}

HubOptions retaining_hub(bool takeover = false) {
  HubOptions options{.on_path_lost = unwatched, .takeover = takeover};
  options.rules.retain.push_back({.subjects = {">"}});
  return options;
}

/// Sends lines to a hub, and receives until it answers the PING that follows. How often the value
/// "hi" came; no other may.
Task<Result<void>> tell_hub(Loop& loop, std::string address, std::vector<std::string> lines,
                            int& values) {
  auto connected = co_await Connection::connect(loop, address, {.timeout = limit});
  if (!connected) co_return error_of(connected);
  Connection& client = *connected;
  const Received info = co_await client.receive(limit);
  if (!info) co_return error_of(info);
  lines.insert(lines.begin(), "CONNECT {\"verbose\":false,\"headers\":true}");
  lines.emplace_back("PING");
  for (const std::string& line : lines) {
    const Sent sent = co_await client.send(line);
    if (!sent) co_return error_of(sent);
  }
  bool aged = false;
  while (true) {
    const Received received = co_await client.receive(limit);
    if (!received) co_return error_of(received);
    if (received->bytes() == "PONG") break;
    if (received->bytes() == "ho") co_return wrong("a value that was deleted");
    if (received->bytes().starts_with("Hallway-Retained: ")) aged = true;
    if (received->bytes() == "hi") ++values;
  }
  if (values > 1 || (values == 1 && !aged)) co_return wrong("a value without its age");
  co_return Result<void>();
}

/// Publishes to one hub, lets another take its place in between, and subscribes there.
template <typename Between>
Result<void> retain(Loop& loop, const std::string& address, Between between) {
  int values = 0;
  if (auto told = loop.run(
          tell_hub(loop, address, {"PUB a 2\r\nhi\r", "PUB b 2\r\nho\r", "PUB b 0\r\n\r"}, values));
      !told)
    return told;
  if (auto went_on = between(); !went_on) return went_on;
  if (auto told = loop.run(tell_hub(loop, address, {"SUB > 1"}, values)); !told) return told;
  if (values == 1) return {};
  // For lack of memory, a value is not retained or not passed on.
  return std::unexpected(Error{
      std::make_error_code(std::errc::not_enough_memory), "retain", "a value", "it is lost", {}});
}

Result<void> retained_values(const std::string& directory) {
  Loop loop(sleeping);
  auto hub = Hub::start(loop, directory + "/s", retaining_hub());
  if (!hub) return error_of(hub);
  auto retained = retain(loop, directory + "/s", [] { return Result<void>(); });
  loop.drain(limit);
  loop.run();
  return retained;
}

Result<void> echo_over_seqpacket(const std::string& directory) {
  Loop loop(sleeping);
  return serve_one(loop, directory + "/s",
                   {.type = SocketType::seqpacket, .on_path_lost = unwatched});
}

/// Rules, groups and pidfds, which an address without permissions needs.
Result<void> abstract_name(const std::string& directory) {
  Loop loop(sleeping);
  const std::string address =
      "@hallway-faults-" + std::filesystem::path(directory).filename().string();
  return serve_one(loop, address, {.allow = {allow::gid(::getegid())}});
}

// Longer than sun_path.
constexpr auto* long_name =
    "a_name_that_no_sockaddr_un_holds_because_it_is_longer_than_the_one_hundred_and_eight_bytes_"
    "that_it_has_for_one_and_so_has_to_be_reached_in_another_way";

/// A name that fits no sun_path, with a mode and a group of its own.
Result<void> long_name_with_an_owner(const std::string& directory) {
  Loop loop(sleeping);
  return serve_one(
      loop, directory + "/" + long_name,
      {.file = {.mode = 0660, .group = std::to_string(::getegid())}, .on_path_lost = unwatched});
}

Result<void> takeover_of_a_stale_socket(const std::string& directory) {
  raw_bound(SOCK_STREAM, directory + "/s").close();
  Loop loop(sleeping);
  return serve_one(loop, directory + "/s", {.on_path_lost = unwatched});
}

Result<void> serve_what_is_inherited(const std::string& path, int number) {
  Loop loop(sleeping);
  auto server = Server::open(loop, "fd:" + std::to_string(number), echo);
  if (!server) return error_of(server);
  auto asked = loop.run(connect_and_ask(loop, path, {}));
  loop.drain(limit);
  loop.run();
  return asked;
}

Result<void> inherited_listener(const std::string& directory) {
  struct Inherited {
    std::string path;
    int number = ::dup(raw_listening(SOCK_STREAM, path).get());  // not close-on-exec
    ~Inherited() {
      if (is_open(number)) ::close(number);  // it was not taken over
      ::unlink(path.c_str());                // and its name was never the library's
    }
  } const inherited{directory + "/s"};
  return serve_what_is_inherited(inherited.path, inherited.number);
}

Task<Result<void>> receive_broadcast(Connection listening) {
  const Received message = co_await listening.receive(limit);
  if (!message) co_return error_of(message);
  if (message->bytes() != "message") co_return wrong(message->bytes());
  co_return Result<void>();
}

Task<> receive_broadcast_into(Connection listening, Result<void>& result, int& running) {
  result = co_await receive_broadcast(std::move(listening));
  --running;
}

Result<void> broadcast_to(Loop& loop, const std::string& path, OverflowPolicy policy,
                          std::size_t loops = 1) {
  const auto pass_on = [](Connection connection) -> Task<> {
    while (auto message = co_await connection.receive()) co_await connection.broadcast(*message);
  };
  auto server =
      Server::open(loop, path, pass_on,
                   {.connection = {.overflow = policy}, .on_path_lost = unwatched, .loops = loops});
  if (!server) return error_of(server);
  std::array<Result<void>, 2> results;
  int running = 0;
  for (Result<void>& result : results) {
    auto connected = loop.run(Connection::connect(loop, path, {.timeout = limit}));
    if (!connected) return error_of(connected);
    ++running;
    loop.spawn(receive_broadcast_into(std::move(*connected), result, running));
  }
  auto sender = loop.run(Connection::connect(loop, path, {.timeout = limit}));
  if (!sender) return error_of(sender);
  const auto deadline = Loop::Clock::now() + limit;
  while (server->connections() < 3 && Loop::Clock::now() < deadline && running == 2) {
    loop.turn(10ms);
  }
  if (const Sent sent = sender->try_send("message"); !sent) return error_of(sent);
  while (running > 0) loop.turn(10ms);
  for (const Result<void>& result : results) {
    if (!result) return result;
  }
  loop.drain(limit);
  loop.run();
  return {};
}

Result<void> broadcast(const std::string& directory) {
  Loop loop(sleeping);
  return broadcast_to(loop, directory + "/s", OverflowPolicy::disconnect);
}

Result<void> broadcast_that_drops(const std::string& directory) {
  Loop loop(sleeping);
  return broadcast_to(loop, directory + "/s", OverflowPolicy::drop_oldest);
}

Result<void> broadcast_between_loops(const std::string& directory) {
  Loop loop(sleeping);
  return broadcast_to(loop, directory + "/s", OverflowPolicy::wait, 3);
}

Task<Result<void>> exchange_datagrams(Loop& loop, const std::string& path) {
  auto receiver = DatagramSocket::bind(loop, path, {.descriptors = 1});
  if (!receiver) co_return error_of(receiver);
  auto sender = DatagramSocket::connect(loop, path);
  if (!sender) co_return error_of(sender);
  const Result<void> asked = co_await sender->send("question", limit);
  if (!asked) co_return asked;
  auto question = co_await receiver->receive(limit);
  if (!question) co_return error_of(question);
  if (*question != "question") co_return wrong(question->bytes());

  const ReturnAddress back = question->return_address();
  const Result<void> answered = co_await receiver->answer(back, "answer", {}, limit);
  if (!answered) co_return answered;
  auto answer = co_await sender->receive(limit);
  if (!answer) co_return error_of(answer);
  if (*answer != "answer") co_return wrong(answer->bytes());

  std::vector<Descriptor> passed;
  passed.push_back(some_file());
  const Result<void> given =
      co_await sender->send_to(receiver->address(), "file", std::move(passed), limit);
  if (!given) co_return given;
  auto file = co_await receiver->receive(limit);
  if (!file) co_return error_of(file);
  // Descriptors may be lost, and then the datagram says so.
  const bool complete = file->descriptors().size() == 1 || file->descriptors_lost();
  if (*file != "file" || !complete) co_return wrong(file->bytes());
  co_return Result<void>();
}

Result<void> datagrams(const std::string& directory) {
  Loop loop(sleeping);
  return loop.run(exchange_datagrams(loop, directory + "/s"));
}

/// Sends back whatever comes, descriptors included.
Task<> give_back(Connection connection) {
  while (true) {
    Received message = co_await connection.receive();
    if (!message || message->descriptors_lost()) co_return;
    std::vector<Descriptor> descriptors;
    for (Descriptor& one : message->descriptors()) descriptors.push_back(std::move(one));
    co_await connection.send(*message, std::move(descriptors));
  }
}

Task<Result<void>> pass_a_descriptor(Loop& loop, std::string address) {
  auto connected = co_await Connection::connect(
      loop, address, {.timeout = limit, .connection = {.descriptors = 1}});
  if (!connected) co_return error_of(connected);
  const Sent sent = co_await connected->send("file", some_file());
  if (!sent) co_return error_of(sent);
  Received back = co_await connected->receive(limit);
  if (!back) co_return error_of(back);
  const bool complete = back->descriptors().size() == 1 || back->descriptors_lost();
  if (back->bytes() != "file" || !complete) co_return wrong(back->bytes());
  co_return co_await ask(*connected);
}

Result<void> descriptor_passing(const std::string& directory) {
  Loop loop(sleeping);
  auto server = Server::open(loop, directory + "/s", give_back,
                             {.connection = {.descriptors = 1}, .on_path_lost = unwatched});
  if (!server) return error_of(server);
  auto passed = loop.run(pass_a_descriptor(loop, directory + "/s"));
  loop.drain(limit);
  loop.run();
  return passed;
}

Result<void> drain_by_a_signal(const std::string& directory) {
  Loop loop(sleeping);
  auto server = Server::open(loop, directory + "/s", echo, {.on_path_lost = unwatched});
  if (!server) return error_of(server);
  if (auto claimed = loop.drain_on({SIGUSR1}); !claimed) return error_of(claimed);
  auto connected = loop.run(Connection::connect(loop, directory + "/s", {.timeout = limit}));
  if (!connected) return error_of(connected);
  // The signal comes in the turn after the one that writes the question. The answer is awaited also
  // during a drain.
  const Received reply = loop.run([](Connection& connection) -> Task<Received> {
    Loop& its_loop = connection.loop();
    its_loop.post([&its_loop] { its_loop.post([] { std::raise(SIGUSR1); }); });
    co_return co_await connection.request("last words", limit);
  }(*connected));
  if (!reply) return error_of(reply);
  if (reply->bytes() != "last words") return wrong(reply->bytes());
  connected->close();
  loop.run();
  return {};
}

/// Whether a child is still there, or ended and not reaped.
bool unreaped(int pid) {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

Result<void> child_process(const std::string& /*directory*/) {
  Loop loop(sleeping);
  std::optional<int> pid;
  const auto converse = [&]() -> Result<void> {
    auto child = Child::spawn(loop, {"cat"});
    if (!child) return error_of(child);
    pid = child->pid();
    if (auto asked = loop.run(ask(child->connection())); !asked) return asked;
    child->connection().half_close();
    auto ended = loop.run(child->wait());
    if (!ended) return error_of(ended);
    return ended->success() ? Result<void>() : wrong(ended->to_string());
  };
  struct Reaping {
    Loop& loop;
    const std::optional<int>& pid;
    // A child that is let go of ends with its connection, and is reaped while the loop lives.
    ~Reaping() {
      // On a busy machine it may take long before it has even started.
      const auto deadline = Loop::Clock::now() + 10s;
      while (pid && unreaped(*pid) && Loop::Clock::now() < deadline) {
        try {
          loop.turn(10ms);
        } catch (const std::bad_alloc&) {
        }
      }
    }
  } const reaping{loop, pid};
  return converse();
}

/// @param interrupt  of the client, which it then also ends a wait of; null: it has none
Result<void> converse_without_a_loop(const std::string& directory, Interrupt* interrupt) {
  struct Name {
    std::string path;
    ~Name() { ::unlink(path.c_str()); }
  } const name{directory + "/s"};
  const Descriptor listener = raw_listening(SOCK_STREAM, name.path);
  auto client = Client::connect(name.path, {.timeout = limit}, interrupt);
  if (!client) return error_of(client);
  const auto peer = Descriptor::adopt(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  for (const std::string text : {"one", "and another one that is longer than any small string"}) {
    if (const Sent sent = client->send(text, limit); !sent) return error_of(sent);
    const RawReception received = raw_receive(peer.get());
    raw_send(peer.get(), received.bytes);
    const Received reply = client->receive(limit);
    if (!reply) return error_of(reply);
    if (reply->bytes() != text) return wrong(reply->bytes());
  }
  if (interrupt != nullptr) {
    const Received none = client->receive(1ms);
    if (none.outcome() != Outcome::timed_out) return error_of(none);
    interrupt->trigger();
    const Received ended = client->receive(limit);
    if (ended.error().code != std::errc::interrupted) return error_of(ended);
  }
  client->half_close();
  return {};
}

Result<void> blocking_client(const std::string& directory) {
  return converse_without_a_loop(directory, nullptr);
}

Result<void> interruptible_client(const std::string& directory) {
  auto interrupt = Interrupt::create([] { return true; });
  if (!interrupt) return error_of(interrupt);
  return converse_without_a_loop(directory, &*interrupt);
}

Result<void> foreign_loop(const std::string& directory) {
  Loop loop(sleeping);
  Result<void> asked;
  bool done = false;
  const int descriptor = loop.descriptor();
  if (loop.error()) return std::unexpected(*loop.error());
  auto server = Server::open(loop, directory + "/s", echo, {.on_path_lost = unwatched});
  if (!server) return error_of(server);
  const auto client = [](Loop& on, std::string path, Result<void>& result, bool& end) -> Task<> {
    co_await on.sleep(1ms);
    result = co_await connect_and_ask(on, path, {});
    end = true;
  };
  loop.spawn(client(loop, directory + "/s", asked, done));
  const auto deadline = Loop::Clock::now() + 4s;
  while (!done && Loop::Clock::now() < deadline) {
    if (loop.error()) return std::unexpected(*loop.error());
    pollfd waited{descriptor, POLLIN, 0};
    ::poll(&waited, 1, 2000);
    loop.turn();
  }
  return done ? asked : wrong("nothing, because the loop did not wake");
}

/// Somebody removes the socket file, and the server binds the name anew.
Result<void> lost_path(const std::string& directory) {
  Loop loop(sleeping);
  bool regained = false;
  const auto note = [&](const ServerEvent& event) {
    regained = regained || event.kind == ServerEvent::Kind::path_regained;
  };
  const std::string path = directory + "/s";
  auto server = [&] {
    const Faultless so_far;  // how a server begins is the others' matter
    return Server::open(loop, path, echo, {.on_path_lost = PathLost::rebind, .on_event = note});
  }();
  if (!server) return error_of(server);
  ::unlink(path.c_str());
  const auto deadline = Loop::Clock::now() + limit;
  while (!regained && Loop::Clock::now() < deadline) loop.turn(10ms);
  auto asked = loop.run(connect_and_ask(loop, path, {}));
  loop.drain(limit);
  loop.run();
  return asked;
}

/// Another process that serves the same name and hands it over or takes it over. Told to stop, it
/// drains and leaves nothing behind; no fault is its own.
class OtherServer {
 public:
  enum class Kind : std::uint8_t { echo, hub };

  /// Begins once `begin` says something.
  OtherServer(const std::string& path, const Descriptor& begin, Kind kind = Kind::echo)
      : process_([&](const ForkedProcess::Say& say) {
          const Faultless no_call_fails;
          const FailingAllocation none(0);
          if (raw_receive(begin.get(), 1, true).result == 1) serve(path, kind, say);
        }) {}
  OtherServer(const OtherServer&) = delete;
  OtherServer& operator=(const OtherServer&) = delete;
  ~OtherServer() {
    ::kill(process_.pid(), SIGTERM);
    process_.wait();
  }

  /// Waits until it serves, or says why not.
  Result<void> serving() {
    const std::string line = process_.line();
    if (line == "serving") return {};
    return std::unexpected(
        Error{std::make_error_code(std::errc::operation_canceled), "wait for", "other", line, {}});
  }

 private:
  static void serve(const std::string& path, Kind kind, const ForkedProcess::Say& say) {
    Loop loop(sleeping);
    if (auto claimed = loop.drain_on({SIGTERM}); !claimed) return say(claimed.error().explain());
    if (kind == Kind::hub) return run(loop, Hub::start(loop, path, retaining_hub(true)), say);
    run(loop, Server::open(loop, path, echo, {.on_path_lost = unwatched, .takeover = true}), say);
  }

  template <typename Served>
  static void run(Loop& loop, const Result<Served>& server, const ForkedProcess::Say& say) {
    if (!server) return say(server.error().explain());
    say("serving");
    loop.run();
  }

  ForkedProcess process_;
};

Result<void> succession(const std::string& directory) {
  const auto [start, begin] = raw_pair(SOCK_STREAM);
  OtherServer predecessor(directory + "/s", begin);
  raw_send(start.get(), "!");
  if (auto serves = predecessor.serving(); !serves) return serves;
  Loop loop(sleeping);
  return serve_one(loop, directory + "/s", {.on_path_lost = unwatched, .takeover = true});
}

Result<void> handover(const std::string& directory) {
  const auto [start, begin] = raw_pair(SOCK_STREAM);
  OtherServer successor(directory + "/s", begin);  // before there is anything it could inherit
  {
    Loop loop(sleeping);
    bool taken_over = false;
    const auto note = [&](const ServerEvent& event) {
      taken_over = taken_over || event.kind == ServerEvent::Kind::taken_over;
    };
    auto server = Server::open(loop, directory + "/s", echo,
                               {.on_path_lost = unwatched, .takeover = true, .on_event = note});
    if (!server) return error_of(server);
    raw_send(start.get(), "!");
    const auto deadline = Loop::Clock::now() + limit;
    while (!taken_over && Loop::Clock::now() < deadline) loop.turn(10ms);
    loop.drain(limit);  // so that it comes into its own whatever went wrong
    loop.run();
  }
  if (auto serves = successor.serving(); !serves) return serves;
  Loop loop(sleeping);
  return loop.run(connect_and_ask(loop, directory + "/s", {}));
}

Result<void> succession_of_a_hub(const std::string& directory) {
  const auto [start, begin] = raw_pair(SOCK_STREAM);
  OtherServer predecessor(directory + "/s", begin, OtherServer::Kind::hub);
  raw_send(start.get(), "!");
  if (auto serves = predecessor.serving(); !serves) return serves;
  Loop loop(sleeping);
  std::optional<Hub> hub;
  auto retained = retain(loop, directory + "/s", [&]() -> Result<void> {
    auto started = Hub::start(loop, directory + "/s", retaining_hub(true));
    if (!started) return error_of(started);
    hub.emplace(std::move(*started));
    return {};
  });
  loop.drain(limit);
  loop.run();
  return retained;
}

Result<void> handover_of_a_hub(const std::string& directory) {
  const auto [start, begin] = raw_pair(SOCK_STREAM);
  OtherServer successor(directory + "/s", begin, OtherServer::Kind::hub);
  Loop loop(sleeping);
  bool taken_over = false;
  HubOptions options = retaining_hub(true);
  options.on_event = [&](const ServerEvent& event) {
    taken_over = taken_over || event.kind == ServerEvent::Kind::taken_over;
  };
  std::optional<Hub> hub;
  {
    auto started = Hub::start(loop, directory + "/s", std::move(options));
    if (!started) return error_of(started);
    hub.emplace(std::move(*started));
  }
  auto retained = retain(loop, directory + "/s", [&]() -> Result<void> {
    raw_send(start.get(), "!");
    const auto deadline = Loop::Clock::now() + limit;
    while (!taken_over && Loop::Clock::now() < deadline) loop.turn(10ms);
    hub.reset();
    return successor.serving();
  });
  loop.drain(limit);
  loop.run();
  return retained;
}

/// Tells a service manager, which is not the library's.
Result<void> notifier(const std::string& directory) {
  struct Manager {
    std::string path;
    Descriptor socket = raw_bound(SOCK_DGRAM, path);
    explicit Manager(std::string where) : path(std::move(where)) {
      ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
    }
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;
    ~Manager() {
      ::unsetenv("NOTIFY_SOCKET");
      ::unlink(path.c_str());
    }
  } const manager{directory + "/manager"};
  Loop loop(sleeping);
  Notifier notifier(loop);
  if (auto sent = notifier.ready(); !sent) return sent;
  const auto deadline = Loop::Clock::now() + limit;
  std::string received = raw_receive(manager.socket.get()).bytes;
  while (received.empty() && Loop::Clock::now() < deadline) {
    loop.turn(10ms);
    received = raw_receive(manager.socket.get()).bytes;
  }
  if (received != "READY=1") return wrong(received);  // sent at once, or as soon as there is room
  loop.drain(limit);
  loop.run();
  return notifier.stopping();
}

/// Whatever ends a task: the one at the other end does not wait for it.
struct Closing {
  Channel<std::string>& channel;
  ~Closing() { channel.close(); }
};

Task<> produce(Channel<std::string>& to, Semaphore& permits) {
  const Closing closing{to};
  for (const char* text : {"one", "a second text, too long for any small buffer", "3"}) {
    const auto permit = co_await permits.acquire();
    const Outcome sent = co_await to.send(text, limit);
    if (sent != Outcome::ok) co_return;
  }
}

Task<> consume(Channel<std::string>& from, int& count) {
  const Closing closing{from};
  while (auto text = co_await from.receive(limit)) ++count;
}

Task<Result<void>> wait_for_each_other(Loop& loop) {
  const int number = co_await in_thread([] { return 7; });
  if (number != 7) co_return wrong("a number");
  Event event(loop);
  Channel<std::string> channel(loop, 1);
  Semaphore permits(loop, 1);
  int count = 0;
  TaskScope scope(loop);
  TaskHandle producer = scope.spawn(produce(channel, permits));
  scope.spawn(consume(channel, count));
  scope.spawn([&]() -> Task<> {
    co_await loop.sleep(1ms);
    event.set();
  });
  const auto first = co_await when_any(loop.sleep(limit), event.wait(), channel.receive(0ms));
  if (first.index() == 0) co_return wrong("a late event");
  co_await producer.join();
  co_await scope.join();
  if (first.index() == 1 && count != 3) co_return wrong(std::to_string(count) + " texts");
  event.reset();
  const Outcome late = co_await with_timeout(event.wait(), 1ms);
  if (late != Outcome::timed_out) co_return wrong("an event");
  co_return Result<void>();
}

Result<void> tasks_that_wait(const std::string& /*directory*/) {
  Loop loop(sleeping);
  auto ended = loop.run(wait_for_each_other(loop));
  loop.drain(limit);
  loop.run();
  return ended;
}

constexpr auto scenarios = std::to_array<Scenario>({
    {"echo_over_a_stream", echo_over_a_stream},
    {"echo_over_seqpacket", echo_over_seqpacket, false},
    {"a_hub", a_hub},
    {"retained_values", retained_values},
    {"abstract_name", abstract_name},
    {"long_name_with_an_owner", long_name_with_an_owner, true, long_name},
    {"takeover_of_a_stale_socket", takeover_of_a_stale_socket},
    {"inherited_listener", inherited_listener},
    {"broadcast", broadcast},
    {"broadcast_that_drops", broadcast_that_drops},
    {"broadcast_between_loops", broadcast_between_loops},
    {"datagrams", datagrams, false},
    {"descriptor_passing", descriptor_passing},
    {"drain_by_a_signal", drain_by_a_signal},
    {"child_process", child_process},
    {"blocking_client", blocking_client},
    {"interruptible_client", interruptible_client},
    {"foreign_loop", foreign_loop},
    {"lost_path", lost_path},
    {"succession", succession, false, "s", true},
    {"handover", handover, false, "s", true},
    {"succession_of_a_hub", succession_of_a_hub, false, "s", true},
    {"handover_of_a_hub", handover_of_a_hub, false, "s", true},
    {"notifier", notifier, false},
    {"tasks_that_wait", tasks_that_wait, false, "s", false, 1},
});

}  // namespace

std::span<const Scenario> all_scenarios() { return scenarios; }

Result<void> run(const Scenario& scenario, const std::string& directory, Duration limit_of_run) {
  limit = limit_of_run;
  try {
    return scenario.run(directory);
  } catch (const std::system_error& error) {
    return std::unexpected(Error{error.code(), "run", "loop", error.what(), {}});
  }
}

std::string obstacle_to_a_next_start(const Scenario& scenario, const std::string& directory) {
  const std::string path = directory + "/" + scenario.name;
  {
    const auto next = Listener::bind(path);
    if (!next) return next.error().explain();
  }
  if (scenario.takeover) {
    const auto next = detail::ListenerHandover::bind_without_lock(path + ".control",
                                                                  {.type = SocketType::seqpacket});
    if (!next) return next.error().explain();
  }
  std::string left;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    left += entry.path().filename().string() + " is left behind\n";
  }
  return left;
}

void PrintTo(const Scenario& scenario, std::ostream* out) { *out << scenario.title; }

}  // namespace hallway::test
