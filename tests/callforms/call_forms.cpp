// SPDX-License-Identifier: Apache-2.0
//
// Every way of writing co_await and spawn() that the headers, the pages and the examples show, one
// small function each. They run one after the other, over real sockets. Compilers differ most in
// what they make of coroutines, so this file is compiled by each of them, without and with
// optimisation, under the address sanitizer (CMakeLists.txt).
//
// A form that GCC before 13 miscompiles is run in a child process, which has to be refused.
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include <hallway/hallway.hpp>

using namespace hallway;
using namespace std::chrono_literals;

namespace {

/// What every form may use. The server answers each line with the same line.
struct World {
  Loop& loop;
  std::string directory;
  std::string address;      // of the server
  std::string hub_address;  // of a hub
  Connection peer;          // to the server; new for each form

  [[nodiscard]] std::string path(std::string_view name) const {
    return directory + "/" + std::string(name);
  }
};

// Longer than what a std::string stores in itself, so that a second destruction is found.
const std::string long_text = "a text that does not fit into the object of a std::string";

Task<> echo(Connection peer) {
  while (auto message = co_await peer.receive()) co_await peer.send(*message);
}

Task<bool> yes() { co_return true; }
Task<bool> no() { co_return false; }
Task<int> number(int value) { co_return value; }
Task<std::string> text_of(std::string text) { co_return text; }
Task<std::pair<int, std::string>> both() { co_return std::pair(1, long_text); }
Task<std::unique_ptr<int>> boxed(int value) { co_return std::make_unique<int>(value); }
Task<Result<int>> missing() {
  co_return std::unexpected(
      Error{std::make_error_code(std::errc::no_such_file_or_directory), "open", long_text, "", ""});
}
Task<int> throwing() {
  throw std::runtime_error(long_text);
  co_return 0;
}
int add(int a, int b) { return a + b; }
std::size_t size_of(ByteView bytes) { return bytes.size(); }

// Receiving and sending ---------------------------------------------------------------------------

Task<bool> auto_message(World& world) {
  world.peer.try_send("a");
  auto message = co_await world.peer.receive();
  co_return message && *message == "a";
}

Task<bool> receive_that_waits(World& world) {
  auto message = co_await world.peer.receive(1ms);
  co_return message.outcome() == Outcome::timed_out;
}

Task<bool> receive_until_a_deadline(World& world) {
  const Deadline deadline(5s);
  co_await world.peer.send(long_text);
  auto answer = co_await world.peer.receive(deadline.left());
  std::string kept = *answer;
  co_return kept == long_text;
}

Task<bool> while_auto_message(World& world) {
  for (int i = 0; i < 100; ++i) world.peer.try_send(std::to_string(i));
  world.peer.half_close();
  int count = 0;
  while (auto message = co_await world.peer.receive()) {
    if (*message != std::to_string(count++)) co_return false;
  }
  co_return count == 100;
}

Task<> send_back_twice(Connection peer) {
  while (auto message = co_await peer.receive()) co_await peer.send(*message);
}

Task<bool> while_message_send(World& world) {
  auto pair = Connection::pair(world.loop);
  world.loop.spawn(send_back_twice(std::move(pair->second)));
  pair->first.try_send(long_text);
  auto answer = co_await pair->first.receive();
  co_return answer && *answer == long_text;
}

Task<bool> for_auto_message(World& world) {
  world.peer.try_send("1\n2\n3");
  world.peer.half_close();
  int count = 0;
  for (int number = 1; auto message = co_await world.peer.receive(); ++number) {
    if (*message == std::to_string(number)) ++count;
  }
  co_return count == 3;
}

Task<bool> if_message(World& world) {
  world.peer.try_send(long_text);
  if (auto message = co_await world.peer.receive()) co_return *message == long_text;
  co_return false;
}

Task<bool> if_sent_not(World& world) {
  if (const auto sent = co_await world.peer.send(long_text); !sent) co_return false;
  if (const auto message = co_await world.peer.receive(); !message) co_return false;
  co_return true;
}

Task<bool> send_made_text(World& world) {
  const std::string name = long_text;
  co_await world.peer.send("you are " + name);
  auto message = co_await world.peer.receive();
  co_return message->to_owned() == "you are " + name;
}

Task<bool> send_of_several_parts(World& world) {
  const std::string which = long_text;
  co_await world.peer.send(which + " is in " + std::to_string(12) + " descriptors");
  auto message = co_await world.peer.receive();
  co_return size_of(*message) == long_text.size() + 21;
}

Task<bool> send_a_call(World& world) {
  const auto shouted = [](ByteView words) { return std::string(words) + "!"; };
  co_await world.peer.send(shouted(long_text));
  auto message = co_await world.peer.receive();
  co_return *message == long_text + "!";
}

Task<bool> send_braces(World& world) {
  co_await world.peer.send({long_text.data(), 6});
  auto message = co_await world.peer.receive();
  co_return *message == "a text";
}

Task<bool> send_descriptor(World& world) {
  auto pair = Connection::pair(world.loop, SocketType::stream, {.descriptors = 1});
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) co_return false;
  Descriptor read_end = Descriptor::adopt(ends[0]);
  co_await pair->first.send("take it", std::move(read_end));
  co_await pair->first.send("and this", Descriptor::adopt(ends[1]));
  auto message = co_await pair->second.receive();
  co_return *message == "take it" && message->descriptors().size() == 1;
}

Task<bool> receive_and_sent_in_one_condition(World& world) {
  while (auto message = co_await world.peer.request("a", 5s)) {
    if (*message != "a" || !co_await world.peer.send(*message)) co_return false;
    co_return true;
  }
  co_return false;
}

Task<bool> outcome_of_a_send(World& world) {
  const Outcome outcome = (co_await world.peer.send(long_text)).outcome();
  co_return outcome == Outcome::ok;
}

Task<bool> to_owned_of_a_receive(World& world) {
  world.peer.try_send(long_text);
  const std::string text = (co_await world.peer.receive())->to_owned();
  co_return text == long_text;
}

Task<bool> request_with_a_timeout(World& world) {
  auto answer = co_await world.peer.request("status", 1s);
  co_return answer && *answer == "status";
}

Task<bool> request_with_made_text(World& world) {
  auto answer = co_await world.peer.request("status of " + long_text);
  co_return *answer == "status of " + long_text;
}

Task<bool> request_under_a_timeout(World& world) {
  auto reply = co_await with_timeout(world.peer.request("status"), 1s);
  co_return reply && *reply == "status";
}

Task<bool> flush_and_confirm(World& world) {
  world.peer.try_send(long_text);
  const auto flushed = co_await world.peer.flush();
  const auto confirmed = co_await world.peer.confirm(5s);
  co_return flushed&& confirmed;
}

Task<bool> broadcast(World& world) {
  co_await world.peer.broadcast(long_text + " has come");
  co_return true;
}

// Connecting --------------------------------------------------------------------------------------

Task<bool> connect(World& world) {
  auto peer = co_await Connection::connect(world.loop, world.address);
  if (!peer) co_return false;
  auto answer = co_await peer->request("a");
  co_return *answer == "a";
}

Task<bool> connect_with_braces(World& world) {
  auto peer = co_await Connection::connect(world.loop, world.address, {.timeout = 2s});
  co_return peer.has_value();
}

Task<bool> connect_with_more_braces(World& world) {
  auto peer = co_await Connection::connect(
      world.loop, world.address,
      {.retry_for = 1s, .connection = {.framing = Framing::lines(), .limits = {.max_message = 9}}});
  auto answer = co_await peer->request("a");
  co_return *answer == "a";
}

Task<bool> connect_to_made_text(World& world) {
  auto peer = co_await Connection::connect(world.loop, world.directory + "/echo", {.timeout = 2s});
  co_return peer.has_value();
}

Task<bool> connect_and_look_at_the_error(World& world) {
  const auto peer = co_await Connection::connect(world.loop, world.path("nothing is here"));
  if (!peer) co_return peer.error().code == std::errc::no_such_file_or_directory;
  co_return false;
}

Task<bool> if_connect_not(World& world) {
  if (auto peer = co_await Connection::connect(world.loop, world.path(long_text)); !peer) {
    co_return true;
  }
  co_return false;
}

// Tasks -------------------------------------------------------------------------------------------

Task<bool> value(World& /*world*/) {
  const int one = co_await number(1);
  co_return one == 1;
}

Task<bool> return_awaited(World& /*world*/) { co_return co_await yes(); }

Task<bool> return_awaited_comparison(World& /*world*/) { co_return co_await number(7) == 7; }

Task<bool> sum_of_two(World& /*world*/) { co_return co_await number(1) + co_await number(2) == 3; }

Task<bool> in_arguments(World& /*world*/) {
  const int three = add(co_await number(1), co_await number(2));
  co_return three == 3;
}

Task<bool> in_arguments_with_text(World& /*world*/) {
  const std::string text = std::string("1 ").append(co_await text_of(long_text));
  co_return text == "1 " + long_text;
}

Task<bool> in_the_argument_of_an_awaited_call(World& /*world*/) {
  const std::string text = co_await text_of(co_await text_of(long_text));
  co_return text == long_text;
}

Task<bool> in_and(World& /*world*/) {
  const bool result = co_await yes() && co_await yes() && !co_await no();
  co_return result;
}

Task<bool> in_or(World& /*world*/) {
  const bool result = co_await no() || co_await yes();
  co_return result;
}

Task<bool> in_and_of_a_return(World& /*world*/) { co_return co_await yes() && co_await yes(); }

Task<bool> in_a_choice(World& world) {
  const bool first = !world.address.empty();
  const int chosen = first ? co_await number(1) : co_await number(2);
  const int other = co_await no() ? 1 : 2;
  co_return chosen == 1 && other == 2;
}

Task<bool> in_a_choice_of_texts(World& world) {
  const std::string text =
      world.address.empty() ? std::string("none") : co_await text_of(long_text);
  co_return text == long_text;
}

Task<bool> text_of_a_temporary(World& /*world*/) {
  const std::string text = co_await text_of("made here: " + long_text);
  co_return text == "made here: " + long_text;
}

Task<bool> structured_binding(World& /*world*/) {
  const auto [one, text] = co_await both();
  co_return one == 1 && text == long_text;
}

Task<bool> structured_binding_by_reference(World& /*world*/) {
  auto&& [one, text] = co_await both();
  co_return one == 1 && text == long_text;
}

Task<bool> move_only_value(World& /*world*/) {
  const std::unique_ptr<int> box = co_await boxed(4);
  co_return *box == 4 && *co_await boxed(5) == 5;
}

Task<bool> in_a_range_loop(World& /*world*/) {
  std::string letters;
  for (const char letter : co_await text_of(long_text)) letters += letter;
  int sum = 0;
  for (const int each : {1, 2, 3}) sum += co_await number(each);
  co_return letters == long_text&& sum == 6;
}

Task<bool> in_a_range_loop_over_texts(World& /*world*/) {
  std::vector<std::string> texts{long_text, "b"};
  std::string whole;
  for (const std::string& text : texts) whole += co_await text_of(text);
  co_return whole == long_text + "b";
}

Task<bool> in_a_switch(World& /*world*/) {
  switch (const int which = co_await number(2); which) {
    case 2: co_return true;
    default: co_return false;
  }
}

Task<bool> if_bool_not(World& /*world*/) {
  if (const bool is_so = co_await no(); !is_so) co_return true;
  co_return false;
}

Task<bool> if_not_beside_a_local_variable(World& world) {
  const std::string text = world.address;
  if (!co_await yes()) co_return false;
  if (co_await no()) co_return false;
  while (!co_await yes()) co_return false;
  co_return !text.empty();
}

Task<bool> if_result_not(World& /*world*/) {
  if (const auto result = co_await missing(); !result) {
    co_return result.error().subject == long_text;
  }
  co_return false;
}

Task<bool> in_try(World& /*world*/) {
  std::string why;
  try {
    co_await throwing();
  } catch (const std::runtime_error& error) {
    why = error.what();
  }
  co_return why == long_text;
}

Task<bool> task_with_a_name(World& /*world*/) {
  Task<std::string> task = text_of(long_text);
  const std::string text = co_await std::move(task);
  co_return text == long_text;
}

Task<bool> assigned_to_an_element(World& /*world*/) {
  std::map<std::string, std::string> texts;
  texts["a"] = co_await text_of(long_text);
  texts[co_await text_of("b")] = "b";
  co_return texts.size() == 2 && texts["a"] == long_text;
}

Task<bool> added_to_a_container(World& /*world*/) {
  std::vector<std::string> texts;
  texts.push_back(co_await text_of(long_text));
  texts.emplace_back(co_await text_of("b"));
  co_return texts.size() == 2 && texts[0] == long_text;
}

Task<bool> member_of_a_value(World& /*world*/) {
  const std::size_t size = (co_await text_of(long_text)).size();
  co_return size == long_text.size() && (co_await both()).second == long_text;
}

// Coroutines that are lambdas ---------------------------------------------------------------------

Task<bool> lambda_without_captures(World& world) {
  const auto ask = [](Connection& peer, std::string what) -> Task<std::string> {
    auto answer = co_await peer.request(what);
    co_return answer->to_owned();
  };
  const std::string answer = co_await ask(world.peer, long_text);
  co_return answer == long_text;
}

Task<bool> lambda_called_where_it_is_made(World& world) {
  const std::string answer = co_await [](Connection& peer, std::string what) -> Task<std::string> {
    co_return (co_await peer.request(what))->to_owned();
  }(world.peer, long_text);
  co_return answer == long_text;
}

Task<bool> lambda_with_captures_and_a_name(World& world) {
  const std::string what = long_text;
  const auto ask = [&world, what]() -> Task<std::string> {
    auto answer = co_await world.peer.request(what);
    co_return answer->to_owned();
  };
  co_return co_await ask() == long_text;
}

Task<bool> lambda_in_a_lambda(World& world) {
  const auto outer = [&]() -> Task<std::string> {
    const auto inner = [&](std::string what) -> Task<std::string> {
      co_return (co_await world.peer.request(what))->to_owned();
    };
    const std::string first = co_await inner(long_text);
    co_return first + co_await inner("b");
  };
  const std::string answer = co_await outer();
  co_return answer == long_text + "b";
}

Task<bool> function_object(World& world) {
  const std::function<Task<std::string>(std::string)> ask =
      [&](std::string what) -> Task<std::string> {
    co_return (co_await world.peer.request(what))->to_owned();
  };
  const std::string answer = co_await ask(long_text);
  co_return answer == long_text;
}

// spawn() -----------------------------------------------------------------------------------------

Task<> ask_into(Connection& peer, std::string what, std::string& answer) {
  if (auto reply = co_await peer.request(what)) answer = reply->to_owned();
}

Task<> own_and_ask(Connection peer, std::string what, std::shared_ptr<std::string> answer) {
  if (auto reply = co_await peer.request(what)) *answer = reply->to_owned();
}

Task<bool> spawn_a_task(World& world) {
  std::string answer;
  auto asking = world.loop.spawn(ask_into(world.peer, long_text, answer));
  co_await asking.join();
  co_return asking.done() && answer == long_text;
}

Task<bool> spawn_a_task_that_owns(World& world) {
  auto pair = Connection::pair(world.loop);
  world.loop.spawn(echo(std::move(pair->second)));
  const auto answer = std::make_shared<std::string>();
  auto asking = world.loop.spawn(own_and_ask(std::move(pair->first), long_text, answer));
  co_await asking.join();
  co_return *answer == long_text;
}

Task<bool> spawn_a_lambda(World& world) {
  std::string answer;
  auto asking = world.loop.spawn([&world, &answer, what = long_text]() -> Task<> {
    auto reply = co_await world.peer.request(what);
    answer = reply->to_owned();
  });
  co_await asking.join();
  co_return answer == long_text;
}

Task<bool> spawn_a_lambda_with_a_name(World& world) {
  std::string answer;
  const auto ask = [&world, &answer, what = long_text]() -> Task<> {
    auto reply = co_await world.peer.request(what);
    answer = reply->to_owned();
  };
  auto first = world.loop.spawn(ask);
  co_await first.join();
  co_return answer == long_text;
}

Task<bool> spawn_a_lambda_that_is_awaited(World& world) {
  std::string answer;
  auto asking = world.loop.spawn([&]() -> Task<> { co_await ask_into(world.peer, "a", answer); });
  co_await asking.join();
  co_return answer == "a";
}

Task<bool> cancel_a_task(World& world) {
  std::string answer = "none";
  auto sleeping = world.loop.spawn([&, text = long_text]() -> Task<> {
    co_await world.loop.sleep(1h);
    answer = text;
  });
  sleeping.cancel();
  co_return sleeping.done() && answer == "none";
}

Task<bool> join_that_throws(World& world) {
  std::string why;
  auto failing = world.loop.spawn([&]() -> Task<> {
    co_await world.loop.sleep(1ms);
    co_await throwing();
  });
  try {
    co_await failing.join();
  } catch (const std::runtime_error& error) {
    why = error.what();
  }
  co_return why == long_text;
}

Task<bool> scope(World& world) {
  int ticks = 0;
  std::string answer;
  TaskScope scope(world.loop);
  scope.spawn([&]() -> Task<> {
    while (co_await world.loop.sleep(1ms) == Outcome::ok) ++ticks;
  });
  scope.spawn(ask_into(world.peer, long_text, answer));
  co_await world.loop.sleep(20ms);
  co_return ticks > 0 && answer == long_text&& scope.size() == 1;
}

Task<bool> scope_with_an_endless_task(World& world) {
  auto pair = Connection::pair(world.loop);
  TaskScope scope(world.loop);
  scope.spawn([&]() -> Task<> {
    for (;;) {
      co_await world.loop.sleep(1ms);
      pair->first.try_send("still here");
    }
  });
  auto beat = co_await pair->second.receive();
  co_return beat && *beat == "still here";
}

Task<bool> scope_join(World& world) {
  std::array<std::string, 3> answers;
  TaskScope scope(world.loop);
  for (std::string& answer : answers) {
    scope.spawn([&world, &answer, what = long_text]() -> Task<> {
      auto peer = co_await Connection::connect(world.loop, world.address);
      if (peer) answer = (co_await peer->request(what))->to_owned();
    });
  }
  co_await scope.join();
  co_return answers[0] == long_text&& answers[1] == long_text&& answers[2] == long_text;
}

Task<> heartbeat(Connection& peer, int& beats) {
  Loop& loop = peer.loop();
  while (co_await loop.sleep(1ms) == Outcome::ok) {
    ++beats;
    peer.try_send("still here");
  }
}

Task<bool> spawn_a_task_of_a_connection_that_ends(World& world) {
  int beats = 0;
  TaskHandle beating;
  {
    auto pair = Connection::pair(world.loop);
    beating = world.loop.spawn(heartbeat(pair->first, beats));
    auto beat = co_await pair->second.receive();
    if (!beat || *beat != "still here") co_return false;
  }
  co_await world.loop.sleep(5ms);
  co_return beating.done() && beats > 0;
}

// Races and timeouts ------------------------------------------------------------------------------

Task<bool> race(World& world) {
  Channel<std::string> jobs(world.loop, 4);
  static_cast<void>(jobs.try_send(long_text));
  auto next = co_await when_any(world.peer.receive(), jobs.receive(), world.loop.sleep(1s));
  co_return next.index() == 1 && *std::get<1>(next) == long_text;
}

Task<bool> race_that_waits(World& world) {
  Channel<std::string> jobs(world.loop, 4);
  world.peer.try_send(long_text);
  auto next = co_await when_any(world.peer.receive(), jobs.receive(), world.loop.sleep(10s));
  co_return next.index() == 0 && *std::get<0>(next) == long_text;
}

Task<bool> race_won_by_time(World& world) {
  Channel<std::string> jobs(world.loop, 4);
  auto next = co_await when_any(world.peer.receive(), jobs.receive(), world.loop.sleep(1ms));
  co_return next.index() == 2 && std::get<2>(next) == Outcome::ok;
}

Task<bool> race_in_an_if(World& world) {
  if (auto next = co_await when_any(world.peer.receive(), world.loop.sleep(1ms));
      next.index() == 1) {
    co_return true;
  }
  co_return false;
}

Task<bool> race_in_a_loop(World& world) {
  Event end(world.loop);
  int lines = 0;
  world.peer.try_send("1\n2\n3");
  for (;;) {
    auto next = co_await when_any(world.peer.receive(), end.wait());
    if (next.index() == 1) break;
    if (!std::get<0>(next)) co_return false;
    if (++lines == 3) end.set();
  }
  co_return lines == 3;
}

Task<bool> race_of_tasks(World& world) {
  auto next = co_await when_any(text_of("a" + long_text), world.peer.request(long_text));
  co_return std::get<0>(next) == "a" + long_text;
}

Task<bool> race_of_named_tasks(World& world) {
  Task<std::string> text = text_of(long_text);
  auto next = co_await when_any(world.peer.receive(), std::move(text));
  co_return std::get<1>(next) == long_text;
}

Task<bool> race_that_loses_no_message(World& world) {
  auto pair = Connection::pair(world.loop);
  for (int i = 0; i < 20; ++i) {
    auto none = co_await when_any(pair->second.receive(), world.loop.sleep(0ms));
    if (none.index() != 1) co_return false;
  }
  pair->first.try_send(long_text);
  auto next = co_await when_any(pair->second.receive(), world.loop.sleep(5s));
  co_return next.index() == 0 && *std::get<0>(next) == long_text;
}

Task<bool> timeout_over_a_receive(World& world) {
  const auto message = co_await with_timeout(world.peer.receive(), 1ms);
  co_return message.outcome() == Outcome::timed_out;
}

Task<bool> timeout_over_a_task(World& world) {
  const auto slowly = [](Loop& loop, std::string text) -> Task<std::string> {
    co_await loop.sleep(1h);
    co_return text;
  };
  const auto text = co_await with_timeout(slowly(world.loop, long_text), 1ms);
  const auto quick = co_await with_timeout(text_of(long_text), 1s);
  co_return !text && text.error().code == std::errc::timed_out && *quick == long_text;
}

Task<bool> if_timeout_not(World& world) {
  if (const auto reply = co_await with_timeout(world.peer.request("a"), 5s); !reply) {
    co_return false;
  }
  co_return true;
}

Task<bool> timeout_over_a_race(World& world) {
  const auto next =
      co_await with_timeout(when_any(world.peer.receive(), world.loop.sleep(1h)), 1ms);
  co_return !next && next.error().code == std::errc::timed_out;
}

Task<bool> race_of_timeouts(World& world) {
  auto next = co_await when_any(with_timeout(world.peer.receive(), 1ms), world.loop.sleep(1h));
  co_return std::get<0>(next).outcome() == Outcome::timed_out;
}

// Between tasks, and threads ----------------------------------------------------------------------

Task<bool> for_sleep(World& world) {
  for (int tick = 1; co_await world.loop.sleep(1ms) == Outcome::ok; ++tick) {
    if (tick == 3) co_return true;
  }
  co_return false;
}

Task<bool> while_sleep(World& world) {
  int ticks = 0;
  while (co_await world.loop.sleep(1ms) == Outcome::ok) {
    if (++ticks == 3) break;
  }
  co_return ticks == 3;
}

Task<bool> while_bool_sleep(World& world) {
  while (const bool slept = co_await world.loop.sleep(1ms) == Outcome::ok) co_return slept;
  co_return false;
}

Task<bool> do_while_sleep(World& world) {
  int ticks = 0;
  do {
    ++ticks;
  } while (ticks < 3 && co_await world.loop.sleep(1ms) == Outcome::ok);
  co_return ticks == 3;
}

Task<bool> readable(World& world) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) co_return false;
  const Descriptor from = Descriptor::adopt(ends[0]);
  const Descriptor to = Descriptor::adopt(ends[1]);
  co_await world.loop.writable(to.get());
  if (write(to.get(), "a", 1) != 1) co_return false;
  co_await world.loop.readable(from.get());
  char byte = 0;
  co_return read(from.get(), &byte, 1) == 1 && byte == 'a';
}

Task<bool> channel(World& world) {
  Channel<std::string> jobs(world.loop, 2);
  TaskScope scope(world.loop);
  scope.spawn([&]() -> Task<> {
    for (int i = 0; i < 10; ++i) co_await jobs.send(long_text + std::to_string(i));
    jobs.close();
  });
  int count = 0;
  while (auto job = co_await jobs.receive()) {
    if (*job != long_text + std::to_string(count++)) co_return false;
  }
  co_return count == 10;
}

Task<bool> if_channel_not(World& world) {
  Channel<std::string> jobs(world.loop, 2);
  if (const auto job = co_await jobs.receive(1ms); !job)
    co_return job.error() == Outcome::timed_out;
  co_return false;
}

Task<bool> event(World& world) {
  Event ready(world.loop);
  world.loop.post([&] { ready.set(); });
  const Outcome outcome = co_await ready.wait();
  co_return outcome == Outcome::ok&& co_await ready.wait(1s) == Outcome::ok;
}

Task<bool> semaphore(World& world) {
  Semaphore slots(world.loop, 2);
  int most = 0;
  int now = 0;
  TaskScope scope(world.loop);
  for (int i = 0; i < 5; ++i) {
    scope.spawn([&]() -> Task<> {
      const auto permit = co_await slots.acquire();
      most = std::max(most, ++now);
      co_await world.loop.sleep(1ms);
      --now;
    });
  }
  co_await scope.join();
  co_return most == 2 && slots.free() == 2;
}

Task<bool> thread(World& /*world*/) {
  auto text = co_await in_thread([] { return long_text + " read from a file"; });
  co_return text == long_text + " read from a file";
}

Task<bool> thread_with_references(World& /*world*/) {
  std::string text = long_text;
  const std::size_t size = co_await in_thread([&text] { return text.size(); });
  co_return size == long_text.size();
}

Task<bool> thread_with_a_named_lambda(World& /*world*/) {
  auto read = [path = long_text] { return path + "!"; };
  const std::string text = co_await in_thread(read);
  co_return text == long_text + "!" && read() == long_text + "!";
}

Task<bool> thread_in_the_argument_of_a_send(World& world) {
  const auto read = [path = long_text] { return path + "!"; };
  co_await world.peer.send(co_await in_thread(read));
  auto message = co_await world.peer.receive();
  co_return *message == long_text + "!";
}

Task<bool> thread_without_a_value(World& /*world*/) {
  int calls = 0;
  co_await in_thread([&calls] { ++calls; });
  co_return calls == 1;
}

Task<bool> thread_that_throws(World& /*world*/) {
  std::string why;
  try {
    co_await in_thread([] { throw std::runtime_error(long_text); });
  } catch (const std::runtime_error& error) {
    why = error.what();
  }
  co_return why == long_text;
}

Task<bool> thread_under_a_timeout(World& /*world*/) {
  const auto text = co_await with_timeout(in_thread([] { return long_text; }), 5s);
  co_return text && *text == long_text;
}

Task<bool> thread_while_the_loop_serves(World& world) {
  int answers = 0;
  TaskScope scope(world.loop);
  scope.spawn([&]() -> Task<> {
    while (auto answer = co_await world.peer.request("a")) ++answers;
  });
  co_await in_thread([] { usleep(20'000); });
  co_return answers > 1;
}

// Datagrams, lines, children, a hub ---------------------------------------------------------------

Task<bool> datagrams(World& world) {
  auto server = DatagramSocket::bind(world.loop, world.path("datagrams"));
  auto client = DatagramSocket::connect(world.loop, world.path("datagrams"));
  if (!server || !client) co_return false;
  if (const auto sent = co_await client->send(long_text, 5s); !sent) co_return false;
  const auto datagram = co_await server->receive();
  if (!datagram || *datagram != long_text) co_return false;
  co_await server->answer(datagram->return_address(), "answer to " + long_text);
  auto answer = co_await client->receive(5s);
  co_return answer && *answer == "answer to " + long_text;
}

Task<bool> datagrams_timeout(World& world) {
  auto server = DatagramSocket::bind(world.loop, world.path("datagrams"), {.file = {.mode = 0600}});
  const auto none = co_await server->receive(1ms);
  co_return !none && none.error().code == std::errc::timed_out;
}

Task<bool> lines(World& world) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) co_return false;
  LineReader input(world.loop, Descriptor::adopt(ends[0]));
  Descriptor to = Descriptor::adopt(ends[1]);
  if (const std::string text = "a\n" + long_text;
      write(to.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    co_return false;
  }
  to.close();
  std::string whole;
  while (auto line = co_await input.receive()) {
    co_await world.peer.send(*line);
    whole += (co_await world.peer.receive())->to_owned();
  }
  co_return whole == "a" + long_text;
}

Task<bool> race_of_lines(World& world) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) co_return false;
  const Descriptor to = Descriptor::adopt(ends[1]);
  LineReader input(world.loop, Descriptor::adopt(ends[0]), {.max_message = 100});
  auto none = co_await when_any(input.receive(), world.loop.sleep(1ms));
  if (none.index() != 1 || write(to.get(), "a\n", 2) != 2) co_return false;
  auto next = co_await when_any(world.peer.receive(), input.receive());
  co_return next.index() == 1 && *std::get<1>(next) == "a";
}

Task<bool> child(World& world) {
  auto child = Child::spawn(world.loop, {"/bin/cat"});
  if (!child) co_return false;
  auto answer = co_await child->connection().request(long_text);
  if (!answer || *answer != long_text) co_return false;
  child->connection().half_close();
  const auto status = co_await child->wait();
  co_return status && status->success();
}

Task<bool> race_with_a_child(World& world) {
  auto child = Child::spawn(world.loop, {"/bin/cat"});
  if (!child) co_return false;
  child->connection().half_close();
  auto next = co_await when_any(world.peer.receive(), child->wait(), world.loop.sleep(10s));
  co_return next.index() == 1 && std::get<1>(next)->success();
}

Task<bool> hub_client(World& world) {
  const hub::ClientOptions options{.name = long_text};
  auto client = co_await hub::Client::connect(world.loop, world.hub_address, options);
  if (!client) co_return false;
  auto clicks = client->subscribe("clicks.*", {.queue = "counters"});
  if (!clicks) co_return false;
  const hub::Sent left = co_await client->publish("clicks.left", long_text);
  const hub::Sent right =
      co_await client->publish("clicks.right", std::to_string(2), {.reply = "answers"});
  if (!left || !right) co_return false;
  if (const auto flushed = co_await client->flush(); !flushed) co_return false;
  for (int count = 0; auto click = co_await clicks->receive();) {
    if (++count == 2) co_return click->payload() == "2" && click->reply() == "answers";
  }
  co_return false;
}

Task<> answer_questions(hub::Client& client, hub::Subscription& questions) {
  while (auto question = co_await questions.receive()) {
    const hub::Sent sent =
        co_await client.publish(question->reply(), "re: " + std::string(question->payload()));
    if (!sent) break;
  }
}

Task<bool> hub_request(World& world) {
  auto client = co_await hub::Client::connect(world.loop, world.hub_address);
  auto questions = client->subscribe("questions");
  TaskScope scope(world.loop);
  scope.spawn(answer_questions(*client, *questions));
  auto answer = co_await client->request("questions", long_text, 5s);
  const auto none = co_await client->request("nobody", long_text);
  const bool right =
      answer && answer->payload() == "re: " + long_text && none.outcome() == Outcome::no_responders;
  if (const hub::Sent drained = co_await client->drain(); !drained) co_return false;
  co_return right;
}

Task<bool> race_with_a_hub(World& world) {
  auto client = co_await hub::Client::connect(world.loop, world.hub_address);
  auto news = client->subscribe("news");
  if (const auto sent = co_await client->publish("news", long_text); !sent) co_return false;
  auto next = co_await when_any(world.peer.receive(), news->receive(), world.loop.sleep(10s));
  co_return next.index() == 1 && std::get<1>(next)->payload() == long_text;
}

// What GCC before 13 destroys twice ---------------------------------------------------------------

struct Texts {
  std::string text;
  std::string other = {};
};
Task<std::size_t> size_of_all(Texts texts) { co_return texts.text.size() + texts.other.size(); }
Task<std::size_t> size_of_it(std::function<std::string()> make) { co_return make().size(); }

Task<bool> aggregate_in_the_call(World& /*world*/) {
  const std::size_t size = co_await size_of_all({.text = long_text});
  co_return size == long_text.size();
}

Task<bool> captures_in_the_call(World& /*world*/) {
  const std::string text = long_text;
  const std::size_t size = co_await size_of_it([text] { return text; });
  co_return size == long_text.size();
}

Task<bool> aggregate_with_a_name(World& /*world*/) {
  const Texts texts{.text = long_text};
  const std::size_t size = co_await size_of_all(texts);
  co_return size == long_text.size();
}

Task<bool> captures_with_a_name(World& /*world*/) {
  const std::string text = long_text;
  const auto make = [text] { return text; };
  const std::size_t size = co_await size_of_it(make);
  co_return size == long_text.size();
}

Task<bool> choice_by_if(World& world) {
  std::string text = "none";
  if (!world.address.empty()) text = co_await text_of(long_text);
  co_return text == long_text;
}

// Refused -----------------------------------------------------------------------------------------

Task<bool> if_not_without_a_local_variable(World& /*world*/) {
  if (!co_await yes()) co_return false;
  co_return true;
}

Task<bool> while_without_a_local_variable(World& world) {
  while (co_await world.loop.sleep(1ms) == Outcome::ok) co_return true;
  co_return false;
}

Task<bool> and_without_a_local_variable(World& world) {
  for (;;) {
    if (world.loop.draining() || co_await yes()) co_return true;
  }
}

Task<bool> switch_without_a_local_variable(World& /*world*/) {
  switch (co_await number(2)) {
    case 2: co_return true;
    default: co_return false;
  }
}

Task<bool> spawn_the_task_of_a_lambda(World& world) {
  std::string answer;
  world.loop.spawn([&world, &answer, what = long_text]() -> Task<> {
    answer = (co_await world.peer.request(what))->to_owned();
  }());
  co_return answer.empty();
}

// ------------------------------------------------------------------------------------------------

struct Form {
  const char* text;
  Task<bool> (*run)(World& world);
};

constexpr Form forms[] = {
    {"auto message = co_await peer.receive();", auto_message},
    {"auto message = co_await peer.receive(1ms);", receive_that_waits},
    {"auto answer = co_await peer.receive(deadline.left()); std::string kept = *answer;",
     receive_until_a_deadline},
    {"while (auto message = co_await peer.receive())", while_auto_message},
    {"while (auto message = co_await peer.receive()) co_await peer.send(*message);",
     while_message_send},
    {"for (int number = 1; auto message = co_await peer.receive(); ++number)", for_auto_message},
    {"if (auto message = co_await peer.receive())", if_message},
    {"if (const auto sent = co_await peer.send(text); !sent)", if_sent_not},
    {"co_await peer.send(\"you are \" + name);", send_made_text},
    {"co_await peer.send(a + \" is in \" + std::to_string(n) + \" descriptors\");",
     send_of_several_parts},
    {"co_await peer.send(shouted(text));", send_a_call},
    {"co_await peer.send({bytes, size});", send_braces},
    {"co_await peer.send(\"take it\", std::move(descriptor));", send_descriptor},
    {"if (*message != \"a\" || !co_await peer.send(*message))", receive_and_sent_in_one_condition},
    {"(co_await peer.send(text)).outcome()", outcome_of_a_send},
    {"(co_await peer.receive())->to_owned()", to_owned_of_a_receive},
    {"co_await peer.request(\"status\", 1s)", request_with_a_timeout},
    {"co_await peer.request(\"status of \" + name)", request_with_made_text},
    {"co_await with_timeout(peer.request(\"status\"), 1s)", request_under_a_timeout},
    {"co_await peer.flush(); co_await peer.confirm(5s);", flush_and_confirm},
    {"co_await peer.broadcast(name + \" has come\");", broadcast},

    {"co_await Connection::connect(loop, address)", connect},
    {"co_await Connection::connect(loop, address, {.timeout = 2s})", connect_with_braces},
    {"co_await Connection::connect(loop, address, {.retry_for = 1s, .connection = {...}})",
     connect_with_more_braces},
    {"co_await Connection::connect(loop, directory + \"/echo\", {...})", connect_to_made_text},
    {"const auto peer = co_await Connection::connect(...); if (!peer)",
     connect_and_look_at_the_error},
    {"if (auto peer = co_await Connection::connect(...); !peer)", if_connect_not},

    {"const int one = co_await number(1);", value},
    {"co_return co_await yes();", return_awaited},
    {"co_return co_await number(7) == 7;", return_awaited_comparison},
    {"co_return co_await number(1) + co_await number(2) == 3;", sum_of_two},
    {"add(co_await number(1), co_await number(2))", in_arguments},
    {"std::string(\"1 \").append(co_await text())", in_arguments_with_text},
    {"co_await text_of(co_await text())", in_the_argument_of_an_awaited_call},
    {"co_await yes() && co_await yes() && !co_await no()", in_and},
    {"co_await no() || co_await yes()", in_or},
    {"co_return co_await yes() && co_await yes();", in_and_of_a_return},
    {"first ? co_await number(1) : co_await number(2)", in_a_choice},
    {"co_await text_of(\"made here: \" + text)", text_of_a_temporary},
    {"const auto [one, text] = co_await both();", structured_binding},
    {"auto&& [one, text] = co_await both();", structured_binding_by_reference},
    {"*co_await boxed(5) == 5", move_only_value},
    {"for (const char letter : co_await text())", in_a_range_loop},
    {"for (const std::string& each : texts) whole += co_await text_of(each);",
     in_a_range_loop_over_texts},
    {"switch (const int which = co_await number(2); which)", in_a_switch},
    {"if (const bool is_so = co_await no(); !is_so)", if_bool_not},
    {"const Texts texts{.text = text}; co_await size_of_all(texts)", aggregate_with_a_name},
    {"const auto make = [text] {...}; co_await size_of_it(make)", captures_with_a_name},
    {"if (...) text = co_await text();", choice_by_if},
    {"const std::string text = ...; if (!co_await yes())", if_not_beside_a_local_variable},
    {"if (const auto result = co_await missing(); !result)", if_result_not},
    {"try { co_await throwing(); } catch (...)", in_try},
    {"Task<std::string> task = text(); co_await std::move(task);", task_with_a_name},
    {"texts[\"a\"] = co_await text();", assigned_to_an_element},
    {"texts.push_back(co_await text());", added_to_a_container},
    {"(co_await text()).size()", member_of_a_value},

    {"const auto ask = [](Connection& peer) -> Task<> {...}; co_await ask(peer);",
     lambda_without_captures},
    {"co_await [](Connection& peer) -> Task<> {...}(peer);", lambda_called_where_it_is_made},
    {"const auto ask = [&world, what]() -> Task<> {...}; co_await ask();",
     lambda_with_captures_and_a_name},
    {"const auto outer = [&]() -> Task<> { const auto inner = [&]() -> Task<> {...}; ... };",
     lambda_in_a_lambda},
    {"std::function<Task<>(std::string)> ask; co_await ask(text);", function_object},

    {"auto asking = loop.spawn(ask(peer, text)); co_await asking.join();", spawn_a_task},
    {"loop.spawn(ask(std::move(peer), text));", spawn_a_task_that_owns},
    {"loop.spawn([&peer, what]() -> Task<> {...});", spawn_a_lambda},
    {"const auto ask = [...]() -> Task<> {...}; loop.spawn(ask);", spawn_a_lambda_with_a_name},
    {"loop.spawn([&]() -> Task<> { co_await ask(peer); });", spawn_a_lambda_that_is_awaited},
    {"auto task = loop.spawn([...] {...}); task.cancel();", cancel_a_task},
    {"try { co_await task.join(); } catch (...)", join_that_throws},
    {"TaskScope scope(loop); scope.spawn([&]() -> Task<> {...});", scope},
    {"scope.spawn([&]() -> Task<> { for (;;) { co_await loop.sleep(1ms); ... } });",
     scope_with_an_endless_task},
    {"scope.spawn([&, what]() -> Task<> {...}); co_await scope.join();", scope_join},
    {"loop.spawn(heartbeat(peer)), and the peer ends", spawn_a_task_of_a_connection_that_ends},

    {"co_await when_any(peer.receive(), jobs.receive(), loop.sleep(1s))", race},
    {"the same, and the peer is the first", race_that_waits},
    {"the same, and the time is the first", race_won_by_time},
    {"if (auto next = co_await when_any(...); next.index() == 1)", race_in_an_if},
    {"for (;;) { auto next = co_await when_any(peer.receive(), end.wait()); ... }", race_in_a_loop},
    {"co_await when_any(text(\"a\" + text), peer.request(text))", race_of_tasks},
    {"co_await when_any(peer.receive(), std::move(task))", race_of_named_tasks},
    {"co_await when_any(peer.receive(), loop.sleep(0ms)), again and again",
     race_that_loses_no_message},
    {"co_await with_timeout(peer.receive(), 1ms)", timeout_over_a_receive},
    {"co_await with_timeout(slowly(loop, text), 1ms)", timeout_over_a_task},
    {"if (const auto reply = co_await with_timeout(peer.request(\"a\"), 5s); !reply)",
     if_timeout_not},
    {"co_await with_timeout(when_any(...), 1ms)", timeout_over_a_race},
    {"co_await when_any(with_timeout(peer.receive(), 1ms), loop.sleep(1h))", race_of_timeouts},

    {"for (int tick = 1; co_await loop.sleep(1ms) == Outcome::ok; ++tick)", for_sleep},
    {"int ticks = 0; while (co_await loop.sleep(1ms) == Outcome::ok)", while_sleep},
    {"while (const bool slept = co_await loop.sleep(1ms) == Outcome::ok)", while_bool_sleep},
    {"do {...} while (ticks < 3 && co_await loop.sleep(1ms) == Outcome::ok)", do_while_sleep},
    {"co_await loop.readable(descriptor)", readable},
    {"while (auto job = co_await jobs.receive())", channel},
    {"if (const auto job = co_await jobs.receive(1ms); !job)", if_channel_not},
    {"co_await ready.wait()", event},
    {"const auto permit = co_await slots.acquire();", semaphore},
    {"auto text = co_await in_thread([] { return ...; });", thread},
    {"co_await in_thread([&text] { return text.size(); })", thread_with_references},
    {"auto read = [path] {...}; co_await in_thread(read);", thread_with_a_named_lambda},
    {"co_await peer.send(co_await in_thread(read));", thread_in_the_argument_of_a_send},
    {"co_await in_thread([&calls] { ++calls; });", thread_without_a_value},
    {"try { co_await in_thread([] { throw ...; }); } catch (...)", thread_that_throws},
    {"co_await with_timeout(in_thread([] {...}), 5s)", thread_under_a_timeout},
    {"co_await in_thread([] { usleep(20'000); }), while the loop serves",
     thread_while_the_loop_serves},

    {"const auto datagram = co_await socket->receive();", datagrams},
    {"co_await socket->receive(1ms)", datagrams_timeout},
    {"while (auto line = co_await input.receive()) co_await peer.send(*line);", lines},
    {"co_await when_any(peer.receive(), input.receive())", race_of_lines},
    {"const auto status = co_await child->wait();", child},
    {"co_await when_any(peer.receive(), child->wait(), loop.sleep(10s))", race_with_a_child},
    {"for (int count = 0; auto click = co_await clicks->receive();)", hub_client},
    {"co_await client->request(subject, text, 5s)", hub_request},
    {"co_await when_any(peer.receive(), news->receive(), loop.sleep(10s))", race_with_a_hub},
};

// What GCC before 13 miscompiles in a way that the library cannot see: task.hpp names these forms.
constexpr Form unseen_forms[] = {
    {"none ? std::string(\"none\") : co_await text()", in_a_choice_of_texts},
    {"co_await size_of_all({.text = text})", aggregate_in_the_call},
    {"co_await size_of_it([text] { return text; })", captures_in_the_call},
};

// What no compiler is allowed, and what only GCC before 13 is not: the words on stderr say why.
struct RefusedForm {
  Form form;
  const char* words;
  bool by_gcc_12_only;
};

constexpr RefusedForm refused_forms[] = {
    {{"if (!co_await yes()), without a local variable", if_not_without_a_local_variable},
     "has miscompiled the coroutine that is started here",
     true},
    {{"while (co_await loop.sleep(1ms) == Outcome::ok), without a local variable",
      while_without_a_local_variable},
     "has miscompiled the coroutine that is started here",
     true},
    {{"if (draining || co_await yes()), without a local variable", and_without_a_local_variable},
     "has miscompiled the coroutine that is started here",
     true},
    {{"switch (co_await number(2)), without a local variable", switch_without_a_local_variable},
     "has miscompiled the coroutine that is started here",
     true},
    {{"loop.spawn([peer]() -> Task<> {...}())", spawn_the_task_of_a_lambda},
     "spawn() was given the task of a lambda with captures",
     false},
};

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ < 13
constexpr bool by_gcc_12 = true;
#else
constexpr bool by_gcc_12 = false;
#endif

/// The folder of the sockets, removed at the end.
struct Folder {
  std::string path;

  Folder() {
    char name[] = "/tmp/call_forms.XXXXXX";
    if (const char* made = mkdtemp(name)) path = made;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    if (!path.empty()) std::filesystem::remove_all(path, ignored);
  }
};

Task<bool> with_a_peer(Loop& loop, std::string directory, const Form& form) {
  const std::string address = directory + "/echo";
  auto peer = co_await Connection::connect(loop, address);
  if (!peer) {
    report(peer.error());
    co_return false;
  }
  World world{loop, directory, address, directory + "/hub", std::move(*peer)};
  co_return co_await form.run(world);
}

bool run(const std::string& directory, const Form& form) {
  Loop loop;
  const auto server = Server::open(loop, directory + "/echo", echo);
  const auto hub = Hub::start(loop, directory + "/hub");
  if (!server) return report(server.error()) == 0;
  if (!hub) return report(hub.error()) == 0;
  return loop.run(with_a_peer(loop, directory, form));
}

/// @return whether a process that runs the form is aborted, and says why on stderr
bool is_refused(const RefusedForm& refused) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) return false;
  const pid_t pid = fork();
  if (pid == 0) {
    dup2(ends[1], STDERR_FILENO);
    const Folder folder;
    _exit(run(folder.path, refused.form) ? 0 : 1);
  }
  close(ends[1]);
  std::string words;
  std::array<char, 4096> bytes;
  for (ssize_t got = 0; (got = read(ends[0], bytes.data(), bytes.size())) > 0;) {
    words.append(bytes.data(), static_cast<std::size_t>(got));
  }
  close(ends[0]);
  int status = 0;
  waitpid(pid, &status, 0);
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT &&
      words.find(refused.words) != std::string::npos) {
    return true;
  }
  std::cout << "it ended with wait status " << status << " and: " << words << '\n';
  return false;
}

}  // namespace

int main() {
  std::cout << std::unitbuf;  // so that the form that crashes is the last one printed
  int failed = 0;
  const auto note = [&](bool passed) {
    if (!passed) ++failed;
    std::cout << (passed ? "  ok\n" : "  FAILED\n");
  };
  const Folder folder;
  for (const Form& form : forms) {
    std::cout << form.text << '\n';
    note(run(folder.path, form));
  }
  for (const Form& form : unseen_forms) {
    std::cout << form.text << (by_gcc_12 ? ": left out, because this compiler miscompiles it" : "")
              << '\n';
    note(by_gcc_12 || run(folder.path, form));
  }
  for (const RefusedForm& refused : refused_forms) {
    const bool expected = by_gcc_12 || !refused.by_gcc_12_only;
    std::cout << refused.form.text << (expected ? ": refused\n" : "\n");
    note(expected ? is_refused(refused) : run(folder.path, refused.form));
  }
  std::cout << failed << " failed\n";
  return failed == 0 ? 0 : 1;
}
