// SPDX-License-Identifier: Apache-2.0
//
// Any bytes, in any pieces, as the head of a request for metrics: what is found does not depend on
// how it was cut, and is what a reader of whole lines finds; and nothing beyond the limits is kept.
#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "input.hpp"
#include "tool/hub/http_request.hpp"

namespace {

using namespace hallway::tool;
using hallway::fuzz::Input;
using hallway::fuzz::require;
using State = HttpRequestHead::State;

struct Reference {
  explicit Reference(std::string_view text) {
    std::size_t lines = 0;
    while (state == State::unfinished && !text.empty()) {
      const std::size_t end = text.find('\n');
      std::string_view line = text.substr(0, end);
      if (line.size() > HttpRequestHead::max_line + 1) {
        state = State::line_too_long;
        return;
      }
      if (end == std::string_view::npos) return;
      text.remove_prefix(end + 1);
      if (line.ends_with('\r')) line.remove_suffix(1);
      if (lines == 0) {
        first = line;
      } else if (line.empty()) {
        state = State::whole;
      }
      ++lines;
      if (state == State::unfinished && lines == HttpRequestHead::max_lines) {
        state = State::too_many_lines;
      }
    }
  }

  State state = State::unfinished;
  std::string first;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  // The pieces' sizes come first, so that the rest reads as the request does.
  const std::string_view sizes = input.take(input.below(8));
  const std::size_t repeated = input.byte();  // so that limits are reached by short inputs
  std::string text(input.take_rest());
  const std::string once = text;
  for (std::size_t i = 0; i < repeated && text.size() < 20'000; ++i) text += once;

  HttpRequestHead head;
  std::string_view rest = text;
  for (std::size_t at = 0; !rest.empty(); ++at) {
    const auto piece = at < sizes.size() ? static_cast<unsigned char>(sizes[at]) + 1U : rest.size();
    require(head.take(rest.substr(0, piece)) == head.state());
    require(head.first_line().size() <= HttpRequestHead::max_line + 1);
    rest.remove_prefix(std::min<std::size_t>(piece, rest.size()));
  }
  const Reference reference(text);
  require(head.state() == reference.state);
  if (head.state() != State::whole) return 0;
  require(head.first_line() == reference.first);

  const HttpTarget target = read_http_target(head.first_line());
  require(!target.method.contains(' '));
  require(target.path.find_first_of(" ?") == std::string_view::npos);
  require(target.method.size() + target.path.size() <= head.first_line().size());
  const std::string response = http_response("200 OK", "text/plain", text);
  require(response.ends_with("\r\n\r\n" + text));
  return 0;
}
