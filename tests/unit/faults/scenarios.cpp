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
#include <cstdlib>
#include <filesystem>
#include <new>
#include <optional>
#include <ostream>
#include <system_error>
#include <utility>
#include <vector>

#include <hallway/hallway.hpp>

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
constexpr LoopOptions sleeping{.spin = Duration::zero()};

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
  options.deadline = limit;
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
Task<Result<void>> publish_and_hear(Loop& loop, std::string address) {
  auto connected = co_await Connection::connect(loop, address, {.deadline = limit});
  if (!connected) co_return error_of(connected);
  Connection& client = *connected;
  const Received info = co_await client.receive(limit);
  if (!info) co_return error_of(info);
  for (const char* said : {"CONNECT {\"verbose\":false,\"headers\":true}", "SUB > 1", "SUB a 2",
                           "PUB a 2\r\nhi\r", "PUB b 2\r\nho\r", "UNSUB 2", "PING"}) {
    const Sent sent = co_await client.send(said);
    if (!sent) co_return error_of(sent);
  }
  int deliveries = 0;
  int stamps = 0;
  while (true) {
    const Received heard = co_await client.receive(limit);
    if (!heard) co_return error_of(heard);
    if (heard->bytes() == "PONG") break;
    if (heard->bytes() == "hi" || heard->bytes() == "ho") ++deliveries;
    if (heard->bytes().starts_with("Hallway-")) ++stamps;
  }
  if (deliveries != 3) co_return wrong(std::to_string(deliveries) + " deliveries");
  // Without the calls it takes, nobody knows the executable.
  if (stamps != 6 && stamps != 4) co_return wrong(std::to_string(stamps) + " stamps");
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
  auto heard = loop.run(publish_and_hear(loop, directory + "/s"));
  loop.drain(limit);
  loop.run();
  return heard;
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
  return serve_one(loop, directory + "/" + long_name,
                   {.mode = 0660, .group = std::to_string(::getegid()), .on_path_lost = unwatched});
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

Task<Result<void>> hear_news(Connection listening) {
  const Received news = co_await listening.receive(limit);
  if (!news) co_return error_of(news);
  if (news->bytes() != "news") co_return wrong(news->bytes());
  co_return Result<void>();
}

Task<> hear_news_into(Connection listening, Result<void>& result, int& running) {
  result = co_await hear_news(std::move(listening));
  --running;
}

Result<void> broadcast_to(Loop& loop, const std::string& path, Full full, std::size_t loops = 1) {
  const auto pass_on = [](Connection connection) -> Task<> {
    while (auto message = co_await connection.receive()) co_await connection.broadcast(*message);
  };
  auto server =
      Server::open(loop, path, pass_on, {.full = full, .on_path_lost = unwatched, .loops = loops});
  if (!server) return error_of(server);
  std::array<Result<void>, 2> heard;
  int running = 0;
  for (Result<void>& result : heard) {
    auto connected = loop.run(Connection::connect(loop, path, {.deadline = limit}));
    if (!connected) return error_of(connected);
    ++running;
    loop.spawn(hear_news_into(std::move(*connected), result, running));
  }
  auto speaker = loop.run(Connection::connect(loop, path, {.deadline = limit}));
  if (!speaker) return error_of(speaker);
  const auto deadline = Loop::Clock::now() + limit;
  while (server->connections() < 3 && Loop::Clock::now() < deadline && running == 2) {
    loop.turn(10ms);
  }
  if (const Sent sent = speaker->try_send("news"); !sent) return error_of(sent);
  while (running > 0) loop.turn(10ms);
  for (const Result<void>& result : heard) {
    if (!result) return result;
  }
  loop.drain(limit);
  loop.run();
  return {};
}

Result<void> broadcast(const std::string& directory) {
  Loop loop(sleeping);
  return broadcast_to(loop, directory + "/s", Full::disconnect);
}

Result<void> broadcast_that_drops(const std::string& directory) {
  Loop loop(sleeping);
  return broadcast_to(loop, directory + "/s", Full::drop_oldest);
}

Result<void> broadcast_between_loops(const std::string& directory) {
  Loop loop(sleeping);
  return broadcast_to(loop, directory + "/s", Full::wait, 3);
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
  const bool complete = file->descriptors().size() == 1 || file->outcome() == Outcome::truncated;
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
    if (!message) co_return;
    std::vector<Descriptor> descriptors;
    for (Descriptor& one : message->descriptors()) descriptors.push_back(std::move(one));
    co_await connection.send(*message, std::move(descriptors));
  }
}

Task<Result<void>> pass_a_descriptor(Loop& loop, std::string address) {
  auto connected =
      co_await Connection::connect(loop, address, {.deadline = limit, .descriptors = 1});
  if (!connected) co_return error_of(connected);
  const Sent sent = co_await connected->send("file", some_file());
  if (!sent) co_return error_of(sent);
  Received back = co_await connected->receive(limit);
  if (!back) co_return error_of(back);
  if (back->bytes() != "file" || back->descriptors().size() != 1) co_return wrong(back->bytes());
  co_return co_await ask(*connected);
}

Result<void> descriptor_passing(const std::string& directory) {
  Loop loop(sleeping);
  auto server = Server::open(loop, directory + "/s", give_back,
                             {.descriptors = 1, .on_path_lost = unwatched});
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
  auto connected = loop.run(Connection::connect(loop, directory + "/s", {.deadline = limit}));
  if (!connected) return error_of(connected);
  if (const Sent sent = connected->try_send("last words"); !sent) return error_of(sent);
  const Sent written = loop.run([](Connection& connection) -> Task<Sent> {
    co_return co_await connection.flush();
  }(*connected));
  if (!written) return error_of(written);
  std::raise(SIGUSR1);
  const Received reply = loop.run([](Connection& connection) -> Task<Received> {
    co_return co_await connection.receive(limit);
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

Result<void> blocking_client(const std::string& directory) {
  struct Name {
    std::string path;
    ~Name() { ::unlink(path.c_str()); }
  } const name{directory + "/s"};
  const Descriptor listener = raw_listening(SOCK_STREAM, name.path);
  auto client = Client::connect(name.path, {.deadline = limit});
  if (!client) return error_of(client);
  const auto peer = Descriptor::adopt(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  for (const std::string text : {"one", "and another one that is longer than any small string"}) {
    if (const Sent sent = client->send(text, limit); !sent) return error_of(sent);
    const RawReception heard = raw_receive(peer.get());
    raw_send(peer.get(), heard.bytes);
    const Received reply = client->receive(limit);
    if (!reply) return error_of(reply);
    if (reply->bytes() != text) return wrong(reply->bytes());
  }
  client->half_close();
  return {};
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
  /// Begins once `begin` says something.
  OtherServer(const std::string& path, const Descriptor& begin)
      : process_([&](const ForkedProcess::Say& say) {
          const Faultless no_call_fails;
          const FailingAllocation none(0);
          if (raw_receive(begin.get(), 1, true).result == 1) serve(path, say);
        }) {}
  OtherServer(const OtherServer&) = delete;
  OtherServer& operator=(const OtherServer&) = delete;
  ~OtherServer() {
    ::kill(process_.pid(), SIGTERM);
    process_.wait();
  }

  /// Waits until it serves, or says why not.
  Result<void> serving() {
    const std::string said = process_.line();
    if (said == "serving") return {};
    return std::unexpected(
        Error{std::make_error_code(std::errc::operation_canceled), "wait for", "other", said, {}});
  }

 private:
  static void serve(const std::string& path, const ForkedProcess::Say& say) {
    Loop loop(sleeping);
    if (auto claimed = loop.drain_on({SIGTERM}); !claimed) return say(claimed.error().explain());
    auto server = Server::open(loop, path, echo, {.on_path_lost = unwatched, .takeover = true});
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
  if (auto told = notifier.ready(); !told) return told;
  const auto deadline = Loop::Clock::now() + limit;
  std::string heard = raw_receive(manager.socket.get()).bytes;
  while (heard.empty() && Loop::Clock::now() < deadline) {
    loop.turn(10ms);
    heard = raw_receive(manager.socket.get()).bytes;
  }
  if (heard != "READY=1") return wrong(heard);  // told at once, or as soon as there is room
  loop.drain(limit);
  loop.run();
  return notifier.stopping();
}

constexpr auto scenarios = std::to_array<Scenario>({
    {"echo_over_a_stream", echo_over_a_stream},
    {"echo_over_seqpacket", echo_over_seqpacket, false},
    {"a_hub", a_hub},
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
    {"foreign_loop", foreign_loop},
    {"lost_path", lost_path},
    {"succession", succession, false, "s", true},
    {"handover", handover, false, "s", true},
    {"notifier", notifier, false},
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
    const auto next =
        Listener::bind(path + ".control", {.type = SocketType::seqpacket, .lock = false});
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
