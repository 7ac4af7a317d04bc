// SPDX-License-Identifier: Apache-2.0
#include "wire/nats_header.hpp"

#include <algorithm>
#include <cassert>

#include "core/ascii.hpp"
#include "core/copy_bytes.hpp"
#include "wire/nats_operation.hpp"

namespace hallway::nats {

namespace {

constexpr ByteView version = "NATS/1.0";
constexpr ByteView blanks = " \t";
constexpr ByteView separator = ": ";

ByteView trimmed(ByteView text) {
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

bool is_one_of(std::span<const HeaderField> fields, ByteView name) {
  return std::ranges::any_of(
      fields, [&](const auto& field) { return core::equal_ignoring_case(field.name, name); });
}

}  // namespace

std::optional<HeaderBlock> HeaderBlock::parse(ByteView block) noexcept {
  if (!block.starts_with(version) || !block.ends_with("\r\n\r\n")) return std::nullopt;
  block.remove_prefix(version.size());
  block.remove_suffix(line_end.size());
  HeaderBlock parsed;
  const std::size_t end = block.find(line_end);
  parsed.first_line_ = block.substr(0, end);
  parsed.fields_ = block.substr(end + line_end.size());
  const ByteView first = parsed.first_line_;
  if (!first.empty() && !blanks.contains(first.front())) return std::nullopt;
  if (first.find_first_of(line_end) != ByteView::npos) return std::nullopt;
  ByteView rest = parsed.fields_;
  while (take_field(rest)) {
  }
  if (!rest.empty()) return std::nullopt;
  return parsed;
}

ByteView HeaderBlock::status() const noexcept {
  const ByteView text = trimmed(first_line_);
  return text.substr(0, text.find_first_of(blanks));
}

ByteView HeaderBlock::description() const noexcept {
  return trimmed(trimmed(first_line_).substr(status().size()));
}

std::optional<ByteView> HeaderBlock::find(ByteView name) const noexcept {
  for (ByteView rest = fields_; const auto field = take_field(rest);) {
    if (field->name == name) return field->value;
  }
  return std::nullopt;
}

/// Takes the first field off `rest`.
/// @return nullopt if there is no field or it is malformed; `rest` is then unchanged
std::optional<HeaderField> HeaderBlock::take_field(ByteView& rest) noexcept {
  const std::size_t end = rest.find_first_of(line_end);
  if (end == ByteView::npos || !rest.substr(end).starts_with(line_end)) return std::nullopt;
  const ByteView line = rest.substr(0, end);
  const std::size_t colon = line.find(':');
  const ByteView name = line.substr(0, colon);
  const bool named = !name.empty() && name.find_first_of(blanks) == ByteView::npos;
  if (colon == ByteView::npos || !named) return std::nullopt;
  rest.remove_prefix(end + line_end.size());
  return HeaderField{name, trimmed(line.substr(colon + 1))};
}

bool HeaderBlock::has_any_of(std::span<const HeaderField> fields) const noexcept {
  for (ByteView rest = fields_; const auto field = take_field(rest);) {
    if (is_one_of(fields, field->name)) return true;
  }
  return false;
}

/// Calls visit(ByteView) with the unchanged bytes of each field whose name is not in `fields`.
template <typename Visit>
void HeaderBlock::for_each_line_but(std::span<const HeaderField> fields, Visit visit) const {
  ByteView rest = fields_;
  while (!rest.empty()) {
    const ByteView before = rest;
    const auto field = take_field(rest);
    if (is_one_of(fields, field->name)) continue;
    visit(before.substr(0, before.size() - rest.size()));
  }
}

std::size_t HeaderBlock::size_with(std::span<const HeaderField> fields) const noexcept {
  std::size_t size = version.size() + first_line_.size() + line_end.size();
  for_each_line_but(fields, [&](ByteView line) { size += line.size(); });
  for (const HeaderField& field : fields) {
    if (field.value.empty()) continue;
    size += field.name.size() + separator.size() + field.value.size() + line_end.size();
  }
  return size + line_end.size();
}

char* HeaderBlock::write_with(std::span<const HeaderField> fields, char* out) const noexcept {
  const auto write = [&](ByteView bytes) { out = core::copy_bytes(bytes, out); };
  write(version);
  write(first_line_);
  write(line_end);
  for_each_line_but(fields, write);
  for (const HeaderField& field : fields) {
    assert(field.name.find_first_of(":\r\n") == ByteView::npos);
    assert(field.value.find_first_of(line_end) == ByteView::npos);
    if (field.value.empty()) continue;
    for (const ByteView part : {field.name, separator, field.value, line_end}) write(part);
  }
  write(line_end);
  return out;
}

}  // namespace hallway::nats
