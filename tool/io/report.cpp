// SPDX-License-Identifier: Apache-2.0
#include "io/report.hpp"

#include <fmt/format.h>
#include <pwd.h>

#include <array>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

#include <hallway/bytes.hpp>
#include <hallway/limits.hpp>

#include "io/json_line.hpp"
#include "io/log.hpp"
#include "io/number.hpp"

namespace hallway::tool {

namespace {

ReportForm chosen_form = ReportForm::text;

void write_text(const Error& error) {
  std::string line = "hallway: " + error.operation + ": ";
  if (!error.subject.empty()) line += error.subject + ": ";
  line = printable(line + error.why()) + "\n";
  if (!error.hint.empty()) line += "hint: " + printable(error.hint) + "\n";
  Log::standard_error().write(std::move(line));
}

void write_json(const Error& error, int status) {
  nlohmann::ordered_json object{{"event", "error"},
                                {"what", error.operation},
                                {"subject", error.subject},
                                {"why", error.why()}};
  if (!error.hint.empty()) object["hint"] = error.hint;
  object["exit"] = status;
  Log::standard_error().write(json_line(object));
}

int write(const Error& error, int status) {
  if (chosen_form == ReportForm::json) {
    write_json(error, status);
  } else {
    write_text(error);
  }
  return status;
}

/// "alice (uid 1001)", or "uid 1001" if the user has no name here.
std::string user_words(uid_t uid) {
  passwd entry{};
  passwd* found = nullptr;
  std::array<char, 16 * kibibyte> buffer;
  getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
  const std::string number = "uid " + std::to_string(uid);
  return found == nullptr ? number : found->pw_name + (" (" + number + ")");
}

/// Options of the library are flags of the command.
Error with_flags(Error error) {
  constexpr std::string_view server = "set server_uid to ";
  if (error.hint.starts_with(server)) {
    const std::string_view rest = std::string_view(error.hint).substr(server.size());
    const auto uid = parse_number<uid_t>(rest.substr(0, rest.find(' ')));
    error.hint = "if you mean the server of " + user_words(uid.value_or(0)) + ": --server-uid " +
                 std::to_string(uid.value_or(0)) + "; --server-uid any accepts every server";
    return error;
  }
  constexpr std::string_view advice = "use type ";
  if (error.hint.starts_with(advice)) {
    error.reason = error.why() + ": use --type " + error.hint.substr(advice.size());
    error.hint.clear();
  }
  return error;
}

/// A name as one word of a shell command.
std::string shell_quoted(const std::string& word) {
  constexpr std::string_view plain =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-";
  if (word.find_first_not_of(plain) == std::string::npos) return word;
  std::string quoted = "'";
  for (const char letter : word) quoted += letter == '\'' ? "'\\''" : std::string(1, letter);
  return quoted + "'";
}

/// Whether a failed connect or bind may have a cause that its error does not show. A wrong type is
/// named by the error itself, and a server that is in use by its pid.
bool is_unclear(const Error& error) {
  if (error.operation != "connect" && error.operation != "bind") return false;
  switch (static_cast<std::errc>(error.code.value())) {
    case std::errc::no_such_file_or_directory:
    case std::errc::not_a_directory:
    case std::errc::too_many_symbolic_link_levels:
    case std::errc::connection_refused:
    case std::errc::connection_reset:
    case std::errc::resource_unavailable_try_again:
    case std::errc::timed_out:
    case std::errc::permission_denied:
    case std::errc::read_only_file_system:
    case std::errc::no_space_on_device:
    case std::errc::operation_not_supported: return true;
    // Without a hint it is the kernel's answer; with one it is ours, to a server of another user.
    case std::errc::operation_not_permitted: return error.hint.empty();
    default: return false;
  }
}

/// Adds the advice to look at the address, where looking shows more than the error does.
Error with_advice(Error error) {
  if (!is_unclear(error)) return error;
  const auto address = Address::parse(error.subject);
  if (!address || address->unescaped() != error.subject) return error;
  std::string advice = advice_to_diagnose(*address);
  if (advice.empty()) return error;
  if (error.operation == "bind") advice += " --bind";
  error.hint += (error.hint.empty() ? "" : "; ") + advice;
  return error;
}

int status_of(const Error& error, int otherwise) {
  if (error.code == std::errc::timed_out) return exit_status::timed_out;
  if (error.code == std::errc::permission_denied ||
      error.code == std::errc::operation_not_permitted) {
    return exit_status::denied;
  }
  return otherwise;
}

}  // namespace

void report_as(ReportForm form) { chosen_form = form; }

int fail(const Error& error) {
  return write(with_advice(with_flags(error)), status_of(error, exit_status::failed));
}

int fail_to_connect(const Error& error) {
  Error shown = with_advice(with_flags(error));
  if (error.code == std::errc::timed_out) shown.reason = error.why() + " (--timeout)";
  return write(shown, status_of(error, exit_status::unreachable));
}

int fail_usage(std::string_view what, std::string_view why, std::string_view hint) {
  const Error error{.code = std::make_error_code(std::errc::invalid_argument),
                    .operation = std::string(what),
                    .subject = {},
                    .reason = std::string(why),
                    .hint = std::string(hint)};
  return fail_usage(error);
}

int fail_usage(const Error& error) { return write(error, exit_status::usage); }

int fail_config(const std::vector<Error>& errors) {
  int status = exit_status::usage;
  for (const Error& error : errors) {
    // A file that cannot be read is not a usage error.
    const bool mistake = error.code == std::errc::invalid_argument;
    status = mistake ? fail_usage(error) : fail(error);
  }
  return status;
}

std::string advice_to_diagnose(const Address& address) {
  const Address::Kind kind = address.kind();
  if (kind != Address::Kind::path && kind != Address::Kind::abstract) return {};
  // As most people write it. Other paths keep their scheme, which says that they are paths.
  const std::string& name = address.name();
  const bool clear = kind == Address::Kind::path && (name[0] == '/' || name[0] == '.');
  return "to find out why: hallway diagnose " + shell_quoted(clear ? name : address.unescaped());
}

Error error_of(int code, std::string_view operation, std::string_view subject) {
  return {.code = {code, std::generic_category()},
          .operation = std::string(operation),
          .subject = std::string(subject),
          .reason = {},
          .hint = {}};
}

Error error_of(std::errc code, std::string_view operation, std::string_view subject,
               std::string_view reason) {
  Error error = error_of(static_cast<int>(code), operation, subject);
  error.reason = reason;
  return error;
}

}  // namespace hallway::tool
