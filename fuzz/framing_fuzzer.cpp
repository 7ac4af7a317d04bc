// SPDX-License-Identifier: Apache-2.0
//
// Every framing over arbitrary bytes that arrive in arbitrary pieces: the messages and the end are
// what the reference finds in the whole, no message is over the limit or outside of the input, and
// what was found can be written and found again.
#include <string>
#include <vector>

#include <hallway/framing.hpp>

#include "input.hpp"
#include "reference.hpp"

namespace {

using namespace hallway;
using fuzz::Expected;
using fuzz::require;
using State = Frame::State;

constexpr Framing with_boundaries[] = {Framing::lines(), Framing::null(), Framing::len32(),
                                       Framing::len32be(), Framing::len32le()};

/// Receives as a connection does: what was scanned is not looked at again, and the bytes lie
/// exactly in their allocation, so that reading one too many is seen.
class Receiver {
 public:
  Receiver(Framing framing, std::size_t limit) : framing_(framing), limit_(limit) {}

  void arrive(ByteView piece) {
    if (failed) return;
    unread_.insert(unread_.end(), piece.begin(), piece.end());
    while (!failed) {
      unread_.shrink_to_fit();
      const ByteView bytes(unread_.data(), unread_.size());
      const Frame frame = framing_.next(bytes, limit_, scanned_);
      require_same(frame, framing_.next(bytes, limit_));
      if (frame.state == State::incomplete) {
        require(framing_.kind() != Framing::Kind::raw || bytes.empty());
        scanned_ = bytes.size();
        return;
      }
      failed = frame.state == State::too_large;
      if (!failed) take(frame, bytes);
    }
  }

  void end() {
    if (failed) return;
    const ByteView rest(unread_.data(), unread_.size());
    const Frame frame = framing_.last(rest, limit_);
    failed = frame.state == State::too_large;
    broken_off = frame.state == State::incomplete && !rest.empty();
    if (frame.state == State::complete) {
      require(frame.consumed == rest.size());
      take(frame, rest);
    }
  }

  std::vector<std::string> messages;
  bool failed = false;
  bool broken_off = false;

 private:
  static void require_same(const Frame& hinted, const Frame& plain) {
    require(hinted.state == plain.state && hinted.consumed == plain.consumed);
    require(hinted.message.data() == plain.message.data());
    require(hinted.message.size() == plain.message.size());
  }

  void take(const Frame& frame, ByteView bytes) {
    require(frame.consumed > 0 && frame.consumed <= bytes.size());
    require(frame.message.size() <= limit_);
    require(frame.message.data() >= bytes.data());
    require(frame.message.data() + frame.message.size() <= bytes.data() + frame.consumed);
    messages.emplace_back(frame.message);
    unread_.erase(unread_.begin(), unread_.begin() + static_cast<std::ptrdiff_t>(frame.consumed));
    scanned_ = 0;
  }

  Framing framing_;
  std::size_t limit_;
  std::vector<char> unread_;
  std::size_t scanned_ = 0;
};

void require_found_again(Framing framing, const std::string& message) {
  std::vector<char> frame(message.size() + framing.overhead());
  require(framing.write(message, frame.data()) == frame.data() + frame.size());
  // A carriage return at its end would be dropped with the line feed that is written behind it.
  if (framing == Framing::lines() && message.ends_with('\r')) return;
  const Frame found = framing.next(ByteView(frame.data(), frame.size()), message.size());
  require(found.state == State::complete && found.message == message);
  require(found.consumed == frame.size());
}

template <typename Pieces>
Receiver received(Framing framing, std::size_t limit, ByteView stream, Pieces next_piece) {
  Receiver receiver(framing, limit);
  while (!stream.empty()) {
    const ByteView piece = stream.substr(0, next_piece());
    receiver.arrive(piece);
    stream.remove_prefix(piece.size());
  }
  receiver.end();
  return receiver;
}

void check(Framing framing, std::size_t limit, ByteView stream, const Receiver& receiver) {
  const Expected expected = fuzz::expected_of(framing, limit, stream, true);
  require(receiver.messages.size() == expected.messages.size());
  for (std::size_t i = 0; i < expected.messages.size(); ++i) {
    require(receiver.messages[i] == expected.messages[i].bytes);
  }
  require(receiver.failed == (expected.end == Expected::End::too_large));
  require(receiver.broken_off == (expected.end == Expected::End::broken_off));
  for (const std::string& message : receiver.messages) require_found_again(framing, message);
}

void check_raw(std::size_t most, std::size_t limit, ByteView stream, const Receiver& receiver) {
  require(receiver.failed == (limit == 0 && !stream.empty()));
  require(!receiver.broken_off);
  std::string together;
  for (const std::string& message : receiver.messages) {
    require(!message.empty() && message.size() <= most);
    together += message;
  }
  require(receiver.failed || together == stream);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  const std::size_t kind = input.below(std::size(with_boundaries) + 1);
  const std::size_t limit = input.byte();
  const std::size_t most = input.byte();
  // The sizes of the pieces, used over and over.
  const ByteView cuts = input.take(input.below(8) + 1);
  const ByteView stream = input.take_rest();
  std::size_t turn = 0;
  const auto next_piece = [&] {
    return cuts.empty()
               ? stream.size()
               : static_cast<std::size_t>(static_cast<std::uint8_t>(cuts[turn++ % cuts.size()])) +
                     1;
  };
  if (kind < std::size(with_boundaries)) {
    const Framing framing = with_boundaries[kind];
    check(framing, limit, stream, received(framing, limit, stream, next_piece));
    check(framing, limit, stream, received(framing, limit, stream, [&] { return stream.size(); }));
  } else {
    const Framing framing = Framing::raw(static_cast<std::uint32_t>(most));
    check_raw(std::max<std::size_t>(most, 1), limit, stream,
              received(framing, limit, stream, next_piece));
  }
  return 0;
}
