// SPDX-License-Identifier: Apache-2.0
#include "net/diagnosis/kernel_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <system_error>
#include <utility>

#include "core/number.hpp"

namespace hallway::net {

namespace {

using core::parse_number;
using Words = std::vector<std::string_view>;

constexpr std::string_view blanks = " \t";

template <typename Number>
std::optional<Number> parse_in_base(std::string_view text, int base) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  return whole ? std::optional(number) : std::nullopt;
}

template <typename Visit>
void for_each_line(std::string_view text, const Visit& visit) {
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    visit(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
}

/// Undoes the octal escapes of blanks and backslashes in /proc/PID/mountinfo.
std::string unescape_octal(std::string_view text) {
  constexpr std::size_t digits = 3;
  std::string result;
  while (!text.empty()) {
    const bool escaped = text.front() == '\\' && text.size() > digits;
    const auto byte =
        escaped ? parse_in_base<unsigned char>(text.substr(1, digits), 8) : std::nullopt;
    result += byte ? static_cast<char>(*byte) : text.front();
    text.remove_prefix(byte ? digits + 1 : 1);
  }
  return result;
}

void append_options(std::string_view text, Mount& mount) {
  for (const std::string_view option : split(text, ",")) {
    mount.options.push_back(unescape_octal(option));
  }
}

bool take_device(std::string_view text, int base, std::uint32_t& major, std::uint32_t& minor) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return false;
  const auto high = parse_in_base<std::uint32_t>(text.substr(0, colon), base);
  const auto low = parse_in_base<std::uint32_t>(text.substr(colon + 1), base);
  if (!high || !low) return false;
  major = *high;
  minor = *low;
  return true;
}

// "36 35 98:0 /root /point rw,noatime master:1 - ext3 /dev/sda rw,errors=continue": before the
// hyphen stand any number of optional fields.
std::optional<Mount> parse_mount(std::string_view line) {
  constexpr std::size_t fixed = 6;
  constexpr std::size_t behind = 3;
  const Words words = split(line, " ");
  if (words.size() < fixed) return std::nullopt;
  const auto first_optional = words.begin() + fixed;
  const auto hyphen = std::find(first_optional, words.end(), "-");
  if (words.end() - hyphen <= static_cast<std::ptrdiff_t>(behind) - 1) return std::nullopt;
  const auto id = parse_number<std::uint64_t>(words[0]);
  Mount mount;
  if (!id || !take_device(words[2], 10, mount.major, mount.minor)) return std::nullopt;
  mount.id = *id;
  mount.root = unescape_octal(words[3]);
  mount.point = unescape_octal(words[4]);
  append_options(words[5], mount);
  mount.type = unescape_octal(hyphen[1]);
  mount.source = unescape_octal(hyphen[2]);
  if (words.end() - hyphen > static_cast<std::ptrdiff_t>(behind)) append_options(hyphen[3], mount);
  mount.read_only = std::ranges::find(mount.options, "ro") != mount.options.end();
  return mount;
}

std::optional<SocketType> type_in(std::string_view word) {
  if (word == "0001") return SocketType::stream;
  if (word == "0002") return SocketType::datagram;
  if (word == "0005") return SocketType::seqpacket;
  return std::nullopt;
}

SocketState state_in(const UnixLine& line, std::string_view flags, std::string_view state) {
  if (flags == "00010000") return SocketState::listening;
  // A datagram socket receives from others also when it is connected to one.
  const bool unconnected = state == "01" || line.type == SocketType::datagram;
  return unconnected && line.inode != 0 ? SocketState::bound : SocketState::unbound_or_connected;
}

// "0000000000000000: 00000002 00000000 00010000 0001 01 12345 /run/app.sock"
std::optional<UnixLine> parse_unix_line(std::string_view line) {
  std::array<std::string_view, 7> words;
  for (std::string_view& word : words) {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    word = line.substr(0, line.find(' '));
    line.remove_prefix(word.size());
  }
  const auto type = type_in(words[4]);
  const auto inode = parse_number<std::uint64_t>(words[6]);
  if (!words[0].ends_with(':') || !type || !inode || line.size() < 2) return std::nullopt;
  line.remove_prefix(1);
  UnixLine result{.type = *type, .inode = *inode, .name = std::string(line)};
  result.state = state_in(result, words[3], words[5]);
  return result;
}

/// "Key:\tvalue" as its two parts, the value without blanks around it.
std::pair<std::string_view, std::string_view> key_and_value(std::string_view line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return {line, {}};
  std::string_view value = line.substr(colon + 1);
  value.remove_prefix(std::min(value.find_first_not_of(blanks), value.size()));
  value = value.substr(0, value.find_last_not_of(blanks) + 1);
  return {line.substr(0, colon), value};
}

/// The fourth of the real, effective, saved and file system ids.
std::optional<std::uint32_t> file_system_id(std::string_view value) {
  const Words words = split(value, blanks);
  constexpr std::size_t fourth = 3;
  return words.size() > fourth ? parse_number<std::uint32_t>(words[fourth]) : std::nullopt;
}

void take_status(std::string_view key, std::string_view value, ProcessStatus& status) {
  if (key == "Name") status.name = value;
  if (key == "TracerPid") status.traced_by = parse_number<std::int32_t>(value).value_or(0);
  if (key == "CapEff") status.capabilities = parse_in_base<std::uint64_t>(value, 16).value_or(0);
  if (key == "NoNewPrivs") status.no_new_privileges = value == "1";
  if (key == "Seccomp") status.seccomp = parse_number<int>(value).value_or(0);
  if (key == "Umask") status.umask = parse_in_base<unsigned>(value, 8);
  if (key != "Groups") return;
  for (const std::string_view word : split(value, blanks)) {
    if (const auto group = parse_number<std::uint32_t>(word)) status.groups.push_back(*group);
  }
}

std::uint32_t little_endian(std::string_view bytes) {
  std::uint32_t number = 0;
  for (std::size_t i = bytes.size(); i-- > 0;) {
    number = (number << 8U) | static_cast<unsigned char>(bytes[i]);
  }
  return number;
}

// linux/posix_acl.h
std::optional<AclEntry::Tag> acl_tag(std::uint32_t tag) {
  switch (tag) {
    case 0x01: return AclEntry::Tag::owner;
    case 0x02: return AclEntry::Tag::user;
    case 0x04: return AclEntry::Tag::group_owner;
    case 0x08: return AclEntry::Tag::group;
    case 0x10: return AclEntry::Tag::mask;
    case 0x20: return AclEntry::Tag::other;
    default: return std::nullopt;
  }
}

}  // namespace

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> words;
  while (true) {
    text.remove_prefix(std::min(text.find_first_not_of(separators), text.size()));
    if (text.empty()) return words;
    words.push_back(text.substr(0, text.find_first_of(separators)));
    text.remove_prefix(words.back().size());
  }
}

std::vector<Mount> parse_mounts(std::string_view text) {
  std::vector<Mount> mounts;
  for_each_line(text, [&](std::string_view line) {
    if (auto mount = parse_mount(line)) mounts.push_back(std::move(*mount));
  });
  return mounts;
}

std::vector<UnixLine> parse_unix_sockets(std::string_view text) {
  std::vector<UnixLine> lines;
  for_each_line(text, [&](std::string_view line) {
    if (auto parsed = parse_unix_line(line)) lines.push_back(std::move(*parsed));
  });
  return lines;
}

std::optional<ProcessStatus> parse_status(std::string_view text) {
  ProcessStatus status;
  std::optional<std::uint32_t> uid;
  std::optional<std::uint32_t> gid;
  for_each_line(text, [&](std::string_view line) {
    const auto [key, value] = key_and_value(line);
    if (key == "Uid") uid = file_system_id(value);
    if (key == "Gid") gid = file_system_id(value);
    take_status(key, value, status);
  });
  if (!uid || !gid) return std::nullopt;
  status.uid = *uid;
  status.gid = *gid;
  return status;
}

// "4711 (app) S 1 ...": the name may contain parentheses and blanks.
std::optional<ProcessStat> parse_stat(std::string_view text) {
  const std::size_t open = text.find('(');
  const std::size_t close = text.rfind(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) {
    return std::nullopt;
  }
  const Words words = split(text.substr(close + 1), " \n");
  constexpr std::size_t start = 19;  // field 22 of the file, and the third is words[0]
  if (words.size() <= start || words[0].size() != 1) return std::nullopt;
  return ProcessStat{.name = std::string(text.substr(open + 1, close - open - 1)),
                     .state = words[0].front(),
                     .start = parse_number<std::uint64_t>(words[start]).value_or(0)};
}

DescriptorLimits parse_descriptor_limits(std::string_view text) {
  constexpr std::string_view row = "Max open files";
  const auto limit_of = [](std::string_view word) {
    return word == "unlimited" ? std::numeric_limits<std::uint64_t>::max()
                               : parse_number<std::uint64_t>(word);
  };
  DescriptorLimits limits;
  for_each_line(text, [&](std::string_view line) {
    if (!line.starts_with(row)) return;
    const Words words = split(line.substr(row.size()), blanks);
    if (!words.empty()) limits.soft = limit_of(words[0]);
    if (words.size() > 1) limits.hard = limit_of(words[1]);
  });
  return limits;
}

std::string parse_cgroup(std::string_view text) {
  std::string unified;
  std::string of_systemd;
  for_each_line(text, [&](std::string_view line) {
    constexpr std::string_view unified_hierarchy = "0::";
    constexpr std::string_view hierarchy_of_systemd = ":name=systemd:";
    const std::size_t at = line.find(hierarchy_of_systemd);
    if (line.starts_with(unified_hierarchy)) {
      unified = line.substr(unified_hierarchy.size());
    } else if (at != std::string_view::npos) {
      of_systemd = line.substr(at + hierarchy_of_systemd.size());
    }
  });
  return unified.size() > 1 || of_systemd.empty() ? unified : of_systemd;
}

std::string unit_of_cgroup(std::string_view path) {
  std::string unit;
  for (const std::string_view part : split(path, "/")) {
    const bool is_unit = part.ends_with(".service") || part.ends_with(".scope") ||
                         part.ends_with(".socket") || part.ends_with(".mount");
    if (is_unit) unit = part;
  }
  return unit;
}

// "1: FLOCK  ADVISORY  WRITE 4711 00:2d:1234 0 EOF"; "1: -> FLOCK" waits for it.
std::optional<std::int32_t> lock_holder_in(std::string_view locks, std::uint32_t major,
                                           std::uint32_t minor, std::uint64_t inode) {
  std::optional<std::int32_t> holder;
  for_each_line(locks, [&](std::string_view line) {
    const Words words = split(line, blanks);
    if (words.size() < 6 || words[1] != "FLOCK") return;
    const std::size_t colon = words[5].rfind(':');
    std::uint32_t found_major = 0;
    std::uint32_t found_minor = 0;
    if (colon == std::string_view::npos ||
        !take_device(words[5].substr(0, colon), 16, found_major, found_minor)) {
      return;
    }
    const auto found = parse_number<std::uint64_t>(words[5].substr(colon + 1));
    const auto pid = parse_number<std::int32_t>(words[4]);
    if (found != inode || found_major != major || found_minor != minor || !pid) return;
    if (*pid > 0) holder = pid;
  });
  return holder;
}

std::vector<AclEntry> parse_acl(std::string_view value) {
  constexpr std::uint32_t version = 2;
  constexpr std::size_t head_size = 4;
  constexpr std::size_t entry_size = 8;
  std::vector<AclEntry> entries;
  if (value.size() < head_size || little_endian(value.substr(0, head_size)) != version) return {};
  value.remove_prefix(head_size);
  for (; value.size() >= entry_size; value.remove_prefix(entry_size)) {
    const auto tag = acl_tag(little_endian(value.substr(0, 2)));
    if (!tag) return {};
    AclEntry entry{.tag = *tag, .permissions = little_endian(value.substr(2, 2)) & 7U};
    const bool named = *tag == AclEntry::Tag::user || *tag == AclEntry::Tag::group;
    if (named) entry.id = little_endian(value.substr(4, 4));
    entries.push_back(entry);
  }
  return entries;
}

bool maps_every_id(std::string_view text) {
  // Every id but the largest number, which is none.
  std::uint64_t mapped = 0;
  for_each_line(text, [&](std::string_view line) {
    const Words words = split(line, blanks);
    constexpr std::size_t fields = 3;
    if (words.size() != fields) return;
    mapped += parse_number<std::uint32_t>(words[2]).value_or(0);
  });
  return mapped >= std::numeric_limits<std::uint32_t>::max();
}

std::optional<std::string> variable_in(std::string_view environment, std::string_view name) {
  while (!environment.empty()) {
    const std::string_view entry = environment.substr(0, environment.find('\0'));
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') {
      return std::string(entry.substr(name.size() + 1));
    }
    environment.remove_prefix(std::min(entry.size() + 1, environment.size()));
  }
  return std::nullopt;
}

// "tfd:        5 events:       19 data:                5  pos:0 ino:7a31 sdev:8"
std::vector<std::uint64_t> parse_watched(std::string_view text) {
  std::vector<std::uint64_t> inodes;
  for_each_line(text, [&](std::string_view line) {
    if (!line.starts_with("tfd:")) return;
    for (const std::string_view word : split(line, blanks)) {
      constexpr std::string_view key = "ino:";
      if (!word.starts_with(key)) continue;
      if (const auto inode = parse_in_base<std::uint64_t>(word.substr(key.size()), 16)) {
        inodes.push_back(*inode);
      }
    }
  });
  return inodes;
}

}  // namespace hallway::net
