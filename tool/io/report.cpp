// SPDX-License-Identifier: Apache-2.0
#include "io/report.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <utility>

#include <hallway/bytes.hpp>

#include "io/json_line.hpp"
#include "io/log.hpp"

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

int fail(const Error& error) { return write(error, status_of(error, exit_status::failed)); }

int fail_to_connect(const Error& error) {
  return write(error, status_of(error, exit_status::unreachable));
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
