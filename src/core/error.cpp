// SPDX-License-Identifier: Apache-2.0
#include <hallway/error.hpp>

#include <cstdio>

#include <hallway/bytes.hpp>

namespace hallway {

std::string Error::why() const { return reason.empty() ? code.message() : reason; }

std::string Error::explain() const {
  std::string sentence = operation;
  if (!sentence.empty() && !subject.empty()) sentence += ' ';
  sentence += printable(subject);
  return code || !reason.empty() ? sentence + ": " + why() : sentence;
}

int report(const Error& error) {
  std::string lines = error.explain() + "\n";
  if (!error.hint.empty()) lines += "hint: " + error.hint + "\n";
  std::fputs(lines.c_str(), stderr);
  return 1;
}

std::string_view to_string(Outcome outcome) noexcept {
  switch (outcome) {
    case Outcome::ok: return "ok";
    case Outcome::would_block: return "would block";
    case Outcome::timed_out: return "timed out";
    case Outcome::end_of_stream: return "end of stream";
    case Outcome::peer_gone: return "peer gone";
    case Outcome::closed: return "closed";
    case Outcome::truncated: return "truncated";
    case Outcome::no_responders: return "no responders";
    case Outcome::failed: return "failed";
  }
  return "unknown outcome";
}

}  // namespace hallway
