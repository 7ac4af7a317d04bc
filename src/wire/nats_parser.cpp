// SPDX-License-Identifier: Apache-2.0
#include "wire/nats_parser.hpp"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <span>

#include "core/ascii.hpp"

namespace hallway::nats {

namespace {

/// The buffer size that a parser retains while the buffer is empty.
constexpr std::size_t size_at_rest = 1 * kibibyte;

// Verbs -------------------------------------------------------------------------------------------

using Word = std::uint64_t;
using Letters = std::array<char, sizeof(Word)>;

/// A verb as one word of memory. The mask excludes what does not matter: the bytes after the verb
/// and, of a letter, the bit that distinguishes upper and lower case.
struct Spelling {
  constexpr Spelling(Verb meant, ByteView spelled) : verb(meant), size(spelled.size()) {
    Letters letters{};
    Letters counts{};
    for (std::size_t i = 0; i < size; ++i) {
      const bool has_cases = spelled[i] >= 'A' && spelled[i] <= 'Z';
      letters[i] = spelled[i];
      counts[i] = static_cast<char>(has_cases ? ~0x20 : ~0);
    }
    word = std::bit_cast<Word>(letters);
    mask = std::bit_cast<Word>(counts);
  }

  Verb verb;
  std::size_t size;
  Word word = 0;
  Word mask = 0;
};

// Frequent verbs come first.
constexpr std::array of_clients{Spelling(Verb::pub, "PUB"),         Spelling(Verb::hpub, "HPUB"),
                                Spelling(Verb::sub, "SUB"),         Spelling(Verb::unsub, "UNSUB"),
                                Spelling(Verb::ping, "PING"),       Spelling(Verb::pong, "PONG"),
                                Spelling(Verb::connect, "CONNECT"), Spelling(Verb::info, "INFO"),
                                Spelling(Verb::ok, "+OK"),          Spelling(Verb::err, "-ERR")};
constexpr std::array of_servers{Spelling(Verb::msg, "MSG"),   Spelling(Verb::hmsg, "HMSG"),
                                Spelling(Verb::ok, "+OK"),    Spelling(Verb::ping, "PING"),
                                Spelling(Verb::pong, "PONG"), Spelling(Verb::err, "-ERR"),
                                Spelling(Verb::info, "INFO")};

std::span<const Spelling> spellings_of(Sender sender) {
  if (sender == Sender::client) return of_clients;
  return of_servers;
}

/// A mask of the first `size` bytes of a word.
constexpr Word first_bytes(std::size_t size) {
  Letters bytes{};
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(~0);
  return std::bit_cast<Word>(bytes);
}

// Arguments ---------------------------------------------------------------------------------------

bool is_blank(char byte) { return byte == ' ' || byte == '\t'; }
bool separates(char byte) { return is_blank(byte) || byte == '\r'; }

/// Assigns the arguments of a line to `fields`, in order. The field at index `optional` may be
/// missing.
/// @return false if there are too few or too many arguments
bool place(ByteView line, std::initializer_list<ByteView*> fields, std::size_t optional) {
  constexpr std::size_t most = 5;
  std::array<ByteView, most> found;
  std::size_t count = 0;
  const char* at = line.data();
  const char* const end = at + line.size();
  while (true) {
    while (at != end && separates(*at)) ++at;
    if (at == end) break;
    if (count == fields.size()) return false;
    const char* const begin = at;
    while (at != end && !separates(*at)) ++at;
    found[count++] = {begin, at};
  }
  if (count + 1 < fields.size()) return false;
  const bool complete = count == fields.size();
  std::size_t next = 0;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (complete || i != optional) *fields.begin()[i] = found[next++];
  }
  return true;
}

/// core::parse_number() takes twice as long, and each message has a size.
std::optional<std::uint32_t> number(ByteView digits) {
  constexpr std::size_t most_digits = 9;
  if (digits.empty() || digits.size() > most_digits) return std::nullopt;
  std::uint32_t value = 0;
  for (const char digit : digits) {
    if (!core::is_digit(digit)) return std::nullopt;
    value = value * 10 + static_cast<std::uint32_t>(digit - '0');
  }
  return value;
}

ByteView without_carriage_return(ByteView line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

ByteView without_quotes(ByteView text) {
  if (text.size() < 2 || !text.starts_with('\'') || !text.ends_with('\'')) return text;
  return text.substr(1, text.size() - 2);
}

}  // namespace

// The parser --------------------------------------------------------------------------------------

Parser::Parser(Sender sender, ParserLimits limits) noexcept : sender_(sender), limits_(limits) {}

void Parser::arrive(ByteView piece) noexcept {
  assert(unread() == 0 || phase_ == Phase::failed);
  at_ = piece.data();
  end_ = at_ + piece.size();
  begin_ = nullptr;
}

const Operation* Parser::next() {
  if (phase_ == Phase::failed) return nullptr;
  if (phase_ == Phase::verb && !repeat_line() && !read_verb()) return nullptr;
  if (phase_ == Phase::blank && !read_blank()) return nullptr;
  if (phase_ == Phase::blanks && !skip_blanks()) return nullptr;
  if (phase_ == Phase::line && !read_line()) return nullptr;
  if (phase_ == Phase::rest_of_line && !skip_rest_of_line()) return nullptr;
  if (phase_ == Phase::payload && !read_payload()) return nullptr;
  phase_ = Phase::verb;
  return &operation_;
}

Parser::Phase Parser::phase_after(Verb verb) noexcept {
  switch (verb) {
    case Verb::ping:
    case Verb::pong:
    case Verb::ok: return Phase::rest_of_line;
    case Verb::connect:
    case Verb::info: return Phase::blanks;
    default: return Phase::blank;
  }
}

/// Reuses the last parsed line if the operation begins with the same bytes.
/// @return whether it does
bool Parser::repeat_line() noexcept {
  if (kept_size_ > 0) forget();
  const bool same = line_.size > 0 && letter_count_ == 0 && unread() >= line_.size &&
                    std::memcmp(at_, line_.bytes.data(), line_.size) == 0;
  if (!same) return false;
  const auto field = [this](Field in_line) { return ByteView(at_ + in_line.at, in_line.size); };
  operation_ = {.verb = line_.verb,
                .subject = field(line_.subject),
                .reply = field(line_.reply),
                .sid = field(line_.sid)};
  arguments_ = field(line_.arguments);
  payload_at_ = 0;
  at_ += line_.size;
  phase_ = Phase::payload;
  return true;
}

/// Remembers the parsed line that ends at at_, if it is short and lies within one piece.
void Parser::remember_line() noexcept {
  line_.size = 0;
  if (begin_ == nullptr || static_cast<std::size_t>(at_ - begin_) > line_.bytes.size()) return;
  const auto field = [this](ByteView of) {
    if (of.empty()) return Field();
    return Field(static_cast<std::uint8_t>(of.data() - begin_),
                 static_cast<std::uint8_t>(of.size()));
  };
  line_.size = static_cast<std::uint8_t>(at_ - begin_);
  std::memcpy(line_.bytes.data(), begin_, line_.size);
  line_.verb = operation_.verb;
  line_.subject = field(operation_.subject);
  line_.reply = field(operation_.reply);
  line_.sid = field(operation_.sid);
  line_.arguments = field(arguments_);
}

bool Parser::read_verb() {
  if (letter_count_ == 0) begin_ = at_;
  const std::size_t fresh = std::min(unread(), letters_.size() - letter_count_);
  if (fresh == 0) return false;
  Letters letters = letters_;
  std::memcpy(letters.data() + letter_count_, at_, fresh);
  const Word word = std::bit_cast<Word>(letters);
  const std::size_t known = letter_count_ + fresh;
  for (const Spelling& verb : spellings_of(sender_)) {
    const bool whole = known >= verb.size;
    const Word mask = whole ? verb.mask : verb.mask & first_bytes(known);
    if ((word & mask) != (verb.word & mask)) continue;
    if (!whole) {
      letters_ = letters;
      letter_count_ = known;
      at_ = end_;
      return false;
    }
    at_ += verb.size - letter_count_;
    letters_ = {};
    letter_count_ = 0;
    operation_ = {.verb = verb.verb};
    phase_ = phase_after(verb.verb);
    return true;
  }
  return fail(ProtocolError::unknown_operation);
}

bool Parser::read_blank() noexcept {
  if (at_ == end_) return false;
  if (!is_blank(*at_)) return fail(ProtocolError::unknown_operation);
  phase_ = Phase::blanks;
  return true;
}

bool Parser::skip_blanks() noexcept {
  while (at_ != end_ && is_blank(*at_)) ++at_;
  if (at_ == end_) return false;
  phase_ = Phase::line;
  return true;
}

bool Parser::skip_rest_of_line() noexcept {
  if (at_ == end_) return false;
  const void* line_feed = std::memchr(at_, '\n', unread());
  at_ = line_feed == nullptr ? end_ : static_cast<const char*>(line_feed) + 1;
  if (line_feed == nullptr) return false;
  phase_ = Phase::whole;
  return true;
}

bool Parser::read_line() {
  if (at_ == end_) return false;
  const auto* line_feed = static_cast<const char*>(std::memchr(at_, '\n', unread()));
  const bool whole = line_feed != nullptr;
  ByteView line(at_, whole ? line_feed : end_);
  at_ = whole ? line_feed + 1 : end_;

  // The size is checked before the line is copied. One byte over the limit may be the carriage
  // return, which does not count.
  const std::size_t most = limits_.control_line + 1;
  if (kept_size_ + line.size() > most) return fail(ProtocolError::control_line_too_long);
  if (!whole || kept_size_ > 0) {
    keep(line, most);
    line = kept();
  }
  line = without_carriage_return(line);
  if (line.size() > limits_.control_line) return fail(ProtocolError::control_line_too_long);
  return whole && read_arguments(line);
}

bool Parser::read_arguments(ByteView line) noexcept {
  if (!assign(line)) return fail(ProtocolError::malformed_arguments);
  if (!has_payload(operation_.verb)) {
    phase_ = Phase::whole;
    return true;
  }
  if (payload_size_ > limits_.payload) return fail(ProtocolError::payload_too_large);
  arguments_ = line;
  payload_at_ = kept_size_;
  phase_ = Phase::payload;
  remember_line();
  return true;
}

/// Assigns the arguments of the line to the fields of the operation.
bool Parser::assign(ByteView line) noexcept {
  if (operation_.verb == Verb::connect || operation_.verb == Verb::info) {
    operation_.text = line;
    return true;
  }
  if (operation_.verb == Verb::err) {
    operation_.text = without_quotes(line);
    return true;
  }

  Operation& to = operation_;
  ByteView max;
  ByteView header_size = "0";
  ByteView size;
  switch (to.verb) {
    case Verb::sub: return place(line, {&to.subject, &to.queue, &to.sid}, 1);
    case Verb::unsub:
      if (!place(line, {&to.sid, &max}, 1)) return false;
      to.max = number(max).value_or(0);
      return true;
    case Verb::pub:
      if (!place(line, {&to.subject, &to.reply, &size}, 1)) return false;
      break;
    case Verb::hpub:
      if (!place(line, {&to.subject, &to.reply, &header_size, &size}, 1)) return false;
      break;
    case Verb::msg:
      if (!place(line, {&to.subject, &to.sid, &to.reply, &size}, 2)) return false;
      break;
    default:  // HMSG
      if (!place(line, {&to.subject, &to.sid, &to.reply, &header_size, &size}, 2)) return false;
      break;
  }
  const auto header = number(header_size);
  const auto whole = number(size);
  if (!header || !whole || *header > *whole) return false;
  header_size_ = *header;
  payload_size_ = *whole;
  return true;
}

bool Parser::read_payload() {
  const std::size_t size = payload_size_ + line_end.size();
  if (kept_size_ == payload_at_ && unread() >= size) {
    const char* payload = at_;
    if (payload[payload_size_] != '\r' || payload[payload_size_ + 1] != '\n') {
      return fail(ProtocolError::unknown_operation);
    }
    at_ += size;
    attach(payload);
    return true;
  }

  if (kept_size_ == 0) {
    payload_at_ = arguments_.size();
    keep(arguments_, payload_at_ + size);
  }
  const std::size_t missing = payload_at_ + size - kept_size_;
  const ByteView fresh(at_, std::min(missing, unread()));
  keep(fresh, payload_at_ + size);
  at_ += fresh.size();
  const ByteView end = kept().substr(std::min(kept_size_, payload_at_ + payload_size_));
  if (!ByteView("\r\n").starts_with(end)) return fail(ProtocolError::unknown_operation);
  if (end.size() < line_end.size()) return false;
  attach(kept_.data() + payload_at_);
  return true;
}

void Parser::attach(const char* payload) noexcept {
  // The views refer to where the line was parsed: in a piece that is gone, or in kept_ before it
  // moved.
  if (kept_size_ > 0) assign(kept().substr(0, arguments_.size()));
  operation_.header = {payload, header_size_};
  operation_.payload = {payload + header_size_, payload_size_ - header_size_};
  phase_ = Phase::whole;
}

bool Parser::fail(ProtocolError error) noexcept {
  error_ = error;
  phase_ = Phase::failed;
  return false;
}

// The buffer of a split operation -----------------------------------------------------------------

/// Appends to the buffer, which will never hold more than `most` bytes.
void Parser::keep(ByteView bytes, std::size_t most) {
  const std::size_t needed = kept_size_ + bytes.size();
  if (needed > kept_.size()) {
    kept_.resize(std::max(needed, std::min(most, std::max(size_at_rest, 2 * kept_.size()))));
  }
  if (!bytes.empty()) std::memcpy(kept_.data() + kept_size_, bytes.data(), bytes.size());
  kept_size_ = needed;
}

void Parser::forget() noexcept {
  kept_size_ = 0;
  if (kept_.size() > size_at_rest) kept_ = {};
}

}  // namespace hallway::nats
