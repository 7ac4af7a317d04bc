// SPDX-License-Identifier: Apache-2.0
#include <hallway/framing.hpp>

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace hallway {

static void PrintTo(const Framing& framing, std::ostream* out) { *out << framing.to_string(); }

namespace {

using State = Frame::State;
using namespace std::string_literals;
using namespace std::string_view_literals;

constexpr std::size_t no_limit = SIZE_MAX / 2;

const std::array every_framing{Framing::lines(),   Framing::null(),    Framing::len32(),
                               Framing::len32be(), Framing::len32le(), Framing::raw(),
                               Framing::raw(16)};
const std::array counted{Framing::len32(), Framing::len32be(), Framing::len32le()};

std::string framed(Framing framing, ByteView message) {
  std::string frame(message.size() + framing.overhead(), '?');
  const char* end = framing.write(message, frame.data());
  EXPECT_EQ(end, frame.data() + frame.size()) << framing.to_string();
  return frame;
}

/// Receives as a connection does: pieces are appended, whole messages taken out, and what is
/// known to hold no delimiter is not looked at again.
class Receiver {
 public:
  explicit Receiver(Framing framing, std::size_t limit = no_limit)
      : framing_(framing), limit_(limit) {}

  void arrive(ByteView piece) {
    buffer_ += piece;
    while (!too_large) {
      const Frame frame = framing_.next(buffer_, limit_, scanned_);
      if (frame.state == State::incomplete) scanned_ = buffer_.size();
      if (frame.state == State::too_large) too_large = true;
      if (frame.state != State::complete) return;
      messages.emplace_back(frame.message);
      buffer_.erase(0, frame.consumed);
      scanned_ = 0;
    }
  }

  void end() {
    const Frame frame = framing_.last(buffer_, limit_);
    broken_off = frame.state != State::complete && !buffer_.empty();
    if (frame.state == State::complete) messages.emplace_back(frame.message);
  }

  std::vector<std::string> messages;
  bool too_large = false;
  bool broken_off = false;

 private:
  Framing framing_;
  std::size_t limit_;
  std::string buffer_;
  std::size_t scanned_ = 0;
};

// One message -------------------------------------------------------------------------------------

TEST(framing, ends_a_line_at_the_line_feed) {
  const Frame frame = Framing::lines().next("one\ntwo\n", no_limit);
  EXPECT_EQ(frame.state, State::complete);
  EXPECT_EQ(frame.message, "one");
  EXPECT_EQ(frame.consumed, 4U);
}

TEST(framing, drops_a_carriage_return_before_the_line_feed) {
  const Frame frame = Framing::lines().next("one\r\n", no_limit);
  EXPECT_EQ(frame.message, "one");
  EXPECT_EQ(frame.consumed, 5U);
}

TEST(framing, keeps_a_carriage_return_that_is_not_before_a_line_feed) {
  EXPECT_EQ(Framing::lines().next("o\rne\n", no_limit).message, "o\rne");
}

TEST(framing, drops_only_one_of_several_carriage_returns) {
  EXPECT_EQ(Framing::lines().next("one\r\r\n", no_limit).message, "one\r");
}

TEST(framing, takes_an_empty_line_for_an_empty_message) {
  for (const ByteView input : {"\n"sv, "\r\n"sv}) {
    const Frame frame = Framing::lines().next(input, no_limit);
    EXPECT_EQ(frame.state, State::complete);
    EXPECT_EQ(frame.message, "");
    EXPECT_EQ(frame.consumed, input.size());
  }
}

TEST(framing, takes_a_nul_in_a_line_for_data) {
  EXPECT_EQ(Framing::lines().next("a\0b\n"sv, no_limit).message, "a\0b"sv);
}

TEST(framing, takes_line_ends_in_a_null_frame_for_data) {
  const Frame frame = Framing::null().next("a\r\nb\r\0c"sv, no_limit);
  EXPECT_EQ(frame.message, "a\r\nb\r");
  EXPECT_EQ(frame.consumed, 6U);
}

TEST(framing, reads_lengths_in_the_order_it_is_named_after) {
  EXPECT_EQ(Framing::len32be().next("\0\0\0\2hi"sv, no_limit).message, "hi");
  EXPECT_EQ(Framing::len32le().next("\2\0\0\0hi"sv, no_limit).message, "hi");
  const std::uint32_t length = 2;
  const std::string host(reinterpret_cast<const char*>(&length), sizeof length);
  EXPECT_EQ(Framing::len32().next(host + "hi", no_limit).message, "hi");
}

TEST(framing, writes_lengths_in_the_order_it_is_named_after) {
  EXPECT_EQ(framed(Framing::len32be(), "hi"), "\0\0\0\2hi"s);
  EXPECT_EQ(framed(Framing::len32le(), "hi"), "\2\0\0\0hi"s);
}

TEST(framing, writes_delimiters_after_the_message) {
  EXPECT_EQ(framed(Framing::lines(), "hi"), "hi\n");
  EXPECT_EQ(framed(Framing::null(), "hi"), "hi\0"s);
  EXPECT_EQ(framed(Framing::raw(), "hi"), "hi");
}

TEST(framing, borrows_the_message_from_the_input) {
  const std::string input = "borrowed\n";
  EXPECT_EQ(Framing::lines().next(input, no_limit).message.data(), input.data());
}

TEST(framing, gives_what_arrived_when_raw) {
  const Frame frame = Framing::raw().next("some\nbytes\0"sv, no_limit);
  EXPECT_EQ(frame.state, State::complete);
  EXPECT_EQ(frame.message, "some\nbytes\0"sv);
}

TEST(framing, gives_at_most_n_bytes_when_raw_n) {
  const std::string input = "0123456789abcdefTHE REST";
  const Frame frame = Framing::raw(16).next(input, no_limit);
  EXPECT_EQ(frame.message, "0123456789abcdef");
  EXPECT_EQ(frame.consumed, 16U);
  EXPECT_EQ(Framing::raw(16).next("short", no_limit).message, "short");
}

TEST(framing, cuts_raw_bytes_at_the_limit_instead_of_refusing_them) {
  const Frame frame = Framing::raw().next("0123456789", 4);
  EXPECT_EQ(frame.state, State::complete);
  EXPECT_EQ(frame.message, "0123");
}

TEST(framing, finds_nothing_in_nothing) {
  for (const Framing framing : every_framing) {
    EXPECT_EQ(framing.next({}, no_limit).state, State::incomplete) << framing.to_string();
    EXPECT_EQ(framing.last({}, no_limit).state, State::incomplete) << framing.to_string();
  }
}

// The end of the stream ---------------------------------------------------------------------------

TEST(framing, counts_a_last_line_without_line_feed) {
  const Frame frame = Framing::lines().last("the end", no_limit);
  EXPECT_EQ(frame.state, State::complete);
  EXPECT_EQ(frame.message, "the end");
  EXPECT_EQ(frame.consumed, 7U);
}

TEST(framing, drops_a_carriage_return_at_the_end_of_a_last_line) {
  const Frame frame = Framing::lines().last("the end\r", no_limit);
  EXPECT_EQ(frame.message, "the end");
  EXPECT_EQ(frame.consumed, 8U);
}

TEST(framing, counts_a_last_null_frame_without_nul) {
  EXPECT_EQ(Framing::null().last("the end\r", no_limit).message, "the end\r");
}

TEST(framing, calls_half_a_counted_frame_incomplete_at_the_end) {
  for (const Framing framing : counted) {
    const std::string frame = framed(framing, "message");
    for (std::size_t size = 1; size < frame.size(); ++size) {
      EXPECT_EQ(framing.last(ByteView(frame).substr(0, size), no_limit).state, State::incomplete)
          << size;
    }
  }
}

// Limits ------------------------------------------------------------------------------------------

TEST(framing, accepts_a_message_of_exactly_the_limit_and_no_byte_more) {
  constexpr std::size_t limit = 100;
  for (const Framing framing : {Framing::lines(), Framing::null(), Framing::len32(),
                                Framing::len32be(), Framing::len32le()}) {
    for (const std::size_t size : {limit - 1, limit}) {
      const std::string frame = framed(framing, std::string(size, 'x'));
      EXPECT_EQ(framing.next(frame, limit).state, State::complete) << framing.to_string() << size;
      EXPECT_EQ(framing.next(frame, limit).message.size(), size);
    }
    const std::string frame = framed(framing, std::string(limit + 1, 'x'));
    EXPECT_EQ(framing.next(frame, limit).state, State::too_large) << framing.to_string();
  }
}

TEST(framing, does_not_count_the_dropped_carriage_return_against_the_limit) {
  const std::string line = std::string(100, 'x') + "\r\n";
  EXPECT_EQ(Framing::lines().next(line, 100).state, State::complete);
  EXPECT_EQ(Framing::lines().next(ByteView(line).substr(0, 101), 100).state, State::incomplete);
}

TEST(framing, gives_up_on_a_delimiter_as_soon_as_none_can_come_in_time) {
  EXPECT_EQ(Framing::lines().next(std::string(101, 'x'), 100).state, State::incomplete);
  EXPECT_EQ(Framing::lines().next(std::string(102, 'x'), 100).state, State::too_large);
  EXPECT_EQ(Framing::null().next(std::string(100, 'x'), 100).state, State::incomplete);
  EXPECT_EQ(Framing::null().next(std::string(101, 'x'), 100).state, State::too_large);
}

TEST(framing, applies_the_limit_also_to_a_last_line) {
  EXPECT_EQ(Framing::lines().last(std::string(100, 'x') + "\r", 100).state, State::complete);
  EXPECT_EQ(Framing::lines().last(std::string(101, 'x'), 100).state, State::too_large);
}

TEST(framing, judges_a_length_by_its_four_bytes_alone) {
  EXPECT_EQ(Framing::len32be().next("\0\0\0\x65"sv, 100).state, State::too_large);
  EXPECT_EQ(Framing::len32be().next("\0\0\0\x64"sv, 100).state, State::incomplete);
  EXPECT_EQ(Framing::len32be().next("\0\0\0"sv, 100).state, State::incomplete);
}

TEST(framing, does_not_wrap_around_at_a_length_of_4_gib) {
  for (const Framing framing : counted) {
    EXPECT_EQ(framing.next("\xff\xff\xff\xff"sv, 1 << 20).state, State::too_large);
    EXPECT_EQ(framing.next("\xff\xff\xff\xffhello"sv, UINT32_MAX).state, State::incomplete);
    EXPECT_EQ(framing.next("\xff\xff\xff\xffhello"sv, no_limit).state, State::incomplete);
  }
}

TEST(framing, accepts_an_empty_counted_message_even_with_a_limit_of_nothing) {
  for (const Framing framing : counted) {
    const Frame frame = framing.next("\0\0\0\0"sv, 0);
    EXPECT_EQ(frame.state, State::complete);
    EXPECT_EQ(frame.consumed, 4U);
  }
}

// Streams -----------------------------------------------------------------------------------------

/// Messages that bring out what is special about delimiters and lengths.
std::vector<std::string> awkward_messages(Framing framing) {
  std::vector<std::string> messages{"", "a",   "\r", "a\rb", "\r\r", std::string(20, 'x'),
                                    "", "last"};
  if (framing == Framing::lines()) {
    // A line cannot end in a carriage return: it is dropped as part of the line's end.
    messages = {"", "a", "a\rb", std::string(20, 'x'), "\0\0"s, "", "last"};
  } else if (framing.kind() != Framing::Kind::null) {
    messages.push_back("\n\0\n"s);
  }
  return messages;
}

TEST(framing, gives_back_what_was_written_however_the_bytes_are_split) {
  for (const Framing framing : {Framing::lines(), Framing::null(), Framing::len32(),
                                Framing::len32be(), Framing::len32le()}) {
    const std::vector<std::string> sent = awkward_messages(framing);
    std::string stream;
    for (const std::string& message : sent) stream += framed(framing, message);

    for (std::size_t first = 0; first <= stream.size(); ++first) {
      for (std::size_t second = first; second <= stream.size(); ++second) {
        Receiver receiver(framing);
        receiver.arrive(ByteView(stream).substr(0, first));
        receiver.arrive(ByteView(stream).substr(first, second - first));
        receiver.arrive(ByteView(stream).substr(second));
        receiver.end();
        ASSERT_EQ(receiver.messages, sent) << framing.to_string() << " " << first << " " << second;
        ASSERT_FALSE(receiver.broken_off || receiver.too_large);
      }
    }
  }
}

TEST(framing, gives_back_what_was_written_byte_by_byte) {
  for (const Framing framing : {Framing::lines(), Framing::null(), Framing::len32(),
                                Framing::len32be(), Framing::len32le()}) {
    const std::vector<std::string> sent = awkward_messages(framing);
    Receiver receiver(framing);
    for (const std::string& message : sent) {
      for (const char byte : framed(framing, message)) receiver.arrive(ByteView(&byte, 1));
    }
    receiver.end();
    EXPECT_EQ(receiver.messages, sent) << framing.to_string();
  }
}

TEST(framing, refuses_the_same_stream_however_its_bytes_are_split) {
  constexpr std::size_t limit = 8;
  for (const Framing framing : {Framing::lines(), Framing::null(), Framing::len32(),
                                Framing::len32be(), Framing::len32le()}) {
    const std::string stream = framed(framing, "fits") + framed(framing, "exactly8") +
                               framed(framing, "one over!") + framed(framing, "never");
    for (std::size_t split = 0; split <= stream.size(); ++split) {
      Receiver receiver(framing, limit);
      receiver.arrive(ByteView(stream).substr(0, split));
      receiver.arrive(ByteView(stream).substr(split));
      EXPECT_EQ(receiver.messages, (std::vector<std::string>{"fits", "exactly8"}));
      EXPECT_TRUE(receiver.too_large) << framing.to_string() << " " << split;
    }
  }
}

// Every split of a stream gives the same events
// -----------------------------------------------------

/// What a receiver sees of `stream` when it arrives in the pieces between `cuts`: each message and
/// how it ends. Nothing is copied, so that streams of 64 KiB can be cut at every byte.
class Events {
 public:
  Events(Framing framing, std::size_t limit, ByteView stream)
      : framing_(framing), limit_(limit), stream_(stream) {}

  void arrive_until(std::size_t position) {
    while (end_ == End::none) {
      const ByteView unread = stream_.substr(taken_, position - taken_);
      const Frame frame = framing_.next(unread, limit_, scanned_);
      if (frame.state == State::incomplete) {
        scanned_ = unread.size();
        return;
      }
      judge(frame);
    }
  }

  void end() {
    arrive_until(stream_.size());
    if (end_ != End::none) return;
    const ByteView rest = stream_.substr(taken_);
    const Frame frame = framing_.last(rest, limit_);
    if (frame.state != State::incomplete) judge(frame);
    if (end_ == End::none) end_ = taken_ < stream_.size() ? End::broken_off : End::in_order;
  }

  friend bool operator==(const Events& a, const Events& b) {
    return a.messages_ == b.messages_ && a.end_ == b.end_;
  }
  [[nodiscard]] std::size_t count() const { return messages_.size(); }

 private:
  enum class End : std::uint8_t { none, in_order, broken_off, too_large };

  void judge(const Frame& frame) {
    if (frame.state == State::too_large) {
      end_ = End::too_large;
      return;
    }
    EXPECT_LE(frame.message.size(), limit_);
    const auto begin = static_cast<std::size_t>(frame.message.data() - stream_.data());
    messages_.emplace_back(begin, frame.message.size());
    taken_ += frame.consumed;
    scanned_ = 0;
  }

  Framing framing_;
  std::size_t limit_;
  ByteView stream_;
  std::size_t taken_ = 0;
  std::size_t scanned_ = 0;
  std::vector<std::pair<std::size_t, std::size_t>> messages_;  // where, and how long
  End end_ = End::none;
};

Events events_of(Framing framing, std::size_t limit, ByteView stream,
                 std::initializer_list<std::size_t> cuts = {}) {
  Events events(framing, limit, stream);
  for (const std::size_t cut : cuts) events.arrive_until(cut);
  events.end();
  return events;
}

const std::array with_boundaries{Framing::lines(), Framing::null(), Framing::len32(),
                                 Framing::len32be(), Framing::len32le()};

/// Messages of up to `limit` bytes; the last one is broken off, or a line without its end.
std::string long_stream(Framing framing, std::size_t limit, std::size_t size) {
  std::mt19937 random(2);  // NOLINT(cert-msc51-cpp): the same every time, on purpose
  std::string stream;
  while (stream.size() < size) {
    stream += framed(framing, std::string(random() % limit, random() % 9 == 0 ? '\r' : 'x'));
  }
  stream.resize(size);
  return stream;
}

void expect_the_same_wherever_cut(Framing framing, std::size_t limit, std::size_t size) {
  const std::string stream = long_stream(framing, limit, size);
  const Events whole = events_of(framing, limit, stream);
  EXPECT_GE(whole.count(), size / limit);
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    ASSERT_EQ(events_of(framing, limit, stream, {cut}), whole)
        << framing.to_string() << " at " << cut;
  }
}

TEST(framing, gives_the_same_events_wherever_64_kib_of_lines_are_cut) {
  expect_the_same_wherever_cut(Framing::lines(), 10'000, 65'536);
}

TEST(framing, gives_the_same_events_wherever_64_kib_of_null_frames_are_cut) {
  expect_the_same_wherever_cut(Framing::null(), 10'000, 65'536);
}

TEST(framing, gives_the_same_events_wherever_64_kib_of_counted_frames_are_cut) {
  expect_the_same_wherever_cut(Framing::len32be(), 10'000, 65'536);
}

TEST(framing, gives_the_same_events_wherever_many_small_messages_are_cut) {
  for (const Framing framing : with_boundaries) expect_the_same_wherever_cut(framing, 40, 2048);
}

TEST(framing, gives_the_same_events_wherever_a_short_stream_is_cut_twice) {
  constexpr std::size_t limit = 8;
  for (const Framing framing : with_boundaries) {
    const std::string fine = framed(framing, "") + framed(framing, "fits") +
                             framed(framing, "\rexact8") + framed(framing, "a\r");
    const std::string over = framed(framing, "fits") + framed(framing, "one over!");
    for (const std::string& stream :
         {fine, over, over + fine, fine + "rest", fine + "\r", fine + "one over!",
          fine + "exactly8\r", fine + "\xff\xff\xff", "\xff\xff\xff\xff" + fine}) {
      const Events whole = events_of(framing, limit, stream);
      for (std::size_t first = 0; first <= stream.size(); ++first) {
        for (std::size_t second = first; second <= stream.size(); ++second) {
          ASSERT_EQ(events_of(framing, limit, stream, {first, second}), whole)
              << framing.to_string() << " at " << first << " and " << second;
        }
      }
    }
  }
}

TEST(framing, gives_the_same_events_wherever_garbage_is_cut) {
  std::mt19937 random(3);  // NOLINT(cert-msc51-cpp): the same every time, on purpose
  for (int round = 0; round < 2'000; ++round) {
    std::string stream(random() % 48, '?');
    for (char& byte : stream) byte = "\0\0\0\1\n\r\xff x"[random() % 9];
    const std::size_t limit = random() % 12;
    for (const Framing framing : with_boundaries) {
      const Events whole = events_of(framing, limit, stream);
      for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        ASSERT_EQ(events_of(framing, limit, stream, {cut}), whole)
            << framing.to_string() << " round " << round << " at " << cut;
      }
    }
  }
}

TEST(framing, loses_no_raw_byte_however_they_are_split) {
  const std::string stream = "0123456789abcdefghijklmnopqrstuvwxyz";
  for (std::size_t split = 0; split <= stream.size(); ++split) {
    Receiver receiver(Framing::raw(16));
    receiver.arrive(ByteView(stream).substr(0, split));
    receiver.arrive(ByteView(stream).substr(split));
    std::string together;
    for (const std::string& message : receiver.messages) {
      EXPECT_LE(message.size(), 16U);
      together += message;
    }
    EXPECT_EQ(together, stream);
  }
}

TEST(framing, never_reads_outside_random_input) {
  std::mt19937 random(1);  // NOLINT(cert-msc51-cpp): the same every time, on purpose
  for (int round = 0; round < 20'000; ++round) {
    // Exactly as large as the input, so that a sanitizer sees one byte too many.
    std::vector<char> bytes(random() % 40);
    for (char& byte : bytes) byte = static_cast<char>("\0\0\0\1\n\r\xff x"[random() % 9]);
    const ByteView input(bytes.data(), bytes.size());
    for (const Framing framing : every_framing) {
      const std::size_t limit = random() % 12 + 1;
      const Frame frame = framing.next(input, limit, 0);
      if (frame.state == State::complete) {
        EXPECT_LE(frame.consumed, input.size());
        EXPECT_LE(frame.message.size(), limit);
        EXPECT_GE(frame.message.data(), input.data());
        EXPECT_LE(frame.message.data() + frame.message.size(), input.data() + input.size());
        EXPECT_GT(frame.consumed, 0U);
      }
      (void)framing.last(input, limit);
    }
  }
}

TEST(framing, looks_only_at_new_bytes_of_a_long_line) {
  // Quadratic work would be some 10^12 bytes here, and run into the watchdog.
  constexpr std::size_t size = 16U << 20U;
  constexpr std::size_t piece = 64;
  std::string line(size, 'x');
  std::size_t scanned = 0;
  for (std::size_t arrived = piece; arrived <= size; arrived += piece) {
    ASSERT_EQ(Framing::lines().next(ByteView(line).substr(0, arrived), no_limit, scanned).state,
              State::incomplete);
    scanned = arrived;
  }
  line += '\n';
  EXPECT_EQ(Framing::lines().next(line, no_limit, scanned).message.size(), size);
}

TEST(framing, finds_the_carriage_return_that_was_scanned_before) {
  EXPECT_EQ(Framing::lines().next("one\r\n", no_limit, 4).message, "one");
}

// Names -------------------------------------------------------------------------------------------

TEST(framing, reads_every_name_it_prints) {
  for (const Framing framing : every_framing) {
    const auto parsed = Framing::parse(framing.to_string());
    ASSERT_TRUE(parsed) << framing.to_string();
    EXPECT_EQ(*parsed, framing);
  }
  EXPECT_EQ(Framing::raw(16).to_string(), "raw:16");
  EXPECT_EQ(Framing::raw().to_string(), "raw");
}

TEST(framing, distinguishes_framings_that_differ) {
  for (std::size_t i = 0; i < every_framing.size(); ++i) {
    for (std::size_t j = 0; j < every_framing.size(); ++j) {
      EXPECT_EQ(every_framing[i] == every_framing[j], i == j);
    }
  }
}

TEST(framing, refuses_an_unknown_framing_and_lists_the_known_ones) {
  for (const char* text :
       {"", "line", "LINES", "lines ", " lines", "len", "len32xx", "len16", "raw:", "raw:0",
        "raw:-1", "raw:+1", "raw:16k", "raw: 16", "raw:99999999999999999999999"}) {
    const auto parsed = Framing::parse(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, std::errc::invalid_argument);
    EXPECT_EQ(parsed.error().subject, text);
    EXPECT_NE(parsed.error().hint.find("len32be"), std::string::npos);
  }
}

TEST(framing, adds_as_many_bytes_as_it_reports) {
  for (const Framing framing : every_framing) {
    EXPECT_EQ(framed(framing, "").size(), framing.overhead()) << framing.to_string();
  }
}

}  // namespace
}  // namespace hallway
