// SPDX-License-Identifier: Apache-2.0
#include "net/diagnosis/thread_calls.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <system_error>

#include "core/number.hpp"
#include "net/diagnosis/kernel_text.hpp"
#include "net/diagnosis/processes.hpp"
#include "sys/inspect.hpp"

namespace hallway::net {

namespace {

constexpr std::size_t most_listed = 65536;

// The numbers of the calls, which differ from one architecture to the next (asm/unistd.h).
#if defined(__x86_64__)
constexpr std::array reads{0U, 19U, 45U, 47U, 299U};
constexpr std::array writes{1U, 20U, 44U, 46U, 307U};
constexpr std::array connects{42U};
constexpr std::array accept_calls{43U, 288U};
constexpr std::array events{232U, 281U, 441U};
constexpr std::array waits{7U, 23U, 270U, 271U, 426U};
#else
// As the kernel's list for new architectures has them (asm-generic/unistd.h).
constexpr std::array reads{63U, 65U, 207U, 212U, 243U};
constexpr std::array writes{64U, 66U, 206U, 211U, 269U};
constexpr std::array connects{203U};
constexpr std::array accept_calls{202U, 242U};
constexpr std::array events{22U, 441U};
constexpr std::array waits{72U, 73U, 426U};
#endif

template <typename Value, typename Values>
bool is_one_of(const Value& value, const Values& values) {
  return std::ranges::find(values, value) != values.end();
}

std::vector<std::string> entries_of(const std::string& path) {
  std::vector<std::string> names;
  const auto directory = sys::open_for_listing(AT_FDCWD, path);
  if (!directory) return names;
  const auto entries = sys::list_directory(*directory, most_listed);
  if (!entries) return names;
  for (const auto& entry : *entries) names.push_back(entry.name);
  return names;
}

ThreadCall::Kind kind_of_call(unsigned call) {
  if (is_one_of(call, reads)) return ThreadCall::Kind::read;
  if (is_one_of(call, writes)) return ThreadCall::Kind::write;
  if (is_one_of(call, connects)) return ThreadCall::Kind::connect;
  if (is_one_of(call, accept_calls)) return ThreadCall::Kind::accept;
  if (is_one_of(call, events)) return ThreadCall::Kind::events;
  return is_one_of(call, waits) ? ThreadCall::Kind::several : ThreadCall::Kind::other;
}

/// "0x1f"
std::optional<unsigned> parse_hexadecimal(std::string_view text) {
  constexpr std::string_view prefix = "0x";
  if (!text.starts_with(prefix)) return std::nullopt;
  text.remove_prefix(prefix.size());
  unsigned number = 0;
  const char* const end = text.data() + text.size();
  const auto [parsed, error] = std::from_chars(text.data(), end, number, 16);
  return error == std::errc() && parsed == end ? std::optional(number) : std::nullopt;
}

}  // namespace

std::optional<ThreadCall> parse_thread_call(std::string_view text) {
  const auto words = split(text, " \n");
  if (words.empty()) return std::nullopt;
  if (words[0] == "running") return ThreadCall{.kind = ThreadCall::Kind::running};
  const auto call = core::parse_number<unsigned>(words[0]);
  if (!call) return ThreadCall{};  // "-1": in no system call
  ThreadCall found{.kind = kind_of_call(*call)};
  const auto descriptor = words.size() > 1 ? parse_hexadecimal(words[1]) : std::nullopt;
  const bool of_one =
      found.kind == ThreadCall::Kind::read || found.kind == ThreadCall::Kind::write ||
      found.kind == ThreadCall::Kind::connect || found.kind == ThreadCall::Kind::accept;
  if (of_one && !descriptor) found.kind = ThreadCall::Kind::other;
  found.descriptor = descriptor.value_or(0);
  return found;
}

bool Attention::calls_on(ThreadCall::Kind kind, const std::vector<std::string>& descriptors) const {
  return std::ranges::any_of(calls, [&](const ThreadCall& call) {
    return call.kind == kind && is_one_of(std::to_string(call.descriptor), descriptors);
  });
}

bool Attention::has(ThreadCall::Kind kind) const {
  return std::ranges::find(calls, kind, &ThreadCall::kind) != calls.end();
}

std::optional<bool> Attention::attends(std::uint64_t socket,
                                       const std::vector<std::string>& descriptors) const {
  if (calls.empty()) return std::nullopt;
  if (calls_on(ThreadCall::Kind::read, descriptors)) return true;
  if (watched.contains(socket)) {
    return has(ThreadCall::Kind::events) ? std::optional(true) : std::nullopt;
  }
  const bool unclear =
      has_io_uring || has(ThreadCall::Kind::several) || has(ThreadCall::Kind::running);
  return unclear ? std::nullopt : std::optional(false);
}

std::optional<bool> Attention::accepts(std::uint64_t socket,
                                       const std::vector<std::string>& descriptors) const {
  if (calls.empty()) return std::nullopt;
  if (watched.contains(socket) || calls_on(ThreadCall::Kind::accept, descriptors)) return true;
  // One that computes may be between two calls of accept.
  const bool unclear =
      has_io_uring || has(ThreadCall::Kind::several) || has(ThreadCall::Kind::running);
  return unclear ? std::nullopt : std::optional(false);
}

bool Attention::waits_for_other(const std::vector<std::string>& descriptors) const {
  return std::ranges::any_of(calls, [&](const ThreadCall& call) {
    if (call.kind == ThreadCall::Kind::read) {
      return !is_one_of(std::to_string(call.descriptor), descriptors);
    }
    return call.kind == ThreadCall::Kind::events || call.kind == ThreadCall::Kind::several;
  });
}

Attention attention_of(std::int32_t pid) {
  Attention attention;
  for (const std::string& thread : entries_of(proc_file(pid, "task"))) {
    const auto call = parse_thread_call(proc_text(pid, "task/" + thread + "/syscall"));
    if (call) attention.calls.push_back(*call);
  }
  for (const std::string& descriptor : entries_of(proc_file(pid, "fd"))) {
    const std::string target = proc_link(pid, "fd/" + descriptor).value_or(std::string());
    attention.has_io_uring = attention.has_io_uring || target == "anon_inode:[io_uring]";
    if (target != "anon_inode:[eventpoll]") continue;
    const auto inodes = parse_watched(proc_text(pid, "fdinfo/" + descriptor));
    attention.watched.insert(inodes.begin(), inodes.end());
  }
  return attention;
}

}  // namespace hallway::net
