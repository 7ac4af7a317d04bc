// SPDX-License-Identifier: Apache-2.0
//
// A server for a long time, amid clients that ask, storm, stall and are killed.
#include <gtest/gtest.h>

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <random>
#include <utility>

#include "support/raw_socket.hpp"
#include "support/temp_directory.hpp"
#include "support/watchdog.hpp"
#include "torture/load.hpp"
#include "torture/server_process.hpp"
#include "torture/torture.hpp"

namespace hallway::torture {
namespace {

using namespace std::chrono_literals;
using test::ForkedProcess;
using test::TempDirectory;
using test::Watchdog;

seconds soak_time() {
  if (!in_full()) return 4s;
  const char* given = std::getenv("HALLWAY_SOAK_SECONDS");
  return seconds(given == nullptr ? 120 : std::max(10, std::atoi(given)));
}

struct Point {
  double minutes;
  double value;
};

/// By how much `value` grows in a minute, by least squares.
double slope(const std::vector<Point>& points) {
  const auto n = static_cast<double>(points.size());
  double time = 0;
  double value = 0;
  for (const Point& point : points) {
    time += point.minutes / n;
    value += point.value / n;
  }
  double both = 0;
  double square = 0;
  for (const Point& point : points) {
    both += (point.minutes - time) * (point.value - value);
    square += (point.minutes - time) * (point.minutes - time);
  }
  return square > 0 ? both / square : 0;
}

/// The least `value` of each tenth of the time: what was needed at all times. Between two deeds
/// buffers come and go, a megabyte now and then.
std::vector<Point> floor_of(const std::vector<Point>& points) {
  constexpr std::size_t tenths = 10;
  const std::size_t of_each = std::max<std::size_t>(1, points.size() / tenths);
  std::vector<Point> floor;
  for (std::size_t first = 0; first + of_each <= points.size(); first += of_each) {
    const auto begin = points.begin() + static_cast<std::ptrdiff_t>(first);
    floor.push_back(
        *std::min_element(begin, begin + static_cast<std::ptrdiff_t>(of_each),
                          [](const Point& a, const Point& b) { return a.value < b.value; }));
  }
  return floor;
}

/// Connects many times, says all sorts of things, and waits to be killed in the middle of it.
void be_a_mayfly(const std::string& path, unsigned seed, const ForkedProcess::Say& say) {
  std::mt19937 random(seed);
  std::vector<Descriptor> sockets;
  const std::string large(100'000, 'x');
  for (int i = 0; i < 40; ++i) {
    sockets.push_back(test::raw_connected(SOCK_STREAM, path));
    const int socket = sockets.back().get();
    switch (random() % 6) {
      case 0: break;
      case 1: test::raw_send(socket, "half a mess"); break;
      case 2: test::raw_send(socket, "hello\nand more\n\n"); break;
      case 3: test::raw_send(socket, large); break;
      case 4: ::shutdown(socket, SHUT_WR); break;
      default: sockets.pop_back();
    }
  }
  say("busy");
  test::wait_to_be_killed();
}

void say_all(int socket, const std::string& bytes) {
  ASSERT_EQ(::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(bytes.size()));
}

/// Reads what the server still answers, until it is so much.
void hear_out(int socket, std::size_t expected) {
  for (std::size_t heard = 0; heard < expected;) {
    const auto piece = test::raw_receive(socket, 65536, true);
    ASSERT_GT(piece.result, 0);
    heard += static_cast<std::size_t>(piece.result);
  }
}

/// Has the server use all of the buffers that it keeps for later, each to its end: by and by that
/// happens anyway, and would look like growth.
void fill_its_pools(const std::string& path) {
  // In the middle of large messages, all at once; then in the middle of small ones.
  for (const auto& [size, many] : {std::pair{1'000'000U, 5}, std::pair{1'000U, 80}}) {
    const std::string most_of_it(size - 10, 'x');
    std::vector<Descriptor> sockets;
    for (int i = 0; i < many; ++i) {
      sockets.push_back(test::raw_connected(SOCK_STREAM, path));
      say_all(sockets.back().get(), most_of_it);
    }
    for (const Descriptor& socket : sockets) say_all(socket.get(), std::string(9, 'x') + '\n');
    for (const Descriptor& socket : sockets) hear_out(socket.get(), size);
  }
  // Answers that wait, as many as it lets wait.
  const Descriptor socket = test::raw_connected(SOCK_STREAM, path);
  const std::string lines(6400, '\n');
  std::size_t sent = 0;
  for (pollfd writable{socket.get(), POLLOUT, 0}; ::poll(&writable, 1, 50) == 1;) {
    sent += static_cast<std::size_t>(
        std::max<ssize_t>(::send(socket.get(), lines.data(), lines.size(), MSG_DONTWAIT), 0));
  }
  hear_out(socket.get(), sent);
}

TEST(soak, takes_no_more_in_the_end_than_after_warming_up) {
  const auto time = soak_time();
  Watchdog::allow(static_cast<unsigned>(time.count()) + 60);
  const TempDirectory directory;
  const std::string path = directory / "s";
  ServerProcess server(path, ServerProcess::Library{
                                 .options = {.connection = {.limits = {.message_time = 500ms}},
                                             .server_limits = {.max_connections_per_uid = 1024}}});
  ASSERT_TRUE(server.serving());
  ASSERT_NO_FATAL_FAILURE(fill_its_pools(path));
  Load load(path, SOCK_STREAM, 1);
  std::mt19937 random{1};
  std::vector<Point> allocated;
  std::size_t resident_first = 0;
  std::size_t resident_most = 0;
  std::vector<Point> descriptors;
  unsigned deeds = 0;
  Events& events = server.events();
  const auto begin = Clock::now();
  while (Clock::now() - begin < time) {
    for (int i = 0; i < 5; ++i, ++deeds) {
      switch (random() % 4) {
        case 0:  // the machine is suspended for a moment
          server.signal(SIGSTOP);
          pause_briefly(milliseconds(1 + random() % 30));
          server.signal(SIGCONT);
          break;
        case 1: {  // a client dies in the middle of everything
          ForkedProcess mayfly([&, seed = static_cast<unsigned>(random())](const auto& say) {
            be_a_mayfly(path, seed, say);
          });
          EXPECT_EQ(mayfly.line(), "busy");
          mayfly.kill();
          break;
        }
        case 2:  // a storm
          for (int n = 0; n < 200; ++n) (void)test::raw_connected(SOCK_STREAM, path);
          break;
        default:  // the usual
          EXPECT_TRUE(load.answered(100));
      }
    }
    // Those who were killed are gone; the two who ask remain.
    EXPECT_TRUE(eventually([&] { return events.connected - events.closed <= 3; }));
    const double minutes = std::chrono::duration<double>(Clock::now() - begin).count() / 60;
    if (Clock::now() - begin < time / 4) continue;  // it warms up
    const Footprint now = footprint_of(server.pid());
    allocated.push_back({minutes, static_cast<double>(server.allocated_kib())});
    if (resident_first == 0) resident_first = now.memory_kib;
    resident_most = std::max(resident_most, now.memory_kib);
    descriptors.push_back({minutes, static_cast<double>(now.descriptors)});
  }
  EXPECT_TRUE(load.stop());
  EXPECT_TRUE(eventually([&] { return events.connected == events.closed; }));
  EXPECT_EQ(server.terminate(), 0);
  EXPECT_EQ(load.sum(&Tally::lost), 0U);
  EXPECT_EQ(load.sum(&Tally::wrong), 0U);

  ASSERT_FALSE(allocated.empty());
  const double observed = allocated.back().minutes - allocated.front().minutes;
  const std::vector<Point> floor = floor_of(allocated);
  const double memory_slope = slope(floor);
  const double descriptor_slope = slope(descriptors);
  double mean = 0;
  for (const Point& point : floor) mean += point.value / static_cast<double>(floor.size());
  const double per_cent = 100 * memory_slope / mean;
  if (in_full()) {
    EXPECT_LT(std::abs(per_cent), 0.1) << "memory, in % a minute";
    EXPECT_LT(resident_most, 4 * resident_first) << "resident memory, in KiB";
    EXPECT_LT(std::abs(descriptor_slope * observed), 1) << "descriptors";
  }
  report("T23 soak of " + std::to_string(time.count()) +
         " s: asked |slope| < 0.1 %/min of memory (the least of each tenth of the time) and "
         "descriptors after warm-up; reached memory " +
         rounded(per_cent, 3) + " %/min (" + rounded(memory_slope * observed) + " KiB of " +
         rounded(mean, 0) + " over the time; resident " + std::to_string(resident_first) +
         " KiB at first and " + std::to_string(resident_most) + " at most), descriptors " +
         rounded(descriptor_slope, 3) + "/min, " + std::to_string(deeds) + " disturbances, " +
         std::to_string(events.closed) + " connections, " +
         std::to_string(load.sum(&Tally::answered)) + " requests, " +
         std::to_string(load.sum(&Tally::lost)) + " lost");
}

}  // namespace
}  // namespace hallway::torture
