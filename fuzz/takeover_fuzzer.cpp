// SPDX-License-Identifier: Apache-2.0
//
// The words of a takeover: any bytes are read as an offer, as a refusal or as neither, an offer
// that was read is written again byte for byte, and what was written is read back.
#include <cstring>
#include <string>

#include "input.hpp"
#include "message/server/takeover_words.hpp"

namespace {

using namespace hallway;
using fuzz::require;
namespace words = message::takeover_words;

std::uint64_t number_of(fuzz::Input& input) {
  std::uint64_t number = 0;
  const auto bytes = input.take(input.below(sizeof number + 1));
  if (!bytes.empty()) std::memcpy(&number, bytes.data(), bytes.size());
  return number;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Input input(data, size);
  if (input.chance()) {
    const words::OfferedFiles files{number_of(input), number_of(input), number_of(input),
                                    number_of(input)};
    const std::string written = words::offer_of(files);
    require(words::read_offer(written) == files);
    // A byte more is another offer or none, never the same one.
    const std::string longer = written + std::string(input.take(1));
    require(longer == written || words::read_offer(longer) != files);
    return 0;
  }
  const std::string any(input.take_rest());
  const auto offer = words::read_offer(any);
  const auto refused = words::read_refusal(any);
  require(!(offer && refused));
  if (offer) require(words::offer_of(*offer) == any);
  if (refused) require(std::string(words::refusal) + std::string(*refused) == any);
  // What asks or answers with a single word is neither.
  for (const auto one :
       {words::greeting, words::prove, words::proof, words::ready, words::yours, words::later}) {
    require(any != one || (!offer && !refused));
  }
  return 0;
}
