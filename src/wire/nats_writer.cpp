// SPDX-License-Identifier: Apache-2.0
#include "wire/nats_writer.hpp"

#include <algorithm>
#include <cassert>
#include <charconv>

#include "core/copy_bytes.hpp"

namespace hallway::nats {

namespace {

std::size_t digits(std::size_t value) {
  std::size_t count = 1;
  for (; value >= 10; value /= 10) ++count;
  return count;
}

// Each line is produced by one function, for a Counter that counts its bytes or a Pen that writes
// them.

class Counter {
 public:
  void text(ByteView bytes) noexcept { size_ += bytes.size(); }
  void number(std::size_t value) noexcept { size_ += digits(value); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }

 private:
  std::size_t size_ = 0;
};

class Pen {
 public:
  explicit Pen(char* out) noexcept : at_(out) {}
  void text(ByteView bytes) noexcept { at_ = core::copy_bytes(bytes, at_); }
  void number(std::size_t value) noexcept {
    at_ = std::to_chars(at_, at_ + digits(value), value).ptr;
  }
  [[nodiscard]] char* at() const noexcept { return at_; }

 private:
  char* at_;
};

ByteView spelled(Verb verb) {
  switch (verb) {
    case Verb::info: return "INFO ";
    case Verb::connect: return "CONNECT ";
    case Verb::pub: return "PUB ";
    case Verb::hpub: return "HPUB ";
    case Verb::sub: return "SUB ";
    case Verb::unsub: return "UNSUB ";
    case Verb::msg: return "MSG ";
    case Verb::hmsg: return "HMSG ";
    case Verb::ping: return "PING";
    case Verb::pong: return "PONG";
    case Verb::ok: return "+OK";
    case Verb::err: return "-ERR '";
  }
  return {};
}

/// An argument that is followed by others.
template <typename To>
void argument(ByteView field, To& to) {
  assert(!field.empty() && field.find_first_of(" \t\r\n") == ByteView::npos);
  to.text(field);
  to.text(" ");
}

template <typename To>
void optional_argument(ByteView field, To& to) {
  if (!field.empty()) argument(field, to);
}

template <typename To>
void sizes(const Operation& operation, bool with_header, To& to) {
  if (with_header) {
    to.number(operation.header.size());
    to.text(" ");
  }
  to.number(operation.header.size() + operation.payload.size());
}

template <typename To>
To encode(const Operation& operation, To to) {
  const Verb verb = operation.verb;
  to.text(spelled(verb));
  switch (verb) {
    case Verb::info:
    case Verb::connect: to.text(operation.text); break;
    case Verb::err:
      to.text(operation.text);
      to.text("'");
      break;
    case Verb::pub:
    case Verb::hpub:
      argument(operation.subject, to);
      optional_argument(operation.reply, to);
      sizes(operation, verb == Verb::hpub, to);
      break;
    case Verb::msg:
    case Verb::hmsg:
      argument(operation.subject, to);
      argument(operation.sid, to);
      optional_argument(operation.reply, to);
      sizes(operation, verb == Verb::hmsg, to);
      break;
    case Verb::sub:
      argument(operation.subject, to);
      optional_argument(operation.queue, to);
      to.text(operation.sid);
      break;
    case Verb::unsub:
      to.text(operation.sid);
      if (operation.max == 0) break;
      to.text(" ");
      to.number(operation.max);
      break;
    case Verb::ping:
    case Verb::pong:
    case Verb::ok: break;
  }
  to.text(line_end);
  return to;
}

}  // namespace

std::size_t line_size(const Operation& operation) noexcept {
  return encode(operation, Counter()).size();
}

char* write_line(const Operation& operation, char* out) noexcept {
  return encode(operation, Pen(out)).at();
}

std::size_t written_size(const Operation& operation) noexcept {
  const std::size_t line = line_size(operation);
  if (!has_payload(operation.verb)) return line;
  return line + operation.header.size() + operation.payload.size() + line_end.size();
}

char* write(const Operation& operation, char* out) noexcept {
  Pen pen(write_line(operation, out));
  if (has_payload(operation.verb)) {
    pen.text(operation.header);
    pen.text(operation.payload);
    pen.text(line_end);
  }
  return pen.at();
}

std::string to_bytes(const Operation& operation) {
  std::string bytes(written_size(operation), '\0');
  write(operation, bytes.data());
  return bytes;
}

}  // namespace hallway::nats
