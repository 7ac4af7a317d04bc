// SPDX-License-Identifier: Apache-2.0
#include "hub/server/identity_header.hpp"

#include <algorithm>
#include <array>
#include <optional>

#include "core/ascii.hpp"

namespace hallway::hub {

namespace {

using Fields = std::array<nats::HeaderField, 4>;

constexpr const char* uid_field = "Hallway-Uid";
constexpr const char* pid_field = "Hallway-Pid";
constexpr const char* executable_field = "Hallway-Executable";

void write(const nats::HeaderBlock& block, const Fields& fields, std::string& out) {
  out.resize(block.size_with(fields));
  block.write_with(fields, out.data());
}

/// Whether the prefix of the identity fields occurs anywhere in the header, even where it does not
/// begin a field for us: other parsers may be more lenient.
bool mentions_identity_field(ByteView header) {
  constexpr ByteView prefix = "hallway-";
  return !std::ranges::search(header, prefix, {}, core::to_lower).empty();
}

/// Whether all readers see each field end where we do. Some readers end a line at a control byte or
/// a Unicode separator, or a text at NUL: what follows it would be a field that we do not see.
bool ends_alike_for_all_readers(ByteView header) {
  std::string text(header);
  std::erase_if(text, [](char byte) { return byte == '\r' || byte == '\n' || byte == '\t'; });
  return printable(text) == text;
}

std::optional<nats::HeaderBlock> parse(ByteView header) {
  if (mentions_identity_field(header) && !ends_alike_for_all_readers(header)) return std::nullopt;
  return nats::HeaderBlock::parse(header);
}

/// The executable of the publisher; empty unless the process that connected is still running. The
/// path is read before that is checked, so that it cannot belong to another process with the same
/// pid.
std::string executable_of(const Connection& publisher) {
  std::string path = publisher.peer().executable();
  const auto identity = publisher.peer_identity();
  if (!identity || *identity != PidStatus::running) path.clear();
  return path;
}

}  // namespace

IdentityHeader::IdentityHeader(const Connection& publisher)
    : uid_(std::to_string(publisher.peer().uid)), executable_(executable_of(publisher)) {
  const std::int32_t pid = publisher.peer().pid;
  if (pid > 0) pid_ = std::to_string(pid);
}

void IdentityHeader::add(ByteView header, std::string& out) const {
  const auto block = parse(header);
  write(block.value_or(nats::HeaderBlock()),
        {{{uid_field, uid_},
          {pid_field, pid_},
          {executable_field, executable_},
          {retained_field, {}}}},
        out);
}

bool IdentityHeader::strip(ByteView header, std::string& out) {
  constexpr Fields fields{
      {{uid_field, {}}, {pid_field, {}}, {executable_field, {}}, {retained_field, {}}}};
  const auto block = parse(header);
  const bool suspicious = block ? block->has_any_of(fields) : mentions_identity_field(header);
  if (!suspicious) return false;
  write(block.value_or(nats::HeaderBlock()), fields, out);
  return true;
}

}  // namespace hallway::hub
