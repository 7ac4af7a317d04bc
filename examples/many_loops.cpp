// For more work than one core can do: one server on several loops, each with a thread.
//
//   many_loops [ADDRESS] [LOOPS]
//
// Each line is a number; the answer is how many primes are below it. A client stays with the loop
// it was assigned to, so a long computation delays only that loop's clients. Handlers run
// concurrently: what they share must be atomic, or protected by a lock.
#include <algorithm>
#include <atomic>
#include <charconv>
#include <iostream>
#include <string>
#include <thread>

#include <hallway/hallway.hpp>

using namespace hallway;

bool is_prime(unsigned number) {
  for (unsigned divisor = 2; divisor * divisor <= number; ++divisor) {
    if (number % divisor == 0) return false;
  }
  return number > 1;
}

unsigned primes_below(unsigned bound) {
  unsigned count = 0;
  for (unsigned number = 2; number < bound; ++number) {
    if (is_prime(number)) ++count;
  }
  return count;
}

unsigned to_number(ByteView text, unsigned otherwise) {
  unsigned number = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return std::min(number, 1'000'000U);
}

struct Mathematician {
  std::atomic<unsigned> answers = 0;

  Task<> answer(Connection client) {
    while (auto question = co_await client.receive()) {
      co_await client.send(std::to_string(primes_below(to_number(*question, 0))));
      ++answers;
    }
  }
};

int main(int argc, char** argv) {
  std::cout << std::unitbuf;  // flushes each line at once, also into a pipe
  const unsigned cores = std::max(std::thread::hardware_concurrency(), 1U);
  Mathematician mathematician;
  Loop loop;
  auto server =
      Server::open(loop, argc > 1 ? argv[1] : "/tmp/primes.sock",
                   [&](Connection client) { return mathematician.answer(std::move(client)); },
                   {.loops = argc > 2 ? to_number(argv[2], cores) : cores});
  if (!server) return report(server.error());
  std::cout << "listening on " << server->address().to_string() << '\n';
  loop.drain_on({SIGINT, SIGTERM});
  const int status = loop.run();
  std::cout << "gave " << mathematician.answers << " answers\n";
  return status;
}
