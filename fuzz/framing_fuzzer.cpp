// SPDX-License-Identifier: Apache-2.0
//
// Every framing over arbitrary bytes: what is parsed whole must be the same as what is parsed
// when the bytes arrive in two pieces, and no message goes over the limit or out of the input.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include <hallway/framing.hpp>

namespace {

using hallway::ByteView;
using hallway::Frame;
using hallway::Framing;

constexpr std::size_t limit = 64;

void require(bool holds) {
  if (!holds) std::abort();
}

/// Parses what has arrived; gives what is left.
ByteView parse(Framing framing, ByteView bytes, std::vector<std::string>& messages, bool& failed) {
  while (!failed) {
    const Frame frame = framing.next(bytes, limit);
    if (frame.state == Frame::State::incomplete) break;
    failed = frame.state == Frame::State::too_large;
    if (failed) break;
    require(frame.consumed > 0 && frame.consumed <= bytes.size());
    require(frame.message.size() <= limit);
    messages.emplace_back(frame.message);
    bytes.remove_prefix(frame.consumed);
  }
  return bytes;
}

void check(Framing framing, ByteView bytes, std::size_t cut) {
  std::vector<std::string> whole;
  bool whole_failed = false;
  parse(framing, bytes, whole, whole_failed);

  std::vector<std::string> pieces;
  bool pieces_failed = false;
  std::string rest(parse(framing, bytes.substr(0, cut), pieces, pieces_failed));
  const std::size_t scanned = framing.kind() == Framing::Kind::lines ? rest.size() : 0;
  rest += bytes.substr(cut);
  if (!pieces_failed && scanned > 0) {
    const Frame hinted = framing.next(rest, limit, scanned);
    const Frame plain = framing.next(rest, limit);
    require(hinted.state == plain.state && hinted.message == plain.message);
  }
  parse(framing, rest, pieces, pieces_failed);
  require(whole == pieces && whole_failed == pieces_failed);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  constexpr Framing framings[] = {Framing::lines(), Framing::null(), Framing::len32(),
                                  Framing::len32be(), Framing::len32le()};
  const Framing framing = framings[data[0] % std::size(framings)];
  const ByteView bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  check(framing, bytes, data[1] % (bytes.size() + 1));
  (void)Framing::raw(1 + data[1]).next(bytes, limit);
  (void)framing.last(bytes, limit);
  return 0;
}
